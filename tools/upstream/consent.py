"""The person behind a call: what they are asked on its way - to allow it, to sign in - in both protocol eras.

A host of 2026 ends the call with the question, and comes again with the answer and with a state of ours, which the SDK
seals and binds to the arguments, to the caller and to a time.
"""

import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError
from mcp.types import ElicitRequestFormParams, ElicitRequestURLParams, ElicitResult, InputRequiredResult

from stepwarden.errors import SignInNeeded, UpstreamRefused
from stepwarden.upstream.calls.confirmations import Confirmations
from stepwarden.upstream.calls.records import new_id
from stepwarden.upstream.servers import Upstreams
from tools.shared.elicitation import Unanswered, can_open, ends_with_question, put

SIGN_IN_S = 30.0  # for a sign-in on the same call, once its address was opened
APPROVAL, SIGN_IN = "approve", "sign_in"

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class ConsentRound:
    """What an earlier round of the same call settled. `about` is the digest of what was asked to be allowed.

    `by` is what allowed it, "" while that is open; `asked` which question the answers are to; `state` what an upstream
    that asked wants back, or the name of the one to sign in at; `waiting` the id of the call that waits for the answer.
    """

    about: str = ""
    by: str = ""
    asked: str = ""
    state: str | None = None
    waiting: str = ""

    def sealed(self) -> str:
        """Return it as the state of the next round; the SDK seals it."""
        return json.dumps({key: value for key, value in asdict(self).items() if value})

    @classmethod
    def of(cls, context: Context[Any, Any] | None) -> "ConsentRound":
        """Return the round before this one; an empty one where there was none."""
        if context is not None and context.request_state is not None:
            with suppress(ValueError, TypeError):
                return cls(**json.loads(context.request_state))
        return cls()


@dataclass(frozen=True)
class ConsentRequest:
    """What a person has to allow. `about` is the digest of just this; `message` the question, `yes` its answer.

    `how` says how to go on with the word `{confirm}` where the host cannot ask; `declined` what is told after a no.
    """

    about: str
    message: str
    yes: str
    how: str
    declined: str
    nothing: str = "Nothing was sent yet."


