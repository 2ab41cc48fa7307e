"""What one call sends to an upstream, and what comes back: values that know no protocol."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from stepwarden.upstream.questions import QuestionAnswer, QuestionRound
from stepwarden.upstream.tool_result import ToolResult

IDEMPOTENCY_KEY = "org.stepwarden/idempotency_key"
"""The key of a write's metadata by which its server can know it again when it is sent once more."""


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


def _permitted() -> None:
    pass


@dataclass(frozen=True)
class CallRequest:
    """One call of a tool by its own name, or one read: of a resource by its address, of a prompt by its name.

    `permit` raises UpstreamRefused where it may not be sent any more: connecting lists the tools anew. `key` is the
    same whenever the same write is sent again, for servers that know by it what they did already; "" for a read.
    """

    tool: str
    arguments: Mapping[str, Any]
    round: CallRound = field(default_factory=CallRound)
    on_progress: CallProgress | None = None
    kind: Literal["tool", "resource", "prompt"] = "tool"
    permit: Callable[[], None] = _permitted
    key: str = ""
