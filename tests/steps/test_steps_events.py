"""What is written to disk can be read again, by older and newer versions: events and the fold."""

import json
from dataclasses import fields

import pytest
from driver import PLANNER, REVIEW, Play, ask, claim, refuted, seen, started, withdraw
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stepwarden.steps.clause import Clause
from stepwarden.steps.events import (
    Abandoned,
    Answered,
    Asked,
    Event,
    Finished,
    GivenUp,
    Held,
    Opened,
    Planned,
    Refused,
    Signalled,
    StepRecorded,
    decode,
    encode,
)
from stepwarden.steps.evidence import Evidence, Quote, Verdict
from stepwarden.steps.expert_review import ExpertReview, Objection
from stepwarden.steps.fold import fold_events, fold_history
from stepwarden.steps.submission import Confidence, IssueClaim, Severity, Submission
from stepwarden.steps.thread import Assurance, DecidedBy, Issue, Origin, Outcome, Plan, Signal, Step, Thread

FULL_STEP = Step(
    number=3,
    submission=Submission(
        number=7,
        step='say "it"\n\u2028 café \U0001f600',
        digest="d" * 32,
        more=False,
        findings="",
        confidence=Confidence.ALMOST_CERTAIN,
        hypothesis="H",
        checked=("a.py",),
        relevant=("b.py", "c.py"),
        issues=(IssueClaim("bad", path="a.py", line=1), IssueClaim(id="I1", withdrawn=True)),
        quotes=(Quote("a.py", withdrawn=True), Quote("b.py", "quoted text", 3, "I1")),
        backtrack=3,
        directory="/work",
        total=9,
        replaces=2,
        fields={"trace_mode": "precision", "models": [{"model": "m", "stance": None}], "temperature": 0.5, "deep": {}},
    ),
    evidence=(Evidence("a.py", "quoted", Verdict.MOVED, 4, "hypothesis", "at line 4", "f" * 64),),
    issues=(Issue("I2", Severity.CRITICAL, "bad", "a.py", 1), Issue("I1", Severity.HIGH, "", None)),
    existing=("a.py",),
    readable=True,
    stalled=True,
    new=False,
    attempt=2,
    stale=1,
)

OPINION = ExpertReview(
    agrees=False,
    summary="no",
    points=(Objection("the lock is released", "a.py", 4, "lock.release()", Verdict.VERIFIED), Objection("bare")),
    missing=("b.py",),
    model="glm",
    price="$0.01",
    left_out=2,
)

EVENTS: list[Event] = [
    Opened("debug"),
    Opened("debug", Origin("codereview-abc", 12)),
    StepRecorded(Step(1, ask(1, "bare"))),
    StepRecorded(FULL_STEP, backtracked=True, reopened=True),
    Planned(Plan(1, 2, 3, "why")),
    Planned(Plan(1, 2, 3, "", DecidedBy.MODEL, was=5)),
    Signalled(Signal.DISPROVE, "try"),
    Signalled(Signal.SPLIT, "", DecidedBy.MODEL),
    Held(()),
    Held((Clause("issue", "I1"), Clause("checklist", "2", "look"))),
    Finished(DecidedBy.AGENT, Outcome.INCONCLUSIVE, Assurance.PARTLY, "why", (Clause("min_steps", "2"),), 3),
    Finished(DecidedBy.RULE, Outcome.DONE, Assurance.VERIFIED),
    Refused(4, "e" * 32, "gap"),
    Abandoned(),
    Abandoned(DecidedBy.RULE),
    Asked("k1", 4, "glm-4.5-flash"),
    Answered("k1", OPINION),
    GivenUp("k1"),
]


def _kind(event: Event) -> str:
    return encode(event)[0]


@pytest.mark.parametrize("event", EVENTS, ids=_kind)
def test_every_kind_of_event_comes_back_as_it_was(event: Event) -> None:
    again = decode(*encode(event))
    assert again == event
    assert encode(again) == encode(event)


def test_the_table_above_has_every_kind() -> None:
    assert {type(event) for event in EVENTS} == set(Event.__args__)


