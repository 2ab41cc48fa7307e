"""What a person is asked before a call or a changed tool is allowed, and what a model is told where nobody can ask."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stepwarden.upstream.approval import ApprovalRequest, CallApproval, TrustApproval
from stepwarden.upstream.calls.result_text import fenced
from stepwarden.upstream.catalogue.drift import ToolChange

ARGUMENTS_CHARS = 1_200  # of a call that waits for approval

KINDS = {"read": "only reads", "write": "writes", "destructive": "may destroy something"}
"""What a tool claims to do, in words."""


@dataclass(frozen=True)
class ApprovalText:
    """The words of one request: `message` is the question, `yes` its answer.

    `how` says how to go on with the word `{confirm}` where the host cannot ask; `nothing` what was not done yet.
    """

    message: str
    yes: str
    how: str
    nothing: str


def approval_text(request: ApprovalRequest, *, exposed: bool) -> ApprovalText:
    """Return the words of a request; `exposed`: the call came by a tool whose schema has no room for a word of ours."""
    return _trust_text(request) if isinstance(request, TrustApproval) else _call_text(request, exposed)


def _call_text(request: CallApproval, exposed: bool) -> ApprovalText:
    name, shown = request.tool, _shown_arguments(request.arguments)
    again = 'the same call again with confirm="{confirm}"'
    if exposed:
        again = f'upstream(action="call", tool="{name}", confirm="{{confirm}}") with the same arguments'
    does = "reads" if request.kind == "read" else KINDS[request.kind]
    mark = " (what it makes gets a mark, sw-..., by which it is found again)" if request.leaves_mark else ""
    before = f"{request.doubt.line} Send it again? " if request.doubt is not None else ""
    return ApprovalText(
        message=f"{before}Allow {name} ({KINDS[request.kind]}) with {shown}{mark}?",
        yes="Allow this call",
        how=(
            f"{name} {does}: tell your user what you are about to do, with {shown}{mark}, and send {again} "
            "if they agree (within 10 minutes; for just these arguments)."
        ),
        nothing="Nothing was sent yet.",
    )


def _trust_text(request: TrustApproval) -> ApprovalText:
    name = request.tool
    lines = "\n".join(change_lines(request.changes))
    again = f'upstream(action="accept", tool="{name}", confirm="{{confirm}}")'
    marked = fenced(name.partition("/")[0], lines)
    return ApprovalText(
        message=f"{name} changed since you trusted it:\n{lines}\nTrust it as it is now?",
        yes="Trust it as it is now",
        how=f"Tell your user how {name} changed, and send {again} if they agree (within 10 minutes):\n{marked}",
        nothing="Nothing was accepted yet.",
    )


def change_lines(changes: Sequence[ToolChange]) -> list[str]:
    """Return what changed in a tool, one line each; with words of its upstream."""
    return [f"- {change.line}" for change in changes]


def _shown_arguments(arguments: Mapping[str, Any]) -> str:
    """Return the arguments of a call as a person can read them: what cannot be seen stands there as its code."""
    text = json.dumps(arguments, ensure_ascii=False)
    text = "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)
    return text if len(text) <= ARGUMENTS_CHARS else f"{text[:ARGUMENTS_CHARS]}... ({len(text)} characters in all)"
