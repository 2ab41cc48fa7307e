"""The core's calls without any host: people are asked through ports, and results are values that can be kept."""

from dataclasses import dataclass, field
from typing import Any

import mcp_types as types
import pytest
from pydantic import TypeAdapter
from recorded import upstreams
from rigs.faulty import FaultyServer, Host

from stepwarden.errors import SignInNeeded, UpstreamRefused
from stepwarden.upstream.approval import ApprovalAnswer, ApprovalRequest, CallApproval, Suspended
from stepwarden.upstream.call_request import CallRequest, CallRound
from stepwarden.upstream.calls.guarded_call import GuardedCalls, MadeCall, MakeRound, Person, signed_in_for
from stepwarden.upstream.calls.outcome import CallOutcome
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.presets import PRESETS
from stepwarden.upstream.questions import AddressQuestion, FormQuestion, QuestionAnswer
from stepwarden.upstream.servers import Upstreams
from stepwarden.upstream.sign_in import SignInAnswer, SignInDecision, SignInRequest
from stepwarden.upstream.tool_result import TextBlock, ToolResult
from stepwarden.upstream.transport.wire import (
    read_answer,
    read_question,
    read_reply,
    write_answer,
    write_call,
    write_question,
    write_result,
)
from tests.support.call_records import Records

pytestmark = pytest.mark.asyncio


@dataclass
class Scripted:
    """A person that is no user of a host: it decides by rules, as a run does, and keeps what it was asked."""

    allows: bool = True
    digest: str | None = None
    parks: bool = False
    opens: SignInDecision = "opened"
    can_open: bool = True
    asked: list[ApprovalRequest] = field(default_factory=list[ApprovalRequest])
    sent_to: list[SignInRequest] = field(default_factory=list[SignInRequest])
    finished: list[SignInRequest] = field(default_factory=list[SignInRequest])

    async def approve(self, request: ApprovalRequest) -> ApprovalAnswer:
        self.asked.append(request)
        if self.parks:
            raise Suspended
        return ApprovalAnswer(self.digest or request.digest, self.allows, "user")

    async def open_address(self, request: SignInRequest) -> SignInAnswer:
        self.sent_to.append(request)
        return request.answer(self.opens)

    async def finish(self, request: SignInRequest) -> None:
        self.finished.append(request)

    async def carry(self, make_round: MakeRound, tool: str) -> CallOutcome:
        async def hear(progress: float, total: float | None, message: str | None) -> None:
            del progress, total, message

        return await make_round(CallRound(), hear)

    def person(self, resumed: SignInAnswer | None = None) -> Person:
        return Person("run-1", self, self, self, resumed)


def entry_of(server: FaultyServer, **more: Any) -> dict[str, Any]:
    return {"name": "rig", "url": server.url, "auth": {"type": "none"}, **more}


async def write(found: Upstreams, scripted: Scripted, records: Records, text: str = "a") -> MadeCall:
    return await GuardedCalls(found, records, scripted.person()).make("rig/add_note", {"text": text})


async def test_a_write_goes_through_once_its_own_digest_is_allowed_and_is_recorded_as_such(rig: Host) -> None:
    server, scripted, records = rig.serve(), Scripted(), Records()
    async with upstreams(entry_of(server)) as found:
        made = await write(found, scripted, records)
        await write(found, scripted, records, text="b")
    (first, second) = scripted.asked
    assert isinstance(first, CallApproval)
    assert (first.tool, first.kind, first.arguments) == ("rig/add_note", "write", {"text": "a"})
    assert first.digest != second.digest
    assert made.result == ToolResult((TextBlock("a"),), made.result.structured_content, meta=made.result.meta)
    assert [(one.phase, one.by, one.approved) for one in records.kept[:2]] == [
        ("intended", "run-1", "user"),
        ("ended", "run-1", "user"),
    ]


@pytest.mark.parametrize("scripted", [Scripted(allows=False), Scripted(digest="0" * 64)])
async def test_a_no_and_a_yes_to_something_else_send_nothing(rig: Host, scripted: Scripted) -> None:
    server, records = rig.serve(), Records()
    async with upstreams(entry_of(server)) as found:
        with pytest.raises(UpstreamRefused, match=r"did not allow rig/add_note\. Nothing was sent\."):
            await write(found, scripted, records)
    assert (server.asked("tools/call"), records.kept) == (0, [])


async def test_a_call_is_suspended_until_somebody_answers_and_leaves_no_trace_before(rig: Host) -> None:
    server, scripted, records = rig.serve(), Scripted(parks=True), Records()
    async with upstreams(entry_of(server)) as found:
        with pytest.raises(Suspended):
            await write(found, scripted, records)
        assert (server.asked("tools/call"), records.kept) == (0, [])
        scripted.parks = False
        await write(found, scripted, records)
    parked, asked_again = scripted.asked
    assert parked == asked_again


async def test_what_the_settings_allow_asks_nobody(rig: Host) -> None:
    server, scripted, records = rig.serve(), Scripted(), Records()
    async with upstreams(entry_of(server, approve="never")) as found:
        await write(found, scripted, records)
    assert scripted.asked == []
    assert {one.approved for one in records.kept} == {"setting"}