@dataclass
class Consent:
    """Whoever sits before the host of one call. `by` is what allowed the call so far."""

    context: Context[Any, Any] | None
    principal: str
    confirmations: Confirmations
    earlier: ConsentRound = field(init=False)
    about: str = ""
    by: str = ""
    _sent_to_sign_in: bool = field(init=False)

    def __post_init__(self) -> None:
        self.earlier = ConsentRound.of(self.context)
        self._sent_to_sign_in = self.earlier.asked == SIGN_IN

    @property
    def may_sign_in(self) -> bool:
        """Whether they can be sent to an address by the host, and were not yet."""
        return self.context is not None and can_open(self.context) and not self._sent_to_sign_in

    async def allows(self, asked: ConsentRequest, word: str | None) -> InputRequiredResult | None:
        """Get something allowed: by the person, or where the host cannot ask them by a word that an earlier reply gave.

        `by` says how. The word is the model's, so that it counts for nothing where the person can be asked.

        A result instead is what the call has to return. Raises UpstreamRefused where it is not allowed.
        """
        if self.by and self.about == asked.about:
            return None
        self.about = asked.about
        if self.earlier.by and self.earlier.about == asked.about:
            self.by = self.earlier.by
            return None
        answer = await self._answer_to(asked)
        if isinstance(answer, InputRequiredResult):
            return answer
        if answer is None:
            self._confirmed(asked, word)
        elif answer.action != "accept" or (answer.content or {}).get(APPROVAL) is not True:
            raise UpstreamRefused(asked.declined)
        else:
            self.by = "user"
        return None

    async def _answer_to(self, asked: ConsentRequest) -> ElicitResult | InputRequiredResult | None:
        """Ask the person; None where the host cannot."""
        if self.context is None:
            return None
        params = ElicitRequestFormParams(message=asked.message, requested_schema=_form(asked.yes))
        try:
            return await put(
                self.context, APPROVAL, params, state=ConsentRound(about=asked.about, asked=APPROVAL).sealed()
            )
        except Unanswered:
            raise UpstreamRefused(
                f"{asked.nothing} The user did not answer: send it again to ask them again."
            ) from None

    def _confirmed(self, asked: ConsentRequest, word: str | None) -> None:
        """Take a word for a yes. Raises UpstreamRefused with one to send, where there is none or it does not fit."""
        if word is None:
            raise self._once_more(asked, asked.nothing)
        if not self.confirmations.redeem(word, self.principal, asked.about):
            raise self._once_more(
                asked,
                "That word confirms something else, its time is over, or it was used: then look first what was done.",
            )
        self.by = "confirmed"

    def _once_more(self, asked: ConsentRequest, why: str) -> UpstreamRefused:
        word = self.confirmations.ask(self.principal, asked.about)
        return UpstreamRefused(f"{why} {asked.how.replace('{confirm}', word)}")

    async def signed_in_for(
        self, upstreams: Upstreams, action: Callable[[], Awaitable[_Answer]]
    ) -> _Answer | InputRequiredResult:
        """Do something, and once more after the person signed in where that is needed and the host opens addresses.

        A result instead is what the call has to return. Raises what `action` raises: SignInNeeded with the address
        where the host cannot open it, or they did not come to an end in time.
        """
        opened: bool | None = None
        if self.earlier.asked == SIGN_IN:
            opened = await self._signed_in(upstreams, self.earlier.state or "", self._answer())
        while True:  # twice at the most: nobody is sent to sign in a second time
            try:
                return await action()
            except SignInNeeded as error:
                if opened is False:
                    raise _declined(error.upstream) from error
                if error.address is None or not self.may_sign_in:
                    raise
                sent = await self._sent(upstreams, error.upstream, error.address)
                if sent is None:
                    raise
                if isinstance(sent, InputRequiredResult):
                    return sent
                opened = sent

    def _answer(self) -> ElicitResult | None:
        answers = (self.context.input_responses if self.context is not None else None) or {}
        answer = answers.get(SIGN_IN)
        return answer if isinstance(answer, ElicitResult) else None

    async def _sent(self, upstreams: Upstreams, upstream: str, address: str) -> InputRequiredResult | bool | None:
        """Send them to an address; tell whether they opened it, None where nobody answered."""
        assert self.context is not None
        self._sent_to_sign_in = True
        identity = None if ends_with_question(self.context) else new_id("sign-in")
        message = f"Sign in at {upstream} in your browser, so that it can be called for you."
        params = ElicitRequestURLParams(message=message, url=address, elicitation_id=identity)
        state = ConsentRound(self.about, self.by, SIGN_IN, upstream).sealed()
        try:
            answer = await put(self.context, SIGN_IN, params, state=state)
        except Unanswered:
            return None
        if not isinstance(answer, ElicitResult):
            return answer
        opened = await self._signed_in(upstreams, upstream, answer)
        if opened and identity is not None:
            with suppress(MCPError):
                await self.context.session.send_elicit_complete(identity, self.context.request_id)
        return opened

    async def _signed_in(self, upstreams: Upstreams, upstream: str, answer: ElicitResult | None) -> bool | None:
        """Wait for a sign-in that they were sent to; tell whether they opened its address, None without an answer."""
        if answer is None:
            return None
        if answer.action != "accept":
            return False
        await upstreams.signed_in(upstream, SIGN_IN_S)
        return True


def _declined(upstream: str) -> UpstreamRefused:
    return UpstreamRefused(
        f"The user did not want to sign in at {upstream} now. Nothing was sent. Ask them before you send it again."
    )


def _form(yes: str) -> dict[str, Any]:
    return {"type": "object", "properties": {APPROVAL: {"type": "boolean", "title": yes}}, "required": [APPROVAL]}
