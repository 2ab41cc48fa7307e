"""The machine of the step protocol: what may happen to a thread, and what follows from it.

Two questions, both pure. `admit` answers before anything is looked up: is this call a retry, a mistake, or work to do?
`advance` answers with what the server has found: which events are recorded. Numbers in comments are the rules of
section 3 of the protocol.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

from stepwarden.steps.events import Event, Finished, Held, Opened, Planned, Signalled, StepRecorded
from stepwarden.steps.evidence import Evidence
from stepwarden.steps.fold import before_step, fold_events
from stepwarden.steps.gate import Policy, assess, open_clauses
from stepwarden.steps.submission import IssueClaim, Submission
from stepwarden.steps.text import fold, key_of
from stepwarden.steps.thread import (
    Assurance,
    By,
    Claims,
    Issue,
    Origin,
    Outcome,
    Phase,
    Plan,
    Signal,
    Step,
    Thread,
)


class Reason(StrEnum):
    """Why a call was refused."""

    GAP = "gap"
    BUSY = "busy"
    RECORDED = "recorded"
    RACED = "raced"
    STALE = "stale"
    NOTHING_NEW = "nothing_new"
    CLOSED = "closed"
    OTHER_TOOL = "other_tool"
    NO_SUCH_STEP = "no_such_step"
    NO_SUCH_ISSUE = "no_such_issue"
    NOT_FIRST = "not_first"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that records nothing. `number` is the one expected next, `subject` what the reason is about."""

    reason: Reason
    number: int
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Replay:
    """The call repeats a live step: it is answered as that step was."""

    number: int


@dataclass(frozen=True, slots=True)
class Open:
    """The call opens a new thread, following up `origin` where there is one."""

    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Accept:
    """The call becomes step `number`. `new` says that it brings a fact, `stalled` that it brings nothing at all."""

    number: int
    backtrack: bool = False
    stalled: bool = False
    new: bool = True


Admission = Refusal | Replay | Open | Accept


@dataclass(frozen=True, slots=True)
class Facts:
    """What the server found when it looked: verdicts on the quotes, files that exist, quotes gone since."""

    evidence: tuple[Evidence, ...] = ()
    existing: tuple[str, ...] = ()
    readable: bool = False
    stale: int = 0


@dataclass(frozen=True, slots=True)
class Advice:
    """What the manager proposes; the machine judges it. Empty advice changes nothing."""

    plan: Plan | None = None
    signal: Signal | None = None
    end: bool = False
    reason: str = ""
    by: By = By.RULE


@dataclass(frozen=True)
class Decision:
    """The thread after the events that are to be recorded."""

    thread: Thread
    events: tuple[Event, ...] = ()

    def then(self, *events: Event) -> "Decision":
        """Give the decision with more events decided."""
        return Decision(fold_events(self.thread, events), (*self.events, *events))

    @cached_property
    def is_open(self) -> bool:
        """Whether the call left the thread open and was not held: the manager is asked about such ones."""
        return self.thread.outcome is Outcome.OPEN and not any(isinstance(event, Held) for event in self.events)


def admit(thread: Thread | None, said: Submission, policy: Policy, *, working_on: Iterable[int] = ()) -> Admission:
    """Decide what a call is, before any file is read or model asked.

    `thread` is the one whose id was sent, None without an id. `working_on` are the numbers of its steps that this
    process has not answered yet.
    """
    if thread is None:
        return _admit_first(said, policy, None) if said.number == 1 else Refusal(Reason.NOT_FIRST, 1)
    own = thread.tool == policy.tool
    if own and (step := thread.step_with(said.digest)) is not None:
        return Replay(step.number)  # 3
    if said.number == 1 and said.backtrack is None and not (own and said.digest in thread.superseded):
        return _admit_first(said, policy, Origin(thread.id, thread.version))  # 8
    if not own:
        return Refusal(Reason.OTHER_TOOL, thread.next_number, thread.tool)
    return _admit_step(thread, said, policy, working_on)


def _admit_first(said: Submission, policy: Policy, origin: Origin | None) -> Open | Refusal:
    blank = Thread(id="", tool=policy.tool)
    judged = _admit_content(blank, blank, said, policy, backtrack=False)
    return judged if isinstance(judged, Refusal) else Open(origin)


