"""The models of a process, built at first use: hosts start a server with every window."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from functools import cached_property

from stepwarden.models import Choice, ModelInfo, ModelReply, ModelRequest, Models, ModelTier, UnusableProvider


class DeferredModels:
    """Stands in for the models that `build` returns; see `stepwarden.models.Models`."""

    def __init__(self, build: Callable[[], Models]) -> None:
        self._build = build
        self._built = False

    @cached_property
    def _models(self) -> Models:
        self._built = True
        return self._build()

    def choose(self, name: str | None, need: ModelTier) -> Choice:
        """Return the model for a name, or for a need."""
        return self._models.choose(name, need)

    def usable(self) -> Sequence[ModelInfo]:
        """Return what can be asked now."""
        return self._models.usable()

    async def priced(self) -> Sequence[ModelInfo]:
        """Return the same, with prices."""
        return await self._models.priced()

    def unusable(self) -> Sequence[UnusableProvider]:
        """Return what cannot be asked now."""
        return self._models.unusable()

    async def discover(self) -> None:
        """Ask the endpoints for their models."""
        await self._models.discover()

    async def warm(self, model: str | None = None) -> None:
        """Do what the first call needs."""
        await self._models.warm(model)

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return one answer."""
        return await self._models.complete(request)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelReply, None]:
        """Return the answer in pieces."""
        async with aclosing(self._models.stream(request)) as pieces:
            async for piece in pieces:
                yield piece

    async def close(self) -> None:
        """Close what was built, if anything was."""
        if self._built:
            await self._models.close()
