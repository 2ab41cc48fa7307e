"""What goes back and forth with the host of one call: what its earlier rounds settled, and the question that ends it.

A host of 2026 ends the call with the question, and comes again with the answer and with a state of ours, which the SDK
seals and binds to the arguments, to the caller and to a time.
"""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any, cast

from mcp.server.mcpserver import Context
from mcp.types import InputRequiredResult

from stepwarden.upstream.approval import ApprovalAnswer, ApprovedBy, Suspended


class EndsWithQuestion(Suspended):
    """The call ends with `result`, a question to the host's user; the host comes again with their answer."""

    def __init__(self, result: InputRequiredResult) -> None:
        super().__init__()
        self.result = result


@dataclass(frozen=True)
class DialogRound:
    """One round of a call, as it is sealed.

    `approved` is the digest of what was allowed so far, `by` what allowed it, "" where nothing was. `asked` is the
    question that the answers are to, `question` the digest of a sign-in. `state` is what an upstream that asked wants
    back, or the name of the one to sign in at; `pending` the id of the call that waits for the answer.
    """

    approved: str = ""
    by: str = ""
    asked: str = ""
    question: str = ""
    state: str | None = None
    pending: str = ""

    def sealed(self) -> str:
        """Return it as the state of the next round; the SDK seals it."""
        return json.dumps({key: value for key, value in asdict(self).items() if value})

    @classmethod
    def of(cls, context: Context[Any, Any] | None) -> "DialogRound":
        """Return the round before this one; an empty one where there was none."""
        if context is not None and context.request_state is not None:
            with suppress(ValueError, TypeError):
                return cls(**json.loads(context.request_state))
        return cls()


@dataclass
class HostDialog:
    """The dialog with one host; without `context` it cannot be asked. `approval` is what was allowed so far."""

    context: Context[Any, Any] | None
    earlier: DialogRound = field(init=False)
    approval: ApprovalAnswer | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.earlier = DialogRound.of(self.context)
        if self.earlier.by:
            by = cast("ApprovedBy", self.earlier.by)  # sealed: we wrote it ourselves
            self.approval = ApprovalAnswer(self.earlier.approved, allowed=True, by=by)

    def sealed(self, round_: DialogRound) -> str:
        """Return the state of the next round, with what was allowed so far."""
        if self.approval is not None:
            round_ = replace(round_, approved=self.approval.digest, by=self.approval.by)
        return round_.sealed()
