"""The content of a report: the parts of a thread in reading order, the same for Markdown and HTML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from stepwarden.files.secret_values import hide_secrets
from stepwarden.steps.clause import Clause
from stepwarden.steps.conclusion import advise, unproven_issues, what_it_stood
from stepwarden.steps.digest import DigestIssue, digest
from stepwarden.steps.dispute import Closing, numbered_objections
from stepwarden.steps.events import Event, Finished, StepRecorded
from stepwarden.steps.evidence import Evidence
from stepwarden.steps.expert_review import ExpertReview
from stepwarden.steps.panel import panel_of
from stepwarden.steps.panel_answer import PanelAnswer
from stepwarden.steps.reported_run import ReportedRun
from stepwarden.steps.support import NEAR_LINES
from stepwarden.steps.synthesis import Synthesis
from stepwarden.steps.text import fold
from stepwarden.steps.thread import Assurance, DecidedBy, DecisionRecord, Outcome, Step, Thread

_CLOSED: Mapping[Closing, str] = {
    Closing.QUOTED: "closed by a quote at its place",
    Closing.WITHDRAWN: "closed: the issue was withdrawn",
}


@dataclass(frozen=True, slots=True)
class TimedEvent:
    """One event of a thread and when it was recorded, in unix seconds."""

    at: float
    event: Event


@dataclass(frozen=True, slots=True)
class Judgement:
    """How far a report can be trusted: `kind` is `verified`, `partly`, `rule`, `asserted`, `open` or `ended`."""

    kind: str
    title: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReportFinding:
    """One issue with the quotes that support it."""

    issue: DigestIssue
    quotes: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class StatedHypothesis:
    """One hypothesis: the step that stated it first, and its status: `current`, `replaced` or `superseded`."""

    step: int
    text: str
    status: str


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file that was named: whether it exists, and whether a step lists it as read."""

    path: str
    exists: bool
    checked: bool


@dataclass(frozen=True, slots=True)
class ReviewPoint:
    """One point of an expert's review; `note` says what became of it, "" where nothing had to."""

    text: str
    note: str = ""


@dataclass(frozen=True)
class Report:
    """All that a report shows. `superseded` are steps that a backtrack replaced, `left_open` what stayed open.

    `runs` are those that the agent reports, with the step of each. `facts` are lines by the step at which the server
    found them. `began` and `ended` are unix seconds, None where the events are not known.
    """

    thread: Thread
    task: str
    judgement: Judgement
    findings: tuple[ReportFinding, ...]
    hypotheses: tuple[StatedHypothesis, ...]
    hypothesis_evidenced: bool
    evidence: tuple[tuple[int, Evidence], ...]
    runs: tuple[tuple[int, ReportedRun], ...]
    steps: tuple[Step, ...]
    superseded: tuple[Step, ...]
    files: tuple[NamedFile, ...]
    facts: tuple[tuple[int, tuple[str, ...]], ...]
    sections: tuple[tuple[str, str], ...]
    review: ExpertReview | None
    review_points: tuple[ReviewPoint, ...]
    answers: tuple[PanelAnswer, ...]
    synthesis: Synthesis | None
    left_open: tuple[str, ...]
    decisions: tuple[DecisionRecord, ...]
    began: float | None
    ended: float | None


def build_report(thread: Thread, events: Sequence[TimedEvent] = ()) -> Report:
    """Return the report of `thread`; `events` are needed for times and for what was superseded."""
    found = digest(thread)
    measured = thread.claims.measured
    panel = panel_of(thread)
    live = {(step.number, step.digest) for step in thread.live}
    recorded = [item.event.step for item in events if isinstance(item.event, StepRecorded)]
    ends = [item.event for item in events if isinstance(item.event, Finished)]
    left_open = ends[-1].open if ends and thread.outcome in {Outcome.DONE, Outcome.INCONCLUSIVE} else ()
    return Report(
        thread=thread,
        task=found.task,
        judgement=judge_thread(thread),
        findings=tuple(ReportFinding(issue, _quotes(thread, issue)) for issue in found.issues),
        hypotheses=_hypotheses(thread, recorded),
        hypothesis_evidenced=found.hypothesis_evidenced,
        evidence=tuple((number, _shown(item)) for number, item in thread.claims.evidence),
        runs=tuple(thread.claims.runs),
        steps=tuple(thread.live),
        superseded=tuple(step for step in recorded if (step.number, step.digest) not in live),
        files=tuple(
            NamedFile(path, exists or thread.claims.read_inside(path), path in thread.claims.checked)
            for path, exists in thread.claims.files.items()
        ),
        facts=tuple((s.number, s.measured.labelled) for s in thread.live if s.measured and s.measured.facts),
        sections=tuple(measured.sections.items()),
        review=thread.review,
        review_points=_review_points(thread),
        answers=tuple(answer for _, answer in sorted(thread.answers.items())),
        synthesis=panel.synthesis(thread) if panel is not None and thread.answers else None,
        left_open=tuple(describe_clause(clause) for clause in left_open),
        decisions=found.decisions,
        began=events[0].at if events else None,
        ended=events[-1].at if events else None,
    )


def _review_points(thread: Thread) -> tuple[ReviewPoint, ...]:
    """Return what the expert said point by point: objections with what closed them, remarks, those dropped, advice."""
    review = thread.review
    if review is None:
        return ()
    disputed = thread.dispute is not None and thread.dispute.review == review
    numbered = [*numbered_objections(thread)] if disputed else []
    objections = [
        ReviewPoint(f"{item.id}: {item.objection.text}", _CLOSED[item.closed] if item.closed else "open")
        for item in numbered
    ]
    said = objections or [ReviewPoint(point.text) for point in review.objections]
    dropped = [ReviewPoint(point.text, "dropped: it misquotes the file") for point in review.points if not point.stands]
    return (*said, *dropped, *(ReviewPoint(entry, "advice") for entry in review.advice))


