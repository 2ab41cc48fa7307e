"""One recorded step, and the issues in it."""

from dataclasses import dataclass
from enum import StrEnum

from stepwarden.steps.evidence import Evidence
from stepwarden.steps.inspection import Inspection
from stepwarden.steps.submission import Severity, Submission
from stepwarden.steps.text import key_of


class Phase(StrEnum):
    """Which part of the work a step belongs to; each is a section of the tool's prompt file."""

    SURVEY = "survey"
    DIG = "dig"
    PROVE = "prove"
    CONCLUDE = "conclude"


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue of a live step; `id` is `I1`, `I2` ... and never given twice in a thread."""

    id: str
    severity: Severity
    description: str
    path: str | None = None
    line: int | None = None
    withdrawn: bool = False

    @property
    def key(self) -> str:
        """What makes two claims the same issue: the words and the file."""
        return key_of(self.description, self.path or "")


@dataclass(frozen=True, slots=True)
class Step:
    """One recorded step. Its issues and quotes stand here as they were numbered and checked, not in `submission`.

    `existing` are those of its files that the server found inside the root. `measured` is what the tool found when it
    looked at the code itself, None where it did not look. `new` says that it brought a file, quote,
    issue or hypothesis that no live step had, `stalled` that it brought not even new words. `stale` counts the quotes
    that held when they were sent and had gone from their files at this step, where the server looked again.
    `uncited` are what it cited and the thread has no facts of.
    """

    number: int
    submission: Submission
    evidence: tuple[Evidence, ...] = ()
    issues: tuple[Issue, ...] = ()
    existing: tuple[str, ...] = ()
    readable: bool = False
    stalled: bool = False
    new: bool = True
    phase: Phase = Phase.DIG
    attempt: int = 1
    stale: int = 0
    measured: Inspection | None = None
    uncited: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The request's digest."""
        return self.submission.digest

    @property
    def measured_actions(self) -> tuple[str, ...]:
        """What the look at this step asks for."""
        return self.measured.actions if self.measured is not None else ()

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path the step named, in a list or as evidence."""
        return (*self.submission.files, *[item.path for item in self.evidence])

    @property
    def is_idle(self) -> bool:
        """Whether it brought no fact; a first step always does."""
        return not self.new and self.number > 1

    @property
    def speaks_against_hypothesis(self) -> bool:
        """Whether a quote for the hypothesis, or for no claim by name, was refuted in it."""
        return any(item.verdict == "refuted" and item.supports in {None, "hypothesis"} for item in self.evidence)
