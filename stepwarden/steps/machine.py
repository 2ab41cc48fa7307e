"""The machine of the step protocol: what follows from a step, from the manager's advice, from an expert's answer.

Pure: `open_thread`, `advance`, `advise`, `apply_review` and `apply_answers` return the events to record. Whether a call
is a retry, a mistake or a new step is decided in `admission.py`; the rules of a consensus are `consensus_rules.py`.
Numbers in comments are the rules of section 3 of the protocol.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from stepwarden.steps.admission import Accept, number_issues
from stepwarden.steps.clause import Clause
from stepwarden.steps.consensus_rules import ask_panelists, give_up_panelists, record_answers
from stepwarden.steps.events import (
    Answered,
    Asked,
    Event,
    Finished,
    GivenUp,
    Held,
    Opened,
    Planned,
    Signalled,
    StepRecorded,
)
from stepwarden.steps.evidence import Evidence
from stepwarden.steps.expert_review import ExpertReview
from stepwarden.steps.fold import before_step, fold_events
from stepwarden.steps.gate import Policy, assess, open_clauses, steps_to_close
from stepwarden.steps.inspection import Inspection
from stepwarden.steps.panel_answer import PanelAnswer
from stepwarden.steps.stall import gets_nowhere, gives_up
from stepwarden.steps.submission import Confidence, Submission
from stepwarden.steps.thread import Assurance, DecidedBy, Origin, Outcome, Phase, Plan, Signal, Step, Thread


@dataclass(frozen=True, slots=True)
class StepFacts:
    """What the server found when it looked: verdicts on the quotes, files that exist, quotes gone since.

    `left_out` are files of a consensus's first step that its models are not sent. `measured` is what the tool's own
    look at the code found.
    """

    evidence: tuple[Evidence, ...] = ()
    existing: tuple[str, ...] = ()
    readable: bool = False
    stale: int = 0
    left_out: tuple[str, ...] = ()
    measured: Inspection | None = None


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
        return Decision(fold_events(self.thread, events), (*self.events, *events))

    @cached_property
    def is_open(self) -> bool:
        """Whether the call left the thread open and was not held: the manager is asked about such ones."""
        held = any(isinstance(event, Held) for event in self.events)
        return self.thread.outcome is Outcome.OPEN and not held and self.thread.awaiting is None


def open_thread(thread_id: str, policy: Policy, said: Submission, facts: StepFacts, origin: Origin | None) -> Decision:
    """Open a thread with its first step."""
    start = Decision(Thread(id=thread_id, tool=policy.tool)).then(Opened(policy.tool, origin))
    return _followed(_recorded(start, Accept(1), said, facts, policy), said, facts, policy, "")


def advance(
    thread: Thread, accepted: Accept, said: Submission, facts: StepFacts, policy: Policy, *, expert: str = ""
) -> Decision:
    """Record an admitted step and, where the agent asks to finish, judge it.

    `expert` is the model that may be asked before a thread completes, "" where there is none or none is wanted. An
    answer that is still awaited is given up.
    """
    decision = Decision(thread)
    if thread.awaiting is not None:
        decision = decision.then(*_given_up(thread, accepted, policy))
    decision = _recorded(decision, accepted, said, facts, policy)
    return _followed(decision, said, facts, policy, expert)


def _given_up(thread: Thread, accepted: Accept, policy: Policy) -> tuple[Event, ...]:
    assert thread.awaiting is not None
    panel = policy.panel(thread)
    return (GivenUp(thread.awaiting[0]),) if panel is None else give_up_panelists(thread, panel, accepted.backtrack)


def _followed(decision: Decision, said: Submission, facts: StepFacts, policy: Policy, expert: str) -> Decision:
    """Add what follows from the step just recorded."""
    panel = policy.panel(decision.thread)
    if panel is not None:
        return decision.then(*ask_panelists(decision.thread, panel, policy, left_out=facts.left_out))
    measured = decision.thread.claims.measured
    if measured.done and facts.measured is not None and not open_clauses(decision.thread, policy):
        return decision.then(Finished(DecidedBy.RULE, Outcome.DONE, Assurance.VERIFIED, measured.done))
    if decision.thread.last > 1:
        counted = measured.total is not None
        decision = _counted(decision, measured.total) if counted else _with_more(decision, said, policy)
    return _finish_asked(decision, said, policy, expert)


def _counted(decision: Decision, total: int | None) -> Decision:
    """Let the plan follow a total that the server counted."""
    plan = decision.thread.plan
    total = max(total or 0, decision.thread.last)
    if plan is None or plan.likely == total:
        return decision
    return decision.then(Planned(Plan(total, total, total, f"{total} steps, counted again", was=plan.likely)))


def _recorded(decision: Decision, accepted: Accept, said: Submission, facts: StepFacts, policy: Policy) -> Decision:
    thread = decision.thread
    base = before_step(thread, accepted.number) if accepted.backtrack else thread
    issues, _ = number_issues(base, said)
    step = Step(
        number=accepted.number,
        submission=replace(said, issues=(), quotes=tuple(quote for quote in said.quotes if quote.withdrawn)),
        evidence=facts.evidence,
        issues=issues,
        existing=facts.existing,
        readable=facts.readable,
        stalled=accepted.stalled,
        new=accepted.new,
        phase=phase_of(accepted.number, said, base.plan.likely if base.plan else policy.likely),
        attempt=thread.attempts.get(accepted.number, 0) + 1,
        stale=facts.stale,
        measured=facts.measured,
    )
    return decision.then(StepRecorded(step, accepted.backtrack, thread.outcome is not Outcome.OPEN))


def phase_of(number: int, said: Submission, planned: int) -> Phase:
    """Return which part of the work comes after this step: by its number, its confidence and the plan."""
    rank = said.confidence.rank if said.confidence else 0
    if number == 1 or (number == 2 and planned >= 5 and rank < 2):
        return Phase.SURVEY
    if said.confidence is not None and said.confidence.asks_to_end:
        return Phase.CONCLUDE
    if rank >= 2:  # medium or high
        return Phase.CONCLUDE if number >= planned - 1 else Phase.PROVE
    if said.confidence is None and number * 2 >= planned:
        return Phase.PROVE
    return Phase.DIG


def _with_more(decision: Decision, said: Submission, policy: Policy) -> Decision:
    """Let the total rise when the agent asks for more, to at most twice the range's end.

    A number that it sent before is no request: many hosts repeat theirs in every call.
    """
    thread = decision.thread
    plan, asked = thread.plan, min(said.total or 0, 2 * policy.high)
    repeated = (said.total or 0) <= thread.totals.asked_before
    if plan is None or not said.more or repeated or asked <= max(plan.likely, thread.last):
        return decision
    return decision.then(Planned(_grown(plan, asked, "the agent asked for more", DecidedBy.AGENT)))


def _grown(plan: Plan, likely: int, reason: str, by: DecidedBy) -> Plan:
    return Plan(plan.low, likely, max(plan.high, likely + 1), reason, by, was=plan.likely)


def _finish_asked(decision: Decision, said: Submission, policy: Policy, expert: str) -> Decision:
    """Hold the first ask with open clauses once, let every other one finish, after the expert's round (6).

    An agent that gives up where it is stalled has nothing to prove: it is not held.
    """
    thread = decision.thread
    if said.more:
        return decision
    open_now = open_clauses(thread, policy)
    if open_now and not thread.held and not gives_up(thread, policy):
        return _with_next_step(_shortened(decision.then(Held(open_now)), len(open_now)))
    if _wants_expert(thread, policy, expert):
        return _ask_expert(decision, expert)
    return decision.then(_finish(thread, policy))


def _shortened(decision: Decision, clauses: int) -> Decision:
    """Let the plan of a held thread take no longer than what is open: the agent has said that the rest is done."""
    plan, last = decision.thread.plan, decision.thread.last
    likely = last + steps_to_close(clauses)
    if plan is None or plan.low == plan.high or plan.likely <= likely:
        return decision
    low, high = min(max(plan.low, last + 1), likely), max(min(plan.high, likely + 2), likely + 1)
    reason = f"{clauses} open {'clause' if clauses == 1 else 'clauses'} to close"
    return decision.then(Planned(Plan(low, likely, high, reason, was=plan.likely)))


def _finish(thread: Thread, policy: Policy) -> Finished:
    """Return the end that the agent asked for, with what was open and what an expert objected to."""
    inconclusive = _is_inconclusive(thread, policy)
    return Finished(
        DecidedBy.AGENT,
        Outcome.INCONCLUSIVE if inconclusive else Outcome.DONE,
        assess(thread, policy).assurance,
        "nothing new was found any more" if inconclusive else "the agent asked to finish",
        (*open_clauses(thread, policy), *objections(thread)),
    )


def _is_inconclusive(thread: Thread, policy: Policy) -> bool:
    return thread.stalled or (gives_up(thread, policy) and bool(open_clauses(thread, policy)))


def objections(thread: Thread) -> tuple[Clause, ...]:
    """Name what the expert of this branch objects to, and the files that it wants and no step named since."""
    if thread.opinion is None or not thread.opinion.disagrees:
        return ()
    points = [
        Clause("expert", f"{point.path}:{point.line}" if point.path and point.line else point.path, point.text)
        for point in thread.opinion.objections
    ]
    answered = next((remark.step for remark in reversed(thread.decisions) if remark.kind == "answered"), 0)
    seen = {path for step in thread.trail[answered:] for path in step.paths}
    return (*points, *(Clause("expert_file", path) for path in thread.opinion.missing if path not in seen))


def _wants_expert(thread: Thread, policy: Policy, expert: str) -> bool:
    """One round for each completion; not for a `certain` that the evidence bears out, nor for an inconclusive end."""
    if not expert or thread.expert_asked or _is_inconclusive(thread, policy):
        return False
    certain = thread.trail[-1].submission.confidence is Confidence.CERTAIN
    return not (certain and assess(thread, policy).assurance is Assurance.VERIFIED)


def _ask_expert(decision: Decision, expert: str) -> Decision:
    step = decision.thread.trail[-1]
    return decision.then(Asked(f"expert:{step.number}:{step.attempt}", step.number, expert))


def apply_review(thread: Thread, key: str, opinion: ExpertReview, policy: Policy) -> Decision:
    """Judge the expert's answer: it completes the thread, or bars it once with its objections (6).

    An answer that `thread` does not wait for changes nothing.
    """
    if thread.awaiting is None or thread.awaiting[0] != key:
        return Decision(thread)
    decision = Decision(thread).then(Answered(key, opinion))
    asked_to_finish = not thread.trail[-1].submission.more
    if not opinion.disagrees:
        if asked_to_finish:
            return decision.then(_finish(decision.thread, policy))
        reason = "verified; the expert gave no answer" if opinion.failed else "verified, and the expert agrees"
        return decision.then(_early_end(decision.thread, Advice(reason=reason)))
    if asked_to_finish:
        decision = decision.then(Held(objections(decision.thread)))
    plan = decision.thread.plan
    if plan is not None and plan.likely <= thread.last:
        grown = _grown(plan, thread.last + 1, "the expert disagrees", DecidedBy.MODEL)
        decision = decision.then(Planned(grown))
    return decision


def apply_answers(thread: Thread, key: str, voices: Sequence[PanelAnswer], policy: Policy) -> Decision:
    """Judge what the models of a consensus said; answers that `thread` does not wait for change nothing."""
    panel = policy.panel(thread)
    if panel is None or thread.awaiting is None or thread.awaiting[0] != key:
        return Decision(thread)
    return Decision(thread).then(*record_answers(thread, voices, panel, policy))


def advise(decision: Decision, advice: Advice, policy: Policy, *, expert: str = "") -> Decision:
    """Judge the manager's advice on the step just recorded, and add what of it holds; empty advice is advice too.

    An open thread is left with a step to come (2). A held or finished thread takes only a plan. An early end needs the
    whole gate and assurance `verified`, or as inconclusive one a thread that gets nowhere.
    """
    thread = decision.thread
    if advice.plan is not None and thread.outcome is Outcome.OPEN:
        decision = _replanned(decision, advice.plan)
    if policy.panel(thread) is not None:
        return decision  # its steps are counted, not advised
    if not decision.is_open:
        return _with_next_step(decision)
    if advice.end and advice.inconclusive and gets_nowhere(decision.thread):
        return decision.then(_given_up_on(decision.thread, advice, policy))
    if advice.end and not advice.inconclusive and _may_end(decision.thread, policy):
        if _wants_expert(decision.thread, policy, expert):
            return _ask_expert(decision, expert)
        return decision.then(_early_end(decision.thread, advice))
    if advice.signal is not None:
        decision = decision.then(Signalled(advice.signal, advice.reason, advice.by))
    return _with_next_step(decision)


def _replanned(decision: Decision, plan: Plan) -> Decision:
    before = decision.thread.plan
    if before is not None and before.likely == plan.likely:
        return decision
    was = before.likely if before else None
    return decision.then(Planned(replace(plan, was=was)))


def _with_next_step(decision: Decision) -> Decision:
    """Never leave an open thread without a step to come (2)."""
    thread = decision.thread
    if (
        thread.outcome is not Outcome.OPEN
        or thread.awaiting is not None
        or thread.plan is None
        or thread.plan.likely > thread.last
    ):
        return decision
    return decision.then(Planned(_grown(thread.plan, thread.last + 1, "there is more to do", DecidedBy.RULE)))


def _may_end(thread: Thread, policy: Policy) -> bool:
    assessment = assess(thread, policy)
    return assessment.sufficient and assessment.assurance is Assurance.VERIFIED


def _given_up_on(thread: Thread, advice: Advice, policy: Policy) -> Finished:
    """Return the end of a thread that gets nowhere, with what is open."""
    found = assess(thread, policy)
    return Finished(_advised_by(advice), Outcome.INCONCLUSIVE, found.assurance, advice.reason, found.open)


def _early_end(thread: Thread, advice: Advice) -> Finished:
    saved = max(0, thread.sized - thread.last)
    return Finished(_advised_by(advice), Outcome.DONE, Assurance.VERIFIED, advice.reason, saved=saved)


def _advised_by(advice: Advice) -> DecidedBy:
    return DecidedBy.MODEL if advice.by is DecidedBy.MODEL else DecidedBy.RULE
