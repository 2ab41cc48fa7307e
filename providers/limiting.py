"""A provider that is asked by so many at a time and so often in a minute; the others wait, within their deadline."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from providers.deadline import Deadline
from providers.wrapper import Wrapper
from stepwarden.models import ModelError, ModelReply, ModelRequest, Provider, Trouble

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter


class Limiting(Wrapper):
    """Holds back what is more than `at_once` requests, or more than `a_minute` (a burst of as many is let through)."""

    def __init__(self, inner: Provider, *, at_once: int, a_minute: int) -> None:
        super().__init__(inner)
        self._at_once = at_once
        self._a_minute = a_minute
        self._places = asyncio.Semaphore(at_once)
        self._rate: AsyncLimiter | None = None

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Give the answer as soon as there is a place. Raises ModelError (RATE_LIMIT) if there is none in time."""
        async with self._place(request) as left:
            return await self._inner.complete(left)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelReply, None]:
        """Give the pieces as soon as there is a place."""
        async with self._place(request) as left, aclosing(self._inner.stream(left)) as pieces:
            async for piece in pieces:
                yield piece

    @asynccontextmanager
    async def _place(self, request: ModelRequest) -> AsyncGenerator[ModelRequest, None]:
        from aiolimiter import AsyncLimiter

        deadline = Deadline(request.deadline_s)
        rate = self._rate = self._rate or AsyncLimiter(self._a_minute, 60)
        if not await self._wait(rate, deadline):
            text = (
                f"{self.name} is asked by {self._at_once} at once and {self._a_minute} times a minute at most: ask "
                "again later, or raise STEPWARDEN_MODEL_CONCURRENCY or STEPWARDEN_MODEL_RATE."
            )
            raise ModelError(Trouble.RATE_LIMIT, text, model=request.model)
        try:
            yield replace(request, deadline_s=deadline.left_s)
        finally:
            self._places.release()

    async def _wait(self, rate: "AsyncLimiter", deadline: Deadline) -> bool:
        try:
            async with asyncio.timeout(deadline.left_s):
                await self._places.acquire()
        except TimeoutError:
            return False
        in_time = False
        try:
            async with asyncio.timeout(deadline.left_s):
                await rate.acquire()
            in_time = True
        except TimeoutError:
            pass
        finally:
            if not in_time:
                self._places.release()
        return in_time
