"""The expert's round: asked once before a thread completes, heeded once; the agent can always go on without it."""

from dataclasses import replace
from typing import Any

import pytest
from driver import DEBUG, NO_ADVICE, REVIEW, ask, plan, seen

from stepwarden.steps.admission import Accept, Collect, Refusal, Replay, admit
from stepwarden.steps.clause import Clause
from stepwarden.steps.consultation_rules import Preparation
from stepwarden.steps.events import Answered, Asked, Finished, GivenUp, Held
from stepwarden.steps.evidence import Evidence, Verdict
from stepwarden.steps.expert_review import ExpertReview, Objection
from stepwarden.steps.expert_rules import objections
from stepwarden.steps.machine import Advice, Decision, StepFacts, advance, advise, apply_answers, open_thread
from stepwarden.steps.status import ThreadStatus, status_of
from stepwarden.steps.submission import Confidence, Submission
from stepwarden.steps.thread import Assurance, Outcome, Signal, Thread

EXPERT = "oracle"
PROOF = seen("a.py", supports="hypothesis")
AGREES = ExpertReview(agrees=True, summary="right", model=EXPERT)
OBJECTS = ExpertReview(agrees=False, summary="no", points=(Objection("look at the lock", "b.py", 3),), model=EXPERT)
SILENT = ExpertReview(model=EXPERT, failed="no answer in 600 s")


def begun() -> Thread:
    first = open_thread("debug-a", DEBUG, ask(1), StepFacts(readable=True), None)
    return advise(first, Advice(plan=plan(2)), DEBUG).thread


def after(
    thread: Thread, said: Submission, *, expert: str = EXPERT, advice: Advice = NO_ADVICE, proof: Evidence = PROOF
) -> Decision:
    prepared = Preparation(expert)
    facts = StepFacts((proof,) if said.hypothesis else (), ("a.py",), readable=True, prepared=prepared)
    accepted = admit(thread, said, DEBUG)
    assert isinstance(accepted, Accept), accepted
    return advise(advance(thread, accepted, said, facts, DEBUG), advice, DEBUG, prepared)


def reviewed(thread: Thread, review: ExpertReview) -> Decision:
    return apply_answers(thread, "expert:2:1", [Answered("expert:2:1", review)], DEBUG)


def proven(number: int, **more: object) -> Submission:
    said = ask(number, hypothesis="the lock is missing", checked=("a.py",))
    return replace(said, digest=f"{number}{more}", **more)  # pyright: ignore[reportArgumentType]


def waiting() -> Thread:
    thread = after(begun(), proven(2, more=False, confidence=Confidence.HIGH)).thread
    assert thread.awaiting == ("expert:2:1", 2)
    return thread


def test_an_expert_is_asked_before_a_thread_that_may_finish_does() -> None:
    decision = after(begun(), proven(2, more=False, confidence=Confidence.HIGH))
    assert [type(event) for event in decision.events][-1] is Asked
    assert decision.thread.outcome is Outcome.OPEN
    assert not decision.is_open


@pytest.mark.parametrize(
    "opinion", [AGREES, SILENT, replace(OBJECTS, points=(replace(OBJECTS.points[0], verdict=Verdict.REFUTED),))]
)
def test_an_expert_that_agrees_fails_or_only_misquotes_lets_the_thread_finish(opinion: ExpertReview) -> None:
    decision = reviewed(waiting(), opinion)
    assert decision.thread.outcome is Outcome.DONE
    assert decision.thread.awaiting is None
    end = decision.events[-1]
    assert isinstance(end, Finished)
    assert [clause.kind for clause in end.open] == (["silent"] if opinion.failed else [])
    assert end.assurance is (Assurance.VERIFIED if opinion.approves else Assurance.PARTLY)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"points": ()}, "it gives no reason"),
        ({"points": (Objection("x", verdict=Verdict.REFUTED),)}, "its quote is not in the file"),
    ],
)
def test_a_no_without_a_reason_that_stands_bars_nothing_and_is_not_called_a_yes(said: dict[str, Any], why: str) -> None:
    opinion = replace(OBJECTS, **said)
    done = reviewed(waiting(), opinion)
    assert done.thread.outcome is Outcome.DONE
    assert opinion.verdict == f"disagrees, but {why}, so it was ignored"
    assert opinion.verdict in done.thread.decisions[-2].reason