def _admit_step(thread: Thread, said: Submission, policy: Policy, working_on: Iterable[int]) -> Admission:
    expected = thread.next_number
    if said.digest in thread.superseded:
        return Refusal(Reason.STALE, expected)  # 3
    if said.backtrack is not None:
        if not 1 <= said.backtrack <= thread.last:
            return Refusal(Reason.NO_SUCH_STEP, expected, str(said.backtrack))  # 5
        return _admit_content(thread, before_step(thread, said.backtrack), said, policy, backtrack=True)
    if said.number >= expected and thread.outcome is not Outcome.OPEN and thread.ended_by not in {By.RULE, By.MODEL}:
        return Refusal(Reason.CLOSED, expected)  # 7
    if said.number > expected:
        pending = [number for number in working_on if number < said.number]
        return Refusal(Reason.BUSY, min(pending)) if pending else Refusal(Reason.GAP, expected)
    if said.number < expected:
        return Refusal(Reason.RECORDED, expected)
    return _admit_content(thread, thread, said, policy, backtrack=False)


def _admit_content(
    thread: Thread, base: Thread, said: Submission, policy: Policy, *, backtrack: bool
) -> Accept | Refusal:
    """Judge what the step says against `base`, the thread it would be added to; refusals speak of `thread`."""
    number, expected = base.next_number, thread.next_number
    if said.replaces is not None and not any(step.number == said.replaces for step in base.live):
        return Refusal(Reason.NO_SUCH_STEP, expected, str(said.replaces))
    _, unknown = number_issues(base, said)
    if unknown:
        return Refusal(Reason.NO_SUCH_ISSUE, expected, unknown)
    new = brings_a_fact(base.claims, said)
    if new or number == 1 or not said.more or not policy.novelty_required or says_something_new(base.claims, said):
        return Accept(number, backtrack=backtrack, new=new)
    refused = thread.refused_empty
    if refused is not None and refused[1] != said.digest:
        return Accept(number, backtrack=backtrack, stalled=True, new=False)  # 4
    return Refusal(Reason.NOTHING_NEW, expected)


def says_something_new(claims: Claims, said: Submission) -> bool:
    """Whether the findings are words that no live step had (rule 4)."""
    return bool(fold(said.learned)) and key_of(said.learned) not in claims.findings


def brings_a_fact(claims: Claims, said: Submission) -> bool:
    """Whether the step has a file, quote, issue or hypothesis that no live step had (rule 4)."""
    known_issues = {issue.key for issue in claims.issues.values()}
    refuted = {item.path for item in claims.standing_refuted}
    return (
        claims.states_anew(said.hypothesis)
        or any(path not in claims.files for path in said.relevant)
        or any(path not in claims.checked for path in said.checked)
        or any(_is_new_quote(claims, quote.file, quote.quote, refuted, quote.withdrawn) for quote in said.quotes)
        or any(_is_new_issue(claims, claim, known_issues) for claim in said.issues)
    )


def _is_new_issue(claims: Claims, claim: IssueClaim, known: set[str]) -> bool:
    if claim.id is None:
        return _issue(claim, "").key not in known
    issue = claims.issues.get(claim.id)
    return issue is None or _changed(issue, claim) != issue


def _is_new_quote(claims: Claims, path: str, quote: str, refuted: set[str], withdrawn: bool) -> bool:
    return path in refuted if withdrawn else key_of(path, quote) not in claims.quotes


def number_issues(thread: Thread, said: Submission) -> tuple[tuple[Issue, ...], str]:
    """Give the step's issues with their ids, and the first id it names that no live issue has ("" if none).

    A claim that says the same as a live issue changes that issue; others are numbered on from all that the thread
    ever had.
    """
    by_id = dict(thread.claims.issues)
    keys = {name: issue.key for name, issue in by_id.items()}
    issues: list[Issue] = []
    counter = thread.issues_numbered
    for claim in said.issues:
        if claim.id is None:
            key = _issue(claim, "").key
            like = next((name for name in reversed(keys) if keys[name] == key), None)
            if like is None:
                counter += 1
            issue = _issue(claim, like or f"I{counter}")
        elif claim.id in by_id:
            issue = _changed(by_id[claim.id], claim)
        else:
            return (), claim.id
        keys.pop(issue.id, None)
        by_id[issue.id], keys[issue.id] = issue, issue.key
        issues.append(issue)
    for quote in said.quotes:
        if quote.supports not in {None, "hypothesis"} and quote.supports not in by_id:
            return (), str(quote.supports)
    return tuple(issues), ""


