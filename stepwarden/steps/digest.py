"""What a thread comes down to: its live findings, without what was superseded."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stepwarden.steps.claims import Claims
from stepwarden.steps.evidence import Evidence
from stepwarden.steps.gate import evidenced_issues, hypothesis_rests
from stepwarden.steps.relevance import is_relevant
from stepwarden.steps.reported_run import ReportedRun
from stepwarden.steps.thread import DecisionRecord, Step, Thread


@dataclass(frozen=True, slots=True)
class DigestStep:
    """One live step: what was done, what was learned, and the tool's own fields of it."""

    number: int
    step: str
    findings: str
    confidence: str | None
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DigestIssue:
    """One live issue; `evidenced` says whether a quote that holds supports it."""

    id: str
    severity: str
    description: str
    place: str
    evidenced: bool


@dataclass(frozen=True, slots=True)
class Digest:
    """A thread's live content.

    `evidence` are the quotes that hold, one that was sent again once; `proofs` are those of them that stand for the
    hypothesis. `files` are those found inside the root, or all named ones where none can be read. `runs` are what the
    agent reports of its runs, which nobody checked.
    """

    task: str
    hypothesis: str | None
    hypothesis_evidenced: bool
    issues: tuple[DigestIssue, ...]
    evidence: tuple[Evidence, ...]
    proofs: tuple[Evidence, ...]
    files: tuple[str, ...]
    steps: tuple[DigestStep, ...]
    decisions: tuple[DecisionRecord, ...]
    runs: tuple[ReportedRun, ...] = ()


def _labels(thread: Thread, step: Step) -> Mapping[str, Any]:
    """Return the tool's own fields of a step; a revision that names no branch stays in that of what it replaces."""
    fields, replaced = step.submission.fields, step.submission.replaces
    if replaced is None or "branch_id" in fields:
        return fields
    branch = _labels(thread, thread.trail[replaced - 1]).get("branch_id")
    return {**fields, "branch_id": branch} if branch else fields


def _held_once(claims: Claims) -> tuple[Evidence, ...]:
    """Return the quotes that hold; one that was sent again for the same claim stands where it did first."""
    held = (item for _, item in claims.evidence if item.holds)
    return tuple({(item.path, item.line, item.quote, item.supports): item for item in held}.values())


def _stands_for_hypothesis(item: Evidence, claims: Claims) -> bool:
    """Whether a quote was sent for the hypothesis and has to do with it; one for a dropped hypothesis was not."""
    if claims.hypothesis is None or item.supports not in {"hypothesis", None}:
        return False
    key = claims.hypothesis_key
    if item.lines and all(claims.spent.get((item.path, line), key) != key for line in item.lines):
        return False
    return is_relevant(item, (claims.hypothesis,), claims.task)


def digest(thread: Thread) -> Digest:
    """Return the digest of `thread`; issues the most severe first."""
    claims = thread.claims
    evidenced = evidenced_issues(thread)
    held = _held_once(claims)
    order = ["critical", "high", "medium", "low"]
    issues = [
        DigestIssue(
            issue.id,
            issue.severity.value,
            issue.description,
            f"{issue.path or ''}{f':{issue.line}' if issue.path and issue.line else ''}",
            issue.id in evidenced,
        )
        for issue in claims.issues.values()
    ]
    return Digest(
        task=thread.task,
        hypothesis=claims.hypothesis,
        hypothesis_evidenced=claims.hypothesis is not None and hypothesis_rests(thread),
        issues=tuple(sorted(issues, key=lambda issue: order.index(issue.severity))),
        evidence=held,
        proofs=tuple(item for item in held if _stands_for_hypothesis(item, claims)),
        files=tuple(path for path, found in claims.files.items() if found or not thread.readable),
        steps=tuple(
            DigestStep(
                step.number,
                step.submission.step,
                step.submission.learned,
                step.submission.confidence.value if step.submission.confidence else None,
                _labels(thread, step),
            )
            for step in thread.live
        ),
        decisions=tuple(thread.decisions),
        runs=tuple({run.key: run for _, run in claims.runs}.values()),
    )
