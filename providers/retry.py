"""A provider that asks again, within the deadline, where the same request may succeed a little later."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from providers.deadline import Deadline
from providers.wrapper import Wrapper
from stepwarden.files.secret_values import hide_in_prose
from stepwarden.models import ModelError, ModelReply, ModelRequest, Provider

if TYPE_CHECKING:
    import stamina


_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often in all, and how long between: the first wait doubles, plus up to `jitter_s`."""

    attempts: int = 3
    first_wait_s: float = 0.5
    longest_wait_s: float = 5.0
    jitter_s: float = 0.5


class RetryingProvider(Wrapper):
    """Asks again after a rate limit, a timeout, a broken connection or a 5xx.

    It waits as long as the endpoint asked for, where that is within the deadline, and gives up at once where it is not.
    A stream is asked for again only while nothing of it was passed on.
    """

    def __init__(self, inner: Provider, policy: RetryPolicy | None = None) -> None:
        super().__init__(inner)
        self._policy = policy or RetryPolicy()

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return the first answer there is. Raises the last error."""
        deadline = Deadline(request.deadline_s)
        async for attempt in self._attempts(deadline):
            with attempt:
                return await self._inner.complete(replace(request, deadline_s=deadline.left_s))
        raise AssertionError("the last attempt returns or raises")

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelReply, None]:
        """Return the pieces of the first stream that begins. Raises the last error."""
        async with aclosing(await self._begun(request)) as pieces:
            async for piece in pieces:
                yield piece

    async def _begun(self, request: ModelRequest) -> AsyncGenerator[str | ModelReply, None]:
        # Nothing is yielded inside an attempt: it holds every exception back for a while, GeneratorExit too.
        deadline = Deadline(request.deadline_s)
        async for attempt in self._attempts(deadline):
            with attempt:
                pieces = self._inner.stream(replace(request, deadline_s=deadline.left_s))
                return _with_first(await anext(pieces), pieces)
        raise AssertionError("the last attempt returns or raises")

    def _attempts(self, deadline: Deadline) -> "AsyncIterator[stamina.Attempt]":
        import stamina

        policy = self._policy
        return aiter(
            stamina.retry_context(
                on=_RetryDecision(policy, deadline),
                attempts=policy.attempts,
                timeout=None,  # the decision knows the deadline, and stamina would wait past it
                wait_initial=policy.first_wait_s,
                wait_max=policy.longest_wait_s,
                wait_jitter=policy.jitter_s,
            )
        )


async def _with_first(
    first: str | ModelReply, rest: AsyncGenerator[str | ModelReply, None]
) -> AsyncGenerator[str | ModelReply, None]:
    async with aclosing(rest):
        yield first
        async for piece in rest:
            yield piece


class _RetryDecision:
    """Decides after each failure whether to ask again, and after how long."""

    def __init__(self, policy: RetryPolicy, deadline: Deadline) -> None:
        self._policy = policy
        self._deadline = deadline
        self._failures = 0

    def __call__(self, error: Exception) -> bool | float:
        self._failures += 1
        _logger.info("failed %d times: %s", self._failures, hide_in_prose(str(error)))
        if not isinstance(error, ModelError) or not error.retryable:
            return False
        if error.retry_after_s is not None:
            return error.retry_after_s if error.retry_after_s < self._deadline.left_s else False
        policy = self._policy
        wait_s = min(policy.longest_wait_s, policy.first_wait_s * 2 ** (self._failures - 1) + policy.jitter_s)
        return self._deadline.left_s > wait_s