def test_a_file_that_the_expert_wants_is_open_until_a_step_names_it() -> None:
    opinion = replace(OBJECTS, points=(), missing=("a.py", "b.py", "c.py"))
    held = reviewed(waiting(), opinion)
    assert [clause.subject for clause in objections(held.thread)] == ["a.py", "b.py", "c.py"]  # a.py was named before
    done = after(held.thread, proven(3, more=False, confidence=Confidence.HIGH, checked=("a.py", "b.py")))
    assert isinstance(done.events[-1], Finished)
    assert [clause.subject for clause in done.events[-1].open] == ["c.py"]


def test_an_expert_that_disagrees_holds_once_and_its_points_stand_at_the_end() -> None:
    held = reviewed(waiting(), OBJECTS)
    assert any(isinstance(event, Held) for event in held.events)
    assert held.thread.total_steps == 3
    done = after(held.thread, proven(3, more=False, confidence=Confidence.HIGH))
    assert done.thread.outcome is Outcome.DONE
    end = done.events[-1]
    assert isinstance(end, Finished)
    assert [(clause.kind, clause.subject, clause.text) for clause in end.open] == [
        ("expert", "b.py:3", "look at the lock")
    ]


def test_an_early_end_with_a_lower_word_waits_for_the_expert_and_ends_as_it_says() -> None:
    end = Advice(end=True, reason="verified")
    asked = after(begun(), proven(2, confidence=Confidence.VERY_HIGH), advice=end)
    assert asked.thread.awaiting is not None
    agreed = reviewed(asked.thread, AGREES)
    assert agreed.thread.outcome is Outcome.DONE
    assert agreed.thread.decisions[-1].reason == "verified, and the expert agrees"
    silent = reviewed(asked.thread, SILENT)
    assert (silent.thread.outcome, silent.thread.total_steps) == (Outcome.OPEN, 3)  # nothing is verified by silence
    objected = reviewed(asked.thread, OBJECTS)
    assert objected.thread.outcome is Outcome.OPEN
    assert objected.thread.total_steps > objected.thread.last


@pytest.mark.parametrize("more", [True, False])
def test_certain_with_verified_evidence_that_converged_ends_without_an_expert(more: bool) -> None:
    end = Advice(end=True, reason="verified") if more else NO_ADVICE
    thread = after(begun(), proven(2, confidence=Confidence.HIGH)).thread
    again = proven(3, more=more, confidence=Confidence.CERTAIN)
    decision = after(thread, again, advice=end, proof=seen("b.py", "return price", supports="hypothesis"))
    assert decision.thread.outcome is Outcome.DONE


@pytest.mark.parametrize("more", [True, False])
def test_a_conclusion_of_the_last_step_is_asked_about_however_certain(more: bool) -> None:
    end = Advice(end=True, reason="verified") if more else NO_ADVICE
    decision = after(begun(), proven(2, more=more, confidence=Confidence.CERTAIN), advice=end)
    assert status_of(decision.thread) is ThreadStatus.WAITING


@pytest.mark.parametrize("more", [True, False])
def test_a_certain_that_brings_no_new_quote_is_asked_about(more: bool) -> None:
    end = Advice(end=True, reason="verified") if more else NO_ADVICE
    thread = after(begun(), proven(2, confidence=Confidence.HIGH)).thread
    decision = after(thread, proven(3, more=more, confidence=Confidence.CERTAIN), advice=end)
    assert status_of(decision.thread) is ThreadStatus.WAITING


def test_who_gives_up_at_a_stall_as_it_was_told_to_ends_without_an_expert() -> None:
    idle = after(begun(), ask(2)).thread
    told = after(idle, ask(3), advice=Advice(signal=Signal.STALLED, reason="nothing new")).thread
    asked = ask(4, more=False, confidence=Confidence.LOW)
    assert after(told, asked).thread.outcome is Outcome.INCONCLUSIVE


