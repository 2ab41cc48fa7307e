"""A provider as one route reaches it: it gets its own name of the model, and the caller gets back the other one."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

from providers.provider_pauses import PausedProviders
from providers.routes import Route
from providers.wrapper import Wrapper
from stepwarden.models import ErrorKind, ModelError, ModelReply, ModelRequest, Provider


class RoutedProvider(Wrapper):
    """Translates names, and remembers whether the provider answered. `nearest` gives the usable names like a name."""

    def __init__(
        self, inner: Provider, route: Route, paused: PausedProviders, nearest: Callable[[str], Sequence[str]]
    ) -> None:
        super().__init__(inner)
        self._route = route
        self._paused = paused
        self._nearest = nearest

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return the answer under the caller's name of the model."""
        try:
            return self._named(await self._inner.complete(replace(request, model=self._route.wire_name)))
        except ModelError as error:
            raise self._explained(error) from None

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelReply, None]:
        """Return the pieces, and last the whole under the caller's name of the model."""
        try:
            async with aclosing(self._inner.stream(replace(request, model=self._route.wire_name))) as pieces:
                async for piece in pieces:
                    yield self._named(piece) if isinstance(piece, ModelReply) else piece
        except ModelError as error:
            raise self._explained(error) from None

    def _named(self, reply: ModelReply) -> ModelReply:
        self._paused.note_answer(self._route.provider)
        return replace(reply, model=self._route.info.name) if reply.model == self._route.wire_name else reply

    def _explained(self, error: ModelError) -> ModelError:
        """Return the error under the caller's name, with the nearest names where the endpoint does not know it."""
        self._paused.note_failure(self._route.provider, error)
        text, name = str(error), self._route.info.name
        if error.kind is ErrorKind.UNKNOWN_MODEL:
            near = [one for one in self._nearest(self._route.wire_name) if one != name]
            text = f"{text.rstrip('.')}; nearest: {', '.join(near)}." if near else text
        return ModelError(error.kind, text, model=name, retry_after_s=error.retry_after_s, waited_s=error.waited_s)
