"""Plays one thread under one policy: the naive ones as such servers do, the rules through the real pure core."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.manager.agents import Thread, View
from bench.manager.behaviour import Agent, agent_of
from stepwarden.manager.facts import Case, Work
from stepwarden.manager.manager import Manager
from stepwarden.steps.events import Refused, Signalled
from stepwarden.steps.gate import assess
from stepwarden.steps.machine import Accept, Decision, Facts, Open, admit, advance, advise, open_thread
from stepwarden.steps.submission import Confidence, Submission
from stepwarden.steps.thread import Assurance, By, Outcome, Plan
from stepwarden.steps.thread import Thread as Record

MOST_CALLS = 40  # a stop for the bench; agents end long before, by their patience


@dataclass(frozen=True, slots=True)
class Played:
    """How a thread went. `saved` are the steps that an early end saved, `plan` is the one of step 1."""

    steps: int
    success: bool
    verified: bool = False
    early: bool = False
    plan: Plan | None = None
    done: bool = True


Total = Callable[[Thread], int | None]


def play_naive(thread: Thread, total: Total, *, strict: bool = False, word_ends: bool = False) -> Played:
    """Play without any check. `strict` runs exactly the total; `word_ends` ends at the word `certain`."""
    agent, planned, number = agent_of(thread), total(thread), 1
    while True:
        said = agent.step(View(number, planned))
        if word_ends and said.confidence is Confidence.CERTAIN:
            return Played(number, agent.right, early=True)
        if number >= MOST_CALLS or (number == planned if strict else not said.more):
            return Played(number, agent.right)
        planned = max(planned, said.total) if planned is not None and said.total and not strict else planned
        number += 1


def needed_steps(thread: Thread) -> int | None:
    """Give the step at which the agent, never stopped, holds the truth with a true quote; None where it never does."""
    agent = agent_of(thread)
    for number in range(1, MOST_CALLS + 1):
        said = agent.step(View(number))
        quotes = thread.task.repository.check(said.quotes)
        if agent.proved and all(item.holds for item in quotes):
            return number
        refuted = tuple(item.path for item in quotes if not item.holds)
        if refuted:
            agent.step(View(number, refuted=refuted)) if False else None
    return None


async def play_managed(thread: Thread, manager: Manager, finished: tuple[int, ...] = ()) -> Played:
    """Play through the real machine, advised by `manager`."""
    agent, record, view, plan = agent_of(thread), None, View(), None
    for _ in range(MOST_CALLS):
        said = agent.step(view)
        decision = await _taken(thread, record, said, manager, finished)
        if record is None:
            plan = decision.thread.plan
        record = decision.thread
        if record.outcome is not Outcome.OPEN:
            break
        view = _seen(decision, thread)
    assert record is not None
    return _ended(agent, record, plan)


async def _taken(
    thread: Thread, record: Record | None, said: Submission, manager: Manager, finished: tuple[int, ...]
) -> Decision:
    """Take one call as the desk does, without its disk."""
    policy, repository = thread.task.policy, thread.task.repository
    admission = admit(record, said, policy)
    facts = Facts(repository.check(said.quotes), repository.existing(said.files), readable=True)
    if isinstance(admission, Open):
        decision = open_thread(thread.name, policy, said, facts, admission.origin)
        work = Work(said.step, len(facts.existing), hint=said.total, finished=finished)
        return advise(decision, await manager.size(work, policy, decision.thread), policy)
    assert record is not None
    if not isinstance(admission, Accept):
        return Decision(record).then(Refused(said.number, said.digest, admission.reason.value))
    decision = advance(record, admission, said, facts, policy)
    if not decision.is_open:
        return advise(decision, await _no_advice(), policy)
    case = Case(decision.thread, policy, assess(decision.thread, policy))
    return advise(decision, await manager.review(case), policy)
