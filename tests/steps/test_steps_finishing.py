"""How a thread ends: rules 6 and 7 of the protocol, and "Ending early"."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from driver import ANALYZE, DEBUG, REVIEW, Play, claim, plan, refuted, seen, started

from stepwarden.steps.admission import Accept, Reason, Refusal
from stepwarden.steps.clause import Clause
from stepwarden.steps.events import Finished, Held, Planned, Signalled
from stepwarden.steps.gate import Policy
from stepwarden.steps.machine import Advice
from stepwarden.steps.submission import Confidence
from stepwarden.steps.thread import Assurance, DecidedBy, Outcome, Plan, Signal

SHORT = Advice(plan=Plan(2, 2, 3, "sized"))
END = Advice(end=True, reason="converged")


def _proven(steps: int = 2, policy=DEBUG) -> Play:
    """Return a thread whose gate is open and whose only claim is verified."""
    return started(policy, steps, hypothesis="H", evidence=[seen("a.py", supports="hypothesis")])


def _finished(play: Play) -> Finished:
    return next(event for event in play.decided if isinstance(event, Finished))


# -- the agent asks


def test_an_ask_with_an_open_gate_completes_at_once() -> None:
    play = _proven()
    play.finish()
    assert _finished(play) == Finished(
        DecidedBy.AGENT, Outcome.DONE, Assurance.VERIFIED, "the agent asked to finish", open=(), saved=0
    )
    assert (play.now.outcome, play.now.ended_by, play.now.assurance) == (
        Outcome.DONE,
        DecidedBy.AGENT,
        Assurance.VERIFIED,
    )


def test_an_ask_before_the_plans_low_end_has_to_have_been_tested() -> None:
    play = _proven(steps=1)
    play.finish()
    assert Held((Clause("untested"),)) in play.decided
    play.finish(evidence=[seen("b.py", "price = 0")])
    assert (_finished(play).assurance, _finished(play).open) == (Assurance.VERIFIED, ())


def test_a_new_quote_in_the_ask_itself_is_a_test() -> None:
    play = _proven(steps=1)
    play.finish(evidence=[seen("b.py", "price = 0")])
    assert _finished(play).assurance is Assurance.VERIFIED


@pytest.mark.parametrize("again", [{}, {"evidence": [refuted("b.py")]}, {"hypothesis": "K"}])
def test_one_that_was_not_ends_as_partly_verified_and_says_so(again: dict[str, Any]) -> None:
    play = _proven(steps=1)
    play.finish()
    play.finish(**again)
    assert _finished(play).assurance is not Assurance.VERIFIED
    assert _finished(play).open


@pytest.mark.parametrize(("total", "held"), [(1, True), (2, True), (3, False), (4, False)])
def test_the_agents_own_number_plans_no_end_that_is_never_early(total: int, held: bool) -> None:
    play = started(DEBUG, hypothesis="H", evidence=[seen("a.py", supports="hypothesis")], total=total, advice=SHORT)
    play.finish()
    assert any(isinstance(event, Held) for event in play.decided) is held


def test_the_number_of_planned_steps_bars_no_finish() -> None:
    play = _proven(steps=1)
    play.step(total=8)
    play.finish()
    assert (play.now.outcome, play.now.total_steps) == (Outcome.DONE, 3)


def test_the_first_ask_with_open_clauses_is_recorded_and_held() -> None:
    play = started(DEBUG, issues=(claim("bad"),))
    assert play.finish() == Accept(2, new=False)
    assert play.is_open
    assert Held((Clause("no_hypothesis"), Clause("issue", "I1"))) in play.decided
    assert play.now.next_number == 3


def test_the_next_ask_completes_and_shows_what_is_still_open() -> None:
    play = started(DEBUG)
    play.finish()
    play.finish()
    finished = _finished(play)
    assert (finished.outcome, finished.assurance) == (Outcome.DONE, Assurance.ASSERTED)
    assert [clause.kind for clause in finished.open] == ["no_hypothesis"]


@pytest.mark.parametrize("between", [1, 2, 7])
def test_the_next_ask_completes_however_many_steps_later(between: int) -> None:
    play = started(DEBUG)
    play.finish()
    for _ in range(between):
        play.step()
    play.finish()
    assert (play.now.outcome, play.now.last) == (Outcome.DONE, between + 3)


def test_new_clauses_after_a_hold_do_not_hold_again() -> None:
    play = started(DEBUG)
    play.finish()
    play.step(hypothesis="H", issues=(claim("bad", "critical"),), evidence=[refuted("a.py")])
    play.finish()
    assert play.now.outcome is Outcome.DONE
    assert [clause.kind for clause in _finished(play).open] == ["issue", "hypothesis", "refuted"]


def test_a_hold_put_right_ends_verified() -> None:
    play = started(DEBUG)
    play.finish()
    play.finish(hypothesis="H", evidence=[seen("a.py")])
    assert (_finished(play).open, play.now.assurance) == ((), Assurance.VERIFIED)


@pytest.mark.parametrize(("policy", "asks"), [(REVIEW, 2), (ANALYZE, 2)])
def test_a_thread_that_asks_from_the_first_step_on_completes_at_its_second_ask(policy, asks: int) -> None:
    play = Play(policy)
    for _ in range(asks):
        play.finish()
    assert (play.now.outcome, play.now.last) == (Outcome.DONE, asks)


def test_too_few_steps_hold_once() -> None:
    play = started(ANALYZE)
    play.finish()
    assert (play.is_open, play.open) == (True, ["min_steps 3"])
    play.finish()
    assert (play.now.outcome, _finished(play).open) == (Outcome.DONE, ())


def test_a_clause_of_the_tools_own_holds_once_too() -> None:
    clause = Clause("checklist", "2", "look at the callers")
    play = started(replace(REVIEW, checklist=lambda _: (clause,)))
    play.finish()
    assert play.is_open
    play.finish()
    assert _finished(play).open == (clause,)


def test_the_word_certain_does_not_pass_a_hold() -> None:
    play = started(DEBUG, hypothesis="H")
    play.finish(confidence=Confidence.CERTAIN, findings="z " * 500)
    assert play.is_open


# -- stalled


def _stalled() -> Play:
    play = started(REVIEW, findings="old")
    play.step(findings="old")
    play.step(findings="OLD")
    assert play.now.stalled
    return play


def test_finishing_while_stalled_is_inconclusive() -> None:
    play = _stalled()
    play.finish(findings="old")
    assert play.now.outcome is Outcome.INCONCLUSIVE
    assert play.step() == Refusal(Reason.CLOSED, 4)


def test_a_hold_between_leaves_it_stalled() -> None:
    play = started(DEBUG, findings="old")
    play.step(findings="old")
    play.step(findings="OLD")
    play.finish()
    assert play.is_open
    play.finish()
    assert play.now.outcome is Outcome.INCONCLUSIVE


def test_words_in_the_ask_itself_do_not_end_a_stall() -> None:
    play = _stalled()
    play.finish(findings="I have read everything there is")
    assert play.now.outcome is Outcome.INCONCLUSIVE


def test_a_fact_in_the_ask_ends_a_stall() -> None:
    play = _stalled()
    play.finish(checked=("b.py",))
    assert play.now.outcome is Outcome.DONE


def test_a_step_with_words_ends_a_stall() -> None:
    play = _stalled()
    play.step()
    play.finish()
    assert play.now.outcome is Outcome.DONE


def test_going_back_before_a_stall_ends_it() -> None:
    play = _stalled()
    play.go_back(2)
    assert not play.now.stalled


# -- the manager ends a thread that gets nowhere

NOWHERE = Advice(end=True, inconclusive=True, reason="nothing new; tried: H")


def _told(policy: Policy = DEBUG) -> Play:
    play = started(policy, findings="old")
    play.step(findings="old")
    play.step(findings="OLD", advice=Advice(signal=Signal.STALLED, reason="nothing new"))
    return play


def test_such_an_end_is_inconclusive_with_what_is_open_and_its_reason() -> None:
    play = _told()
    play.step(findings="old")
    play.step(findings="Old", advice=NOWHERE)
    ended = _finished(play)
    assert (ended.by, ended.outcome, ended.assurance) == (DecidedBy.RULE, Outcome.INCONCLUSIVE, Assurance.ASSERTED)
    assert (ended.reason, ended.saved) == ("nothing new; tried: H", 0)
    assert [clause.kind for clause in ended.open] == ["no_hypothesis"]


def test_the_next_number_reopens_such_a_thread() -> None:
    play = _told()
    play.step(findings="old")
    play.step(findings="Old", advice=NOWHERE)
    assert play.step(4, hypothesis="the cart") == Accept(4)
    assert (play.is_open, play.now.stalled) == (True, False)


def test_an_end_of_a_thread_that_was_not_told_is_not_taken() -> None:
    play = started(DEBUG, findings="old")
    play.step(findings="old")
    play.step(findings="OLD", advice=NOWHERE)
    assert play.is_open


@pytest.mark.parametrize("said", [{}, {"checked": ("b.py",)}], ids=["words", "a file"])
def test_an_end_after_a_step_that_brings_something_is_not_taken(said: dict[str, Any]) -> None:
    play = _told()
    play.step(advice=NOWHERE, **said)
    assert play.is_open


def test_a_thread_that_gets_nowhere_does_not_end_as_done() -> None:
    play = _told()
    play.step(findings="old")
    play.step(findings="Old", advice=Advice(end=True))
    assert play.is_open


def test_a_backtrack_forgets_which_of_the_later_steps_were_refused_at_first() -> None:
    play = _told()
    assert play.now.refused_at == {2}
    play.go_back(2)
    assert play.now.refused_at == frozenset()


# -- the agent gives up, as it was told to


UNSURE: dict[str, Any] = {"findings": "I cannot find it", "confidence": Confidence.LOW}


def _told_at_words() -> Play:
    play = started(DEBUG)
    play.step()
    play.step(advice=Advice(signal=Signal.STALLED, reason="nothing new"))
    return play


@pytest.mark.parametrize("told", [_told, _told_at_words])
def test_who_is_told_of_a_stall_and_claims_nothing_is_not_held(told: Callable[[], Play]) -> None:
    play = told()
    play.finish(**UNSURE)
    ended = _finished(play)
    assert (ended.by, ended.outcome, ended.reason) == (
        DecidedBy.AGENT,
        Outcome.INCONCLUSIVE,
        "nothing new was found any more",
    )
    assert [clause.kind for clause in ended.open] == ["no_hypothesis"]


@pytest.mark.parametrize("word", [None, Confidence.MEDIUM, Confidence.CERTAIN])
def test_who_does_not_say_that_it_is_unsure_is_held(word: Confidence | None) -> None:
    play = _told()
    play.finish(findings="I cannot find it", confidence=word)
    assert play.is_open


def test_who_gives_up_at_the_second_idle_step_was_not_told_and_is_not_held() -> None:
    play = started(DEBUG)
    play.step()
    play.finish(**UNSURE)
    assert play.now.outcome is Outcome.INCONCLUSIVE


def test_who_gives_up_at_the_first_idle_step_is_held() -> None:
    play = started(DEBUG)
    play.step(checked=("b.py",))
    play.finish(**UNSURE)
    assert play.is_open
    assert play.open == ["no_hypothesis"]


def test_where_steps_need_nothing_new_who_is_unsure_is_held() -> None:
    left = Clause("docs", "a.py")
    play = started(replace(REVIEW, novelty_required=False, checklist=lambda _: (left,)))
    play.step()
    play.finish(**UNSURE)
    assert play.is_open


def test_who_claims_something_is_held_where_words_were_new() -> None:
    play = started(DEBUG, hypothesis="H")
    play.step(hypothesis="H")
    play.step(hypothesis="H", advice=Advice(signal=Signal.STALLED, reason="nothing new"))
    play.finish(hypothesis="H", **UNSURE)
    assert play.is_open
    assert play.open == ["hypothesis"]


@pytest.mark.parametrize("said", [{"checked": ("b.py",)}, {"hypothesis": "H"}], ids=["a file", "a claim"])
def test_who_brings_something_after_it_was_told_is_held(said: dict[str, Any]) -> None:
    play = _told()
    play.step(**said)
    play.finish(**UNSURE)
    assert play.is_open


def test_who_brings_something_with_the_ask_is_held() -> None:
    play = _told()
    play.finish(checked=("b.py",), **UNSURE)
    assert play.is_open


def test_who_goes_back_and_finds_something_is_held() -> None:
    play = _told_at_words()
    play.go_back(2, checked=("b.py",))
    play.finish(**UNSURE)
    assert play.is_open


def test_with_nothing_open_the_thread_of_who_was_told_is_done() -> None:
    play = started(REVIEW)
    play.step()
    play.step(advice=Advice(signal=Signal.STALLED, reason="nothing new"))
    play.finish(**UNSURE)
    assert play.now.outcome is Outcome.DONE


# -- a held thread's plan


@pytest.mark.parametrize(("clauses", "total"), [(1, 3), (3, 3), (4, 4)])
def test_a_held_thread_is_planned_no_longer_than_what_is_open_takes(clauses: int, total: int) -> None:
    left = tuple(Clause("checklist", str(number)) for number in range(clauses))
    play = started(replace(REVIEW, checklist=lambda _: left), advice=Advice(plan=plan(7)))
    play.finish()
    assert play.now.plan is not None
    assert (play.now.total_steps, play.now.plan.was) == (total, 7)
    assert play.now.plan.low <= total < play.now.plan.high


def test_a_held_thread_whose_total_is_counted_keeps_it() -> None:
    play = started(replace(DEBUG, min_steps=1), advice=Advice(plan=Plan(6, 6, 6, "6 steps, counted")))
    play.finish()
    assert play.now.total_steps == 6


# -- the manager ends early


def test_a_proven_thread_ends_early_on_advice() -> None:
    play = _proven(steps=1)
    play.step(advice=END)
    assert _finished(play) == Finished(DecidedBy.RULE, Outcome.DONE, Assurance.VERIFIED, "converged", saved=2)
    assert (play.now.outcome, play.now.total_steps, play.now.ended_by) == (Outcome.DONE, 2, DecidedBy.RULE)


def test_the_maker_of_the_advice_is_kept() -> None:
    play = _proven(steps=1)
    play.step(advice=replace(END, by=DecidedBy.MODEL))
    assert play.now.ended_by is DecidedBy.MODEL


def test_nothing_is_saved_at_the_planned_end() -> None:
    play = _proven(steps=3)
    play.step(advice=END)
    assert (_finished(play).saved, play.now.total_steps) == (0, 4)


@pytest.mark.parametrize("grown", [{"total": 8}, {"advice": Advice(plan=plan(7))}], ids=["by the agent", "by advice"])
def test_steps_are_saved_of_the_first_plan_only(grown) -> None:
    play = _proven(steps=1)
    play.step(**grown)
    play.step(advice=END)
    assert _finished(play).saved == 1


@pytest.mark.parametrize(
    "first",
    [
        {},
        {"hypothesis": "H"},
        {"hypothesis": "H", "evidence": [refuted("a.py", supports="hypothesis")]},
        {"hypothesis": "H", "evidence": [seen("a.py", supports="hypothesis"), refuted("b.py")]},
        {"hypothesis": "H", "evidence": [seen("a.py", supports="hypothesis")], "issues": (claim("bad"),)},
    ],
    ids=["no claim", "nothing quoted", "refuted", "one refuted", "one of two"],
)
def test_advice_to_end_is_passed_over_while_the_gate_is_barred(first) -> None:
    play = started(DEBUG, **first)
    play.step(confidence=Confidence.CERTAIN, advice=END)
    assert play.is_open


def test_a_gate_that_is_open_without_any_claim_does_not_end_early() -> None:
    play = started(REVIEW)
    play.step(advice=END)
    assert play.assessment.sufficient
    assert play.is_open


def test_a_gate_that_is_open_because_nothing_can_be_read_does_not_end_early() -> None:
    play = started(REVIEW, hypothesis="H", readable=False)
    play.step(readable=False, advice=END)
    assert play.assessment.sufficient
    assert play.is_open


def test_fewer_than_the_minimum_of_steps_do_not_end_early() -> None:
    play = Play(REVIEW)
    play.step(hypothesis="H", evidence=[seen("a.py")], advice=replace(END, plan=plan(3)))
    assert play.is_open


def test_an_open_clause_of_the_tools_own_does_not_let_it_end_early() -> None:
    play = _proven(steps=1, policy=replace(REVIEW, checklist=lambda _: (Clause("checklist", "1", "look"),)))
    play.step(advice=END)
    assert play.is_open


def test_a_held_ask_is_not_ended_by_advice() -> None:
    play = started(DEBUG)
    play.finish(advice=END)
    assert play.is_open


def test_advice_on_a_finished_thread_changes_nothing() -> None:
    play = _proven()
    play.finish(advice=Advice(plan=plan(9), signal=Signal.SPLIT, end=True))
    assert [type(event) for event in play.decided][1:] == [Finished]


def test_an_early_end_takes_the_next_number_and_is_open_again() -> None:
    play = _proven(steps=1)
    play.step(advice=END)
    assert play.step() == Accept(3, new=False)
    assert (play.is_open, play.now.ended_by, play.now.assurance) == (True, None, Assurance.ASSERTED)
    assert play.now.total_steps == 4


def test_an_early_end_can_be_asked_to_finish_by_the_next_number() -> None:
    play = _proven(steps=1)
    play.step(advice=END)
    play.finish()
    assert (play.now.outcome, play.now.ended_by) == (Outcome.DONE, DecidedBy.AGENT)
    assert play.step() == Refusal(Reason.CLOSED, 4)


def test_an_early_end_refuses_gaps_and_empty_steps_as_ever() -> None:
    play = _proven(steps=1)
    play.step(findings="all is clear", advice=END)
    assert play.step(4) == Refusal(Reason.GAP, 3)
    assert play.step(findings="All is clear") == Refusal(Reason.NOTHING_NEW, 3)
    assert play.now.outcome is Outcome.DONE


def test_a_hold_before_an_early_end_is_remembered_after_it() -> None:
    play = started(DEBUG)
    play.finish()
    play.step(hypothesis="H", evidence=[seen("a.py")], advice=END)
    assert play.now.outcome is Outcome.DONE
    play.step(hypothesis="K")
    play.finish()
    assert play.now.outcome is Outcome.DONE


# -- other advice


def test_a_signal_is_kept_with_its_maker_and_reason() -> None:
    play = started(REVIEW)
    play.step(advice=Advice(signal=Signal.STALLED, reason="try the tests", by=DecidedBy.MODEL))
    assert play.decided[-1] == Signalled(Signal.STALLED, "try the tests", DecidedBy.MODEL)
    assert (play.now.decisions[-1].kind, play.now.decisions[-1].by) == ("stalled", DecidedBy.MODEL)


def test_a_call_to_disprove_is_remembered_with_its_step() -> None:
    play = started(REVIEW)
    play.step(advice=Advice(signal=Signal.DISPROVE, reason="what would you expect?"))
    assert play.now.disproof_asked == 2


def test_a_held_ask_takes_a_plan_and_no_signal() -> None:
    play = started(DEBUG)
    play.finish(advice=Advice(plan=plan(6, "clauses open"), signal=Signal.SPLIT))
    assert play.now.total_steps == 6
    assert not any(isinstance(event, Signalled) for event in play.decided)


def test_passed_over_advice_to_end_still_brings_its_plan_and_signal() -> None:
    play = started(DEBUG)
    play.step(advice=Advice(plan=plan(6), signal=Signal.SPLIT, end=True))
    assert [type(event) for event in play.decided][1:] == [Planned, Signalled]
