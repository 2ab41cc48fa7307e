"""A provider that stops asking an endpoint that keeps failing, and answers at once instead."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

from providers.wrapper import Wrapper
from stepwarden.models import ErrorKind, ModelError, ModelReply, ModelRequest, Provider

if TYPE_CHECKING:
    from purgatory.domain.model import Context

FAILURES = 5
PAUSE_S = 30.0
# A time-out of a caller in a hurry (the manager waits 3 s) says nothing about the endpoint.
HURRY_S = 20.0

_FAILED = frozenset({ErrorKind.SERVER, ErrorKind.NETWORK, ErrorKind.TIMEOUT})


class CircuitBreaker(Wrapper):
    """One breaker for each model: after five failures in a row it is open for 30 s, then one call may try.

    A rate limit or a refusal is an answer. A cancelled call counts neither way: purgatory would count what it excludes
    as a success, so its state learns only of calls that ended.
    """

    def __init__(self, inner: Provider, *, failures: int = FAILURES, pause_s: float = PAUSE_S) -> None:
        super().__init__(inner)
        self._failures = failures
        self._pause_s = pause_s
        self._states: dict[str, Context] = {}
        self._trying: set[str] = set()
        self._last: dict[str, str] = {}

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return the answer, or GIVEN_UP at once."""
        state = self._enter(request.model)
        trial = self._claim(state, request.model)
        try:
            reply = await self._inner.complete(request)
        except ModelError as error:
            self._record(state, request, error)
            raise
        finally:
            if trial:
                self._trying.discard(request.model)
        self._record(state, request, None)
        return reply

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelReply, None]:
        """Return the pieces, or GIVEN_UP at once."""
        state = self._enter(request.model)
        trial = self._claim(state, request.model)
        try:
            async with aclosing(self._inner.stream(request)) as pieces:
                async for piece in pieces:
                    yield piece
        except ModelError as error:
            self._record(state, request, error)
            raise
        finally:
            if trial:
                self._trying.discard(request.model)
        self._record(state, request, None)

    def _enter(self, model: str) -> "Context":
        from purgatory.domain.model import Context, OpenedState

        state = self._states.setdefault(model, Context(model, self._failures, self._pause_s))
        given_up = False
        try:
            state.handle_new_request()
        except OpenedState:
            given_up = True
        if given_up or (state.state != "closed" and model in self._trying):
            text = (
                f"{model} of {self.name} failed {self._failures} times in a row and is not asked for "
                f"{self._pause_s:.0f} s: name another model, or wait. Last: {self._last.get(model, '')}"
            )
            raise ModelError(ErrorKind.GIVEN_UP, text, model=model)
        return state

    def _claim(self, state: "Context", model: str) -> bool:
        if state.state == "closed":
            return False
        self._trying.add(model)
        return True

    def _record(self, state: "Context", request: ModelRequest, error: ModelError | None) -> None:
        if error is not None:
            self._last[request.model] = str(error)
        if error is None or error.kind not in _FAILED:
            state.handle_end_request()
        elif error.kind is not ErrorKind.TIMEOUT or request.deadline_s >= HURRY_S:
            state.handle_exception(error)
        state.messages.clear()  # for purgatory's listeners, of which there are none
