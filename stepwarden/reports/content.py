"""What a report says: the parts of a thread in the order they are read, the same for every form."""

from collections.abc import Sequence
from dataclasses import dataclass

from stepwarden.steps.clause import Clause
from stepwarden.steps.digest import DigestIssue, digest
from stepwarden.steps.events import Event, Finished, StepRecorded
from stepwarden.steps.evidence import Evidence
from stepwarden.steps.expert_review import ExpertReview
from stepwarden.steps.gate import NEAR_LINES
from stepwarden.steps.panel import panel_of
from stepwarden.steps.panel_answer import PanelAnswer
from stepwarden.steps.synthesis import Synthesis
from stepwarden.steps.text import fold
from stepwarden.steps.thread import Assurance, DecidedBy, DecisionRecord, Outcome, Step, Thread


@dataclass(frozen=True, slots=True)
class TimedEvent:
    """One event of a thread and when it was recorded, in unix seconds."""

    at: float
    event: Event


@dataclass(frozen=True, slots=True)
class Judgement:
    """How far a report may be trusted: `kind` is `verified`, `partly`, `rule`, `asserted`, `open` or `ended`."""

    kind: str
    title: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReportFinding:
    """One issue with the quotes that it rests on."""

    issue: DigestIssue
    quotes: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Theory:
    """One hypothesis: the step that stated it first, and `current`, `replaced` or `superseded`."""

    step: int
    text: str
    fate: str


@dataclass(frozen=True, slots=True)
class File:
    """A file that was named: whether it was there, and whether a step says that it read it."""

    path: str
    found: bool
    checked: bool


@dataclass(frozen=True)
class Report:
    """All that a report shows. `superseded` are steps that a backtrack replaced, `passed_over` what stayed open.

    `facts` are lines by the step at which the server found them. `began` and `ended` are unix seconds, None where the
    events are not known.
    """

    thread: Thread
    task: str
    judgement: Judgement
    findings: tuple[ReportFinding, ...]
    theories: tuple[Theory, ...]
    hypothesis_evidenced: bool
    evidence: tuple[tuple[int, Evidence], ...]
    steps: tuple[Step, ...]
    superseded: tuple[Step, ...]
    files: tuple[File, ...]
    facts: tuple[tuple[int, tuple[str, ...]], ...]
    sections: tuple[tuple[str, str], ...]
    opinion: ExpertReview | None
    voices: tuple[PanelAnswer, ...]
    synthesis: Synthesis | None
    passed_over: tuple[str, ...]
    decisions: tuple[DecisionRecord, ...]
    began: float | None
    ended: float | None


def report_of(thread: Thread, told: Sequence[TimedEvent] = ()) -> Report:
    """Return the report of `thread`; `told` are its events, for times and for what was superseded."""
    found = digest(thread)
    measured = thread.claims.measured
    panel = panel_of(thread)
    live = {(step.number, step.digest) for step in thread.live}
    recorded = [item.event.step for item in told if isinstance(item.event, StepRecorded)]
    ends = [item.event for item in told if isinstance(item.event, Finished)]
    passed = ends[-1].open if ends and thread.outcome in {Outcome.DONE, Outcome.INCONCLUSIVE} else ()
    return Report(
        thread=thread,
        task=found.task,
        judgement=judge(thread),
        findings=tuple(ReportFinding(issue, _quotes(thread, issue)) for issue in found.issues),
        theories=_theories(thread, recorded),
        hypothesis_evidenced=found.hypothesis_evidenced,
        evidence=tuple(thread.claims.evidence),
        steps=tuple(thread.live),
        superseded=tuple(step for step in recorded if (step.number, step.digest) not in live),
        files=tuple(File(path, there, path in thread.claims.checked) for path, there in thread.claims.files.items()),
        facts=tuple((s.number, s.measured.facts) for s in thread.live if s.measured and s.measured.facts),
        sections=tuple(measured.sections.items()),
        opinion=thread.review,
        voices=tuple(voice for _, voice in sorted(thread.answers.items())),
        synthesis=panel.synthesis(thread) if panel is not None and thread.answers else None,
        passed_over=tuple(clause_words(clause) for clause in passed),
        decisions=found.decisions,
        began=told[0].at if told else None,
        ended=told[-1].at if told else None,
    )


