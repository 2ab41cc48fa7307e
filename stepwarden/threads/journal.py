"""Threads on disk and in memory: the fold of a stream of events, kept while it is in use."""

import json
import zlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from stepwarden.errors import OtherKind, StoreUnreadable, UnknownStream
from stepwarden.steps.events import Abandoned, Event, Finished, GivenUp, Refused, StepRecorded, decode, encode
from stepwarden.steps.fold import fold_events, fold_history
from stepwarden.steps.thread import Outcome, Thread
from stepwarden.storage import Head, HeadChange, NewEvent, Store, StoredEvent, kinds
from stepwarden.threads.calls import Caller, HistoryEntry

KEPT_BYTES = 16 * 1024 * 1024  # payloads of the threads kept in memory; the rest is folded anew when it is asked for


class Journal:
    """Loads and appends threads. What it keeps is a cache of frozen values, checked against the head at each load."""

    def __init__(self, store: Store, *, kept_bytes: int = KEPT_BYTES) -> None:
        self.store = store
        self._kept: OrderedDict[str, tuple[Thread, int]] = OrderedDict()
        self._kept_bytes = kept_bytes
        self._bytes = 0

    async def head(self, thread_id: str, caller: Caller) -> Head:
        """Return the head of the caller's thread.

        Raises UnknownStream where there is none, or it belongs to another principal; nothing tells which.
        """
        head = await self.store.head(thread_id)
        if head is None or head.principal != caller.principal:
            raise UnknownStream(thread_id)
        return head

    async def load(self, thread_id: str, caller: Caller) -> Thread:
        """Return the caller's thread as it stands now; raises as `head` does, and OtherKind for a chat."""
        head = await self.head(thread_id, caller)
        if head.kind != kinds.THREAD.name:
            raise OtherKind(f"{thread_id} is not a thread of steps: go on with it by {head.tool}.")
        thread, size = self._kept.get(thread_id, (Thread(thread_id, head.tool), 0))
        if thread.version < head.version:
            stored = await self.store.read(thread_id, after=thread.version)
            fold = fold_events if thread.version else fold_history
            thread = fold(thread, _decoded(stored))
            self._keep(thread, size + sum(len(event.payload) for event in stored))
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
        new = [NewEvent(*encode(event)) for event in events]
        await self.store.append(thread.id, before, new, _head_change(thread, events, caller), keep=_packed(keep))
        _, size = self._kept.get(thread.id, (thread, 0))
        self._keep(thread, size + sum(len(event.payload) for event in new))

    async def kept(self, thread_id: str) -> dict[str, bytes]:
        """Return what was kept with the thread, by name."""
        return {name: zlib.decompress(data) for name, data in (await self.store.kept(thread_id)).items()}

    async def replayed(self, thread: Thread, number: int) -> tuple[Thread, tuple[Event, ...]]:
        """Return the thread as the call that recorded live step `number` left it, and the events of that call."""
        stored = await self.store.read(thread.id)
        events = list(_decoded(stored))
        digest = thread.trail[number - 1].digest
        start = max(
            index
            for index, event in enumerate(events)
            if isinstance(event, StepRecorded) and event.step.number == number and event.step.digest == digest
        )
        end = start + 1
        while end < len(events) and not isinstance(events[end], StepRecorded | GivenUp | Abandoned):
            end += 1
        decided = tuple(event for event in events[start:end] if not isinstance(event, Refused))
        return fold_history(Thread(thread.id, thread.tool), events[:end]), decided

    async def history(self, thread_id: str, *, after: int = 0, limit: int | None = None) -> list[HistoryEntry]:
        """Return the thread's events from number `after` + 1 on, at most `limit`."""
        stored = await self.store.read(thread_id, after=after, limit=limit)
        return [HistoryEntry(row.seq, row.at, row.kind, json.loads(row.payload), row.hash) for row in stored]

    def _keep(self, thread: Thread, size: int) -> None:
        _, size_before = self._kept.pop(thread.id, (thread, 0))
        self._kept[thread.id] = (thread, size)
        self._bytes += size - size_before
        while len(self._kept) > 1 and self._bytes > self._kept_bytes:
            _, (_, size) = self._kept.popitem(last=False)
            self._bytes -= size


def _packed(keep: Mapping[str, bytes] | None) -> dict[str, bytes]:
    return {name: zlib.compress(data) for name, data in keep.items()} if keep else {}


def _decoded(stored: Sequence[StoredEvent]) -> list[Event]:
    try:
        return [decode(event.kind, event.payload) for event in stored]
    except (KeyError, ValidationError) as error:
        raise StoreUnreadable(
            "This thread was written by a newer stepwarden; upgrade, or start a new thread with step 1."
        ) from error


def _head_change(thread: Thread, events: Sequence[Event], caller: Caller) -> HeadChange:
    return HeadChange(
        tool=thread.tool,
        principal=caller.principal,
        title=" ".join(thread.task.split()),
        state=thread.outcome.value,
        steps=len(thread.live),
        total_steps=thread.total_steps,
        directory=thread.directory,
        origin=thread.origin.thread if thread.origin else None,
        completed=any(isinstance(event, Finished) and event.outcome is Outcome.DONE for event in events),
    )
