"""Models for tests: a small, real filling of the port that answers at once, or when and as the test says."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Self

import anyio

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

WISE = ModelInfo("wise-1", "acme", ("wise",), "acme", 200_000, 8_000, False, needs=(ModelTier.DEEP, ModelTier.BALANCED))
QUICK = ModelInfo("quick-1", "acme", ("quick",), "acme", 32_000, 4_000, False, needs=(ModelTier.FAST,))
SEEING = ModelInfo("eye-1", "zeta", (), "zeta", 1_000_000, 8_000, sees_images=True)
NO_MODEL = "No model is configured: set ACME_API_KEY or CUSTOM_API_URL."

Answer = str | ModelReply | BaseException


def answer(text: str = "it is the slice") -> ModelReply:
    return ModelReply(text, "glm-4.6-0930", "zhipuai", Usage(120, 8))


@dataclass
class ScriptedModels:
    """Answers with `answering` - at once, or once `held` is set, where the test gives one.

    A `stubborn` one does not let go when it is cancelled; `on_ask` runs before a request is announced. `pieces` come
    before the answer of a stream, an error among them ends it. `source` is that of every choice.
    """

    infos: Sequence[ModelInfo] = (WISE, QUICK, SEEING)
    lacking: Sequence[UnusableProvider] = (UnusableProvider("nova", "set NOVA_API_KEY"),)
    answering: Callable[[ModelRequest], Answer] | None = None
    held: asyncio.Event | None = None
    stubborn: bool = False
    source: str = ""
    pieces: Sequence[str | ModelError] = ()
    on_ask: Callable[[], Awaitable[object]] | None = None
    chosen: list[tuple[str | None, ModelTier]] = field(default_factory=list[tuple[str | None, ModelTier]])
    warmed: list[str] = field(default_factory=list[str])
    asked: list[ModelRequest] = field(default_factory=list[ModelRequest])
    aborted: asyncio.Event = field(default_factory=asyncio.Event)
    _came: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def was_asked(self, times: int = 1) -> None:
        """Wait for that many requests that nobody waited for yet."""
        for _ in range(times):
            await self._came.acquire()

    def say(self, what: Answer | None = None) -> Self:
        """Answer everything with `what` from now on, and what is held as well."""
        said = answer() if what is None else what
        self.answering = lambda _: said
        if self.held is not None:
            self.held.set()
        return self

    def choose(self, name: str | None, need: ModelTier) -> Choice:
        self.chosen.append((name, need))
        if not self.infos:
            raise ModelError(ErrorKind.NO_MODEL, NO_MODEL)
        if name is None or name in {"", "auto"}:
            found = [info for info in self.infos if need in info.needs] or list(self.infos)
            return Choice(found[0], f"first for {need}", self.source)
        for info in self.infos:
            if name in {info.name, *info.aliases}:
                return Choice(info, "by its name", self.source)
        raise ModelError(ErrorKind.UNKNOWN_MODEL, f"No model here is named '{name}'; nearest: {self.infos[0].name}.")

    def usable(self) -> Sequence[ModelInfo]:
        return self.infos

    async def priced(self) -> Sequence[ModelInfo]:
        return self.infos

    def unusable(self) -> Sequence[UnusableProvider]:
        return self.lacking

    async def discover(self) -> None: ...

    async def warm(self, model: str | None = None) -> None:
        self.warmed += [model] if model else []

    async def close(self) -> None: ...

    async def complete(self, request: ModelRequest) -> ModelReply:
        self.asked.append(request)
        if self.on_ask:
            await self.on_ask()
        self._came.release()
        if self.held is not None:
            await self._wait(self.held)
        said = self.answering(request) if self.answering else f"Answer {len(self.asked)}."
        if isinstance(said, BaseException):
            raise said
        if isinstance(said, ModelReply):
            return said
        return ModelReply(said, request.model, "acme", Usage(100, 20, Decimal("0.0012")))

    async def _wait(self, held: asyncio.Event) -> None:
        try:
            with anyio.CancelScope(shield=self.stubborn):
                await held.wait()
        except asyncio.CancelledError:
            self.aborted.set()
            if not self.stubborn:
                raise
            await held.wait()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelReply, None]:
        for piece in self.pieces:
            if isinstance(piece, ModelError):
                raise piece
            yield piece
        yield await self.complete(request)

    def sent(self, number: int = -1) -> str:
        """Return all text of one request."""
        return "\n".join(message.text for message in self.asked[number].messages)


def silent(*, stubborn: bool = False) -> ScriptedModels:
    """Return models that say nothing until the test lets them `say` it."""
    return ScriptedModels(held=asyncio.Event(), stubborn=stubborn)
