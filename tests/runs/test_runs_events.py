"""What a run writes to disk: kinds, names of fields and defaults are a format, and stay readable."""

import json
from dataclasses import MISSING, Field, fields, is_dataclass
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError
from run_world import plan

from stepwarden.runs.limits import Amount, RunLimits, TokenPrice
from stepwarden.runs.recovery import FaultClass, FaultLevel, RecoveryKind
from stepwarden.runs.requirements import Requirement, RequirementKind, RequirementState
from stepwarden.runs.run import RunStatus, Stopping, ToolLevel
from stepwarden.runs.run_calls import Approval, Body, CallKind, ProposedCall, ToolGrant
from stepwarden.runs.run_events import (
    ApprovalAsked,
    CallDoubted,
    CallEnded,
    CallReserved,
    CallSent,
    DoubtSettled,
    FailedAnswer,
    JobEnded,
    JobsPlanned,
    JobStopping,
    QuestionAnswered,
    QuestionAsked,
    RunAttached,
    RunCommanded,
    RunCrashed,
    RunEnded,
    RunEvent,
    RunPaused,
    RunStarted,
    StateChanged,
    decode_run_event,
    encode_run_event,
)
from stepwarden.runs.steered import AnsweredBy, Insight, ProposedAction, ResultClaim, Weighed
from stepwarden.runs.steered_events import (
    ActionChosen,
    ActionProposed,
    CompletionClaimed,
    CompletionJudged,
    ContextAnalysed,
    InsightsGained,
    PersonUnanswered,
    RecoveryAdvised,
    RecoveryTried,
    RequirementsSplit,
    ResultValidated,
    StrategySet,
)
from stepwarden.runs.workflow_state import StateChange

LIMITS = RunLimits(3, 60.5, 9_000, Decimal("0.10"), 2, 5.0, 6.0, 700)
EVENTS: list[RunEvent] = [
    RunStarted("do it", "me", "cli", LIMITS, Approval.ALL, True, "/work", True, "t-1", {"k": [1, None]}),
    JobsPlanned((plan("a", stop={"max_steps": 3}, essential=("look",), steps=4, most_prompt_tokens=9),), "asked"),
    RunAttached("process 1"),
    QuestionAsked("a/1", "a", "m", Amount(10, Decimal("0.01")), 9, 2, ToolLevel.NONE, True, "hurry"),
    QuestionAnswered("a/1", Body("x", "d", 9), (ProposedCall("c", "t", "{}", "bad", "k"),), Amount(1), False, 0.5),
    QuestionAnswered(
        "a/2", failure=FailedAnswer("network", "down", True, True, 2.5), matched=("goal_text 'x'",), kept="k"
    ),
    ApprovalAsked("a/1/1", "digest"),
    CallSent("a/1/1"),
    CallReserved("a/1/1", Amount(10, Decimal("0.01"))),
    CallEnded("a/1/1", Body("café \u2028 \U0001f600", size=3), True, True, 0.25, ("tool_result t /x/",)),
    CallDoubted("a/1/1", "gone", 12.5),
    DoubtSettled("a/1/1", "done", "look", Body("there", size=5)),
    StateChanged(StateChange("work", 0.5, {"x": [1]}, {"m": 1.5}, "bad")),
    RunCommanded("c1", "approve", "me", "cli", {"call": "a/1/1"}, False, "too late"),
    JobStopping("a", Stopping("steps", "3", "3", True, True)),
    RunPaused("limit: steps 3 of 3"),
    JobEnded("a", RunStatus.STOPPED, "steps", Body("so far", size=6)),
    RunEnded(RunStatus.FAILED, "why", Body("x", size=1)),
    RunCrashed("KeyError in x.py, line 1"),
    RequirementsSplit(
        "a", (Requirement("r1", "find it", RequirementKind.CHANGE, RequirementState.MET, ("a/a1",)),), "so"
    ),
    ContextAnalysed(
        "a", "fine", (ResultClaim("r1", ("a/a1",), "it", "here it is"),), challenges=(Weighed("x", "high"),)
    ),
    StrategySet("a", changes=True, order=("r1",), avoid=("look",), reason="slow", by=AnsweredBy.MODEL, key="a/1"),
    ActionProposed("a", ProposedAction("look", "{}", "why", 0.7, ("r1",)), alternatives=(ProposedAction("add"),)),
    ActionChosen("a", (ProposedAction("look"),), "alternative", 1),
    ResultValidated("a", ("a/a1",), valid=False, issues=("cut",), note="the model gave none"),
    RecoveryAdvised("a", "look there", key="a/2"),
    RecoveryTried("a", "a/a1", FaultClass.NETWORK, FaultLevel.ACTION, RecoveryKind.RETRY, 0, 9.5, "once more"),
    PersonUnanswered("a", "q1"),
    InsightsGained("a", (Insight("pattern", "x", ("a/a1",)),)),
    CompletionClaimed("a", True, answer=Body("done", size=4)),
    CompletionJudged("a", (Requirement("r1", "find it"),), complete=True, claimed=True, reason="1/1"),
]


