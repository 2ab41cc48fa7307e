"""The machine of the step protocol: what follows from a step, from the manager's advice, from the models' answers.

Theory. A thread is the fold of its events, and the machine is the only place that decides them. It is pure: it looks
nothing up, asks nobody and keeps no time, so each decision can be played again from the history. What it is told comes
from three sides, and each has one function:

- a call of the agent, once `admission.py` has said that it is a new step: `open_thread`, `advance`;
- the manager, which is asked after each step that leaves a thread open: `advise`;
- models that a thread waits for: `apply_answers`.

Each returns a `Decision`: the events to record, and the thread after them. The shell appends them all at once, so a
thread is never seen between a step and what was decided about it. What a tool's threads ask of models is a value of its
policy (`consultation_rules.py`); where a thread stands is one word (`status.py`). The table *status x input -> events*
in section 3 of docs/protocol.md is this module, the admission and the commands in one view, and a test holds them
against each other. Rules are those of that section.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

from stepwarden.steps.admission import Accept, number_issues
from stepwarden.steps.cited_facts import number_facts
from stepwarden.steps.consultation_rules import NOT_PREPARED, Gate, Preparation
from stepwarden.steps.events import Answered, Event, Finished, Held, Opened, Signalled, StepRecorded
from stepwarden.steps.evidence import Evidence
from stepwarden.steps.fold import before_step, fold_events
from stepwarden.steps.gate import Policy, assess, assess_end, clauses_at_end, open_clauses, steps_to_close
from stepwarden.steps.inspection import Inspection
from stepwarden.steps.misquotes import mark_misworded
from stepwarden.steps.plan_changes import count_anew, leave_a_step, raise_to_request, replan, shorten_to_open
from stepwarden.steps.reported_run import find_turned
from stepwarden.steps.stall import gets_nowhere, gives_up
from stepwarden.steps.status import GOES_ON, ThreadStatus, status_of
from stepwarden.steps.submission import Submission
from stepwarden.steps.thread import Assurance, DecidedBy, Origin, Outcome, Phase, Plan, Signal, Step, Thread


@dataclass(frozen=True, slots=True)
class StepFacts:
    """What the server found when it looked: verdicts on the quotes, files that exist, quotes gone since.

    `prepared` says which models may be asked about the step. `measured` is what the tool's own look at the code found.
    `uncited` are what the step cites and the thread has no facts of.
    """

    evidence: tuple[Evidence, ...] = ()
    existing: tuple[str, ...] = ()
    readable: bool = False
    stale: int = 0
    prepared: Preparation = NOT_PREPARED
    measured: Inspection | None = None
    uncited: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Advice:
    """What the manager proposes; the machine judges it. Empty advice changes nothing.

    `inconclusive` says of an `end` that the thread gets nowhere, where else all is verified.
    """

    plan: Plan | None = None
    signal: Signal | None = None
    end: bool = False
    inconclusive: bool = False
    reason: str = ""
    by: DecidedBy = DecidedBy.RULE


@dataclass(frozen=True)
class Decision:
    """The thread after the events that are to be recorded."""

    thread: Thread
    events: tuple[Event, ...] = ()

    def then(self, *events: Event) -> "Decision":
        """Return the decision with more events decided."""
        return Decision(fold_events(self.thread, events), (*self.events, *events)) if events else self

    @cached_property
    def is_open(self) -> bool:
        """Whether the call left the thread open and was not held: the manager is asked about such ones.

        Not of one that was held just now: what bars its finish is on its way to the agent, and advice beside it would
        be a second opinion on the same clauses.
        """
        held = any(isinstance(event, Held) for event in self.events)
        return not held and status_of(self.thread) in {ThreadStatus.OPEN, ThreadStatus.HELD}


def open_thread(
    thread_id: str, policy: Policy, submission: Submission, facts: StepFacts, origin: Origin | None, *, run: str = ""
) -> Decision:
    """Open a thread with its first step (1); `run` is the run whose model begins it."""
    start = Decision(Thread(id=thread_id, tool=policy.tool)).then(Opened(policy.tool, origin, run))
    # Not prepared for an end: one step is no work that anybody could judge, so its expert is never asked (rule 6);
    # but for one that brings its runs and may be the last.
    is_whole = find_turned(((1, run) for run in submission.runs), 1)
    first = facts if is_whole else replace(facts, prepared=replace(facts.prepared, model=""))
    return _follow(_record(start, Accept(1), submission, first, policy), first, policy)


def advance(thread: Thread, accepted: Accept, submission: Submission, facts: StepFacts, policy: Policy) -> Decision:
    """Record an admitted step and, where the agent asks to finish, judge it.

    An answer that is still awaited is given up: the agent can always continue without the model (rule 8).
    """
    decision = Decision(thread)
    if status_of(thread) is ThreadStatus.WAITING:
        decision = decision.then(*policy.consultation.give_up(thread, accepted.backtrack))
    decision = _record(decision, accepted, submission, facts, policy)
    return _follow(decision, facts, policy)


def apply_answers(thread: Thread, key: str, answers: Sequence[Answered], policy: Policy) -> Decision:
    """Record the answers to the consultation `key` and judge them; ones that `thread` does not wait for change nothing.

    A model never changes a thread: its answer is a fact like any other, and the policy's rules say what follows.
    """
    decision = Decision(thread)
    if thread.awaiting is None or thread.awaiting[0] != key:
        return decision  # given up, or answered in another process: it came too late
    decision = decision.then(*answers)
    return decision.then(*policy.consultation.judge(decision.thread, _gate(policy)))


def advise(decision: Decision, advice: Advice, policy: Policy, prepared: Preparation = NOT_PREPARED) -> Decision:
    """Judge the manager's advice on the step just recorded, and add what of it holds; empty advice is advice too.

    An open thread is left with a step to come (rule 2). A held or finished thread takes only a plan. An early end needs
    the whole gate and assurance `verified`, or as inconclusive one a thread that gets nowhere (rule 7).
    """
    if advice.plan is not None and status_of(decision.thread) in GOES_ON:
        decision = decision.then(*replan(decision.thread, advice.plan))
    if policy.consultation.steps(decision.thread) is not None:
        return decision  # its steps are counted, not advised
    if not decision.is_open:
        return decision.then(*leave_a_step(decision.thread))
    thread = decision.thread
    if advice.end and advice.inconclusive and gets_nowhere(thread):
        return decision.then(_end_of_a_stall(thread, advice, policy))
    if advice.end and not advice.inconclusive and _may_end(thread, policy):
        return decision.then(*(_ask_before_end(thread, prepared, policy) or (_early_end(thread, advice),)))
    if advice.signal is not None:
        decision = decision.then(Signalled(advice.signal, advice.reason, advice.by))
    return decision.then(*leave_a_step(decision.thread))


def _record(decision: Decision, accepted: Accept, submission: Submission, facts: StepFacts, policy: Policy) -> Decision:
    thread = decision.thread
    # A step that goes back is judged against the thread it is added to, not against the one it cuts off (rule 5).
    base = before_step(thread, accepted.number) if accepted.backtrack else thread
    issues, _ = number_issues(base, submission)
    step = Step(
        number=accepted.number,
        submission=_without_what_was_checked(submission),
        evidence=mark_misworded(facts.evidence, base.claims.held),
        issues=issues,
        existing=facts.existing,
        readable=facts.readable,
        stalled=accepted.stalled,
        new=accepted.new,
        phase=phase_of(accepted.number, submission, base.plan.likely if base.plan else policy.likely),
        attempt=thread.attempt(accepted.number) + 1,
        stale=facts.stale,
        measured=_numbered(facts.measured, base),
        uncited=facts.uncited,
    )
    reopened = status_of(thread) in {ThreadStatus.ENDED, ThreadStatus.CLOSED}
    return decision.then(StepRecorded(step, accepted.backtrack, reopened))


def _numbered(measured: Inspection | None, base: Thread) -> Inspection | None:
    if measured is None or not measured.citable:
        return measured
    return replace(measured, citable=number_facts(measured.facts, measured.citable, base.fact_ids))


def _without_what_was_checked(submission: Submission) -> Submission:
    """Return the submission as it is kept: its issues and quotes stand in the step, as they were found."""
    if not submission.issues and not submission.quotes:
        return submission
    return replace(submission, issues=(), quotes=tuple(quote for quote in submission.quotes if quote.withdrawn))


def phase_of(number: int, submission: Submission, planned: int) -> Phase:
    """Return which part of the work comes after this step: by its number, its confidence and the plan."""
    confidence = submission.confidence
    rank = confidence.rank if confidence else 0
    if number == 1 or (number == 2 and planned >= 5 and rank < 2):
        return Phase.SURVEY
    if confidence is not None and confidence.asks_to_end:
        return Phase.CONCLUDE
    if rank >= 2:  # medium or high
        return Phase.CONCLUDE if number >= planned - 1 else Phase.PROVE
    if confidence is None and number * 2 >= planned:
        return Phase.PROVE
    return Phase.DIG


def _follow(decision: Decision, facts: StepFacts, policy: Policy) -> Decision:
    """Add what follows from the step just recorded."""
    thread = decision.thread
    if asked := policy.consultation.ask_with_step(thread, facts.prepared, _gate(policy)):
        return decision.then(*asked)
    measured = thread.claims.measured
    if measured.done and facts.measured is not None and not open_clauses(thread, policy):
        return decision.then(Finished(DecidedBy.RULE, Outcome.DONE, Assurance.VERIFIED, measured.done))
    submission = thread.trail[-1].submission
    if thread.last > 1:  # the first step is sized by the manager
        counted = measured.total is not None
        changes = (
            count_anew(thread, measured.total or 0)
            if counted
            else raise_to_request(thread, submission, 2 * policy.high)
        )
        decision = decision.then(*changes)
    return decision if submission.more else _finish_asked(decision, facts.prepared, policy)


def _finish_asked(decision: Decision, prepared: Preparation, policy: Policy) -> Decision:
    """Hold the first ask with open clauses, let every other one finish, after the consultation it asks for (rule 6).

    Held once and never twice: the gate cannot tell a thread that needs more work from one whose evidence nobody can
    give, so the second ask completes it, with the assurance as it is and the open clauses listed. An agent that gives
    up where it is stalled has nothing to prove, so it is not held at all.
    """
    thread = decision.thread
    barred = clauses_at_end(thread, policy)
    # What an expert objects to is the expert's to judge once more, and its yes is a test: no hold is spent on these.
    others = tuple(clause for clause in barred if clause.kind != "untested")
    if others == policy.consultation.clauses(thread) and (asked := _ask_before_end(thread, prepared, policy)):
        return decision.then(*asked)
    if barred and status_of(thread) is not ThreadStatus.HELD and not gives_up(thread, policy):
        decision = decision.then(Held(barred))
        decision = decision.then(*shorten_to_open(decision.thread, len(barred), steps_to_close(len(barred))))
        return decision.then(*leave_a_step(decision.thread))
    asked = _ask_before_end(thread, prepared, policy)
    return decision.then(*(asked or (_agents_end(thread, policy),)))


def _ask_before_end(thread: Thread, prepared: Preparation, policy: Policy) -> tuple[Event, ...]:
    """Ask models whether the thread may complete. About an inconclusive end there is nothing to judge."""
    if _is_inconclusive(thread, policy):
        return ()
    return policy.consultation.ask_before_end(thread, prepared, _gate(policy))


def _gate(policy: Policy) -> Gate:
    return partial(assess_end, policy=policy)


def _agents_end(thread: Thread, policy: Policy) -> Finished:
    """Return the end that the agent asked for, with what was open and what an expert objected to."""
    inconclusive = _is_inconclusive(thread, policy)
    found = assess_end(thread, policy)
    return Finished(
        DecidedBy.AGENT,
        Outcome.INCONCLUSIVE if inconclusive else Outcome.DONE,
        found.assurance,
        "nothing new was found any more" if inconclusive else "the agent asked to finish",
        found.open,
    )


def _is_inconclusive(thread: Thread, policy: Policy) -> bool:
    return thread.stalled or (gives_up(thread, policy) and bool(open_clauses(thread, policy)))


def _may_end(thread: Thread, policy: Policy) -> bool:
    found = assess(thread, policy)
    return found.sufficient and found.assurance is Assurance.VERIFIED


def _end_of_a_stall(thread: Thread, advice: Advice, policy: Policy) -> Finished:
    """Return the end of a thread that gets nowhere, with what is open."""
    found = assess(thread, policy)
    return Finished(_advised_by(advice), Outcome.INCONCLUSIVE, found.assurance, advice.reason, found.open)


def _early_end(thread: Thread, advice: Advice) -> Finished:
    saved = max(0, thread.sized - thread.last)
    return Finished(_advised_by(advice), Outcome.DONE, Assurance.VERIFIED, advice.reason, saved=saved)


def _advised_by(advice: Advice) -> DecidedBy:
    return DecidedBy.MODEL if advice.by is DecidedBy.MODEL else DecidedBy.RULE