def judge(thread: Thread) -> Judgement:
    """Return honestly what the server can answer for in this thread."""
    found = digest(thread)
    severe = [issue for issue in found.issues if issue.severity in {"critical", "high"}]
    claims = len(severe) + (found.hypothesis is not None)
    resting = sum(issue.evidenced for issue in severe) + found.hypothesis_evidenced
    reasons: list[str] = []
    if claims:
        reasons.append(
            f"{resting} of {claims} claims that need evidence rest on a quote that the server found in the files."
        )
    else:
        reasons.append("It claims nothing that needs evidence: no hypothesis, no issue of severity high or critical.")
    if standing := len(thread.claims.standing_refuted):
        reasons.append(f"Quotes that stand refuted, not being in the file named: {standing}.")
    if not thread.readable:
        reasons.append("No file could be read by the server, so nothing was checked.")
    reasons += _ending(thread)
    return Judgement(*_title(thread), tuple(reasons))


def _title(thread: Thread) -> tuple[str, str]:
    if thread.outcome is Outcome.OPEN:
        return "open", "Not finished"
    if thread.outcome is Outcome.ABANDONED:
        return "ended", "Given up"
    if thread.outcome is Outcome.INCONCLUSIVE:
        return "ended", "Inconclusive"
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
    reason = next((remark.reason for remark in reversed(thread.decisions) if remark.kind == "finished"), "")
    who = {
        DecidedBy.AGENT: "The agent",
        DecidedBy.RULE: "A rule",
        DecidedBy.MODEL: "The manager's model",
        DecidedBy.USER: "The user",
    }
    by = who.get(thread.ended_by or DecidedBy.AGENT, "The agent")
    return [f"{by} ended it at step {thread.last}{f': {reason}' if reason else ''}."]


def clause_words(clause: Clause) -> str:
    """Return in a line what a clause asks for."""
    if clause.text:
        return clause.text
    words = {
        "issue": f"{clause.subject} has no quote that holds",
        "hypothesis": "the hypothesis has no quote that holds",
        "no_hypothesis": "no hypothesis was stated",
        "refuted": f"a refuted quote of {clause.subject} stands",
        "min_steps": f"fewer than {clause.subject} steps",
        "not_heard": f"{clause.subject} was not heard",
    }
    return words.get(clause.kind, f"{clause.kind} {clause.subject}".strip().replace("_", " "))


def _quotes(thread: Thread, issue: DigestIssue) -> tuple[Evidence, ...]:
    """Return the quotes that hold and name the issue, or stand near it."""
    claim = thread.claims.issues[issue.id]
    return tuple(
        item
        for _, item in thread.claims.evidence
        if item.supports == issue.id or (item.holds and item.supports is None and _near(item, claim.path, claim.line))
    )


def _near(item: Evidence, path: str | None, line: int | None) -> bool:
    if path is None or item.path != path:
        return False
    return line is None or (item.line is not None and abs(item.line - line) <= NEAR_LINES)


def _theories(thread: Thread, recorded: Sequence[Step]) -> tuple[Theory, ...]:
    """Return every hypothesis that was stated, the last one's fate first decided by the live steps."""
    current = thread.claims.hypothesis
    live = {(step.number, step.digest) for step in thread.live}
    theories: dict[str, Theory] = {}
    for step in recorded or thread.live:
        text = step.submission.hypothesis
        if not text:
            continue
        is_live = (step.number, step.digest) in live
        fate = "superseded" if not is_live else "current" if fold(text) == fold(current or "") else "replaced"
        known = theories.get(fold(text))
        if known is None or (known.fate == "superseded" and is_live):
            theories[fold(text)] = Theory(step.number, text, fate)
    return tuple(theories.values())
