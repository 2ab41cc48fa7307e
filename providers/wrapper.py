"""What all wrappers share: they pass on what they do not change."""

from collections.abc import AsyncGenerator, Sequence

from stepwarden.models import ModelInfo, ModelReply, ModelRequest, Provider


class Wrapper:
    """A provider round another one; each wrapper overrides what it changes."""

    def __init__(self, inner: Provider) -> None:
        self._inner = inner

    @property
    def name(self) -> str:
        """The name of the provider inside."""
        return self._inner.name

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return the answer of the provider inside."""
        return await self._inner.complete(request)

    def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelReply, None]:
        """Return the pieces of the provider inside."""
        return self._inner.stream(request)

    async def list_models(self) -> Sequence[ModelInfo]:
        """Return the models of the provider inside."""
        return await self._inner.list_models()

    async def warm(self) -> None:
        """Make the provider inside ready."""
        await self._inner.warm()

    async def close(self) -> None:
        """Close the provider inside."""
        await self._inner.close()