@dataclass
class Action:
    """Something that needs a sign-in a few times before it goes through."""

    refusals: int = 1
    address: str | None = "https://auth.example/authorize"
    tries: int = 0

    async def __call__(self) -> str:
        self.tries += 1
        if self.tries <= self.refusals:
            raise SignInNeeded("rig needs you to sign in", upstream="rig", address=self.address)
        return "done"


async def test_a_person_is_sent_to_sign_in_once_and_the_action_goes_on(rig: Host) -> None:
    scripted, action = Scripted(), Action()
    async with upstreams(entry_of(rig.serve())) as found:
        assert await signed_in_for(found, scripted.person(), action) == "done"
        with pytest.raises(SignInNeeded):
            await signed_in_for(found, scripted.person(), Action(refusals=9))
    sent, _ = scripted.sent_to
    assert (sent.upstream, sent.address) == ("rig", "https://auth.example/authorize")
    assert scripted.finished == scripted.sent_to
    assert action.tries == 2


@pytest.mark.parametrize(
    ("scripted", "address", "error", "tries"),
    [
        (Scripted(opens="declined"), "https://auth.example/", UpstreamRefused, 2),
        (Scripted(opens="unanswered"), "https://auth.example/", SignInNeeded, 1),
        (Scripted(can_open=False), "https://auth.example/", SignInNeeded, 1),
        (Scripted(), None, SignInNeeded, 1),
    ],
)
async def test_who_does_not_sign_in_gets_the_reason(
    rig: Host, scripted: Scripted, address: str | None, error: type[Exception], tries: int
) -> None:
    action = Action(refusals=9, address=address)
    async with upstreams(entry_of(rig.serve())) as found:
        with pytest.raises(error):
            await signed_in_for(found, scripted.person(), action)
    assert action.tries == tries
    assert scripted.finished == []


async def test_an_answer_of_an_earlier_round_is_not_asked_for_again(rig: Host) -> None:
    scripted, action = Scripted(), Action(refusals=0)
    resumed = SignInRequest("rig", "https://auth.example/").answer("opened")
    async with upstreams(entry_of(rig.serve())) as found:
        assert await signed_in_for(found, scripted.person(resumed), action) == "done"
        with pytest.raises(SignInNeeded):
            await signed_in_for(found, scripted.person(resumed), Action(refusals=9))
    assert scripted.sent_to == []


ANNOTATED = types.Annotations(priority=0.5, audience=["user"])
RESULT = types.CallToolResult(
    content=[
        types.TextContent(text="found", annotations=ANNOTATED, _meta={"x": 1}),
        types.ImageContent(data="aa==", mime_type="image/png"),
        types.AudioContent(data="bb==", mime_type="audio/wav", annotations=ANNOTATED),
        types.ResourceLink(name="report", uri="file:///r", title="Report", size=3, mime_type="text/plain"),
        types.EmbeddedResource(
            resource=types.TextResourceContents(uri="file:///t", text="text", mime_type="text/plain", _meta={"y": 2}),
            annotations=ANNOTATED,
        ),
        types.EmbeddedResource(resource=types.BlobResourceContents(uri="file:///b", blob="cc=="), _meta={"z": 3}),
    ],
    structured_content={"count": [1, None]},
    is_error=True,
    _meta={"own": 1},
)


async def test_a_result_is_a_value_that_can_be_kept_and_goes_on_unchanged() -> None:
    value = read_reply(RESULT)
    assert isinstance(value, ToolResult)
    kept = TypeAdapter(ToolResult).dump_json(value)
    assert TypeAdapter(ToolResult).validate_json(kept) == value
    assert write_result(value) == RESULT


async def test_what_says_which_server_a_result_came_from_does_not_go_on() -> None:
    stamped = RESULT.model_copy(update={"meta": {"own": 1, "io.modelcontextprotocol/serverInfo": {"name": "x"}}})
    value = read_reply(stamped)
    assert isinstance(value, ToolResult)
    assert write_result(value) == RESULT


@pytest.mark.parametrize(
    "question",
    [
        FormQuestion("Sure?", {"type": "object", "properties": {"sure": {"type": "boolean"}}}),
        AddressQuestion("Open it", "https://host.example/", "id-1"),
        AddressQuestion("Open it", "https://host.example/"),
    ],
)
async def test_a_question_and_its_answer_go_both_ways_unchanged(question: FormQuestion | AddressQuestion) -> None:
    assert read_question(write_question(question)) == question
    answer = QuestionAnswer("accept", {"sure": True})
    assert read_answer(write_answer(answer)) == answer
    sent = write_call(CallRequest("ask", {"a": 1}, CallRound({"q": answer}, "state")))
    assert sent.input_responses == {"q": types.ElicitResult(action="accept", content={"sure": True})}
    assert (sent.name, sent.arguments, sent.request_state) == ("ask", {"a": 1}, "state")


@pytest.mark.parametrize("preset", PRESETS)
async def test_a_preset_is_a_whole_entry(preset: str) -> None:
    config = UpstreamConfig.model_validate({"name": "one", "preset": preset})
    assert config.place
    assert UpstreamConfig.model_validate({"name": "one", "preset": preset, "timeout_s": 5}).timeout_s == 5