def _issue(claim: IssueClaim, number: str) -> Issue:
    return Issue(number, claim.severity, claim.description, claim.path, claim.line, claim.withdrawn)


def _changed(issue: Issue, claim: IssueClaim) -> Issue:
    if claim.description:
        return _issue(claim, issue.id)
    return replace(issue, withdrawn=claim.withdrawn)


def open_thread(thread_id: str, policy: Policy, said: Submission, facts: Facts, origin: Origin | None) -> Decision:
    """Open a thread with its first step."""
    start = Decision(Thread(id=thread_id, tool=policy.tool)).then(Opened(policy.tool, origin))
    return _finish_asked(_recorded(start, Accept(1), said, facts, policy), said, policy)


def advance(thread: Thread, accepted: Accept, said: Submission, facts: Facts, policy: Policy) -> Decision:
    """Record an admitted step and, where the agent asks to finish, judge it."""
    decision = _recorded(Decision(thread), accepted, said, facts, policy)
    if accepted.number > 1:
        decision = _with_more(decision, said, policy)
    return _finish_asked(decision, said, policy)


def _recorded(decision: Decision, accepted: Accept, said: Submission, facts: Facts, policy: Policy) -> Decision:
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
    )
    return decision.then(StepRecorded(step, accepted.backtrack, thread.outcome is not Outcome.OPEN))


def phase_of(number: int, said: Submission, planned: int) -> Phase:
    """Say which part of the work comes after this step: by its number, its confidence and the plan."""
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
    before = max((step.submission.total or 0 for step in thread.trail[:-1]), default=0)
    if plan is None or not said.more or (said.total or 0) <= before or asked <= max(plan.likely, thread.last):
        return decision
    return decision.then(Planned(_grown(plan, asked, "the agent asked for more", By.AGENT)))


def _grown(plan: Plan, likely: int, reason: str, by: By) -> Plan:
    return Plan(plan.low, likely, max(plan.high, likely + 1), reason, by, was=plan.likely)


def _finish_asked(decision: Decision, said: Submission, policy: Policy) -> Decision:
    """Hold the first ask with open clauses once, let every other one finish (6)."""
    thread = decision.thread
    if said.more:
        return decision
    open_now = open_clauses(thread, policy)
    if open_now and not thread.held:
        return _with_next_step(decision.then(Held(open_now)))
    return decision.then(
        Finished(
            By.AGENT,
            Outcome.INCONCLUSIVE if thread.stalled else Outcome.DONE,
            assess(thread, policy).assurance,
            "nothing new was found any more" if thread.stalled else "the agent asked to finish",
            open_now,
        )
    )


def advise(decision: Decision, advice: Advice, policy: Policy) -> Decision:
    """Judge the manager's advice on the step just recorded, and add what of it holds; empty advice is advice too.

    An open thread is left with a step to come (2). A held or finished thread takes only a plan. An early end needs the
    whole gate and assurance `verified`.
    """
    thread = decision.thread
    if advice.plan is not None and thread.outcome is Outcome.OPEN:
        decision = _replanned(decision, advice.plan)
    if not decision.is_open:
        return _with_next_step(decision)
    if advice.end and _may_end(decision.thread, policy):
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
    if thread.outcome is not Outcome.OPEN or thread.plan is None or thread.plan.likely > thread.last:
        return decision
    return decision.then(Planned(_grown(thread.plan, thread.last + 1, "there is more to do", By.RULE)))


def _may_end(thread: Thread, policy: Policy) -> bool:
    assessment = assess(thread, policy)
    return assessment.sufficient and assessment.assurance is Assurance.VERIFIED


def _early_end(thread: Thread, advice: Advice) -> Finished:
    by = By.MODEL if advice.by is By.MODEL else By.RULE
    return Finished(by, Outcome.DONE, Assurance.VERIFIED, advice.reason, saved=max(0, thread.sized - thread.last))
