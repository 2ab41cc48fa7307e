"""A step as the agent asks for it, after validation and before anything was looked up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from stepwarden.steps.evidence import Quote
from stepwarden.steps.reported_run import ReportedRun


class Confidence(StrEnum):
    """What the agent claims about its own certainty: a request to finish, never a proof."""

    EXPLORING = "exploring"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    VERY_HIGH = "very_high"
    ALMOST_CERTAIN = "almost_certain"
    CERTAIN = "certain"

    @property
    def rank(self) -> int:
        """Position on the scale, 0 for `exploring` to 6 for `certain`."""
        return _RANKS[self]

    @property
    def asks_to_end(self) -> bool:
        """Whether the word may open the gate early (`very_high` and above)."""
        return self.rank >= Confidence.VERY_HIGH.rank


_RANKS = {word: rank for rank, word in enumerate(Confidence)}


class Severity(StrEnum):
    """How bad an issue is; `critical` and `high` need evidence before a thread counts as verified."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def needs_evidence(self) -> bool:
        """Whether the gate asks for evidence of an issue this severe."""
        return self in {Severity.CRITICAL, Severity.HIGH}


@dataclass(frozen=True, slots=True)
class IssueClaim:
    """One item of `issues_found`: a new issue (no id), a change to one (id), or its withdrawal."""

    description: str = ""
    severity: Severity | None = None  # None: as it was, `medium` for a new one
    path: str | None = None
    line: int | None = None
    id: str | None = None
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class FileRange:
    """Lines of a file that a list of files names instead of the whole file, both from 1."""

    path: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Submission:
    """One step as asked for.

    `checked` and `relevant` are canonical paths, each once in its list; `ranges` are the lines of those that were
    listed with lines only. `directory` is the working directory that paths resolve against. `replaces` is the step that
    a planner revision supersedes in place. `fields` holds the tool's own fields by their wire names. `digest` stands
    for the whole request without its `continuation_id`: equal digests are the same request.
    """

    number: int
    step: str
    digest: str
    more: bool = True
    findings: str | None = None
    confidence: Confidence | None = None
    hypothesis: str | None = None
    checked: tuple[str, ...] = ()
    relevant: tuple[str, ...] = ()
    issues: tuple[IssueClaim, ...] = ()
    quotes: tuple[Quote, ...] = ()
    backtrack: int | None = None
    directory: str | None = None
    total: int | None = None
    replaces: int | None = None
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])
    ranges: tuple[FileRange, ...] = ()
    runs: tuple[ReportedRun, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """The paths of both lists, each once."""
        return tuple(dict.fromkeys((*self.checked, *self.relevant)))

    @property
    def learned(self) -> str:
        """What was learned: the findings, or the text of the step where none were sent."""
        return self.step if self.findings is None else self.findings