def judge_thread(thread: Thread) -> Judgement:
    """Return how far the claims of a thread can be trusted, and why."""
    found = digest(thread)
    severe = [issue for issue in found.issues if issue.severity in {"critical", "high"}]
    claims = len(severe) + (found.hypothesis is not None)
    evidenced = sum(issue.evidenced for issue in severe) + found.hypothesis_evidenced
    advice = "" if thread.outcome is Outcome.OPEN else advise(thread)
    reasons = [advice] if advice.startswith("DO NOT") else list[str]()
    if claims:
        reasons.append(
            f"{evidenced} of {claims} claims that need evidence rest on a quote that the server found in the files."
        )
    else:
        reasons.append("It makes no claim that needs evidence: no hypothesis, no issue of severity high or critical.")
    if thread.outcome is not Outcome.OPEN and any(thread.claims.resting) and not what_it_stood(thread):
        reasons.append("Nothing that the server saw tested the conclusion.")
    if standing := len(thread.claims.standing_refuted):
        reasons.append(f"Refuted quotes, not in the file named and not withdrawn: {standing}.")
    if not thread.readable:
        reasons.append("No file could be read by the server, so nothing was checked.")
    reasons += _ending(thread)
    return Judgement(*_title(thread), tuple(reasons))


def _title(thread: Thread) -> tuple[str, str]:
    if thread.outcome is Outcome.OPEN:
        return "open", "Not finished"
    if thread.outcome is Outcome.ABANDONED:
        return "ended", "Abandoned"
    if thread.outcome is Outcome.INCONCLUSIVE:
        return "ended", "Inconclusive"
    if thread.assurance is Assurance.VERIFIED and (unproven_issues(thread) or not what_it_stood(thread)):
        return "partly", "Quotes found"
    if thread.assurance is Assurance.VERIFIED:
        return "verified", "Verified"
    if thread.assurance is Assurance.PARTLY:
        return "partly", "Partly verified"
    if thread.ended_by is DecidedBy.RULE:
        return "rule", "Done by rule"
    return "asserted", "Not verified"


def _ending(thread: Thread) -> list[str]:
    if thread.outcome is Outcome.OPEN:
        return [f"Open at step {thread.last} of {thread.total_steps}."]
    reason = next((record.reason for record in reversed(thread.decisions) if record.kind == "finished"), "")
    who = {
        DecidedBy.AGENT: "The agent",
        DecidedBy.RULE: "A rule",
        DecidedBy.MODEL: "The manager's model",
        DecidedBy.USER: "The user",
    }
    by = who.get(thread.ended_by or DecidedBy.AGENT, "The agent")
    return [f"{by} ended it at step {thread.last}{f': {reason}' if reason else ''}."]


def describe_clause(clause: Clause) -> str:
    """Return in one line what a clause asks for."""
    if clause.kind == "expert":
        head = f"{clause.id} {clause.subject}".strip()
        return f"the expert objects{f', {head}' if head else ''}: {clause.text}"
    if clause.text:
        return clause.text
    words = {
        "issue": f"{clause.subject} has no verified quote",
        "hypothesis": "the hypothesis has no verified quote",
        "hypothesis_reused": "the hypothesis has only quotes of one that was dropped",
        "no_hypothesis": "no hypothesis was stated",
        "refuted": f"a refuted quote of {clause.subject} was not withdrawn",
        "min_steps": f"fewer than {clause.subject} steps",
        "untested": "no new quote tested the conclusion",
        "silent": f"{clause.subject} gave no answer",
        "unheard": f"the answer of {clause.subject} was not waited for",
        "not_heard": f"{clause.subject} did not answer",
        "expert_file": f"the expert asked for {clause.subject}, which no step named since",
    }
    return words.get(clause.kind, f"{clause.kind.replace('_', ' ')} {clause.subject}".strip())


def _quotes(thread: Thread, issue: DigestIssue) -> tuple[Evidence, ...]:
    """Return the quotes that name the issue, and verified ones near it."""
    claim = thread.claims.issues[issue.id]
    return tuple(
        _shown(item)
        for _, item in thread.claims.evidence
        if item.supports == issue.id or (item.holds and item.supports is None and _near(item, claim.path, claim.line))
    )


def _shown(item: Evidence) -> Evidence:
    """Return a quote as a report shows it: without secrets."""
    return replace(item, quote=hide_secrets(item.quote, item.path))


def _near(item: Evidence, path: str | None, line: int | None) -> bool:
    if path is None or item.path != path:
        return False
    return line is None or (item.line is not None and abs(item.line - line) <= NEAR_LINES)


def _hypotheses(thread: Thread, recorded: Sequence[Step]) -> tuple[StatedHypothesis, ...]:
    """Return every hypothesis that was stated, in its order; one stated again in a live step has the status of that."""
    current = thread.claims.hypothesis
    live = {(step.number, step.digest) for step in thread.live}
    found: dict[str, StatedHypothesis] = {}
    for step in recorded or thread.live:
        text = step.submission.hypothesis
        if not text:
            continue
        is_live = (step.number, step.digest) in live
        status = "superseded" if not is_live else "current" if fold(text) == fold(current or "") else "replaced"
        known = found.get(fold(text))
        if known is None or (known.status == "superseded" and is_live):
            found[fold(text)] = StatedHypothesis(step.number, text, status)
    return tuple(found.values())
