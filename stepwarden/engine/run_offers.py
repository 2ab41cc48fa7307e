"""What every dispatcher does alike: runs are offered and woken in the queue, and whoever serves here hears of it."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

import anyio

from stepwarden.storage.run_queue import RunQueue


class RunOffers:
    """The offers of one process, and whether it still serves; it belongs to one event loop."""

    def __init__(self, queue: RunQueue) -> None:
        self._queue = queue
        self._news = asyncio.Event()
        self._serving = set[asyncio.Event]()
        self.is_closed = False

    async def offer(self, run_id: str, *, priority: int, needs: str) -> None:
        """Offer a run; see `Dispatcher`."""
        await self._queue.offer(run_id, priority=priority, needs=needs)
        self._news.set()

    async def wake(self, run_id: str) -> bool:
        """Wake a run; see `Dispatcher`."""
        found = await self._queue.wake(run_id)
        self._news.set()
        return found

    def tell(self) -> None:
        """Let whoever waits for news look at the queue now."""
        self._news.set()

    async def wait_for_news(self, at_most_s: float) -> None:
        """Wait until this process offered or woke something since the last wait, at most so long."""
        with anyio.move_on_after(at_most_s):
            await self._news.wait()
        self._news.clear()

    @contextmanager
    def serving(self) -> Generator[None]:
        """Make `close` wait for the end of the block."""
        ended = asyncio.Event()
        self._serving.add(ended)
        try:
            yield
        finally:
            self._serving.discard(ended)
            ended.set()

    async def close(self) -> None:
        """Have all that serves end, and wait for it."""
        self.is_closed = True
        self._news.set()
        for ended in list(self._serving):
            await ended.wait()
