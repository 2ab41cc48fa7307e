"""The record of a call to an upstream: who made it, of what tool, the digest of its arguments, its outcome and time.

A call that may change something is recorded before it is sent, so that a crash leaves the intent behind. Reads are
recorded once, when they are over.
"""

import asyncio
import json
import secrets
from base64 import b32encode
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Literal, Protocol

from stepwarden.errors import VersionConflict
from stepwarden.storage import Append, HeadChange, NewEvent, Store, kinds

UPSTREAM = "upstream"
"""The kind of the events of a session, and the tool that sessions belong to."""

CALLS_PER_STREAM = 2_000
SUMMARY_CHARS = 160

Phase = Literal["intended", "ended"]
Outcome = Literal["", "ok", "error", "asked", "refused", "not_sent", "unknown", "cancelled"]


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One entry. `id` is the same in both entries of a call.

    `arguments` is the SHA-256 of the arguments, never the arguments. `approved` says what let a write through:
    "user" (asked by the host), "confirmed" (a second call), "setting". `outcome` of an ended call: "ok", "error" (the
    tool says it failed), "asked" (it asks something first), "refused" (not carried out), "not_sent", "unknown" (sent,
    no answer) or "cancelled". `summary` is the beginning of the answer, `answer_bytes` all of it.
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
    attempts: int = 0
    duration_ms: int = 0


class Recorder(Protocol):
    """Where calls are recorded."""

    async def record(self, record: CallRecord) -> None:
        """Record one entry; on disk when this returns. Raises StoreError where it cannot be."""
        ...


def new_id(prefix: str) -> str:
    """Return an id that nobody can guess: the prefix, and 128 bits in letters and digits."""
    return f"{prefix}-{b32encode(secrets.token_bytes(16)).decode().rstrip('=').lower()}"


def payload_of(record: CallRecord) -> str:
    """Return an entry as it is stored: JSON without what is empty."""
    return json.dumps({key: value for key, value in asdict(record).items() if value not in {"", 0}}, ensure_ascii=False)


@dataclass
class _Session:
    stream: str
    version: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass
class SessionRecorder:
    """Records calls that belong to no thread: a stream for each principal and process, hash-chained as threads are."""

    store: Store
    mint: Callable[[str], str] = new_id
    _sessions: dict[str, _Session] = field(default_factory=dict[str, _Session])

    async def record(self, record: CallRecord) -> None:
        """Record one entry; on disk when this returns."""
        session = self._sessions.get(record.by)
        if session is None or session.version >= CALLS_PER_STREAM:
            session = self._sessions[record.by] = _Session(self.mint(UPSTREAM))
        async with session.lock:
            try:
                await self._append(session, record)
            except VersionConflict:
                # Nobody else writes this stream: an append that was cancelled had gone through, or retention took it.
                head = await self.store.head(session.stream)
                session.version = head.version if head else 0
                await self._append(session, record)

    async def _append(self, session: _Session, record: CallRecord) -> None:
        change = HeadChange(
            kind=kinds.SESSION,
            tool=UPSTREAM,
            principal=record.by,
            title="calls to upstream servers",
            state="open",
            steps=session.version + 1,
        )
        event = NewEvent(UPSTREAM, payload_of(record))
        await self.store.append(Append(session.stream, session.version, [event], change))
        session.version += 1
