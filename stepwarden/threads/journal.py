"""Threads on disk and in memory: the fold of a stream of events, kept while it is in use."""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import anyio.to_thread
from pydantic import ValidationError

from stepwarden.errors import OtherKind, StoreUnreadable, UnknownStream
from stepwarden.steps.events import Abandoned, Event, Finished, GivenUp, Refused, StepRecorded, decode, encode
from stepwarden.steps.fold import fold_events, fold_history
from stepwarden.steps.thread import Outcome, Thread
from stepwarden.storage import Append, Head, HeadChange, NewEvent, Store, StoredEvent, event_hash, kinds
from stepwarden.storage.records import TITLE_CHARS, possible_time
from stepwarden.threads.calls import Caller, HistoryEntry
from stepwarden.threads.remembered import RememberedThread, RememberedThreads

KEPT_BYTES = 16 * 1024 * 1024  # of memory for threads; the rest is folded anew when it is asked for

MANY_EVENTS = 200  # to fold in a worker thread: the event loop has other calls to answer
_NEEDED = frozenset({"kind", "tool", "version", "hash"})  # of a head, to go on from it
_PAGE_EVENTS = 32  # read at once where the end of a call is looked for


class Journal:
    """Loads and appends threads. What it remembers of them is a cache of frozen values."""

    def __init__(self, store: Store, *, kept_bytes: int = KEPT_BYTES) -> None:
        self.store = store
        self._remembered = RememberedThreads(kept_bytes)

    async def head(self, thread_id: str, caller: Caller) -> Head:
        """Return the head of the caller's thread.

        Raises UnknownStream where there is none, or it belongs to another principal; nothing tells which.
        """
        # No id has a NUL, and a database may not take one.
        head = None if "\x00" in thread_id else await self.store.head(thread_id)
        if head is None or head.principal != caller.principal:
            raise UnknownStream(thread_id)
        if not _NEEDED.isdisjoint(head.damaged):
            raise _damaged(thread_id, f"its head has no possible {' and '.join(head.damaged)}")
        return head

    def remembered(self, thread_id: str, caller: Caller) -> Thread | None:
        """Return the caller's thread as this process knew it last, None where it does not.

        Another process may have moved it on. An append tells, and raises VersionConflict then; whatever is not
        appended has to be decided on the thread that `load` gives.
        """
        kept = self._remembered.get(thread_id)
        return kept.thread if kept is not None and kept.principal == caller.principal else None

    async def load(self, thread_id: str, caller: Caller) -> Thread:
        """Return the caller's thread as it stands now; raises as `head` does, and OtherKind for a chat."""
        head = await self.head(thread_id, caller)
        if head.kind != kinds.THREAD.name:
            raise OtherKind(f"{thread_id} is not a thread of steps: go on with it by {head.tool}.")
        kept = self._remembered.get(thread_id)
        if kept is not None and (kept.thread.version, kept.hash) == (head.version, head.hash):
            return kept.thread
        stored = await self.store.read(thread_id, after=kept.thread.version) if kept is not None else []
        if kept is not None and stored and _follows(stored[0], kept.hash):
            thread = fold_events(kept.thread, decode_rows((row.kind, row.payload) for row in stored))
            size = kept.size + _size(stored)
            self._remembered.keep(RememberedThread(thread, head.principal, size, stored[-1].hash))
            return thread
        self._remembered.forget(thread_id)
        thread, size = await self._folded(thread_id, head.tool, head.version)
        if thread.version < head.version:
            if thread.version and await self.store.head(thread_id) == head:
                raise _damaged(thread_id, f"its head counts {head.version} entries, and {thread.version} are there")
            raise UnknownStream(thread_id)  # deleted since its head was read
        self._remembered.keep(RememberedThread(thread, head.principal, size, head.hash))
        return thread

    async def append(
        self,
        before: int,
        thread: Thread,
        events: Sequence[Event],
        caller: Caller,
        *,
        keep: Mapping[str, bytes] | None = None,
    ) -> None:
        """Record `events`, which made version `before` into `thread`; on disk when this returns.

        `keep` is kept with the thread, shown to nobody, and given back by `kept`; what is kept already stays.
        Raises VersionConflict when another call was first, StoreError when it could not be written.
        """
        known = self._remembered.get(thread.id)
        previous = known.hash if known is not None and before and known.thread.version == before else None
        new = [NewEvent(*encode(event)) for event in events]
        change = head_of_thread(thread, events, caller)
        stored = await self.store.append(Append(thread.id, before, new, change, _packed(keep), previous))
        known = self._remembered.get(thread.id)
        size = (known.size if known is not None else 0) + _size(stored)
        self._remembered.keep(RememberedThread(thread, caller.principal, size, stored[-1].hash))

    async def kept(self, thread_id: str) -> dict[str, bytes]:
        """Return what was kept with the thread, by name."""
        kept = await self.store.transactions.read(lambda transaction: transaction.kept.of_stream(thread_id))
        return {name: zlib.decompress(data) for name, data in kept.items()}

    async def replayed(self, thread: Thread, number: int) -> tuple[Thread, tuple[Event, ...]]:
        """Return the thread as the call that recorded live step `number` left it, and the events of that call.

        Reads and folds no more than the call's own events where it was the last one that moved the thread on.
        """
        events, seq = list[Event](), thread.recorded_at[number] - 1
        end = None
        while end is None and (page := await self.store.read(thread.id, after=seq, limit=_PAGE_EVENTS)):
            for event in decode_rows((row.kind, row.payload) for row in page):
                seq += 1
                if events and isinstance(event, StepRecorded | GivenUp | Abandoned):
                    end = seq
                    break
                events.append(event)
        decided = tuple(event for event in events if not isinstance(event, Refused))
        if end is None:
            return thread, decided
        then, _ = await self._folded(thread.id, thread.tool, end - 1)
        return then, decided

    async def history(self, thread_id: str, *, after: int = 0, limit: int | None = None) -> list[HistoryEntry]:
        """Return the thread's events from number `after` + 1 on, at most `limit`."""
        stored = await self.store.read(thread_id, after=after, limit=limit)
        return [HistoryEntry(row.seq, possible_time(row.at), row.kind, _data(row), row.hash) for row in stored]

    async def _folded(self, thread_id: str, tool: str, last: int) -> tuple[Thread, int]:
        """Return the thread as its events up to number `last` tell it, and the bytes of their payloads."""
        rows = await self.store.payloads(thread_id, last=last)

        def fold() -> Thread:
            return fold_history(Thread(thread_id, tool), decode_rows(rows))

        try:
            thread = fold() if len(rows) < MANY_EVENTS else await anyio.to_thread.run_sync(fold)
        except StoreUnreadable:
            await self.history(thread_id)  # says where one of them is none at all
            raise
        return thread, sum(len(payload) for _, payload in rows)


