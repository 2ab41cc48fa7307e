"""Asks the user one thing in the middle of a call, where the host can; nobody is ever held up by it."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import anyio
from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError
from mcp.types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from mcp_types.version import is_version_at_least

ASK_SECONDS = 30.0  # for an answer on the same call; a call has 45 s in all (docs/protocol.md)
MODERN = "2026-07-28"  # from this revision on, a question ends the call and its answer comes with the next

_context: ContextVar[Context[Any, Any] | None] = ContextVar("context", default=None)


@dataclass(frozen=True, slots=True)
class Question:
    """One field of a tool that the user may be asked for: what to ask, and the words that answer it with their titles.

    `open_words` are values of the field that stand for the question itself.
    """

    field: str
    message: str
    words: Mapping[str, str]
    open_words: Sequence[str] = ()

    def schema(self) -> dict[str, Any]:
        """Give the form: one choice."""
        choice = {
            "type": "string",
            "title": self.field,
            "enum": list(self.words),
            "enumNames": list(self.words.values()),
        }
        return {"type": "object", "properties": {self.field: choice}, "required": [self.field]}


def note_context(context: Context[Any, Any]) -> None:
    """Note, for the call that is answered now, the connection on which its user may be asked."""
    _context.set(context)


async def ask(question: Question) -> str | InputRequiredResult | None:
    """Ask the user; give one of the question's words, or None where nobody answers.

    A result instead is what the call has to return: hosts of 2026 ask themselves, and call again with the answer.
    """
    context = _context.get()
    if context is None or not _can_ask(context):
        return None
    if context.protocol_version is not None and is_version_at_least(context.protocol_version, MODERN):
        return _asked_by_host(context, question)
    with anyio.move_on_after(ASK_SECONDS):
        try:
            answer = await context.session.elicit_form(question.message, question.schema(), context.request_id)
        except MCPError:  # such as a connection that has no way back, or a host that changed its mind
            return None
        return _word(question, answer)
    return None


def _asked_by_host(context: Context[Any, Any], question: Question) -> str | InputRequiredResult | None:
    if context.input_responses is not None:
        answer = context.input_responses.get(question.field)
        return _word(question, answer) if isinstance(answer, ElicitResult) else None
    params = ElicitRequestFormParams(message=question.message, requested_schema=question.schema())
    return InputRequiredResult(input_requests={question.field: ElicitRequest(params=params)})


def _can_ask(context: Context[Any, Any]) -> bool:
    """Whether the host declared forms; an empty declaration is one of them (2025-06-18)."""
    capabilities = context.client_capabilities
    elicitation = capabilities.elicitation if capabilities is not None else None
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)


def _word(question: Question, answer: ElicitResult) -> str | None:
    said = (answer.content or {}).get(question.field) if answer.action == "accept" else None
    return said if isinstance(said, str) and said in question.words else None
