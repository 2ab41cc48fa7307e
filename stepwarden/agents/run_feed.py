"""What is recorded of runs, told to who in this process follows one; who is too slow reads it from the store."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from stepwarden.errors import StoreError
from stepwarden.storage import Store, StoredEvent

logger = logging.getLogger(__name__)

LOOK_S = 0.5
"""So often is looked for what other processes recorded, as long as anybody follows a run: one look for all of them."""

MOST_QUEUED = 100
"""Events that are kept for one follower; one that does not take them goes on from the store."""

READ_AT_ONCE = 100

Listener = Callable[[Sequence[StoredEvent]], None]
"""Is told of new events of a run, in their order; of none where there are some that were not read here."""


class RunFeed:
    """The new events of runs: those of this process as they are recorded, those of others within `LOOK_S`.

    It belongs to one event loop. Nobody who listens is waited for. `looks` counts how often the store was looked at.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._listeners: dict[str, dict[Listener, None]] = {}
        self._told: dict[str, int] = {}  # the last number that listeners of a run were told of
        self._watching: asyncio.Task[None] | None = None
        self.looks = 0

    def publish(self, events: Sequence[StoredEvent]) -> None:
        """Tell who listens to the run of these events, which are on disk and follow each other."""
        stream, last = events[0].stream, events[-1].seq
        if stream in self._listeners and last > self._told.get(stream, 0):
            self._told[stream] = last
            self._tell(stream, events)

    @contextmanager
    def listening(self, run_id: str, listener: Listener) -> Generator[None]:
        """Tell `listener` of the run's new events as long as the block lasts."""
        self._listeners.setdefault(run_id, {})[listener] = None
        if self._watching is None or self._watching.done():
            self._watching = asyncio.get_running_loop().create_task(self._watch())
            self._watching.add_done_callback(_log_failure)
        try:
            yield
        finally:
            listeners = self._listeners[run_id]
            del listeners[listener]
            if not listeners:
                del self._listeners[run_id]
                self._told.pop(run_id, None)
            if not self._listeners:
                self._end_watch()

    def _end_watch(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None

    @contextmanager
    def following(self, run_id: str, cursor: int) -> "Generator[RunFollower]":
        """Give a follower of the run's events above `cursor`, for as long as the block lasts."""
        follower = RunFollower(self._store, run_id, cursor)
        with self.listening(run_id, follower.take):
            yield follower

    def _tell(self, run_id: str, events: Sequence[StoredEvent]) -> None:
        for listener in list(self._listeners.get(run_id, ())):
            listener(events)

    async def _watch(self) -> None:
        position: int | None = None
        while True:
            try:
                position = await self._look(position)
            except StoreError as error:
                logger.warning("runs of other processes are not followed now: %s", error)
                position = None
            await asyncio.sleep(LOOK_S)

    async def _look(self, position: int | None) -> int:
        """Tell of what others recorded above `position`; None is the first look: anything may have come before."""
        self.looks += 1
        moves = await self._store.moves(position)
        if position is None or moves.position < position:  # or the store was put back
            for run_id in list(self._listeners):
                self._tell(run_id, ())
            return moves.position
        for run_id in self._listeners.keys() & moves.last.keys():
            told = self._told.get(run_id, 0)
            if moves.last[run_id] > told:
                events = await self._store.read(run_id, after=told, limit=READ_AT_ONCE) if told else []
                if events and events[-1].seq == moves.last[run_id]:
                    self.publish(events)
                    continue
                self._told[run_id] = max(moves.last[run_id], self._told.get(run_id, 0))
                self._tell(run_id, ())
        return moves.position


def _log_failure(watch: asyncio.Task[None]) -> None:
    if not watch.cancelled() and watch.exception() is not None:
        logger.error("runs of other processes are not followed any more", exc_info=watch.exception())


@dataclass(eq=False)
class RunFollower:
    """Gives a run's events above `cursor` one after the other, each once, however late it is asked for them."""

    store: Store
    run_id: str
    cursor: int
    _queue: deque[StoredEvent] = field(default_factory=deque[StoredEvent])
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _is_behind: bool = True
    _missed: bool = False

    @property
    def is_up_to_date(self) -> bool:
        """Whether all that is known of was given."""
        return not self._queue and not self._is_behind

    @property
    def queued(self) -> int:
        """How many events are kept for it here, at most MOST_QUEUED."""
        return len(self._queue)

    def take(self, events: Sequence[StoredEvent]) -> None:
        """Keep events until they are asked for; what does not fit, or follow, is read from the store then."""
        self._news.set()
        if self._is_behind:
            self._missed = True
            return
        tail = self._queue[-1].seq if self._queue else self.cursor
        fresh = [event for event in events if event.seq > tail]
        if not events or (fresh and (fresh[0].seq != tail + 1 or len(self._queue) + len(fresh) > MOST_QUEUED)):
            self._is_behind, self._missed = True, False
            return
        self._queue.extend(fresh)

    async def next(self) -> Sequence[StoredEvent]:
        """Wait for events and return them; none where the store, once it was read to its end, had no more.

        Raises StoreError.
        """
        while self.is_up_to_date:
            self._news.clear()
            await self._news.wait()
        if self._queue:
            events = list(self._queue)
            self._queue.clear()
        else:
            events = await self._read()
        if events:
            self.cursor = events[-1].seq
        return events

    async def _read(self) -> Sequence[StoredEvent]:
        self._missed = False
        events = await self.store.read(self.run_id, after=self.cursor, limit=READ_AT_ONCE)
        if len(events) < READ_AT_ONCE and not self._missed:
            self._is_behind = False
        return events
