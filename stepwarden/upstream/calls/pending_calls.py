"""Calls that wait in the middle for an answer, while a host of 2026 asks its user and comes again."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from stepwarden.upstream.call_request import CallProgress
from stepwarden.upstream.calls.outcome import CallOutcome
from stepwarden.upstream.calls.records import new_id
from stepwarden.upstream.questions import NO_ANSWER, QuestionAnswer, UpstreamQuestion, current_asker

MOST = 100  # of calls that wait at the same time; the oldest is given up for another one

Work = Callable[[CallProgress], Awaitable[CallOutcome]]
"""Makes a call, and tells its argument how it goes on."""


class PendingCall:
    """A call in a task of its own: the request that began it may be over before it is.

    `progress` is told how it goes on, by whichever request waits for it now.
    """

    def __init__(self, work: Work, principal: str, progress: CallProgress) -> None:
        self.principal = principal
        self.progress = progress
        self._asking = asyncio.Lock()
        self._question: asyncio.Future[UpstreamQuestion] = asyncio.get_running_loop().create_future()
        self._answer: asyncio.Future[QuestionAnswer] | None = None
        self._late = False
        self._task = asyncio.create_task(self._run(work))
        self._task.add_done_callback(_seen)

    async def next(self) -> CallOutcome | UpstreamQuestion:
        """Wait for its end or its next question; raises what ended it. Cancelling this cancels the call."""
        try:
            await asyncio.wait({self._task, self._question}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self.give_up()
            raise
        return self._task.result() if self._task.done() else self._question.result()

    def answer(self, answer: QuestionAnswer | None) -> None:
        """Give the call the answer to the question that `next` returned, None where there is none."""
        self._question = asyncio.get_running_loop().create_future()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer or NO_ANSWER)

    @property
    def over(self) -> bool:
        """Whether nobody's answer can reach it any more: it came to its end, or went on without one."""
        return self._task.done() or self._late

    async def give_up(self) -> None:
        """Cancel it, at the upstream too."""
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _run(self, work: Work) -> CallOutcome:
        async def tell(progress: float, total: float | None, message: str | None) -> None:
            await self.progress(progress, total, message)

        current_asker.set(self._ask)  # in this task alone
        return await work(tell)

    async def _ask(self, question: UpstreamQuestion) -> QuestionAnswer:
        async with self._asking:
            if self._late:
                return NO_ANSWER
            self._answer = asyncio.get_running_loop().create_future()
            self._question.set_result(question)
            try:
                return await self._answer
            except asyncio.CancelledError:  # nobody answered in time: a later answer would be to another question
                self._late = True
                raise


@dataclass
class PendingCalls:
    """The calls of a process that wait for an answer, by an id that nobody can guess."""

    _calls: dict[str, PendingCall] = field(default_factory=dict[str, PendingCall])

    async def keep(self, call: PendingCall) -> str:
        """Keep a call until its answer comes; return its id."""
        self._calls = {key: kept for key, kept in self._calls.items() if not kept.over}
        while len(self._calls) >= MOST:
            await self._calls.pop(next(iter(self._calls))).give_up()
        key = new_id("waiting")
        self._calls[key] = call
        return key

    def take(self, key: str, principal: str) -> PendingCall | None:
        """Return the call that waits under this id for this principal; None where none does."""
        call = self._calls.get(key)
        if call is None or call.principal != principal or call.over:
            return None
        return self._calls.pop(key)

    async def close(self) -> None:
        """Cancel all of them."""
        while self._calls:
            await self._calls.popitem()[1].give_up()


def _seen(task: "asyncio.Task[CallOutcome]") -> None:
    if not task.cancelled():
        task.exception()  # whoever asked may never come again
