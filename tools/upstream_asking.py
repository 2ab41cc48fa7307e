"""Approval of a call, and questions that an upstream asks in the middle of one: to the user where the host can ask.

Hosts of 2026 ask themselves: the call ends with the question, and comes again with the answer and with a state of ours,
which the SDK seals and binds to the same arguments. Older hosts are asked while the call waits.
"""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError
from mcp.types import (
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitRequestParams,
    ElicitResult,
    ErrorData,
    InputRequiredResult,
    InputResponses,
)
from mcp_types.version import is_version_at_least

from stepwarden.errors import UpstreamRefused
from stepwarden.upstream.approval import Confirmations
from stepwarden.upstream.gateway import Ended, Prepared
from stepwarden.upstream.link import asking
from stepwarden.upstream.mishaps import quoted
from tools.upstream_telling import asked_for_approval, shown_arguments

ASK_SECONDS = 30.0  # for an answer on the same call
ROUNDS = 10  # of questions in one call
MODERN = "2026-07-28"
KEY = "approve"
FORM: dict[str, Any] = {
    "type": "object",
    "properties": {KEY: {"type": "boolean", "title": "Allow this call"}},
    "required": [KEY],
}


Call = Callable[[InputResponses | None, str | None], Awaitable[Ended]]
"""Makes a call; what it is given goes back to an upstream that asked something in the round before."""


@dataclass(frozen=True)
class Approval:
    """Whether a call may be made: `refused` says why not; `by` is what let it through.

    `answers` and `state` go back to an upstream that asked something in an earlier round of the same call.
    """

    by: str = ""
    refused: str = ""
    answers: InputResponses | None = None
    state: str | None = None

    def passed_on(
        self, asked: InputRequiredResult, context: Context[Any, Any] | None, name: str
    ) -> InputRequiredResult:
        """Give an upstream's questions to a host that asks them. Raises UpstreamRefused where it cannot."""
        requests = list((asked.input_requests or {}).values())
        if any(not isinstance(request, ElicitRequest) for request in requests):
            raise UpstreamRefused(f"{name} wants more than an answer of the user, which is not handed on to it.")
        if context is None or not _modern(context) or (requests and not can_ask(context)):
            said = "; ".join(
                quoted(request.params.message) for request in requests if isinstance(request, ElicitRequest)
            )
            raise UpstreamRefused(
                f"{name} asks the user something first, and this host cannot hand such questions on. It asks: {said}"
            )
        state = json.dumps({"by": self.by, "state": asked.request_state})
        return InputRequiredResult(input_requests=asked.input_requests, request_state=state)


async def approval_of(
    prepared: Prepared,
    context: Context[Any, Any] | None,
    principal: str,
    word: str | None,
    confirmations: Confirmations,
    *,
    exposed: bool = False,
) -> Approval | InputRequiredResult:
    """Find out whether a call may be made: by setting, by its user, or by a word that an earlier reply gave."""
    earlier = _earlier(context)
    if earlier is not None:
        return earlier
    if not prepared.needs_approval:
        return Approval(by="" if prepared.tool.reads_only else "setting")
    if word is not None:
        if confirmations.redeem(word, principal, prepared.about):
            return Approval(by="confirmed")
        why = "That word confirms another call, or its time is over."
        return Approval(refused=_again(why, prepared, principal, confirmations, exposed=exposed))
    if context is not None and can_ask(context):
        said = await _asked(prepared, context)
        if not isinstance(said, str):
            return said
        if said in {"accept", "decline"}:
            refused = f"The user did not allow {prepared.name}. Nothing was sent. Ask them what to do instead."
            return Approval(by="user") if said == "accept" else Approval(refused=refused)
    return Approval(refused=_again("Nothing was sent yet.", prepared, principal, confirmations, exposed=exposed))


def _again(why: str, prepared: Prepared, principal: str, confirmations: Confirmations, *, exposed: bool) -> str:
    word = confirmations.ask(principal, prepared.about)
    how = f'the same call again with confirm="{word}"'
    if exposed:  # its schema is the upstream's, and has no room for the word
        how = f'upstream(action="call", tool="{prepared.name}", confirm="{word}") with the same arguments'
    return (
        f"{why} {prepared.name} {_changes(prepared)}: tell your user what you are about to do, with "
        f"{shown_arguments(prepared.arguments)}, and send {how} if they agree (within 10 minutes; for just these "
        "arguments)."
    )


