"""A call as one person makes it: checked, allowed by them where it has to be, signed in for, and recorded.

How the person is asked is behind three ports: a host does it by elicitation or by a word of a second call, a command by
the terminal.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, TypeVar

from stepwarden.errors import SignInNeeded, UpstreamRefused
from stepwarden.upstream.approval import ApprovedBy, Approver, ensure_approved
from stepwarden.upstream.call_request import CallProgress, CallRound
from stepwarden.upstream.calls.call_doubt import CallDoubt
from stepwarden.upstream.calls.outcome import CallOutcome
from stepwarden.upstream.calls.prepared_call import PreparedCall, prepare_call
from stepwarden.upstream.calls.recorded_call import RecordedCalls
from stepwarden.upstream.calls.records import Recorder
from stepwarden.upstream.doubts.look import WriteLook
from stepwarden.upstream.doubts.resolution import DoubtResolver
from stepwarden.upstream.failures import quoted
from stepwarden.upstream.servers import Upstreams
from stepwarden.upstream.sign_in import SignInAnswer, SignInPrompt, SignInRequest
from stepwarden.upstream.tool_index import ToolIndex
from stepwarden.upstream.tool_result import ToolResult

SIGN_IN_S = 30.0  # for a sign-in on the same call, once its address was opened

MakeRound = Callable[[CallRound, CallProgress], Awaitable[CallOutcome]]
"""Makes one round of a call: what goes back to an upstream that asked before, and who hears of progress."""

_Value = TypeVar("_Value")


class QuestionRelay(Protocol):
    """Carries a call through the questions that its upstream asks in the middle of it."""

    async def carry(self, make_round: MakeRound, tool: str) -> CallOutcome:
        """Return the end of a call of `tool` (`upstream/tool`), a ToolResult, once its questions were answered.

        Raises UpstreamRefused where the person cannot be asked, Suspended where their answer comes with a later call.
        """
        ...


@dataclass(frozen=True)
class Person:
    """Whoever a call is made for, by principal, and how they are asked.

    `resumed` is their answer to a sign-in for which an earlier round of the same call was suspended. `word` came with
    the call, to confirm something. `continues` says that it goes on with a call that waits for an answer, `thread`
    what it is made for; `by_session`: nobody named it, it is the latest open one of the session.
    """

    principal: str
    approver: Approver
    sign_in: SignInPrompt
    questions: QuestionRelay
    resumed: SignInAnswer | None = None
    word: str | None = None
    continues: bool = False
    thread: str = ""
    by_session: bool = False


@dataclass(frozen=True)
class MadeCall:
    """A call that came to its end, with its result, and the thread that it was made for."""

    prepared: PreparedCall
    outcome: CallOutcome
    result: ToolResult
    thread: str = ""


@dataclass(frozen=True)
class GuardedCalls:
    """Makes calls of the tools of `upstreams` for one person; `spent_s` of their time were spent before."""

    upstreams: Upstreams
    recorder: Recorder
    person: Person
    spent_s: float = 0.0

    async def make(self, name: str, arguments: Mapping[str, Any]) -> MadeCall:
        """Call `upstream/tool`.

        Raises what `prepare_call` and `RecordedCalls.make` raise, UpstreamRefused where it is not allowed, and
        Suspended.
        """
        return await signed_in_for(self.upstreams, self.person, lambda: self._make(name, arguments))

    async def _make(self, name: str, arguments: Mapping[str, Any]) -> MadeCall:
        thread, by_session = self.person.thread, self.person.by_session
        known = not thread or await self.recorder.has_thread(self.person.principal, thread)
        if not known and by_session:
            thread, by_session = "", False
        elif not known:
            raise UpstreamRefused(
                f"No thread of yours has the id {quoted(thread, 80)}: send the continuation_id that a reply gave you, "
                "or none. Nothing was sent."
            )
        prepared = await prepare_call(ToolIndex(self.upstreams), name, arguments, spent_s=self.spent_s)
        doubt = await self._doubt(prepared)
        approved = await self._approved(prepared, doubt)
        calls = RecordedCalls(self.recorder, self.person.principal, approved, doubt, thread, by_session)

        async def make_round(round_: CallRound, on_progress: CallProgress) -> CallOutcome:
            return await calls.make(prepared, round_, on_progress)

        outcome = await self.person.questions.carry(make_round, prepared.name)
        if not isinstance(outcome.answer, ToolResult):
            raise UpstreamRefused(f"{prepared.name} asks something that nobody answered.")
        return MadeCall(prepared, outcome, outcome.answer, thread)

    async def _doubt(self, prepared: PreparedCall) -> CallDoubt | None:
        """Return that the same call was begun before, where a look, or a person, found that it was not carried out.

        Raises UpstreamRefused with what is known of it, and how to go on.
        """
        if not prepared.sameness or self.person.continues:
            return None
        begun = await self.recorder.in_doubt(self.person.principal, prepared.sameness)
        if not begun:
            return None
        doubt = prepared.doubt(begun)
        if self.person.word == doubt.word:
            return doubt
        looks = WriteLook(ToolIndex(self.upstreams), self.recorder, self.person.principal, self.person.thread)
        found = await DoubtResolver(looks).resolve(prepared, begun)
        if found.verdict == "done":
            await self.recorder.settle(begun, self.person.principal, found=found.words)
        if found.verdict != "not_done":
            raise doubt.refusal_after(found)
        return replace(doubt, found=found.words)

    async def _approved(self, prepared: PreparedCall, doubt: CallDoubt | None) -> ApprovedBy | Literal[""]:
        """Return what allows a call, "" for a read that needs no permission. Raises UpstreamRefused and Suspended."""
        if prepared.needs_approval:
            return await ensure_approved(self.person.approver, prepared.approval(doubt))
        return "" if prepared.tool.effects.reads_only else "setting"


async def signed_in_for(upstreams: Upstreams, person: Person, action: Callable[[], Awaitable[_Value]]) -> _Value:
    """Do something, and once more after the person signed in where that is needed and they can be sent there.

    Raises what `action` raises, SignInNeeded with the address where they cannot be sent to it or were not done in
    time, UpstreamRefused where they declined, and Suspended.
    """
    answer, request = person.resumed, None
    while True:  # twice at the most: nobody is sent to sign in a second time
        if answer is not None and answer.decision == "opened":
            await upstreams.server(answer.upstream).auth.signed_in(SIGN_IN_S)
            if request is not None:
                await person.sign_in.finish(request)
        try:
            return await action()
        except SignInNeeded as error:
            if answer is not None and answer.decision == "declined":
                raise _declined(error.upstream) from error
            if answer is not None or error.address is None or not person.sign_in.can_open:
                raise
            request = SignInRequest(error.upstream, error.address)
            answer = await person.sign_in.open_address(request)
            if answer.decision == "unanswered" or answer.digest != request.digest:
                raise


def _declined(upstream: str) -> UpstreamRefused:
    return UpstreamRefused(
        f"The user did not want to sign in at {upstream} now. Nothing was sent. Ask them before you send it again."
    )
