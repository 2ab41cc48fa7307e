import json
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.dashboard.run_forms import read_command
from stepwarden.dashboard.run_views import (
    StepView,
    argument_fields,
    controls,
    decisions,
    duration,
    meters,
    step_views,
    summary_of,
)
from stepwarden.dashboard.timeline import draw_timeline
from stepwarden.errors import RunRefused
from stepwarden.runs.limits import Amount, RunLimits
from stepwarden.runs.run import AgentStep, Job, JobPlan, Run, RunStatus
from stepwarden.runs.run_calls import Body, CallKind, CallState, ProposedCall, RunCall, body_of
from stepwarden.runs.run_commands import RunCommandKind

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def run_with(*calls: RunCall, **more: object) -> Run:
    step = AgentStep(1, body_of("I clear them."), calls, Amount(100), seconds=1.5)
    job = Job(JobPlan("main", "", "m"), steps=(step,))
    fields: dict[str, object] = {"request": "clear", "jobs": {"main": job}, "version": 7, **more}
    return Run("run-1", **fields)  # pyright: ignore[reportArgumentType]


def call(kind: CallKind, state: CallState, arguments: str = "{}", result: str = "") -> RunCall:
    proposed = ProposedCall("c", "notes/clear_notes", arguments)
    return RunCall("main/1/1", proposed, kind, state, about="abc", result=body_of(result), seconds=0.5)


def test_what_destroys_is_allowed_by_its_name_alone() -> None:
    run = run_with(call(CallKind.DESTRUCTIVE, CallState.WAITING, '{"all": true}'))
    (waiting,) = decisions(run)
    assert (waiting.typed, waiting.fields, waiting.reason) == ("clear_notes", [("all", "true")], "I clear them.")
    form = {"kind": "approve", "command_id": "1", "call": "main/1/1", "about": "abc"}
    for typed in ("", "clear", "CLEAR_NOTES"):
        with pytest.raises(RunRefused, match="type clear_notes"):
            read_command({**form, "typed": typed}, run, "local")
    command = read_command({**form, "typed": " clear_notes "}, run, "local")
    assert (command.kind, dict(command.arguments)) == (
        RunCommandKind.APPROVE,
        {"call": "main/1/1", "about": "abc"},
    )


def test_a_write_is_allowed_by_a_click_and_a_doubt_by_what_was_seen() -> None:
    run = run_with(call(CallKind.WRITE, CallState.WAITING))
    form = {"command_id": "1", "call": "main/1/1", "about": "abc"}
    assert read_command({**form, "kind": "approve"}, run, "local").kind is RunCommandKind.APPROVE
    refused = read_command({**form, "kind": "refuse", "reason": "not now"}, run, "local")
    assert dict(refused.arguments) == {"call": "main/1/1", "reason": "not now"}
    doubted = run_with(call(CallKind.WRITE, CallState.IN_DOUBT))
    seen = read_command({**form, "kind": "resolve_done", "note": "it is there"}, doubted, "local")
    assert dict(seen.arguments) == {"call": "main/1/1", "verdict": "done", "note": "it is there"}


NONE_OF_OURS: list[dict[str, str]] = [
    {},
    {"command_id": "1"},
    {"command_id": "1", "kind": "delete"},
    {"command_id": "x" * 200, "kind": "stop"},
]


@pytest.mark.parametrize("form", NONE_OF_OURS)
def test_a_form_that_is_none_of_ours_is_refused_in_words(form: dict[str, str]) -> None:
    with pytest.raises(RunRefused, match="load the page again"):
        read_command(form, run_with(), "local")


def test_two_buttons_of_one_form_are_two_commands_and_one_click_sent_twice_is_one() -> None:
    run = run_with(call(CallKind.WRITE, CallState.WAITING))
    form = {"command_id": "page-7-main/1/1", "call": "main/1/1", "about": "abc"}
    ids = [read_command({**form, "kind": kind}, run, "local").id for kind in ("approve", "refuse", "approve")]
    assert ids[0] == ids[2] != ids[1]