def _changes(prepared: Prepared) -> str:
    return "may destroy something" if prepared.tool.destroys else "reads" if prepared.tool.reads_only else "writes"


def _earlier(context: Context[Any, Any] | None) -> Approval | None:
    """Give the approval of an earlier round of the same call, which comes back sealed."""
    if context is None or context.request_state is None:
        return None
    try:
        found = json.loads(context.request_state)
        return Approval(by=found["by"], answers=context.input_responses, state=found["state"])
    except (ValueError, TypeError, KeyError):
        return None


async def _asked(prepared: Prepared, context: Context[Any, Any]) -> str | InputRequiredResult:
    """Ask the user; give "accept", "decline", or "" where nobody answers."""
    message = asked_for_approval(prepared.name, prepared.tool, prepared.arguments)
    if _modern(context):
        asked = json.dumps({"asked": prepared.about})  # sealed on its way: an answer counts for this question alone
        if context.input_responses is not None and context.request_state == asked:
            answer = context.input_responses.get(KEY)
            return _verdict(answer) if isinstance(answer, ElicitResult) else ""
        params = ElicitRequestFormParams(message=message, requested_schema=FORM)
        return InputRequiredResult(input_requests={KEY: ElicitRequest(params=params)}, request_state=asked)
    with anyio.move_on_after(ASK_SECONDS):
        try:
            return _verdict(await context.session.elicit_form(message, FORM, context.request_id))
        except MCPError:  # such as a connection that has no way back
            return ""
    return ""


def _verdict(answer: ElicitResult) -> str:
    if answer.action == "cancel":
        return "decline"
    return "accept" if answer.action == "accept" and (answer.content or {}).get(KEY) is True else "decline"


def can_ask(context: Context[Any, Any]) -> bool:
    """Whether the host declared forms; an empty declaration is one of them (2025-06-18)."""
    capabilities = context.client_capabilities
    elicitation = capabilities.elicitation if capabilities is not None else None
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)


def _modern(context: Context[Any, Any]) -> bool:
    return context.protocol_version is not None and is_version_at_least(context.protocol_version, MODERN)


@asynccontextmanager
async def answers_for(context: Context[Any, Any] | None) -> AsyncGenerator[None]:
    """Let upstreams of the 2025 era ask the user of this call meanwhile, where its host can."""
    if context is None or _modern(context) or not can_ask(context):
        yield
        return

    async def put(params: ElicitRequestParams) -> ElicitResult | ErrorData:
        try:
            return await _put(params, context)
        except MCPError as error:
            return error.error

    token = asking.set(put)
    try:
        yield
    finally:
        asking.reset(token)


async def _put(params: ElicitRequestParams, context: Context[Any, Any]) -> ElicitResult:
    if not isinstance(params, ElicitRequestFormParams):
        return ElicitResult(action="cancel")
    return await context.session.elicit_form(params.message, params.requested_schema, context.request_id)


async def asked_through(
    call: Call, approval: Approval, context: Context[Any, Any] | None, name: str
) -> Ended | InputRequiredResult:
    """Make a call, and put what an upstream of 2026 asks in the middle of it to its user, round by round.

    A host of 2026 is given the questions and comes again; an older one is asked here. Raises UpstreamRefused where it
    cannot ask, or the rounds do not end.
    """
    answers, state = approval.answers, approval.state
    for _ in range(ROUNDS):
        async with answers_for(context):
            ended = await call(answers, state)
        if not isinstance(ended.answer, InputRequiredResult):
            return ended
        if context is None or _modern(context) or not can_ask(context):
            return approval.passed_on(ended.answer, context, name)
        state, answers = ended.answer.request_state, await _answered(ended.answer, context, name)
    raise UpstreamRefused(f"{name} asked the user {ROUNDS} times and came to no end. It may have done something: look.")


async def _answered(asked: InputRequiredResult, context: Context[Any, Any], name: str) -> InputResponses:
    answers: InputResponses = {}
    for key, request in (asked.input_requests or {}).items():
        if not isinstance(request, ElicitRequest):
            raise UpstreamRefused(f"{name} wants what this host does not give ({request.method}). Nothing was done.")
        try:
            answers[key] = await _put(request.params, context)
        except MCPError:
            raise UpstreamRefused(f"{name} asks the user something, and this host did not answer.") from None
    return answers