def test_without_an_expert_a_thread_finishes_at_once() -> None:
    decision = after(begun(), proven(2, more=False), expert="")
    assert decision.thread.outcome is Outcome.DONE


def test_any_call_with_the_number_that_waits_collects_and_others_are_judged_as_ever() -> None:
    thread = waiting()
    assert admit(thread, ask(2, "other words"), DEBUG) == Collect(2)
    assert admit(thread, thread.trail[1].submission, DEBUG) == Collect(2)
    assert admit(thread, thread.trail[0].submission, DEBUG) == Replay(1)
    assert isinstance(admit(thread, ask(4), DEBUG), Refusal)
    assert isinstance(admit(thread, ask(2, backtrack=2), DEBUG), Accept)
    assert isinstance(admit(thread, ask(2), REVIEW), Refusal)


def test_the_next_number_gives_the_answer_up_and_a_late_one_changes_nothing() -> None:
    thread = waiting()
    decision = after(thread, ask(3))
    assert isinstance(decision.events[0], GivenUp)
    assert decision.thread.awaiting is None
    assert reviewed(decision.thread, OBJECTS) == Decision(decision.thread)


def test_an_end_that_did_not_wait_for_the_expert_is_not_called_verified() -> None:
    decision = after(waiting(), proven(3, more=False, confidence=Confidence.HIGH))
    finished = decision.events[-1]
    assert isinstance(finished, Finished)
    assert finished.assurance is Assurance.PARTLY
    assert Clause("unheard", EXPERT) in finished.open


def test_who_works_on_without_the_answer_is_asked_about_at_its_end_and_hears_the_no() -> None:
    thread = after(waiting(), proven(3)).thread
    again = after(thread, proven(4, more=False, confidence=Confidence.HIGH)).thread
    assert again.awaiting == ("expert:4:1", 4)
    heard = apply_answers(again, "expert:4:1", [Answered("expert:4:1", OBJECTS)], DEBUG)
    assert Held(objections(heard.thread)) in heard.events
    agreed = apply_answers(again, "expert:4:1", [Answered("expert:4:1", AGREES)], DEBUG)
    assert agreed.thread.assurance is Assurance.VERIFIED


def test_going_back_does_not_undo_that_the_expert_was_not_heard() -> None:
    thread = after(waiting(), proven(3)).thread
    back = after(thread, proven(3, backtrack=3, confidence=Confidence.HIGH)).thread
    further = seen("b.py", "return price", supports="hypothesis")
    said = proven(4, more=False, confidence=Confidence.CERTAIN)
    assert after(back, said, proof=further).thread.awaiting == ("expert:4:1", 4)


def test_the_manager_ends_nothing_over_an_expert_that_was_not_heard() -> None:
    further = seen("b.py", "return price", supports="hypothesis")
    end = Advice(end=True, reason="converged")
    on = after(waiting(), proven(3, confidence=Confidence.CERTAIN), advice=end, proof=further)
    assert on.thread.outcome is Outcome.OPEN


def test_a_backtrack_drops_the_answer_and_allows_a_new_round() -> None:
    thread = reviewed(waiting(), OBJECTS).thread
    back = after(thread, proven(2, backtrack=2, more=False, confidence=Confidence.HIGH))
    assert back.thread.awaiting == ("expert:2:2", 2)
    assert back.thread.review is None


def test_a_thread_that_is_reopened_gets_another_round_at_its_next_end() -> None:
    end = Advice(end=True, reason="verified")
    asked = after(begun(), proven(2, confidence=Confidence.VERY_HIGH), advice=end)
    done = reviewed(asked.thread, AGREES).thread
    again = after(done, proven(3, more=False, confidence=Confidence.HIGH))
    assert isinstance(again.events[-1], Asked)


def test_one_completion_has_one_round() -> None:
    thread = reviewed(waiting(), OBJECTS).thread
    done = after(thread, proven(3, more=False, confidence=Confidence.HIGH))
    assert not any(isinstance(event, Asked | Answered) for event in done.events)
