"""Asks the user of a host for permission: by elicitation, or by a word of a second call where the host cannot ask."""

from dataclasses import dataclass
from typing import Any

from mcp.types import ElicitRequestFormParams, ElicitResult, InputRequiredResult

from stepwarden.errors import UpstreamRefused
from stepwarden.upstream.approval import ApprovalAnswer, ApprovalRequest, CallApproval
from stepwarden.upstream.calls.confirmations import Confirmations
from tools.shared.elicitation import Unanswered, put
from tools.upstream.approval_text import ApprovalText, approval_text
from tools.upstream.dialog import DialogRound, EndsWithQuestion, HostDialog

APPROVAL = "approve"  # the key of the question, and of its only field


@dataclass(frozen=True)
class HostApprover:
    """The approver of one call of `principal`.

    `word` is what an earlier reply gave to confirm the call. It is the model's, so it counts for nothing where the
    person can be asked. `exposed`: the call came by a tool whose schema has no room for a word of ours.
    """

    dialog: HostDialog
    principal: str
    confirmations: Confirmations
    word: str | None = None
    exposed: bool = False

    async def approve(self, request: ApprovalRequest) -> ApprovalAnswer:
        """See `Approver`; what an earlier round allowed is not asked again."""
        known = self.dialog.approval
        if known is not None and known.digest == request.digest:
            return known
        text = approval_text(request, exposed=self.exposed)
        answer = await self._ask(request, text)
        if answer is None:
            answer = self._confirm(request, text)
        if answer.allowed:
            self.dialog.approval = answer
        return answer

    async def _ask(self, request: ApprovalRequest, text: ApprovalText) -> ApprovalAnswer | None:
        """Ask the person; None where the host cannot."""
        if self.dialog.context is None:
            return None
        params = ElicitRequestFormParams(message=text.message, requested_schema=_form(text.yes))
        state = DialogRound(approved=request.digest, asked=APPROVAL).sealed()
        try:
            answer = await put(self.dialog.context, APPROVAL, params, state=state)
        except Unanswered:
            raise UpstreamRefused(f"{text.nothing} The user did not answer: send it again to ask them again.") from None
        if isinstance(answer, InputRequiredResult):
            raise EndsWithQuestion(answer)
        return None if answer is None else ApprovalAnswer(request.digest, _is_yes(answer), "user")

    def _confirm(self, request: ApprovalRequest, text: ApprovalText) -> ApprovalAnswer:
        """Take a word for a yes. Raises UpstreamRefused with one to send, where there is none or it does not fit."""
        why = text.nothing
        if isinstance(request, CallApproval) and request.doubt is not None and self.word == request.doubt.word:
            return ApprovalAnswer(request.digest, allowed=True, by="confirmed")  # it was given for just this call
        if self.word is not None:
            if self.confirmations.redeem(self.word, self.principal, request.digest):
                return ApprovalAnswer(request.digest, allowed=True, by="confirmed")
            why = "That word confirms something else, its time is over, or it was used: then look first what was done."
        word = self.confirmations.ask(self.principal, request.digest)
        raise UpstreamRefused(f"{why} {text.how.replace('{confirm}', word)}")


def _is_yes(answer: ElicitResult) -> bool:
    return answer.action == "accept" and (answer.content or {}).get(APPROVAL) is True


def _form(yes: str) -> dict[str, Any]:
    return {"type": "object", "properties": {APPROVAL: {"type": "boolean", "title": yes}}, "required": [APPROVAL]}
