"""What a look at the code does to a thread: it counts the steps, bars the finish, and can complete it."""

from typing import Any

from driver import ask

from stepwarden.steps.admission import Accept
from stepwarden.steps.clause import Clause
from stepwarden.steps.events import Planned
from stepwarden.steps.gate import Policy, open_clauses
from stepwarden.steps.inspection import Inspection
from stepwarden.steps.machine import Advice, Decision, StepFacts, advance, advise, open_thread
from stepwarden.steps.thread import Assurance, DecidedBy, Outcome, Plan, Thread

POLICY = Policy("docgen", low=2, likely=4, high=8, min_steps=2)
LEFT = (Clause("measured", "a.py", "a.py: f (3)"), Clause("measured", "b.py", "b.py: g (9)"))


def opened(measured: Inspection, **fields: Any) -> Decision:
    decision = open_thread("docgen-x", POLICY, ask(1, **fields), StepFacts(readable=True, measured=measured), None)
    total = measured.total or 1
    return advise(decision, Advice(plan=Plan(total, total, total, "counted")), POLICY)


def then(thread: Thread, measured: Inspection | None, **fields: Any) -> Decision:
    number = thread.next_number
    facts = StepFacts(readable=True, measured=measured)
    decision = advance(thread, Accept(number), ask(number, **fields), facts, POLICY)
    return advise(decision, Advice(), POLICY)


def test_clauses_of_the_look_bar_the_finish_once_and_are_passed_over_the_second_time() -> None:
    thread = opened(Inspection(clauses=LEFT, total=3)).thread
    held = then(thread, Inspection(clauses=LEFT[1:]), more=False).thread
    assert held.held
    assert open_clauses(held, POLICY) == LEFT[1:]
    done = then(held, None, more=False).thread
    assert (done.outcome, done.ended_by) == (Outcome.DONE, DecidedBy.AGENT)


def test_a_look_that_says_nothing_of_clauses_leaves_those_before() -> None:
    thread = opened(Inspection(clauses=LEFT, total=3)).thread
    thread = then(thread, Inspection(facts=("one file changed",))).thread
    assert thread.claims.measured.clauses == LEFT
    assert thread.claims.measured.facts == ("one file changed",)
    assert then(thread, Inspection(clauses=())).thread.claims.measured.clauses == ()


def test_the_plan_follows_a_total_that_was_counted_again() -> None:
    thread = opened(Inspection(clauses=LEFT, total=3)).thread
    assert thread.total_steps == 3
    decision = then(thread, Inspection(clauses=LEFT, total=5))
    assert decision.thread.total_steps == 5
    planned = [event.plan for event in decision.events if isinstance(event, Planned)]
    assert [(plan.was, plan.likely) for plan in planned] == [(3, 5)]


def test_nothing_to_do_completes_at_step_one_as_verified_whatever_the_least_number_of_steps() -> None:
    thread = opened(Inspection(done="every definition is documented")).thread
    assert (thread.outcome, thread.ended_by, thread.assurance) == (Outcome.DONE, DecidedBy.RULE, Assurance.VERIFIED)


def test_a_look_that_says_done_while_its_own_clauses_are_open_completes_nothing() -> None:
    assert opened(Inspection(done="all done", clauses=LEFT)).thread.outcome is Outcome.OPEN


def test_backtracking_takes_back_what_later_steps_measured() -> None:
    thread = opened(Inspection(clauses=LEFT, total=3, data={"left": 2})).thread
    thread = then(thread, Inspection(clauses=(), data={"left": 0})).thread
    back = advance(thread, Accept(2, backtrack=True), ask(2, backtrack=2), StepFacts(readable=True), POLICY).thread
    assert back.claims.measured.clauses == LEFT
    assert back.claims.measured.data == {"left": 2}
