"""Sends the user of a host to an address to sign in at, where the host opens addresses (URL-mode elicitation)."""

from contextlib import suppress
from dataclasses import dataclass, field

from mcp.shared.exceptions import MCPError
from mcp.types import ElicitRequestURLParams, ElicitResult, InputRequiredResult

from stepwarden.upstream.calls.records import new_id
from stepwarden.upstream.sign_in import SignInAnswer, SignInDecision, SignInRequest
from tools.shared.elicitation import Unanswered, can_open, ends_with_question, put
from tools.upstream.dialog import DialogRound, EndsWithQuestion, HostDialog

SIGN_IN = "sign_in"  # the key of the question


@dataclass
class HostSignInPrompt:
    """The sign-in prompt of one call; nobody is sent to sign in twice in a call."""

    dialog: HostDialog
    _asked: bool = field(init=False)
    _elicitation_id: str | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._asked = self.dialog.earlier.asked == SIGN_IN

    @property
    def can_open(self) -> bool:
        """See `SignInPrompt`."""
        return self.dialog.context is not None and can_open(self.dialog.context) and not self._asked

    async def open_address(self, request: SignInRequest) -> SignInAnswer:
        """See `SignInPrompt`."""
        context = self.dialog.context
        assert context is not None  # whoever cannot open an address is not sent there
        self._asked = True
        self._elicitation_id = None if ends_with_question(context) else new_id("sign-in")
        message = f"Sign in at {request.upstream} in your browser, so that it can be called for you."
        params = ElicitRequestURLParams(message=message, url=request.address, elicitation_id=self._elicitation_id)
        round_ = DialogRound(asked=SIGN_IN, question=request.digest, state=request.upstream)
        try:
            answer = await put(context, SIGN_IN, params, state=self.dialog.sealed(round_))
        except Unanswered:
            return request.answer("unanswered")
        if isinstance(answer, InputRequiredResult):
            raise EndsWithQuestion(answer)
        return request.answer(_decision(answer))

    async def finish(self, request: SignInRequest) -> None:
        """Tell a host of 2025 that the address is done with."""
        context = self.dialog.context
        if context is not None and self._elicitation_id is not None:
            with suppress(MCPError):
                await context.session.send_elicit_complete(self._elicitation_id, context.request_id)


def resumed_sign_in(dialog: HostDialog) -> SignInAnswer | None:
    """Return the answer to a sign-in that ended an earlier round of the call; None where none did."""
    earlier = dialog.earlier
    if earlier.asked != SIGN_IN:
        return None
    answers = (dialog.context.input_responses if dialog.context is not None else None) or {}
    answer = answers.get(SIGN_IN)
    return SignInAnswer(
        earlier.question, earlier.state or "", _decision(answer if isinstance(answer, ElicitResult) else None)
    )


def _decision(answer: ElicitResult | None) -> SignInDecision:
    if answer is None:
        return "unanswered"
    return "opened" if answer.action == "accept" else "declined"