def _default(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def _written(cls: type[Any]) -> str:
    return " ".join(
        field.name if (default := _default(field)) is MISSING else f"{field.name}={_short(default)}"
        for field in fields(cls)
    )


def _short(default: Any) -> str:
    if is_dataclass(default):
        return type(default).__name__
    return repr(default.value) if hasattr(default, "value") else repr(default)


VALUES = [RunLimits, Amount, TokenPrice, Body, ToolGrant, ProposedCall, FailedAnswer, Stopping, StateChange]
ON_DISK = """
started: request by via limits=RunLimits approval='writes' pauses_at_limits=False directory=None is_local=False
    thread='' metadata={}
planned: jobs reason=''
attached: driver
asked: key job model reserved prompt_tokens attempt=1 level='full' is_last_turn=False notice='' ability=''
answered: key text=Body calls=() spent=Amount is_priced=True seconds=0.0 matched=() failure=None kept=''
approval_asked: call about='' until=None
sent: call
call_reserved: call reserved=Amount
call_ended: call result=Body failed=False refused=False seconds=0.0 matched=() spent=Amount is_priced=True
    thread='' summary=None grown_mb=0.0
in_doubt: call why='' look_at=None
resolved: call verdict by evidence=Body
state: change
commanded: id kind by via arguments={} accepted=True reason=''
stopping: job stopping
paused: why
job_ended: job status why='' answer=Body
ended: status why='' answer=Body
crashed: error
requirements: job requirements plan='' contingencies=() by='rule' note='' key=''
analysed: job understanding accomplished=() remaining=() confidence=0.0 challenges=() opportunities=()
    is_asked=False by='rule' note='' key=''
strategy: job changes=False order=() prefer=() avoid=() reason='' patterns=() inefficiencies=() rolls_back=False
    by='rule' note='' key=''
proposed: job action=None also=() alternatives=() contingencies=() reason='' by='rule' note='' key=''
chosen: job actions how='recommended' alternative=0
validated: job calls valid=True issues=() quality=0.0 suggestions=() claims=() by='rule' note='' key=''
recovery_advised: job text by='model' note='' key=''
recovering: job call fault level recovery rung until=None text=''
unanswered: job question
insights: job insights=() by='rule' note='' key=''
claimed: job complete=False claims=() reason='' answer=Body by='model' note='' key=''
judged: job requirements=() complete=False claimed=False reason=''
job: id instructions model tools=() essential=() stop=None price=None steps=None prompt_tokens=0
    most_prompt_tokens=None depth=None
RunLimits: steps=15 seconds=900.0 tokens=None dollars=None calls_at_once=8 call_seconds=30.0
    answer_seconds=120.0 answer_tokens=4000 memory_mb=None question_seconds=None
Amount: tokens=0 dollars=Decimal('0')
TokenPrice: input=Decimal('0') output=Decimal('0')
Body: text='' digest='' size=0
ToolGrant: name kind fingerprint='' asks=False may_cost=Amount
ProposedCall: id tool arguments='{}' error='' kept=''
FailedAnswer: kind text fatal=False passing=False retry_after=0.0
Stopping: condition value limit='' by_limit=False is_goal=False
StateChange: phase=None progress=0.0 data={} metrics={} error=None
"""


def _format() -> str:
    kinds = {encode_run_event(event)[0]: type(event) for event in EVENTS}
    named = {**kinds, "job": type(plan()), **{cls.__name__: cls for cls in VALUES}}
    return "\n".join(f"{name}: {_written(cls)}" for name, cls in named.items())


def test_kinds_fields_and_defaults_on_disk_are_as_they_were() -> None:
    """A default is not written: changing one changes what old runs mean. New fields at the end are fine, with one."""
    assert _format().splitlines() == ON_DISK.replace("\n    ", " ").strip().splitlines()


def test_the_words_of_a_closed_list_on_disk_are_as_they_were() -> None:
    assert [str(each) for each in RunStatus] == ["running", "paused", "completed", "failed", "stopped"]
    assert [str(each) for each in CallKind] == ["local", "read", "write", "destructive"]
    assert [str(each) for each in Approval] == ["all", "writes", "destructive"]
    assert [str(each) for each in ToolLevel] == ["full", "essential", "none"]


def test_the_table_has_every_kind() -> None:
    assert {type(event) for event in EVENTS} == set(RunEvent.__args__)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_kind_of_event_comes_back_as_it_was(event: RunEvent) -> None:
    again = decode_run_event(*encode_run_event(event))
    assert again == event
    assert encode_run_event(again) == encode_run_event(event)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_fields_of_a_newer_version_are_passed_over(event: RunEvent) -> None:
    kind, payload = encode_run_event(event)
    assert decode_run_event(kind, json.dumps({"from_the_future": [1], **json.loads(payload)})) == event


def test_an_unknown_kind_raises_a_key_error() -> None:
    with pytest.raises(KeyError):
        decode_run_event("forked", "{}")


@pytest.mark.parametrize("payload", ["", "[]", "{}", '{"job": null}'])
def test_a_payload_of_another_kind_raises_a_validation_error(payload: str) -> None:
    with pytest.raises(ValidationError):
        decode_run_event("job_ended", payload)


@pytest.mark.parametrize(
    "change",
    [
        {"progress": float("nan")},
        {"metrics": {"": float("inf")}},
        {"data": {"x": [float("nan")]}},
        {"data": {"x": {1}}},
    ],
)
def test_a_change_of_the_state_that_could_not_be_read_again_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="the state takes JSON alone"):
        StateChange(**change)


def test_limits_are_written_whole_and_what_older_streams_left_out_is_as_it_was_then() -> None:
    _, payload = encode_run_event(RunStarted("do it", "me", "cli"))
    assert set(json.loads(payload)["limits"]) == {field.name for field in fields(RunLimits)}
    before = decode_run_event("started", '{"request": "do it", "by": "me", "via": "cli", "limits": {"tokens": 9}}')
    assert isinstance(before, RunStarted)
    assert before.limits == RunLimits(15, 900.0, 9, None, 8, 30.0, 120.0, 4_000)
