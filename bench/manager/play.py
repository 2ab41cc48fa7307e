"""Plays one thread under one policy: the naive ones as such servers do, the rules through the real pure core."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.manager.agents import Thread, View
from bench.manager.behaviour import agent_of
from stepwarden.manager.facts import ReviewInput, TaskFacts
from stepwarden.manager.manager import Manager
from stepwarden.steps.admission import Accept, Open, admit
from stepwarden.steps.consultation_rules import NOT_PREPARED, Preparation
from stepwarden.steps.events import Answered, Held, Refused, Signalled
from stepwarden.steps.expert_review import ExpertReview
from stepwarden.steps.gate import assess
from stepwarden.steps.machine import Advice, Decision, StepFacts, advance, advise, apply_answers, open_thread
from stepwarden.steps.submission import Confidence, Submission
from stepwarden.steps.thread import Assurance, DecidedBy, Outcome, Plan, Signal
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
    asked: bool = False  # whether an expert was
    held: int = 0
    disproofs: int = 0  # how often it was asked to disprove its conclusion


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
    """Return the step at which an agent that is never stopped holds the truth with a true quote, None for never."""
    agent, view = agent_of(thread), View()
    for number in range(1, MOST_CALLS + 1):
        verdicts = thread.task.repository.check(agent.step(view).quotes)
        refuted = tuple(item.path for item in verdicts if not item.holds)
        if agent.proved and not refuted:
            return number
        view = View(number + 1, refuted=refuted, open=frozenset({"refuted"} if refuted else ()))
    return None


async def play_managed(
    thread: Thread, manager: Manager, finished: tuple[int, ...] = (), *, expert: ExpertReview | None = None
) -> Played:
    """Play through the real machine, advised by `manager`; every question to an expert is answered with `expert`."""
    agent, record, view, plan = agent_of(thread), None, View(), None
    for _ in range(MOST_CALLS):
        said = agent.step(view)
        decision = await _taken(thread, record, said, manager, finished, expert)
        if record is None:
            plan = decision.thread.plan
        record = decision.thread
        if record.outcome is not Outcome.OPEN:
            break
        view = _seen(decision, thread)
    assert record is not None
    return _ended(record, thread, plan)


async def _taken(
    thread: Thread,
    record: Record | None,
    said: Submission,
    manager: Manager,
    finished: tuple[int, ...],
    expert: ExpertReview | None,
) -> Decision:
    """Take one call as the threads does, without its disk."""
    policy, repository = thread.task.policy, thread.task.repository
    admission = admit(record, said, policy)
    prepared = NOT_PREPARED if expert is None else Preparation(expert.model)
    evidence, existing = repository.check(said.quotes), repository.existing(said.files)
    facts = StepFacts(evidence, existing, readable=True, prepared=prepared)
    if isinstance(admission, Open):
        decision = open_thread(thread.name, policy, said, facts, admission.origin)
        work = TaskFacts(said.step, len(facts.existing), hint=said.total, finished=finished)
        return advise(decision, await manager.size(work, policy, decision.thread), policy)
    assert record is not None
    if not isinstance(admission, Accept):
        return Decision(record).then(Refused(said.number, said.digest, admission.reason.value))
    decision = advance(record, admission, said, facts, policy)
    advice = Advice()
    if decision.is_open:
        advice = await manager.review(ReviewInput(decision.thread, policy, assess(decision.thread, policy)))
    decision = advise(decision, advice, policy, prepared)
    if decision.thread.awaiting is None:
        return decision
    assert expert is not None
    key = decision.thread.awaiting[0]
    answered = apply_answers(decision.thread, key, [Answered(key, expert)], policy)
    return Decision(answered.thread, (*decision.events, *answered.events))


def _seen(decision: Decision, thread: Thread) -> View:
    """Return what the reply shows of a thread that is open."""
    record, events = decision.thread, decision.events
    clauses = assess(record, thread.task.policy).open
    signals = [event.signal for event in events if isinstance(event, Signalled)]
    return View(
        number=record.next_number,
        total=record.total_steps,
        held=any(isinstance(event, Held) for event in events),
        open=frozenset(clause.kind for clause in clauses),
        signal=signals[0] if signals else None,
        refuted=tuple(clause.subject for clause in clauses if clause.kind == "refuted"),
        issues={issue.description: issue.id for issue in record.claims.issues.values()},
    )


def _ended(record: Record, thread: Thread, plan: Plan | None) -> Played:
    claims = record.claims
    claimed = [claims.hypothesis or "", *(issue.description for issue in claims.issues.values())]
    done = record.outcome is Outcome.DONE
    return Played(
        steps=record.last,
        success=done and any(words.startswith(thread.task.truth) for words in claimed),
        verified=done and record.assurance is Assurance.VERIFIED,
        early=record.ended_by in {DecidedBy.RULE, DecidedBy.MODEL},
        plan=plan,
        done=done,
        asked=record.expert_rounds > 0,
        held=sum(decided.kind == "held" for decided in record.decisions),
        disproofs=sum(decided.kind == Signal.DISPROVE.value for decided in record.decisions),
    )
