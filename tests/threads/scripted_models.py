"""Models that answer when, and as, the test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from stepwarden.models import (
    Choice,
    ErrorKind,
    ModelError,
    ModelInfo,
    ModelReply,
    ModelRequest,
    ModelTier,
    UnusableProvider,
    Usage,
)


def answer(text: str = "it is the slice") -> ModelReply:
    return ModelReply(text, "glm-4.6-0930", "zhipuai", Usage(120, 8))


class ScriptedModels:
    """Every request is counted, announced, and then waits for `say`; `stubborn` ones do not let go when aborted."""

    def __init__(self, *, stubborn: bool = False, on_ask: Callable[[], Awaitable[object]] | None = None) -> None:
        self.asked: list[ModelRequest] = []
        self.aborted = asyncio.Event()
        self._stubborn = stubborn
        self._on_ask = on_ask
        self._came = asyncio.Semaphore(0)
        self._said = asyncio.Event()
        self._what: ModelReply | BaseException = answer()

    async def was_asked(self, times: int = 1) -> None:
        for _ in range(times):
            await asyncio.wait_for(self._came.acquire(), 20)

    def say(self, what: ModelReply | BaseException | None = None) -> "ScriptedModels":
        self._what = what or answer()
        self._said.set()
        return self

    async def complete(self, request: ModelRequest) -> ModelReply:
        self.asked.append(request)
        if self._on_ask:
            await self._on_ask()
        self._came.release()
        try:
            await self._said.wait()
        except asyncio.CancelledError:
            self.aborted.set()
            if not self._stubborn:
                raise
            await self._said.wait()
        if isinstance(self._what, BaseException):
            raise self._what
        return self._what

    def choose(self, name: str | None, need: ModelTier) -> Choice:
        raise ModelError(ErrorKind.NO_MODEL, "none here")

    def usable(self) -> Sequence[ModelInfo]:
        return ()

    def unusable(self) -> Sequence[UnusableProvider]:
        return ()

    async def discover(self) -> None: ...

    async def close(self) -> None: ...

    def stream(self, request: ModelRequest) -> AsyncIterator[str]:
        raise ModelError(ErrorKind.UNSUPPORTED, "no streams here")
