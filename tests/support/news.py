"""Waiting for what happens in another thread: told by it, and looked at by whoever waits."""

import asyncio
import threading
from collections.abc import Callable


class News:
    """Wakes those who wait for something whenever there may be news of it; `tell` is called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def tell(self) -> None:
        with self._lock:
            for loop, event in self._waiting:
                loop.call_soon_threadsafe(event.set)

    async def until(self, fits: Callable[[], bool]) -> None:
        """Wait until `fits`, which is asked at each piece of news."""
        mine = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._waiting.append(mine)
        try:
            while not fits():
                await mine[1].wait()
                mine[1].clear()
        finally:
            with self._lock:
                self._waiting.remove(mine)
