"""Admission: what a call is, before any file is read or model asked.

A call is a retry, a mistake, or work to do, and this is decided from the thread and the request alone: so a retry reads
no file and asks no model, whatever happened since. Order matters in here and is the order of section 3 of
docs/protocol.md: what was sent before is known first, then whose thread it is, then the number, then the content.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from stepwarden.steps.dispute import numbered_objections
from stepwarden.steps.evidence import Quote
from stepwarden.steps.fold import before_step
from stepwarden.steps.gate import Policy
from stepwarden.steps.status import ThreadStatus, status_of
from stepwarden.steps.submission import IssueClaim, Severity, Submission
from stepwarden.steps.text import fold, key_of
from stepwarden.steps.thread import Claims, Issue, Origin, Thread


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


@dataclass(frozen=True, slots=True)
class Collect:
    """The call collects the answer that step `number` waits for."""

    number: int


Admission = Refusal | Replay | Open | Accept | Collect


def admit(
    thread: Thread | None, submission: Submission, policy: Policy, *, working_on: Iterable[int] = ()
) -> Admission:
    """Decide what a call is, before any file is read or model asked.

    `thread` is the one whose id was sent, None without an id. `working_on` are the numbers of its steps that this
    process has not answered yet.
    """
    if thread is None:
        if submission.backtrack is not None:
            return Refusal(Reason.NO_SUCH_STEP, 1, str(submission.backtrack))  # rule 5
        return (
            _admit_first(submission, policy, None) if submission.number == 1 else Refusal(Reason.NOT_FIRST, 1)
        )  # rule 1
    own = thread.tool == policy.tool
    step = thread.step_with(submission.digest) if own else None
    if own and thread.awaiting is not None:  # it is waiting
        waited = thread.awaiting[1]
        # By its number, whatever its words: a host that tries again seldom repeats itself letter by letter, and
        # refusing it for its words would lose the answer that was paid for (rule 8).
        if (step is not None and step.number == waited) or (
            submission.backtrack is None and submission.number == waited
        ):
            return Collect(waited)
    if step is not None:
        return Replay(step.number)  # rule 3
    if submission.number == 1 and submission.backtrack is None and not (own and submission.digest in thread.superseded):
        return _admit_first(submission, policy, Origin(thread.id, thread.version))  # rule 9
    if not own:
        return Refusal(Reason.OTHER_TOOL, thread.next_number, thread.tool)
    return _admit_step(thread, submission, policy, working_on)


def _admit_first(submission: Submission, policy: Policy, origin: Origin | None) -> Open | Refusal:
    blank = Thread(id="", tool=policy.tool)
    judged = _admit_content(blank, blank, submission, policy, backtrack=False)
    return judged if isinstance(judged, Refusal) else Open(origin)


def _admit_step(thread: Thread, submission: Submission, policy: Policy, working_on: Iterable[int]) -> Admission:
    expected = thread.next_number
    if submission.digest in thread.superseded:
        return Refusal(Reason.STALE, expected)  # rule 3
    if submission.backtrack is not None:
        if not 1 <= submission.backtrack <= thread.last:
            return Refusal(Reason.NO_SUCH_STEP, expected, str(submission.backtrack))  # rule 5
        return _admit_content(thread, before_step(thread, submission.backtrack), submission, policy, backtrack=True)
    if submission.number >= expected and status_of(thread) is ThreadStatus.CLOSED:
        return Refusal(Reason.CLOSED, expected)  # rule 7
    if submission.number > expected:
        # Hosts send steps in parallel: one whose predecessor is still being worked on is early, and no gap (rule 3).
        pending = [number for number in working_on if number < submission.number]
        return Refusal(Reason.BUSY, min(pending)) if pending else Refusal(Reason.GAP, expected)
    if submission.number < expected:
        return Refusal(Reason.RECORDED, expected)  # rule 3
    return _admit_content(thread, thread, submission, policy, backtrack=False)


def _admit_content(
    thread: Thread, base: Thread, submission: Submission, policy: Policy, *, backtrack: bool
) -> Accept | Refusal:
    """Judge what the step says against `base`, the thread it would be added to; refusals speak of `thread`."""
    number, expected = base.next_number, thread.next_number
    if submission.replaces is not None and not any(step.number == submission.replaces for step in base.live):
        return Refusal(Reason.NO_SUCH_STEP, expected, str(submission.replaces))
    _, unknown = number_issues(base, submission)
    if unknown:
        return Refusal(Reason.NO_SUCH_ISSUE, expected, unknown)
    new = brings_a_fact(base.claims, submission)
    if (
        new
        or number == 1
        or not submission.more
        or not policy.novelty_required
        or says_something_new(base.claims, submission)
    ):
        return Accept(number, backtrack=backtrack, new=new)
    # Refused once and only once (rule 4): whoever insists in other words may have nothing to add, and must be able to
    # end.
    refused = thread.refused_empty
    if refused is not None and refused[1] != submission.digest:
        return Accept(number, backtrack=backtrack, stalled=True, new=False)
    return Refusal(Reason.NOTHING_NEW, expected)


def says_something_new(claims: Claims, submission: Submission) -> bool:
    """Whether the findings are words that no live step had (rule 4)."""
    return bool(fold(submission.learned)) and key_of(submission.learned) not in claims.findings


def brings_a_fact(claims: Claims, submission: Submission) -> bool:
    """Whether the step has a file, quote, run, issue or hypothesis that no live step had (rule 4)."""
    known_issues = {issue.key for issue in claims.issues.values()} if submission.issues else set[str]()
    return (
        claims.states_anew(submission.hypothesis)
        or any(path not in claims.files for path in submission.relevant)
        or any(path not in claims.checked for path in submission.checked)
        or any(_is_new_quote(claims, quote) for quote in submission.quotes)
        or any(_is_new_issue(claims, claim, known_issues) for claim in submission.issues)
        or any(run.key not in claims.run_keys for run in submission.runs)
    )


def _is_new_issue(claims: Claims, claim: IssueClaim, known: set[str]) -> bool:
    if claim.id is None:
        return _issue(claim, "").key not in known
    issue = claims.issues.get(claim.id)
    return issue is None or _changed(issue, claim) != issue


def _is_new_quote(claims: Claims, quote: Quote) -> bool:
    """Whether a quote was not sent before, takes a refuted one back, or mends one, or one too short, with its line."""
    if quote.fact and not quote.quote:
        return key_of(quote.fact, "", quote.supports or "") not in claims.quotes
    if quote.file in claims.refuted and (quote.withdrawn or quote.line is not None):
        return True
    if quote.line is not None and claims.is_too_short(quote.file, quote.quote):
        return True
    return not quote.withdrawn and key_of(quote.file, quote.quote, quote.supports or "") not in claims.quotes


def number_issues(thread: Thread, submission: Submission) -> tuple[tuple[Issue, ...], str]:
    """Return the step's issues with their ids, and the first id it names that no live issue has ("" if none).

    A claim that says the same as a live issue changes that issue; others are numbered on from all that the thread
    ever had.
    """
    if not (submission.issues or submission.quotes or submission.runs):
        return (), ""
    by_id = dict(thread.claims.issues)
    keys = {name: issue.key for name, issue in by_id.items()} if submission.issues else {}
    issues: list[Issue] = []
    counter = thread.issues_numbered
    for claim in submission.issues:
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
    objected = {item.id for item in numbered_objections(thread)}
    for said in (*submission.quotes, *submission.runs):
        if said.supports not in {None, "hypothesis", *objected} and said.supports not in by_id:
            return (), str(said.supports)
    return tuple(issues), ""


def _issue(claim: IssueClaim, number: str) -> Issue:
    severity = claim.severity or Severity.MEDIUM
    return Issue(number, severity, claim.description, claim.path, claim.line, claim.withdrawn)


def _changed(issue: Issue, claim: IssueClaim) -> Issue:
    """Return the issue with what the claim says of it; what it leaves open stays."""
    if claim.description:
        return replace(_issue(claim, issue.id), severity=claim.severity or issue.severity)
    place = {"path": claim.path, "line": claim.line} if claim.path or claim.line else {}
    return replace(issue, severity=claim.severity or issue.severity, withdrawn=claim.withdrawn, **place)