@pytest.mark.parametrize("event", EVENTS, ids=_kind)
def test_fields_of_a_newer_version_are_passed_over_at_every_depth(event: Event) -> None:
    def grown(value: object) -> object:
        if isinstance(value, dict):
            return {"from_the_future": [1], **{key: grown(item) for key, item in value.items()}}
        return [grown(item) for item in value] if isinstance(value, list) else value

    kind, payload = encode(event)
    again = decode(kind, json.dumps(grown(json.loads(payload))))
    if isinstance(event, StepRecorded):  # a tool's own fields are kept as they are
        assert isinstance(again, StepRecorded)
        kept = dict(again.step.submission.fields)
        assert kept.pop("from_the_future", None) == ([1] if event.step.submission.fields else None)
        assert again.step.evidence == event.step.evidence
        assert (again.step.number, again.step.digest) == (event.step.number, event.step.digest)
    else:
        assert again == event


def test_a_step_says_whether_it_reopened_the_thread() -> None:
    play = started(REVIEW)
    play.finish()
    play.go_back(2)
    play.step()
    steps = [event for event in play.events if isinstance(event, StepRecorded)]
    assert [(event.backtracked, event.reopened) for event in steps] == [
        (False, False),
        (False, False),
        (True, True),
        (False, False),
    ]


def test_fields_that_an_older_version_did_not_write_have_their_defaults() -> None:
    step = {"number": 1, "submission": {"number": 1, "step": "s", "digest": "d"}}
    assert decode("step", json.dumps({"step": step})) == StepRecorded(Step(1, Submission(1, "s", "d")))


def test_defaults_are_not_written() -> None:
    _, payload = encode(StepRecorded(Step(1, Submission(1, "s", "d"))))
    assert json.loads(payload) == {"step": {"number": 1, "submission": {"number": 1, "step": "s", "digest": "d"}}}


def test_an_unknown_kind_raises_a_key_error() -> None:
    with pytest.raises(KeyError):
        decode("expert_asked", "{}")


@pytest.mark.parametrize("payload", ["", "[]", "{}", '{"plan": {"low": 1}}', '{"plan": null}'])
def test_a_payload_of_another_kind_raises_a_validation_error(payload: str) -> None:
    with pytest.raises(ValidationError):
        decode("planned", payload)


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(step=_TEXT, findings=st.none() | _TEXT, quote=_TEXT, path=_TEXT)
def test_any_text_comes_back_as_it_was(step: str, findings: str | None, quote: str, path: str) -> None:
    said = Submission(1, step, "d", findings=findings, quotes=(Quote(path, quote),), fields={path: quote})
    event = StepRecorded(Step(1, said, evidence=(Evidence(path, quote, Verdict.VERIFIED),)))
    assert decode(*encode(event)) == event


def _eventful() -> Play:
    play = started(PLANNER, steps=2, issues=(claim("A"), claim("B")), evidence=[refuted("a.py"), seen("b.py")])
    play.step(replaces=2, issues=(withdraw("I1"),), take_back=["a.py"])
    play.step(9)
    play.go_back(2, hypothesis="H")
    play.finish()
    play.finish()
    play.give_up()
    play.go_back(3)
    return play


def test_the_fold_of_what_was_written_is_the_thread() -> None:
    play = _eventful()
    written = [encode(event) for event in play.events]
    assert fold_events(Thread(play.now.id, play.now.tool), (decode(*row) for row in written)) == play.now
    assert play.now.version == len(written)


def test_the_fold_may_stop_and_go_on_anywhere() -> None:
    play = _eventful()
    for cut in range(len(play.events) + 1):
        head = fold_events(Thread(play.now.id, play.now.tool), play.events[:cut])
        assert fold_events(head, play.events[cut:]) == play.now


def test_a_refusal_that_is_not_about_novelty_leaves_everything_but_the_version() -> None:
    play = started(REVIEW, steps=2)
    before = play.now
    play.record(Refused(9, "x", "gap"), Refused(1, "y", "stale"))
    changed = {each.name for each in fields(Thread) if getattr(play.now, each.name) != getattr(before, each.name)}
    assert changed == {"version"}


def test_a_history_folded_at_once_is_the_thread_that_grew_by_each_event() -> None:
    """Also where the last step was the first to name a file, after a revision."""
    play = started(PLANNER, steps=2, existing=["a.py"], checked=("a.py",))
    play.step(replaces=2, existing=["b.py"], checked=("b.py",))
    play.step(existing=["c.py", "d.py"], checked=("c.py", "d.py"))
    assert play.now.totals.files_new == 2
    blank = Thread(play.now.id, PLANNER.tool)
    assert fold_events(blank, play.events) == play.now
    assert fold_history(blank, play.events) == play.now