def _data(row: StoredEvent) -> Mapping[str, Any]:
    """Return what an event holds, for people; raise StoreUnreadable for what none of us wrote."""
    try:
        data = json.loads(row.payload)
    except (TypeError, ValueError):
        data = None
    if not isinstance(data, dict):
        raise _damaged(row.stream, f"entry {row.seq} cannot be read")
    return cast("dict[str, Any]", data)


def _damaged(thread_id: str, what: str) -> StoreUnreadable:
    return StoreUnreadable(
        f"{thread_id} was changed outside stepwarden: {what}. `stepwarden threads verify {thread_id}` names every "
        "change; put a backup back (`stepwarden restore`), or begin anew with step 1 and no id."
    )


def _follows(event: StoredEvent, previous: str) -> bool:
    """Return whether `event` was chained to the event whose hash is `previous`."""
    expected = event_hash(previous, event.stream, event.seq, event.at, NewEvent(event.kind, event.payload))
    return event.hash == expected


def _size(stored: Sequence[StoredEvent]) -> int:
    return sum(len(event.payload) for event in stored)


def _packed(keep: Mapping[str, bytes] | None) -> dict[str, bytes]:
    return {name: zlib.compress(data) for name, data in keep.items()} if keep else {}


def decode_rows(rows: Iterable[tuple[str, str]]) -> list[Event]:
    """Return the events of rows of kind and payload; raise StoreUnreadable where a newer stepwarden wrote them."""
    try:
        return [decode(kind, payload) for kind, payload in rows]
    except (KeyError, ValidationError) as error:
        raise StoreUnreadable(
            "This thread was written by a newer stepwarden; upgrade, or start a new thread with step 1."
        ) from error


def head_of_thread(thread: Thread, events: Sequence[Event], caller: Caller) -> HeadChange:
    """Return what an append of `events`, which led to `thread`, says of its head."""
    return HeadChange(
        tool=thread.tool,
        principal=caller.principal,
        title=" ".join(thread.task.split(maxsplit=TITLE_CHARS)),  # it is cut to so many characters
        state=thread.outcome.value,
        steps=len(thread.live),
        total_steps=thread.total_steps,
        directory=thread.directory,
        origin=thread.origin.thread if thread.origin else None,
        completed=any(isinstance(event, Finished) and event.outcome is Outcome.DONE for event in events),
    )
