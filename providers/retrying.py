"""A provider that asks again what may succeed a little later, within the deadline."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

from providers.deadline import Deadline
from providers.wrapper import Wrapper
from stepwarden.models import ModelError, ModelReply, ModelRequest, Provider


@dataclass(frozen=True, slots=True)
class Patience:
    """How often in all, and how long between: the first wait doubles, plus up to `jitter_s`."""

    attempts: int = 3
    first_wait_s: float = 0.5
    longest_wait_s: float = 5.0
    jitter_s: float = 0.5


class Retrying(Wrapper):
    """Asks again after a rate limit, a timeout, a broken line or a 5xx.

    It waits as long as the endpoint asked to, if that is within the deadline, and else gives up at once. A stream is
    asked for again only as long as nothing of it was handed on.
    """

    def __init__(self, inner: Provider, patience: Patience | None = None) -> None:
        super().__init__(inner)
        self._patience = patience or Patience()

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Give the first answer there is. Raises the last error."""
        import stamina

        deadline = Deadline(request.deadline_s)
        patience = self._patience
        async for attempt in stamina.retry_context(
            on=lambda error: self._whether(error, deadline),
            attempts=patience.attempts,
            timeout=None,
            wait_initial=patience.first_wait_s,
            wait_max=patience.longest_wait_s,
            wait_jitter=patience.jitter_s,
        ):
            with attempt:
                return await self._inner.complete(replace(request, deadline_s=deadline.left_s))
        raise AssertionError("the last attempt returns or raises")

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelReply, None]:
        """Give the pieces of the first stream that begins. Raises the last error."""
        import stamina

        deadline = Deadline(request.deadline_s)
        patience = self._patience
        begun = False
        async for attempt in stamina.retry_context(
            on=lambda error: False if begun else self._whether(error, deadline),
            attempts=patience.attempts,
            timeout=None,
            wait_initial=patience.first_wait_s,
            wait_max=patience.longest_wait_s,
            wait_jitter=patience.jitter_s,
        ):
            with attempt:
                left = replace(request, deadline_s=deadline.left_s)
                async with aclosing(self._inner.stream(left)) as pieces:
                    async for piece in pieces:
                        begun = True
                        yield piece
                return

    def _whether(self, error: Exception, deadline: Deadline) -> bool | float:
        if not isinstance(error, ModelError) or not error.retryable:
            return False
        asked_s = error.retry_after_s
        longest_s = self._patience.longest_wait_s + self._patience.jitter_s if asked_s is None else asked_s
        if asked_s is None:
            return deadline.left_s > min(longest_s, 1.0)
        return asked_s if asked_s < deadline.left_s else False
