"""One call of a tool with its attempts: repeated where that is safe, within its time, and never against a limit."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace

from stepwarden.errors import UpstreamDown
from stepwarden.upstream.breaker import Breaker
from stepwarden.upstream.call_breakers import CallBreakers
from stepwarden.upstream.call_request import CallProgress, CallReply, CallRequest
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.connection import Connection, ConnectionWait
from stepwarden.upstream.failure_text import call_error
from stepwarden.upstream.failures import PASSING, CallFailed, Failure, FailureKind
from stepwarden.upstream.questions import NO_ANSWER, QuestionAnswer, QuestionFailure, UpstreamQuestion, current_asker
from stepwarden.upstream.transport.session import UpstreamSession
from stepwarden.upstream.withheld import withhold, withhold_question, withhold_text

logger = logging.getLogger(__name__)

ATTEMPTS = 3
FIRST_WAIT_S = 0.2  # it doubles, and half of it is chance, so that callers do not come back together
LONGEST_WAIT_S = 5.0
PATIENCE_S = 10.0  # a longer limit fails the call at once
MOST_PROGRESS = 10  # times the timeout: a server that only reports progress is not waited for any longer
PROGRESS_EVERY_S = 0.02
PERSON_S = 300.0  # for a person's answer in the middle of a call


@dataclass(frozen=True, slots=True)
class CallAnswer:
    """What came back, after how many attempts."""

    answer: CallReply
    attempts: int


@dataclass
class ToolCaller:
    """Calls the tools of one upstream; all calls share its connection, breaker and limits."""

    config: UpstreamConfig
    connection: Connection
    breakers: CallBreakers = field(default_factory=CallBreakers)
    clock: Callable[[], float] = time.monotonic
    _slots: asyncio.Semaphore = field(init=False)
    _limited_until: float = -1e9
    _last_session: UpstreamSession | None = None

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.config.concurrency)

    @property
    def limited_s(self) -> float:
        """For how many seconds the upstream said it takes no calls; 0 where it takes them."""
        return max(0.0, self._limited_until - self.clock())

    @property
    def end(self) -> float:
        """When a call that is made now has to be over, by `clock`."""
        return self.clock() + self.config.timeout_s

    async def session(self, ends: float) -> UpstreamSession:
        """Return the session for a call that has to be over at `ends`. Raises UpstreamDown and SignInNeeded."""
        left_s, connect_s = max(0.0, ends - self.clock()), self.config.connect_timeout_s
        why = f"a call waits {connect_s:g} s for it (connect_timeout_s)"
        if left_s < connect_s:
            why = f"the {self.config.timeout_s:g} s of this call are over (timeout_s)"
        return await self.connection.session(ConnectionWait(min(connect_s, left_s), why))

    async def call(self, request: CallRequest, *, repeatable: bool, ends: float | None = None) -> CallAnswer:
        """Make one call; `repeatable` says that a second one changes nothing more, `ends` when it has to be over.

        Raises UpstreamDown (not sent), UpstreamSilent (sent, and nobody knows), UpstreamRefused and SignInNeeded.
        """
        ends = self.end if ends is None else ends
        attempt = 0
        while True:
            attempt += 1
            await self._wait_out_limit(ends)
            try:
                return CallAnswer(await self._once(request, ends), attempt)
            except CallFailed as error:
                failure = error.failure
                wait_s = self._wait_s(failure, attempt, repeatable, ends - self.clock())
                if wait_s is None:
                    raise call_error(self.config, failure, repeatable=repeatable) from error
                words = self.config.without_secrets(failure.words)
                logger.info("%s: %s; again in %.1f s", self.config.name, words, wait_s)
                await asyncio.sleep(wait_s)

    async def _wait_out_limit(self, ends: float) -> None:
        """Wait out a short limit. Raises UpstreamDown for a long one."""
        if self.limited_s > min(PATIENCE_S, max(0.0, ends - self.clock())):
            raise UpstreamDown(
                f"{self.config.name} limits how often it may be asked. Nothing was sent. "
                f"Send the same call again in {self.limited_s:.0f} s."
            )
        if self.limited_s:
            await asyncio.sleep(self.limited_s)

    async def _once(self, request: CallRequest, ends: float) -> CallReply:
        async with self._slot(ends):
            session = await self.session(ends)
            request.permit()
            if session is not self._last_session:  # the upstream came back: earlier failures say nothing of it
                self._last_session = session
                self.breakers.reset()
            barring = self.breakers.enter(request.tool)
            if barring is not None:
                raise self._paused(barring, request.tool)
            failed, well = None, False
            try:
                answer = await self._timed(session, request, ends)
                well = True
                return withhold(self.config, answer)
            except CallFailed as error:
                failed = error.failure.kind
                self.connection.lose(error.failure)
                if error.failure.kind in {FailureKind.LIMITED, FailureKind.UNAVAILABLE} and error.failure.retry_after_s:
                    self._limited_until = self.clock() + error.failure.retry_after_s
                raise
            finally:
                self.breakers.ended(request.tool, failed, well=well)

    def _paused(self, barring: Breaker, tool: str) -> UpstreamDown:
        name, times, again_s = self.config.name, barring.failures, barring.waits_s
        if self.breakers.is_server(barring):
            what = f"{name} failed {times} times in a row; calls are paused."
        else:
            what = f"{name}/{tool} failed {times} times in a row; calls of it are paused, its other tools go on."
        return UpstreamDown(f"{what} Nothing was sent. Send the same call again in {again_s:.0f} s.")

    def _left_s(self, ends: float) -> float:
        """Return what is left of the time of a call. Raises UpstreamDown where there is none, before it is sent."""
        left_s = ends - self.clock()
        if left_s <= 0:
            raise UpstreamDown(
                f"{self.config.name}: the {self.config.timeout_s:g} s of the call (timeout_s) were over before it "
                "could be sent. Nothing was sent. Send the same call again."
            )
        return left_s

    @asynccontextmanager
    async def _slot(self, ends: float) -> AsyncGenerator[None]:
        """Take one of the slots for calls at once. Raises UpstreamDown where none is free in time."""
        try:
            async with asyncio.timeout(max(0.0, ends - self.clock())):
                await self._slots.acquire()
        except TimeoutError:
            raise UpstreamDown(
                f"{self.config.name} gets no more than {self.config.concurrency} of our calls at once, and those take "
                f"long. Nothing was sent. Send the same call again a little later."
            ) from None
        try:
            yield
        finally:
            self._slots.release()

    async def _timed(self, session: UpstreamSession, request: CallRequest, ends: float) -> CallReply:
        """Call within what is left of the time; each sign of progress renews it, ten times at most."""
        loop = asyncio.get_running_loop()
        latest = (
            loop.time() + self.config.timeout_s * MOST_PROGRESS + (PERSON_S if current_asker.get() is not None else 0.0)
        )
        try:
            async with asyncio.timeout(self._left_s(ends)) as limit:

                def until(when: float | None) -> None:
                    with suppress(RuntimeError):  # the call is over already
                        limit.reschedule(when)

                def alive() -> None:
                    until(min(latest, loop.time() + self.config.timeout_s))

                progress = _Progress(request.on_progress, alive, loop.time, self.config)
                with _pausing(lambda: until(None), alive, self.config):
                    return await session.requests.call(replace(request, on_progress=progress))
        except TimeoutError:
            words = f"no answer came within {self.config.timeout_s:g} s (timeout_s)"
            raise CallFailed(Failure(FailureKind.SILENT, words)) from None

    def _wait_s(self, failure: Failure, attempt: int, repeatable: bool, left_s: float) -> float | None:
        """Return how long to wait before the next attempt, None where there is none."""
        if failure.kind not in PASSING or attempt >= ATTEMPTS or (failure.sent and not repeatable):
            return None
        if failure.kind is FailureKind.SESSION_LOST:
            return 0.0
        wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (attempt - 1))
        wait_s = failure.retry_after_s or wait_s * (0.5 + random.random() / 2)  # noqa: S311 - no secret
        return wait_s if wait_s <= min(PATIENCE_S, left_s) else None


@contextmanager
def _pausing(stop: Callable[[], None], go_on: Callable[[], None], config: UpstreamConfig) -> Generator[None]:
    """Stop the clock of a call while a person is asked something in the middle of it."""
    asker = current_asker.get()
    if asker is None:
        yield
        return

    async def ask(question: UpstreamQuestion) -> QuestionAnswer | QuestionFailure:
        stop()
        try:
            async with asyncio.timeout(PERSON_S):
                return await asker(withhold_question(config, question))
        except TimeoutError:
            return NO_ANSWER
        finally:
            go_on()

    token = current_asker.set(ask)
    try:
        yield
    finally:
        current_asker.reset(token)


@dataclass
class _Progress:
    """Passes progress on, no more often than a host can take it; each is a sign that the call is alive."""

    inner: CallProgress | None
    alive: Callable[[], None]
    clock: Callable[[], float]
    config: UpstreamConfig
    _last: float = -1e9
    _busy: bool = False

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        self.alive()
        now = self.clock()
        if self.inner is None or self._busy or now - self._last < PROGRESS_EVERY_S:
            return
        self._last, self._busy = now, True
        try:
            await self.inner(progress, total, None if message is None else withhold_text(self.config, message))
        finally:
            self._busy = False
