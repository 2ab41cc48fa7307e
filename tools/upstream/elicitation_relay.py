"""Questions that an upstream asks in the middle of a call, put to the user of that call, whatever eras both speak.

| host | upstream | what happens |
|---|---|---|
| 2025 | 2025 | the question is put while the call waits |
| 2025 | 2026 | the call ends with the question; it is put, and the call is made again with the answer |
| 2026 | 2026 | our call ends with the question too; the host comes again with the answer |
| 2026 | 2025 | our call ends, the upstream's waits in a task of its own until the host comes again |
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError
from mcp.types import ElicitRequest, ElicitResult, InputRequests, InputRequiredResult, InputResponses

from stepwarden.errors import UpstreamRefused
from stepwarden.upstream.call_request import CallProgress, CallRound
from stepwarden.upstream.calls.guarded_call import MakeRound
from stepwarden.upstream.calls.outcome import CallOutcome
from stepwarden.upstream.calls.pending_calls import PendingCall, PendingCalls
from stepwarden.upstream.failures import quoted
from stepwarden.upstream.questions import (
    NO_ANSWER,
    AddressQuestion,
    OtherRequest,
    QuestionAnswer,
    QuestionFailure,
    QuestionRound,
    UpstreamQuestion,
    current_asker,
)
from stepwarden.upstream.transport.wire import read_answer, read_failure, write_question
from tools.shared.elicitation import can_ask, can_open, ends_with_question, put_now
from tools.upstream.dialog import DialogRound, EndsWithQuestion, HostDialog

ROUNDS = 10  # of questions in one call
RELAYED = "upstream"  # an upstream of 2026 asked
WAITING = "waiting"  # one of 2025 did, and its call waits


@dataclass(frozen=True)
class HostQuestionRelay:
    """The question relay of one call of `principal`; `progress` hears how it goes on."""

    dialog: HostDialog
    principal: str
    pending: PendingCalls
    progress: CallProgress

    async def carry(self, make_round: MakeRound, tool: str) -> CallOutcome:
        """See `QuestionRelay`."""
        context = self.dialog.context
        if context is None or not (can_ask(context) or can_open(context)):
            outcome = await make_round(CallRound(), self.progress)
            if isinstance(outcome.answer, QuestionRound):
                raise _cannot_relay(tool, outcome.answer)
            return outcome
        if ends_with_question(context):
            return await self._carry_on(context, make_round, tool)
        return await self._carry_through(context, make_round, tool)

    async def _carry_through(self, context: Context[Any, Any], make_round: MakeRound, tool: str) -> CallOutcome:
        """Put the questions to a host of 2025 while the call waits."""
        round_ = CallRound()
        for _ in range(ROUNDS):
            async with _answering(context):
                outcome = await make_round(round_, self.progress)
            if not isinstance(outcome.answer, QuestionRound):
                return outcome
            round_ = CallRound(await _answers_to(outcome.answer, context, tool), outcome.answer.state)
        raise UpstreamRefused(
            f"{tool} asked the user {ROUNDS} times and did not finish. It may have done something: look."
        )

    async def _carry_on(self, context: Context[Any, Any], make_round: MakeRound, tool: str) -> CallOutcome:
        """Make or go on with the call of a host of 2026, which ends with the next question."""
        call = self._resumed(context, tool)
        if call is None:
            relayed = self.dialog.earlier.asked == RELAYED
            round_ = CallRound(_read(context), self.dialog.earlier.state) if relayed else CallRound()
            call = PendingCall(lambda progress: make_round(round_, progress), self.principal, self.progress)
        reached = await call.next()
        if not isinstance(reached, CallOutcome):
            raise await self._left_waiting(context, call, reached, tool)
        if not isinstance(reached.answer, QuestionRound):
            return reached
        asked = reached.answer
        requests = {key: _request(context, question) for key, question in asked.questions.items()}
        known: InputRequests = {key: request for key, request in requests.items() if request is not None}
        if len(known) < len(requests):
            raise _cannot_relay(tool, asked)
        state = self.dialog.sealed(DialogRound(asked=RELAYED, state=asked.state))
        raise EndsWithQuestion(InputRequiredResult(input_requests=known or None, request_state=state))

    def _resumed(self, context: Context[Any, Any], tool: str) -> PendingCall | None:
        """Return the call that waited for an answer, with its answer; None where none did."""
        if self.dialog.earlier.asked != WAITING:
            return None
        call = self.pending.take(self.dialog.earlier.pending, self.principal)
        if call is None:
            raise UpstreamRefused(
                f"The answer came too late: {tool} no longer waits for it. It may have done something: look, and send "
                "the call again without the answer if it did not."
            )
        call.progress = self.progress
        call.answer((_read(context) or {}).get(WAITING))
        return call

    async def _left_waiting(
        self, context: Context[Any, Any], call: PendingCall, question: UpstreamQuestion, tool: str
    ) -> EndsWithQuestion:
        """Return the end of our call with the question of one that waits for its answer."""
        request = _request(context, question)
        if request is None:
            await call.give_up()
            raise UpstreamRefused(f"{tool} asks the user what this host cannot put to them: {quoted(question.message)}")
        round_ = DialogRound(asked=WAITING, pending=await self.pending.keep(call))
        return EndsWithQuestion(
            InputRequiredResult(input_requests={WAITING: request}, request_state=self.dialog.sealed(round_))
        )


@asynccontextmanager
async def _answering(context: Context[Any, Any]) -> AsyncGenerator[None]:
    """Let an upstream of the 2025 era ask the user of this call meanwhile."""

    async def ask(question: UpstreamQuestion) -> QuestionAnswer | QuestionFailure:
        if not _can_put(context, question):
            return NO_ANSWER
        try:
            return read_answer(await put_now(context, write_question(question)))
        except MCPError as error:
            return read_failure(error.error)

    token = current_asker.set(ask)
    try:
        yield
    finally:
        current_asker.reset(token)


async def _answers_to(asked: QuestionRound, context: Context[Any, Any], tool: str) -> Mapping[str, QuestionAnswer]:
    answers: dict[str, QuestionAnswer] = {}
    for key, question in asked.questions.items():
        if isinstance(question, OtherRequest) or not _can_put(context, question):
            raise _cannot_relay(tool, asked)
        try:
            answers[key] = read_answer(await put_now(context, write_question(question)))
        except MCPError:
            raise UpstreamRefused(f"{tool} asks the user something, and this host did not answer.") from None
    return answers


def _read(context: Context[Any, Any]) -> Mapping[str, QuestionAnswer] | None:
    """Return the answers that a host of 2026 came again with."""
    responses: InputResponses | None = context.input_responses
    if responses is None:
        return None
    return {key: read_answer(answer) for key, answer in responses.items() if isinstance(answer, ElicitResult)}


def _request(context: Context[Any, Any], question: UpstreamQuestion | OtherRequest) -> ElicitRequest | None:
    """Return a question as a host of 2026 is asked it; None where it cannot be."""
    if isinstance(question, OtherRequest) or not _can_put(context, question):
        return None
    return ElicitRequest(params=write_question(question))


def _can_put(context: Context[Any, Any], question: UpstreamQuestion) -> bool:
    return can_open(context) if isinstance(question, AddressQuestion) else can_ask(context)


def _cannot_relay(tool: str, asked: QuestionRound) -> UpstreamRefused:
    questions = [question for question in asked.questions.values() if not isinstance(question, OtherRequest)]
    if len(questions) < len(asked.questions):
        return UpstreamRefused(f"{tool} wants more than an answer of the user, which is not handed on to it.")
    messages = "; ".join(quoted(question.message) for question in questions)
    return UpstreamRefused(
        f"{tool} asks the user something first, and this host cannot hand such questions on. It asks: {messages}"
    )
