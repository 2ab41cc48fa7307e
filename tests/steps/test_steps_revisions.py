"""A planner's revision replaces a step in place; the numbers stay linear: section 3 of the protocol, "Planner"."""

import pytest
from driver import PLANNER, Play, seen

from stepwarden.steps.admission import Accept, Reason, Refusal
from stepwarden.steps.thread import Outcome


def _plan(*replaces: int | None) -> Play:
    """Return a plan of as many steps; each may replace an earlier one."""
    play = Play(PLANNER)
    for number, replaced in enumerate(replaces, 1):
        play.step(words=f"part {number}", replaces=replaced)
        assert play.now.last == number
    return play


def _live(play: Play) -> list[int]:
    return [step.number for step in play.now.live]


@pytest.mark.parametrize(
    ("replaces", "live"),
    [
        ((None, None, None), [1, 2, 3]),
        ((None, None, None, 2), [1, 4, 3]),
        ((None, None, None, 1), [4, 2, 3]),
        ((None, None, None, 2, 4), [1, 5, 3]),
        ((None, None, None, 2, 1), [5, 4, 3]),
        ((None, None, None, 3, None), [1, 2, 4, 5]),
        ((None, 1, 2, 3), [4]),
    ],
)
def test_a_revision_stands_where_the_step_it_replaces_stood(replaces, live: list[int]) -> None:
    play = _plan(*replaces)
    assert _live(play) == live
    assert play.now.last == len(replaces)


@pytest.mark.parametrize("replaces", [0, 4, 5, 99])
def test_a_step_that_is_not_there_cannot_be_revised(replaces: int) -> None:
    assert _plan(None, None, None).step(replaces=replaces) == Refusal(Reason.NO_SUCH_STEP, 4, str(replaces))


def test_a_step_that_was_revised_before_cannot_be_revised_again() -> None:
    assert _plan(None, None, 2).step(replaces=2) == Refusal(Reason.NO_SUCH_STEP, 4, "2")


def test_a_revised_step_is_out_of_the_claims_and_its_repeat_is_stale() -> None:
    play = Play(PLANNER)
    play.step(hypothesis="A")
    play.step(hypothesis="B", checked=("b.py",), evidence=[seen("c.py")])
    late = play.said
    play.step(replaces=2)
    claims = play.now.claims
    assert (claims.hypothesis, dict(claims.files), claims.evidence) == ("A", {}, ())
    assert play.send(late) == Refusal(Reason.STALE, 4)
    assert play.now.superseded == {late.digest}


def test_a_revised_first_step_leaves_the_thread_what_it_is_about() -> None:
    play = Play(PLANNER)
    play.step(words="Find out why the queue stalls")
    play.step(words="Begin elsewhere", replaces=1)
    assert play.now.claims.task == play.now.task == "Find out why the queue stalls"


def test_a_revised_step_still_has_its_number() -> None:
    assert _plan(None, None, 2).step(2) == Refusal(Reason.RECORDED, 4)


def test_a_revision_counts_no_step_more_for_the_gate() -> None:
    play = _plan(None, 1)
    assert play.open == ["min_steps 2"]
    play.step()
    assert play.open == []


def test_going_back_over_a_revision_makes_the_replaced_step_live_again() -> None:
    play = Play(PLANNER)
    for number in (1, 2, 3):
        play.step(hypothesis=f"H{number}")
    replaced = play.now.trail[2]
    play.step(replaces=3)
    assert play.now.claims.hypothesis == "H2"
    play.go_back(4)
    assert _live(play) == [1, 2, 3, 4]
    assert play.now.claims.hypothesis == "H3"
    assert replaced.digest in play.now.digests
    assert replaced.digest not in play.now.superseded


def test_going_back_over_the_last_of_a_chain_leaves_the_one_before_it() -> None:
    play = _plan(None, None, 2, 3)
    play.go_back(4)
    assert _live(play) == [1, 3, 4]


def test_going_back_to_a_replaced_step_takes_its_revision_along() -> None:
    play = _plan(None, None, 2)
    play.go_back(2)
    assert _live(play) == [1, 2]
    assert play.now.revised is None


def test_a_backtrack_can_itself_be_a_revision() -> None:
    play = _plan(None, None, None)
    assert play.go_back(3, replaces=1) == Accept(3, backtrack=True, new=False)
    assert _live(play) == [3, 2]


@pytest.mark.parametrize("replaces", [3, 4])
def test_a_backtrack_revises_only_what_it_leaves(replaces: int) -> None:
    assert _plan(None, None, None, None).go_back(3, replaces=replaces) == Refusal(Reason.NO_SUCH_STEP, 5, str(replaces))


def test_a_last_step_can_revise_and_finish() -> None:
    play = _plan(None, None)
    play.finish(replaces=1)
    assert (play.now.outcome, _live(play)) == (Outcome.DONE, [3, 2])
