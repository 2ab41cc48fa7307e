"""The record of a call to an upstream: who made it, of what tool, the digest of its arguments, its outcome and time.

A call that may change something is recorded before it is sent, so that a crash leaves the intent behind. Reads are
recorded once, when they are over.
"""

import asyncio
import json
import secrets
import time
from base64 import b32encode
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal, Protocol

from stepwarden.errors import StoreBusy, StoreError, VersionConflict
from stepwarden.storage import Append, Head, HeadChange, HeadQuery, NewEvent, Store, kinds
from stepwarden.upstream.calls.begun_calls import SETTLED, BegunCall, SessionCalls

UPSTREAM = "upstream"
"""The kind of the events of a session, and the tool that sessions belong to."""

CALLS_PER_STREAM = 2_000
MOST_SESSIONS = 1_000  # unsettled ones of one principal that are looked through
LATEST_SESSIONS = 20
MOST_SEEN = 100  # sessions of all principals of which is kept what was read
ARRIVES_S = 600.0  # so long after a write went well in another process, its answer may be one that never arrived
MOST_OPEN = 500  # sessions that are gone on with
APPENDS = 8  # attempts, where others settle calls of the same session meanwhile
SUMMARY_CHARS = 160

Phase = Literal["intended", "ended"]
Outcome = Literal["", "ok", "error", "asked", "refused", "not_sent", "unknown", "cancelled"]


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One entry. `id` is the same in both entries of a call.

    `arguments` is the SHA-256 of the arguments, never the arguments. `approved` says what let a write through:
    "user" (asked by the host), "confirmed" (a second call), "setting". `outcome` of an ended call: "ok", "error" (the
    tool says it failed), "asked" (it asks something first), "refused" (not carried out), "not_sent", "unknown" (sent,
    no answer) or "cancelled". `summary` is the beginning of the answer, `answer_bytes` all of it; `answered`: it was an
    error of the protocol. `same` is the digest
    by which a call that may change something is known again, "" where repeating it changes nothing more. `thread` is
    the thread that it was made for; `by_session`: nobody named it, it was the latest open one of the session. `key` is
    what the server could know a write again by, `has_mark` whether that stands in what it makes; `mark_at` are the
    arguments, as JSON, by which that is found again.
    """

    id: str
    phase: Phase
    upstream: str
    tool: str
    kind: str
    by: str
    arguments: str
    approved: str = ""
    outcome: Outcome = ""
    summary: str = ""
    answer_bytes: int = 0
    answered: bool = False
    attempts: int = 0
    duration_ms: int = 0
    same: str = ""
    thread: str = ""
    by_session: bool = False
    key: str = ""
    has_mark: bool = False
    mark_at: str = ""


class Recorder(Protocol):
    """Where calls are recorded, and where those are found whose outcome is unknown."""

    async def record(self, record: CallRecord) -> None:
        """Record one entry; on disk when this returns. Raises StoreError where it cannot be."""
        ...

    async def in_doubt(self, by: str, same: str | None = None) -> Sequence[BegunCall]:
        """Return the calls of `by` with the digest `same` (None: any) whose outcome is unknown, the oldest first."""
        ...

    async def made_for(self, by: str, thread: str) -> Sequence[BegunCall]:
        """Return the calls that `by` made for a thread and that may have been carried out, the oldest first."""
        ...

    async def has_thread(self, by: str, thread: str) -> bool:
        """Return whether there is a thread of this id, and it belongs to `by`."""
        ...

    async def settle(self, calls: Sequence[BegunCall], by: str, again: str = "", *, found: str = "") -> None:
        """Record that somebody looked what became of calls of `by`: they were carried out, as `found` says.

        Or they were not, and are sent again as the call with the id `again`.
        """
        ...


def new_id(prefix: str) -> str:
    """Return an id that nobody can guess: the prefix, and 128 bits in letters and digits."""
    return f"{prefix}-{b32encode(secrets.token_bytes(16)).decode().rstrip('=').lower()}"


def payload_of(record: CallRecord) -> str:
    """Return an entry as it is stored: JSON without what is empty."""
    return json.dumps({key: value for key, value in asdict(record).items() if value not in {"", 0}}, ensure_ascii=False)


@dataclass
class _Session:
    calls: SessionCalls
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass
class SessionRecorder:
    """Records calls: a stream for each principal, process and thread they are made for, hash-chained as threads are."""

    store: Store
    mint: Callable[[str], str] = new_id
    _sessions: dict[tuple[str, str], _Session] = field(default_factory=dict[tuple[str, str], _Session])
    _begun_in: dict[str, _Session] = field(default_factory=dict[str, _Session])
    _seen: dict[str, SessionCalls] = field(default_factory=dict[str, SessionCalls])

    async def record(self, record: CallRecord) -> None:
        """Record one entry; on disk when this returns. A call ends in the stream that it was begun in."""
        session = self._begun_in.pop(record.id, None) or self._session_of(record.by, record.thread)
        if record.phase == "intended":
            self._begun_in[record.id] = session
        async with session.lock:
            event = NewEvent(UPSTREAM, payload_of(record))
            try:
                session.calls = await self._appended(session.calls, event, record.by, record.thread)
            except StoreError:
                self._begun_in.pop(record.id, None)
                raise

    async def in_doubt(self, by: str, same: str | None = None) -> Sequence[BegunCall]:
        """See `Recorder`; only sessions that are unsettled are read, and of those what is new."""
        query = HeadQuery(by, kind=kinds.SESSION, state="unsettled", limit=MOST_SESSIONS)
        heads = {head.stream: head for head in await self.store.heads(query)}
        if same is not None:  # of another process that may have ended before its answer arrived
            latest = await self.store.heads(HeadQuery(by, kind=kinds.SESSION, limit=LATEST_SESSIONS))
            heads |= {head.stream: head for head in latest if time.time() - head.updated < ARRIVES_S}
        seen = {name: await self._read(head, self._seen.get(name)) for name, head in heads.items()}
        self._keep(seen)
        own = {session.calls.stream for session in self._sessions.values()}
        found = [
            call
            for calls in seen.values()
            for call in (calls.in_doubt if same is None or calls.stream in own else calls.known).values()
            if call.outcome != "ok" or time.time() - call.at < ARRIVES_S
        ]
        return sorted((call for call in found if same in {None, call.same}), key=lambda call: call.at)

    async def made_for(self, by: str, thread: str) -> Sequence[BegunCall]:
        """See `Recorder`."""
        query = HeadQuery(by, kind=kinds.SESSION, origin=thread, limit=MOST_SESSIONS)
        found = [
            call for head in await self.store.heads(query) for call in (await self._read(head, None)).known.values()
        ]
        return sorted(found, key=lambda call: call.at)

    async def settle(self, calls: Sequence[BegunCall], by: str, again: str = "", *, found: str = "") -> None:
        """See `Recorder`."""
        for call in calls:
            told = {"id": call.id, "by": by, "again": again, "found": found}
            event = NewEvent(SETTLED, json.dumps({name: value for name, value in told.items() if value}))
            await self._appended(self._seen.get(call.stream, SessionCalls(call.stream)), event, by)

    async def has_thread(self, by: str, thread: str) -> bool:
        """See `Recorder`."""
        head = None if "\x00" in thread else await self.store.head(thread)
        return head is not None and head.principal == by

    def _keep(self, seen: dict[str, SessionCalls]) -> None:
        """Keep what was read of sessions, whosever they are: the next call reads only what is new in them."""
        self._seen = {name: calls for name, calls in self._seen.items() if name not in seen} | seen
        while len(self._seen) > max(MOST_SEEN, len(seen)):
            del self._seen[next(iter(self._seen))]

    def _session_of(self, by: str, thread: str) -> _Session:
        session = self._sessions.get((by, thread))
        if session is None or session.calls.version >= CALLS_PER_STREAM:
            session = self._sessions[by, thread] = _Session(SessionCalls(self.mint(UPSTREAM)))
            while len(self._sessions) > MOST_OPEN:
                del self._sessions[next(iter(self._sessions))]
        return session

    async def _appended(self, calls: SessionCalls, event: NewEvent, by: str, thread: str = "") -> SessionCalls:
        """Append an event to a session, and return what it leaves in doubt.

        Another process writes here only to settle a call; and an append that was cancelled may have gone through.
        """
        for _ in range(APPENDS):
            after = calls.with_new(event)
            change = HeadChange(
                kind=kinds.SESSION,
                tool=UPSTREAM,
                principal=by,
                title="calls to upstream servers",
                state="unsettled" if after else "open",
                steps=calls.version + 1,
                origin=thread or None,
            )
            try:
                return calls.after(await self.store.append(Append(calls.stream, calls.version, [event], change)))
            except VersionConflict:
                head = await self.store.head(calls.stream)
                calls = SessionCalls(calls.stream) if head is None else await self._read(head, calls)
        raise StoreBusy("The record of calls to upstream servers is written to by too many at once. Nothing was sent.")

    async def _read(self, head: Head, known: SessionCalls | None) -> SessionCalls:
        """Return what a session leaves in doubt, from what was known of it and the events since."""
        if known is not None and (known.version, known.hash) == (head.version, head.hash):
            return known
        if known is not None and 0 < known.version <= head.version:
            events = await self.store.read(head.stream, after=known.version - 1)
            if events and events[0].hash == known.hash:  # else it is another store than it was
                return known.after(events[1:])
        return SessionCalls(head.stream).after(await self.store.read(head.stream))
