"""A provider with limits: so many requests a minute, and so many to each model at a time; the others wait.

Places belong to a model: one that hangs must not hold up the other models of its endpoint.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from providers.deadline import Deadline
from providers.wrapper import Wrapper
from stepwarden.models import ErrorKind, ModelError, ModelReply, ModelRequest, Provider

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter


_WAITED = 0.5
"""The part of a request's time in which it may wait for its turn: the rest is for the answer."""


class RateLimiter(Wrapper):
    """Holds back what is more than `at_once` requests to one model, or more than `a_minute` to all of them.

    A burst of as many as go in a minute is let through.
    """

    def __init__(self, inner: Provider, *, at_once: int, a_minute: int) -> None:
        super().__init__(inner)
        self._at_once = at_once
        self._a_minute = a_minute
        self._places: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._rate: AsyncLimiter | None = None

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return the answer as soon as there is a place. Raises ModelError (RATE_LIMIT) if there is none in time."""
        async with self._place(request) as left:
            return await self._inner.complete(left)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelReply, None]:
        """Return the pieces as soon as there is a place."""
        async with self._place(request) as left, aclosing(self._inner.stream(left)) as pieces:
            async for piece in pieces:
                yield piece

    @asynccontextmanager
    async def _place(self, request: ModelRequest) -> AsyncGenerator[ModelRequest, None]:
        from aiolimiter import AsyncLimiter

        deadline, turn = Deadline(request.deadline_s), Deadline(request.deadline_s * _WAITED)
        rate = self._rate = self._rate or AsyncLimiter(self._a_minute, 60)
        places = self._places.setdefault(request.model, asyncio.Semaphore(self._at_once))
        if not await _wait(places, rate, turn):
            text = (
                f"{self.name} is asked for one model by {self._at_once} at once and {self._a_minute} times a minute at "
                "most: ask again later, or raise STEPWARDEN_MODEL_CONCURRENCY or STEPWARDEN_MODEL_RATE."
            )
            raise ModelError(ErrorKind.RATE_LIMIT, text, model=request.model)
        try:
            yield replace(request, deadline_s=deadline.left_s)
        finally:
            places.release()


async def _wait(places: asyncio.Semaphore, rate: "AsyncLimiter", deadline: Deadline) -> bool:
    """Take a place and a turn; return whether both came in time."""
    try:
        async with asyncio.timeout(deadline.left_s):
            await places.acquire()
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
            places.release()
    return in_time
