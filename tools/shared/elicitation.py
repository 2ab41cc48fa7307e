"""Asks the user one thing in the middle of a call, where the host can; nobody is ever held up by it.

Hosts of 2026 ask themselves: the call ends with the question, and comes again with the answer. Older hosts are asked
while the call waits.
"""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import anyio
from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError
from mcp.types import (
    ClientCapabilities,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitRequestParams,
    ElicitRequestURLParams,
    ElicitResult,
    InputRequiredResult,
)
from mcp_types.version import is_version_at_least

ASK_SECONDS = 30.0  # for an answer on the same call; a call has 45 s in all (docs/protocol.md)
MODERN = "2026-07-28"  # from this revision on, a question ends the call and its answer comes with the next

_context: ContextVar[Context[Any, Any] | None] = ContextVar("context", default=None)


@dataclass(frozen=True, slots=True)
class UserQuestion:
    """One field of a tool that the user may be asked for: what to ask, and the words that answer it with their titles.

    `open_words` are values of the field that stand for the question itself.
    """

    field: str
    message: str
    words: Mapping[str, str]
    open_words: Sequence[str] = ()

    def schema(self) -> dict[str, Any]:
        """Return the form: one choice."""
        choice = {
            "type": "string",
            "title": self.field,
            "enum": list(self.words),
            "enumNames": list(self.words.values()),
        }
        return {"type": "object", "properties": {self.field: choice}, "required": [self.field]}


class Unanswered(Exception):
    """The host put the question to its user, and they did not answer in time."""


def note_context(context: Context[Any, Any]) -> None:
    """Note, for the call that is answered now, the connection on which its user may be asked."""
    _context.set(context)


def current_context() -> Context[Any, Any] | None:
    """Return the context of the call that is answered now, None outside of one."""
    return _context.get()


async def ask(question: UserQuestion) -> str | InputRequiredResult | None:
    """Ask the user; give one of the question's words, or None where nobody answers.

    A result instead is what the call has to return: hosts of 2026 ask themselves, and call again with the answer.
    """
    context = current_context()
    if context is None:
        return None
    params = ElicitRequestFormParams(message=question.message, requested_schema=question.schema())
    try:
        answer = await put(context, question.field, params)
    except Unanswered:
        return None
    return _word(question, answer) if isinstance(answer, ElicitResult) else answer


async def put(
    context: Context[Any, Any], key: str, params: ElicitRequestParams, *, state: str | None = None
) -> ElicitResult | InputRequiredResult | None:
    """Put a form, or an address to open, to the user; give the answer, or None where the host cannot put it.

    A result instead is what the call has to return; the SDK seals `state` on its way, and an answer that comes back
    with another state belongs to another question. Raises Unanswered.
    """
    if not can_put(context, params):
        return None
    if ends_with_question(context):
        if context.input_responses is not None and context.request_state == state:
            answer = context.input_responses.get(key)
            if not isinstance(answer, ElicitResult):
                raise Unanswered
            return answer
        return InputRequiredResult(input_requests={key: ElicitRequest(params=params)}, request_state=state)
    with anyio.move_on_after(ASK_SECONDS):
        try:
            return await put_now(context, params)
        except MCPError:  # such as a connection that has no way back, or a host that changed its mind
            return None
    raise Unanswered


async def put_now(context: Context[Any, Any], params: ElicitRequestParams) -> ElicitResult:
    """Put a question to the user of a host of the 2025 era, and wait for the answer. Raises MCPError."""
    if isinstance(params, ElicitRequestURLParams):
        identity = params.elicitation_id or ""
        return await context.session.elicit_url(params.message, params.url, identity, context.request_id)
    return await context.session.elicit_form(params.message, params.requested_schema, context.request_id)


def can_put(context: Context[Any, Any], params: ElicitRequestParams) -> bool:
    """Whether the host declared that it puts such questions to its user."""
    return can_open(context) if isinstance(params, ElicitRequestURLParams) else can_ask(context)


def can_ask(context: Context[Any, Any]) -> bool:
    """Whether the host declared that it puts forms to its user."""
    return declares_forms(context.client_capabilities)


def declares_forms(capabilities: ClientCapabilities | None) -> bool:
    """Whether these capabilities of a host have forms; an empty declaration is one of them (2025-06-18)."""
    elicitation = capabilities.elicitation if capabilities is not None else None
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)


def can_open(context: Context[Any, Any]) -> bool:
    """Whether the host declared that it opens addresses."""
    capabilities = context.client_capabilities
    elicitation = capabilities.elicitation if capabilities is not None else None
    return elicitation is not None and elicitation.url is not None


def ends_with_question(context: Context[Any, Any]) -> bool:
    """Whether a question ends the call, as from 2026 on."""
    return context.protocol_version is not None and is_version_at_least(context.protocol_version, MODERN)


def _word(question: UserQuestion, answer: ElicitResult) -> str | None:
    said = (answer.content or {}).get(question.field) if answer.action == "accept" else None
    return said if isinstance(said, str) and said in question.words else None
