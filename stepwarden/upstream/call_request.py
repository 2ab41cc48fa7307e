"""What one call sends to an upstream, and what comes back: values that know no protocol."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from stepwarden.upstream.questions import QuestionAnswer, QuestionRound
from stepwarden.upstream.tool_result import ToolResult


class CallProgress(Protocol):
    """Is told how a call goes on."""

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        """Hear how far it is: so far, in all, and in words."""
        ...


CallReply = ToolResult | QuestionRound
"""The result of a call, or what the upstream asks first."""


@dataclass(frozen=True)
class CallRound:
    """What goes back to an upstream that asked something in the round before; empty in the first."""

    answers: Mapping[str, QuestionAnswer] | None = None
    state: str | None = None


@dataclass(frozen=True)
class CallRequest:
    """One call of a tool by its own name, or one read: of a resource by its address, of a prompt by its name."""

    tool: str
    arguments: Mapping[str, Any]
    round: CallRound = field(default_factory=CallRound)
    on_progress: CallProgress | None = None
    kind: Literal["tool", "resource", "prompt"] = "tool"