@pytest.mark.parametrize(
    ("status", "why", "kinds"),
    [
        (RunStatus.RUNNING, "", ["pause", "stop"]),
        (RunStatus.PAUSED, "", ["resume", "stop"]),
        (RunStatus.STOPPED, "steps: 15 of 15", ["extend"]),
        (RunStatus.COMPLETED, "", []),
        (RunStatus.FAILED, "", []),
    ],
)
def test_a_page_offers_what_can_be_said_now(status: RunStatus, why: str, kinds: list[str]) -> None:
    run = run_with(status=status, why=why)
    assert [control.kind for control in controls(run)] == kinds
    assert controls(run_with(stop_asked="ana")) == []


def test_meters_show_what_is_used_of_what_may_be() -> None:
    run = run_with(spent=Amount(900, Decimal("0.25")), limits=RunLimits(steps=10, seconds=60, tokens=1_000))
    shown = {meter.name: (meter.used, meter.most, meter.is_near) for meter in meters(run, 0.0)}
    assert shown == {
        "Steps": ("1", "10", False),
        "Work": ("0.0 s", "1 min 00 s", False),
        "Tokens": ("900", "1,000", True),
        "Dollars": ("0.25", None, False),
    }


@given(value=JSON)
def test_whatever_a_result_is_its_summary_is_short(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False)
    assert len(summary_of(text, len(text))) < 400
    assert all(isinstance(shown, str) for _, shown in argument_fields(text))


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("", ""),
        ('[{"key": 1, "name": 2}, {}]', "list of 2 of {key, name}, 12 B"),
        ('{"total": 3}', "object {total}, 12 B"),
        ("a\nb\n", "2 lines, 12 B"),
        ("one", "12 B"),
    ],
)
def test_a_summary_says_what_came(text: str, summary: str) -> None:
    assert summary_of(text, 12) == summary


@given(seconds=st.floats(0, 1e7))
def test_durations_are_read_at_a_glance(seconds: float) -> None:
    assert len(duration(seconds)) < 14
    assert "60 s" not in duration(seconds)
    assert " 60 min" not in duration(seconds)


STEPS = st.lists(
    st.tuples(st.floats(0, 1e4), st.floats(0, 1e4), st.sampled_from(["main", "a<b", "x\u202ey"])), max_size=9
)


@given(parts=STEPS)
def test_every_bar_of_a_time_line_is_inside_it(parts: list[tuple[float, float, str]]) -> None:
    begun: dict[str, float] = {}
    steps = list[StepView]()
    for number, (answered, called, job) in enumerate(parts, 1):
        at = begun.get(job, 0.0)
        calls = step_views(run_with(call(CallKind.READ, CallState.DONE)))[0].calls
        steps.append(StepView(job, number, "", calls, 1, answered, at, answered + called, is_last_turn=False))
        begun[job] = at + answered + called
    drawn = draw_timeline(steps)
    if not drawn:
        assert sum(answered + called for answered, called, _ in parts) == 0
        return
    svg = ElementTree.fromstring(drawn).find("svg")
    assert svg is not None
    width = float(svg.attrib["viewBox"].split()[2])
    bars = svg.findall("rect")
    assert len(bars) == 2 * len(steps)
    assert all(float(bar.attrib["x"]) >= 0 for bar in bars)
    assert all(float(bar.attrib["x"]) + float(bar.attrib["width"]) <= width + 0.2 for bar in bars)


def test_a_long_result_is_shown_with_its_beginning() -> None:
    long = Body("x" * 2_000, "d" * 64, 500_000)
    made = RunCall("main/1/1", ProposedCall("c", "t"), CallKind.READ, CallState.DONE, result=long)
    (view,) = step_views(run_with(made))
    assert (view.calls[0].size, view.calls[0].summary) == (500_000, "500 kB")
