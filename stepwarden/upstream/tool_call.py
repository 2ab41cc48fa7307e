"""One call of a tool, carried through: again where that is safe, within its time, and never against a limit."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace

import mcp_types as types
from mcp.shared.dispatcher import ProgressFnT

from stepwarden.errors import StepwardenError, UpstreamDown, UpstreamRefused, UpstreamSilent
from stepwarden.upstream.breaker import Breaker
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.connection import Connection
from stepwarden.upstream.failures import COUNTED, PASSING, CallFailed, Failure, FailureKind
from stepwarden.upstream.transport.session import PERSON_S, Answer, CallQuestion, UpstreamSession, asking

logger = logging.getLogger(__name__)

ATTEMPTS = 3
LEAST_SHARE = 0.25  # of the time for a call that an attempt gets, however long connecting took
FIRST_WAIT_S = 0.2  # it doubles, and half of it is chance, so that callers do not come back together
LONGEST_WAIT_S = 5.0
PATIENCE_S = 10.0  # a limit that lasts longer is told at once
MOST_PROGRESS = 10  # times the timeout: a server that only reports progress is not waited for any longer
PROGRESS_EVERY_S = 0.02


@dataclass(frozen=True, slots=True)
class CallAnswer:
    """What came back, after how many attempts."""

    answer: Answer
    attempts: int


@dataclass
class ToolCaller:
    """The way to one upstream that all calls share: connection, breaker, limits."""

    config: UpstreamConfig
    connection: Connection
    breaker: Breaker = field(default_factory=Breaker)
    clock: Callable[[], float] = time.monotonic
    _places: asyncio.Semaphore = field(init=False)
    _limited_until: float = -1e9
    _through: UpstreamSession | None = None

    def __post_init__(self) -> None:
        self._places = asyncio.Semaphore(self.config.concurrency)

    @property
    def limited_s(self) -> float:
        """How long the upstream asked to be left alone; 0 where it did not."""
        return max(0.0, self._limited_until - self.clock())

    async def call(self, question: CallQuestion, *, repeatable: bool) -> CallAnswer:
        """Make one call; `repeatable` says that a second one changes nothing more.

        Raises UpstreamDown (not sent), UpstreamSilent (sent, and nobody knows), UpstreamRefused and SignInNeeded.
        """
        ends = self.clock() + self.config.timeout_s
        attempt = 0
        while True:
            attempt += 1
            await self._let_through()
            try:
                return CallAnswer(await self._once(question, ends), attempt)
            except CallFailed as error:
                mishap = error.mishap
                wait_s = self._wait_s(mishap, attempt, repeatable, ends - self.clock())
                if wait_s is None:
                    raise self._told(mishap, repeatable) from error
                words = self.config.without_secrets(mishap.words)
                logger.info("%s: %s; again in %.1f s", self.config.name, words, wait_s)
                await asyncio.sleep(wait_s)

    async def _let_through(self) -> None:
        """Wait out a short limit. Raises UpstreamDown for a long one, and where the breaker is open."""
        if self.limited_s > PATIENCE_S:
            raise UpstreamDown(
                f"{self.config.name} asked to be left alone for a while. Nothing was sent. "
                f"Send the same call again in {self.limited_s:.0f} s."
            )
        if self.limited_s:
            await asyncio.sleep(self.limited_s)

    async def _once(self, question: CallQuestion, ends: float) -> Answer:
        async with self._place(ends):
            link = await self.connection.link()
            if link is not self._through:  # the upstream came back: what was before says nothing
                self._through = link
                self.breaker.reset()
            if not self.breaker.enter():
                raise UpstreamDown(
                    f"{self.config.name} failed {self.breaker.failures} times in a row and is left alone for now. "
                    f"Nothing was sent. Send the same call again in {self.breaker.waits_s:.0f} s."
                )
            failed: bool | None = None
            try:
                answer = await self._timed(link, question, ends)
                failed = False
                return answer
            except CallFailed as error:
                failed = True if error.mishap.trouble in COUNTED else None
                self.connection.lost(error.mishap)
                if (
                    error.mishap.trouble in {FailureKind.LIMITED, FailureKind.UNAVAILABLE}
                    and error.mishap.retry_after_s
                ):
                    self._limited_until = self.clock() + error.mishap.retry_after_s
                raise
            finally:
                self.breaker.ended(failed)

    @asynccontextmanager
    async def _place(self, ends: float) -> AsyncGenerator[None]:
        """Take one of the places for calls at once. Raises UpstreamDown where none is free in time."""
        try:
            async with asyncio.timeout(max(0.0, ends - self.clock())):
                await self._places.acquire()
        except TimeoutError:
            raise UpstreamDown(
                f"{self.config.name} gets no more than {self.config.concurrency} of our calls at once, and those take "
                f"long. Nothing was sent. Send the same call again a little later."
            ) from None
        try:
            yield
        finally:
            self._places.release()

    async def _timed(self, link: UpstreamSession, question: CallQuestion, ends: float) -> Answer:
        """Call within what is left of the time; each sign of progress gives it anew, ten times at most."""
        loop = asyncio.get_running_loop()
        latest = loop.time() + self.config.timeout_s * MOST_PROGRESS + (PERSON_S if asking.get() is not None else 0.0)
        try:
            async with asyncio.timeout(max(LEAST_SHARE * self.config.timeout_s, ends - self.clock())) as limit:

                def until(when: float | None) -> None:
                    with suppress(RuntimeError):  # it is over, and this came late
                        limit.reschedule(when)

                def alive() -> None:
                    until(min(latest, loop.time() + self.config.timeout_s))

                progress = _Progress(question.on_progress, alive, loop.time)
                with _patient(lambda: until(None), alive):
                    return await link.call(replace(question, on_progress=progress))
        except TimeoutError:
            words = f"no answer came within {self.config.timeout_s:g} s"
            raise CallFailed(Failure(FailureKind.SILENT, words)) from None

    def _wait_s(self, mishap: Failure, attempt: int, repeatable: bool, left_s: float) -> float | None:
        """Return how long to wait before the next attempt, None where there is none."""
        if mishap.trouble not in PASSING or attempt >= ATTEMPTS or (mishap.sent and not repeatable):
            return None
        if mishap.trouble is FailureKind.SESSION_LOST:
            return 0.0
        wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (attempt - 1))
        wait_s = mishap.retry_after_s or wait_s * (0.5 + random.random() / 2)  # noqa: S311 - no secret
        return wait_s if wait_s <= min(PATIENCE_S, left_s) else None

    def _told(self, mishap: Failure, repeatable: bool) -> StepwardenError:
        """Return the error that says what happened, whether anything was done, and what to do."""
        name, words = self.config.name, self.config.without_secrets(mishap.words)
        if mishap.trouble in {
            FailureKind.UNREACHABLE,
            FailureKind.SESSION_LOST,
            FailureKind.SIGN_IN,
            FailureKind.NOT_MCP,
        }:
            return self.connection.down(mishap)
        if mishap.trouble is FailureKind.LIMITED:
            when = f" in {mishap.retry_after_s:.0f} s" if mishap.retry_after_s else " a little later"
            return UpstreamDown(f"{name}: {words}. Nothing was done. Send the same call again{when}.")
        if mishap.trouble is FailureKind.FORBIDDEN:
            return UpstreamRefused(
                f"{name}: {words}. Nothing was done. If it should be allowed, sign in anew and consent: "
                f"stepwarden login {name}"
            )
        if mishap.trouble is FailureKind.REJECTED:
            return UpstreamRefused(f"{name}: {words}. Nothing was done. Correct the call.")
        if mishap.trouble is FailureKind.TOO_LARGE:
            done = (
                "" if repeatable else " The call was sent and may have been carried out: look before you send another."
            )
            return UpstreamSilent(f"{name}: {words}.{done} Ask for less: a filter, a limit, a page.")
        when = f" in {mishap.retry_after_s:.0f} s" if mishap.retry_after_s else ""
        after = (
            f"Repeating it is safe: send it again{when}."
            if repeatable
            else "The call was sent and may have been carried out: look whether it was before you send it again."
        )
        return UpstreamSilent(f"{name}: {words}. {after}")


@contextmanager
def _patient(stop: Callable[[], None], go_on: Callable[[], None]) -> Generator[None]:
    """Stop the clock of a call while a person is asked something in the middle of it."""
    asker = asking.get()
    if asker is None:
        yield
        return

    async def ask(params: types.ElicitRequestParams) -> types.ElicitResult | types.ErrorData:
        stop()
        try:
            async with asyncio.timeout(PERSON_S):
                return await asker(params)
        except TimeoutError:
            return types.ElicitResult(action="cancel")
        finally:
            go_on()

    token = asking.set(ask)
    try:
        yield
    finally:
        asking.reset(token)


@dataclass
class _Progress:
    """Hands progress on, not more often than a host can take, and notes each as a sign of life."""

    inner: ProgressFnT | None
    alive: Callable[[], None]
    clock: Callable[[], float]
    _last: float = -1e9
    _busy: bool = False

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        self.alive()
        now = self.clock()
        if self.inner is None or self._busy or now - self._last < PROGRESS_EVERY_S:
            return
        self._last, self._busy = now, True
        try:
            await self.inner(progress, total, message)
        finally:
            self._busy = False
