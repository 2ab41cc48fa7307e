"""Going back to an earlier step: rule 5 of the protocol."""

import pytest
from driver import DEBUG, REVIEW, Play, claim, plan, refuted, seen, started

from stepwarden.steps.admission import Accept, Reason, Refusal
from stepwarden.steps.events import Planned, StepRecorded
from stepwarden.steps.machine import Advice
from stepwarden.steps.thread import Assurance, DecidedBy, Outcome, Signal


def test_the_call_becomes_the_step_it_goes_back_to() -> None:
    play = started(REVIEW, steps=4)
    assert play.go_back(2, "another way") == Accept(2, backtrack=True, new=False)
    assert [step.number for step in play.now.trail] == [1, 2]
    assert play.now.trail[1].submission.step == "another way"
    assert play.now.next_number == 3


@pytest.mark.parametrize("number", [1, 3, 5, 50])
def test_the_step_gone_back_to_wins_over_the_steps_number(number: int) -> None:
    play = started(REVIEW, steps=4)
    assert play.step(number, backtrack=3) == Accept(3, backtrack=True, new=False)


@pytest.mark.parametrize("k", [5, 6, 100, 0])
def test_outside_the_recorded_steps_it_is_refused_with_the_range(k: int) -> None:
    play = started(REVIEW, steps=4)
    assert play.step(5, backtrack=k) == Refusal(Reason.NO_SUCH_STEP, 5, str(k))
    assert play.now.last == 4


def test_the_last_step_can_be_gone_back_to() -> None:
    assert started(REVIEW, steps=4).go_back(4) == Accept(4, backtrack=True, new=False)


def test_superseded_steps_stay_in_the_history() -> None:
    play = started(REVIEW, steps=3)
    said = [event.step.digest for event in play.events if isinstance(event, StepRecorded)]
    play.go_back(2)
    recorded = [event.step for event in play.events if isinstance(event, StepRecorded)]
    assert [step.digest for step in recorded[:3]] == said
    assert [step.number for step in recorded] == [1, 2, 3, 2]
    assert recorded[-1].attempt == 2


def test_superseded_steps_are_out_of_the_claims_and_counts() -> None:
    play = started(REVIEW, findings="one", checked=("a.py",), hypothesis="A")
    play.step(
        hypothesis="B",
        checked=("b.py",),
        issues=(claim("bad", path="b.py", line=10),),
        evidence=[seen("b.py"), refuted("c.py")],
    )
    play.step(findings="three")
    play.go_back(2, findings="two")
    claims = play.now.claims
    assert (claims.hypothesis, claims.hypothesis_since, claims.hypothesis_last) == ("A", 1, 1)
    assert (dict(claims.issues), claims.evidence, dict(claims.files)) == ({}, (), {"a.py": False})
    assert play.assessment.evidence == {}
    assert play.open == ["hypothesis"]
    assert play.now.last == 2


def test_the_digests_of_superseded_steps_are_kept_apart() -> None:
    play = started(REVIEW, steps=3)
    gone = {step.digest for step in play.now.trail[1:]}
    play.go_back(2)
    assert play.now.superseded == gone
    assert set(play.now.digests) == {step.digest for step in play.now.trail}


def test_going_back_twice_keeps_all_superseded_digests() -> None:
    play = started(REVIEW, steps=4)
    gone = {step.digest for step in play.now.trail[1:]}
    play.go_back(3)
    gone.add(play.said.digest)
    play.go_back(2)
    assert play.now.superseded == gone


@pytest.mark.parametrize("k", [1, 2, 3])
def test_it_reopens_a_finished_thread(k: int) -> None:
    play = started(REVIEW, steps=2)
    play.finish()
    assert play.go_back(k) == Accept(k, backtrack=True, new=False)
    assert (play.is_open, play.now.ended_by) == (True, None)


def test_a_reopened_thread_is_no_longer_called_verified() -> None:
    play = started(REVIEW, hypothesis="H", evidence=[seen("a.py")])
    play.finish()
    assert play.now.assurance is Assurance.VERIFIED
    play.go_back(1)
    play.give_up()
    assert play.now.assurance is Assurance.ASSERTED


def test_it_resets_the_hold() -> None:
    play = started(DEBUG, steps=2)
    play.finish()
    assert play.now.held
    play.go_back(2)
    assert not play.now.held
    play.finish()
    assert play.is_open
    play.finish()
    assert play.now.outcome is Outcome.DONE


def test_it_can_ask_to_finish_itself() -> None:
    play = started(REVIEW, steps=3)
    assert play.go_back(2, more=False) == Accept(2, backtrack=True, new=False)
    assert (play.now.outcome, play.now.total_steps) == (Outcome.DONE, 2)


def test_going_back_to_step_1_sizes_the_work_anew() -> None:
    play = started(REVIEW, steps=2)
    play.step(total=9)
    play.go_back(1, "a smaller task", advice=Advice(plan=plan(2, "small")))
    assert (play.now.total_steps, play.now.sized) == (2, 2)
    assert [event.plan.was for event in play.decided if isinstance(event, Planned)] == [None]
    assert play.now.task == "a smaller task"


def test_going_back_further_on_keeps_the_plan() -> None:
    play = started(REVIEW, steps=2)
    play.step(total=9)
    play.go_back(2)
    assert play.now.total_steps == 9


def test_the_directory_and_origin_stay_unless_given_again() -> None:
    origin = started(REVIEW)
    origin.step(1, "follow", directory="/work/one")
    play = origin.followed_by[0]
    play.go_back(1)
    assert (play.now.directory, play.now.origin is None) == ("/work/one", False)
    play.go_back(1, directory="/work/two")
    assert play.now.directory == "/work/two"


def test_an_unanswered_call_to_disprove_is_superseded_with_its_step() -> None:
    play = started(REVIEW, steps=2)
    play.step(advice=Advice(signal=Signal.DISPROVE, reason="try"))
    assert play.now.disproof_asked == 3
    play.go_back(2)
    assert play.now.disproof_asked == 0


def test_a_call_to_disprove_stays_where_its_step_stays() -> None:
    play = started(REVIEW)
    play.step(advice=Advice(signal=Signal.DISPROVE, reason="try"))
    play.step()
    play.go_back(3)
    assert play.now.disproof_asked == 2


def test_the_history_remarks_who_went_back_and_how_far() -> None:
    play = started(REVIEW, steps=4)
    play.go_back(2)
    remark = play.now.decisions[-1]
    assert (remark.kind, remark.step, remark.by, remark.reason) == (
        "backtracked",
        2,
        DecidedBy.AGENT,
        "steps 2 to 4 superseded",
    )


def test_an_empty_refusal_before_a_backtrack_does_not_let_an_empty_step_in_after_it() -> None:
    play = started(REVIEW, findings="old", steps=2)
    play.step(findings="old")
    play.go_back(2)
    assert play.step(findings="OLD") == Refusal(Reason.NOTHING_NEW, 3)


def test_a_backtrack_needs_the_issues_it_names_among_the_steps_it_leaves() -> None:
    play = started(REVIEW)
    play.step(issues=(claim("bad"),))
    assert play.go_back(2, evidence=[seen("a.py", supports="I1")]) == Refusal(Reason.NO_SUCH_ISSUE, 3, "I1")
    assert play.now.last == 2


def test_a_backtrack_within_a_thread_of_one_step_leaves_one_step() -> None:
    play = Play(REVIEW)
    play.step()
    play.go_back(1)
    assert [step.number for step in play.now.trail] == [1]
    assert play.now.trail[0].attempt == 2
