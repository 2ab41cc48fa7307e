"""Threads in which what blocks is run for asynchronous code."""

import asyncio
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.to_thread

from stepwarden.errors import StoreError

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

_Answer = TypeVar("_Answer")


class WorkerThreads:
    """At most `count` threads of its own, which take what they are given in its order.

    The standard library's, and not anyio's: every step waits for one, and the way there and back costs a quarter less.
    """

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._ended = False

    @cached_property
    def _threads(self) -> "ThreadPoolExecutor":
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(self._count, thread_name_prefix=self._name)

    async def run(self, work: Callable[[], _Answer], *, withdraw: Callable[[], bool] | None = None) -> _Answer:
        """Return what `work` gives; raises what it raises, and StoreError once the threads were ended.

        A call that is cancelled before it began ends at once, and never begins. After that it is cancelled when it has
        ended. `withdraw` takes back what `work` would do, and returns False where that has begun already.
        """
        if self._ended:
            raise StoreError("The store is closed.")
        call = self._threads.submit(work)
        done = asyncio.wrap_future(call)
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            if not (withdraw or call.cancel)():
                with anyio.CancelScope(shield=True):
                    await asyncio.wait([done])
            raise

    def run_blocking(self, work: Callable[[], _Answer]) -> _Answer:
        """Return what `work` gives, to a thread that waits for it; raises as `run` does."""
        if self._ended:
            raise StoreError("The store is closed.")
        return self._threads.submit(work).result()

    async def end(self) -> None:
        """Take nothing more, wait until all that was given has been run, and end the threads."""
        self._ended = True
        # A cancelled call leaves the threads to end by themselves: what they wait for may be long in coming.
        await anyio.to_thread.run_sync(self._threads.shutdown, abandon_on_cancel=True)
