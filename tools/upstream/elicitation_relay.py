"""Questions that an upstream asks in the middle of a call, put to the user of that call, whatever eras both speak.

| host | upstream | what happens |
|---|---|---|
| 2025 | 2025 | the question is put while the call waits |
| 2025 | 2026 | the call ends with the question; it is put, and the call is made again with the answer |
| 2026 | 2026 | our call ends with the question too; the host comes again with the answer |
| 2026 | 2025 | our call ends, the upstream's waits in a task of its own until the host comes again |
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from mcp.server.mcpserver import Context
from mcp.shared.dispatcher import ProgressFnT
from mcp.shared.exceptions import MCPError
from mcp.types import (
    ElicitRequest,
    ElicitRequestParams,
    ElicitResult,
    ErrorData,
    InputRequiredResult,
    InputResponses,
)

from stepwarden.errors import UpstreamRefused
from stepwarden.upstream.calls.outcome import CallOutcome
from stepwarden.upstream.calls.pending_elicitations import PendingCall, PendingCalls
from stepwarden.upstream.failures import quoted
from stepwarden.upstream.transport.session import asking
from tools.shared.elicitation import can_ask, can_open, can_put, ends_with_question, put_now
from tools.upstream.consent import Consent, ConsentRound

ROUNDS = 10  # of questions in one call
RELAYED = "upstream"  # an upstream of 2026 asked
WAITING = "waiting"  # one of 2025 did, and its call waits

Call = Callable[[InputResponses | None, str | None, ProgressFnT], Awaitable[CallOutcome]]
"""Makes a call: what goes back to an upstream that asked in the round before, and whom to tell how it goes on."""


async def asked_through(
    call: Call, person: Consent, waiting: PendingCalls, name: str, progress: ProgressFnT
) -> CallOutcome | InputRequiredResult:
    """Make a call of the tool `name`, and put what its upstream asks in the middle of it to its user.

    A result instead is what our own call has to return. Raises UpstreamRefused where the host cannot ask, or the
    questions do not end.
    """
    context, earlier = person.context, person.earlier
    if context is None or not (can_ask(context) or can_open(context)):
        ended = await call(None, None, progress)
        if isinstance(ended.answer, InputRequiredResult):
            raise _cannot(name, ended.answer)
        return ended
    if not ends_with_question(context):
        return await _asked_meanwhile(call, context, name, progress)
    relayed = earlier.asked == RELAYED
    answers, state = (context.input_responses, earlier.state) if relayed else (None, None)
    if earlier.asked == WAITING:
        found = waiting.take(earlier.waiting, person.principal)
        if found is None:
            raise UpstreamRefused(
                f"The answer came too late: {name} waits for it no more. It may have done something: look, and send "
                "the call again without the answer if it did not."
            )
        found.progress = progress
        answer = (context.input_responses or {}).get(WAITING)
        found.answer(answer if isinstance(answer, ElicitResult) else None)
    else:
        found = PendingCall(lambda tell: call(answers, state, tell), person.principal, progress)
    got = await found.next()
    if not isinstance(got, CallOutcome):
        return await _left_waiting(found, got, person, waiting, name)
    if not isinstance(got.answer, InputRequiredResult):
        return got
    if not all(_fits(context, request) for request in (got.answer.input_requests or {}).values()):
        raise _cannot(name, got.answer)
    round_ = ConsentRound(person.about, person.by, RELAYED, got.answer.request_state)
    return InputRequiredResult(input_requests=got.answer.input_requests, request_state=round_.sealed())


async def _left_waiting(
    call: PendingCall, asked: ElicitRequestParams, person: Consent, waiting: PendingCalls, name: str
) -> InputRequiredResult:
    assert person.context is not None
    if not can_put(person.context, asked):
        await call.give_up()
        raise UpstreamRefused(f"{name} asks the user what this host cannot put to them: {quoted(asked.message)}")
    round_ = ConsentRound(person.about, person.by, WAITING, waiting=await waiting.keep(call))
    return InputRequiredResult(input_requests={WAITING: ElicitRequest(params=asked)}, request_state=round_.sealed())


async def _asked_meanwhile(call: Call, context: Context[Any, Any], name: str, progress: ProgressFnT) -> CallOutcome:
    answers: InputResponses | None = None
    state: str | None = None
    for _ in range(ROUNDS):
        async with _answering(context):
            ended = await call(answers, state, progress)
        if not isinstance(ended.answer, InputRequiredResult):
            return ended
        state, answers = ended.answer.request_state, await _answered(ended.answer, context, name)
    raise UpstreamRefused(f"{name} asked the user {ROUNDS} times and came to no end. It may have done something: look.")


@asynccontextmanager
async def _answering(context: Context[Any, Any]) -> AsyncGenerator[None]:
    """Let an upstream of the 2025 era ask the user of this call meanwhile."""

    async def ask(params: ElicitRequestParams) -> ElicitResult | ErrorData:
        if not can_put(context, params):
            return ElicitResult(action="cancel")
        try:
            return await put_now(context, params)
        except MCPError as error:
            return error.error

    token = asking.set(ask)
    try:
        yield
    finally:
        asking.reset(token)


async def _answered(asked: InputRequiredResult, context: Context[Any, Any], name: str) -> InputResponses:
    answers: InputResponses = {}
    for key, request in (asked.input_requests or {}).items():
        if not isinstance(request, ElicitRequest) or not can_put(context, request.params):
            raise _cannot(name, asked)
        try:
            answers[key] = await put_now(context, request.params)
        except MCPError:
            raise UpstreamRefused(f"{name} asks the user something, and this host did not answer.") from None
    return answers


def _fits(context: Context[Any, Any], request: object) -> bool:
    return isinstance(request, ElicitRequest) and can_put(context, request.params)


def _cannot(name: str, asked: InputRequiredResult) -> UpstreamRefused:
    requests = list((asked.input_requests or {}).values())
    if any(not isinstance(request, ElicitRequest) for request in requests):
        return UpstreamRefused(f"{name} wants more than an answer of the user, which is not handed on to it.")
    said = "; ".join(quoted(request.params.message) for request in requests if isinstance(request, ElicitRequest))
    return UpstreamRefused(
        f"{name} asks the user something first, and this host cannot hand such questions on. It asks: {said}"
    )
