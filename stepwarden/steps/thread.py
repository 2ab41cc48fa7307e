"""A thread: the state that the fold of its events gives, as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from stepwarden.steps.evidence import Evidence
from stepwarden.steps.expert_review import ExpertReview
from stepwarden.steps.inspection import NO_INSPECTION, Inspection
from stepwarden.steps.panel_answer import PanelAnswer
from stepwarden.steps.submission import Severity, Submission
from stepwarden.steps.text import fold, key_of


class Outcome(StrEnum):
    """How a thread stands."""

    OPEN = "open"
    DONE = "done"
    INCONCLUSIVE = "inconclusive"
    ABANDONED = "abandoned"


class DecidedBy(StrEnum):
    """Who made a decision."""

    AGENT = "agent"
    RULE = "rule"
    MODEL = "model"
    USER = "user"


class Assurance(StrEnum):
    """How much of what a thread claims rests on evidence that the server checked."""

    ASSERTED = "asserted"
    PARTLY = "partly_verified"
    VERIFIED = "verified"


class Phase(StrEnum):
    """Which part of the work a step belongs to; each is a section of the tool's prompt file."""

    SURVEY = "survey"
    DIG = "dig"
    PROVE = "prove"
    CONCLUDE = "conclude"


class Signal(StrEnum):
    """What the manager wants the agent to hear beside the plan."""

    STALLED = "stalled"  # steps brought nothing new: try another way, ask somebody, or end honestly
    DISPROVE = "disprove"  # try once to show that the conclusion is wrong
    SPLIT = "split"  # far past the range: finish, or split the work


@dataclass(frozen=True, slots=True)
class Plan:
    """How many steps the work deserves: the interval, what `likely` was before, why, and who said so."""

    low: int
    likely: int
    high: int
    reason: str
    by: DecidedBy = DecidedBy.RULE
    was: int | None = None


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
class Origin:
    """The thread that this one follows up, as it was then."""

    thread: str
    version: int


@dataclass(frozen=True, slots=True)
class Step:
    """One recorded step. Its issues and quotes stand here as they were numbered and checked, not in `submission`.

    `existing` are those of its files that the server found inside the root. `measured` is what the tool found when it
    looked at the code itself, None where it did not look. `new` says that it brought a file, quote,
    issue or hypothesis that no live step had, `stalled` that it brought not even new words. `stale` counts the quotes
    that held when they were sent and had gone from their files at this step, where the server looked again.
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
        return (*self.submission.files, *(item.path for item in self.evidence))


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """One decision about the thread, for its history: what, at which step, by whom, why."""

    kind: str
    step: int
    by: DecidedBy
    reason: str


@dataclass(frozen=True)
class Claims:
    """What the live steps say, taken together: hypothesis, issues, evidence, files, and what was measured."""

    hypothesis: str | None = None
    hypothesis_since: int = 0  # the step that first stated it in these words
    hypothesis_last: int = 0  # the step that stated it last
    issues: Mapping[str, Issue] = field(default_factory=dict[str, Issue])  # live ones, by id
    evidence: tuple[tuple[int, Evidence], ...] = ()  # (step number, item), withdrawn ones gone
    files: Mapping[str, bool] = field(default_factory=dict[str, bool])  # path -> found inside the root
    checked: frozenset[str] = frozenset()  # paths that some step says it read
    findings: frozenset[str] = frozenset()
    quotes: frozenset[str] = frozenset()
    measured: Inspection = NO_INSPECTION

    def with_step(self, step: Step) -> "Claims":
        """Return the claims with one more live step."""
        said = step.submission
        hypothesis, since, last = self.hypothesis, self.hypothesis_since, self.hypothesis_last
        if said.hypothesis:
            if hypothesis is None or fold(hypothesis) != fold(said.hypothesis):
                since = step.number
            hypothesis, last = said.hypothesis, step.number
        return Claims(
            hypothesis=hypothesis,
            hypothesis_since=since,
            hypothesis_last=last,
            issues=_merge_issues(self.issues, step.issues),
            evidence=_merge_evidence(self.evidence, step),
            files=_merge_files(self.files, step),
            checked=self.checked.union(said.checked) if said.checked else self.checked,
            findings=self.findings | {key_of(said.learned)},
            quotes=self.quotes | {key_of(item.path, item.quote, item.supports or "") for item in step.evidence},
            measured=self.measured if step.measured is None else self.measured.then(step.measured),
        )

    def states_anew(self, hypothesis: str | None) -> bool:
        """Whether `hypothesis` is one and differs from the current."""
        return bool(hypothesis) and (self.hypothesis is None or fold(self.hypothesis) != fold(hypothesis or ""))

    @cached_property
    def standing_refuted(self) -> tuple[Evidence, ...]:
        """Refuted items that no later item of the same file has made good."""
        standing: dict[str, list[Evidence]] = {}
        for _, item in self.evidence:
            if item.holds:
                standing.pop(item.path, None)
            elif item.verdict == "refuted":
                standing.setdefault(item.path, []).append(item)
        return tuple(item for items in standing.values() for item in items)


def _merge_issues(known: Mapping[str, Issue], more: tuple[Issue, ...]) -> Mapping[str, Issue]:
    if not more:
        return known
    merged = dict(known)
    for issue in more:
        if issue.withdrawn:
            merged.pop(issue.id, None)
        else:
            merged[issue.id] = issue
    return merged


def _merge_evidence(known: tuple[tuple[int, Evidence], ...], step: Step) -> tuple[tuple[int, Evidence], ...]:
    taken_back = {quote.file for quote in step.submission.quotes if quote.withdrawn}
    if taken_back:
        known = tuple(
            (number, item) for number, item in known if item.path not in taken_back or item.verdict != "refuted"
        )
    return (*known, *((step.number, item) for item in step.evidence))


def _merge_files(known: Mapping[str, bool], step: Step) -> Mapping[str, bool]:
    if not step.paths:
        return known
    found = set(step.existing) | {item.path for item in step.evidence if item.holds}
    return {**known, **{path: path in found or known.get(path, False) for path in step.paths}}


@dataclass(frozen=True)
class Thread:
    """One thread as it stands after `version` events.

    `trail` holds the steps 1 to `last` of the current branch; backtracking shortens it, a planner revision stays in
    it and names what it replaces. `live` leaves the replaced ones out. `superseded` keeps the digests of all steps
    that were once recorded and are not live, so that a late repeat of one is known as stale.
    """

    id: str
    tool: str
    version: int = 0
    trail: tuple[Step, ...] = ()
    claims: Claims = Claims()
    plan: Plan | None = None
    outcome: Outcome = Outcome.OPEN
    ended_by: DecidedBy | None = None
    assurance: Assurance = Assurance.ASSERTED
    sized: int = 0  # the number of steps planned at step 1
    held: bool = False
    held_at: int = 0  # the step that was held, 0 = none
    disproof_asked: int = 0  # the step after which it was asked, 0 = never
    directory: str | None = None
    origin: Origin | None = None
    superseded: frozenset[str] = frozenset()
    issues_numbered: int = 0
    awaiting: tuple[str, int] | None = None  # (key, step number) of the consultation that is waited for
    opinion: ExpertReview | None = None  # the expert's, of this branch
    asked_model: str = ""  # who was asked last
    expert_asked: bool = False  # once for each completion
    voices: Mapping[int, PanelAnswer] = field(default_factory=dict[int, PanelAnswer])  # of a consensus, by seat
    exchanged: bool = False  # whether its exchange round was held
    refused_empty: tuple[int, str] | None = None  # (number, digest) of the last step refused for bringing nothing
    refused_at: frozenset[int] = frozenset()  # numbers whose step was refused at first for bringing nothing
    attempts: Mapping[int, int] = field(default_factory=dict[int, int])  # number -> times recorded
    digests: Mapping[str, int] = field(default_factory=dict[str, int])  # digest -> number, of the live steps
    decisions: tuple[DecisionRecord, ...] = ()

    @cached_property
    def replaced(self) -> frozenset[int]:
        """Numbers of steps that a planner revision superseded in place."""
        return frozenset(step.submission.replaces for step in self.trail if step.submission.replaces is not None)

    @cached_property
    def live(self) -> tuple[Step, ...]:
        """The live steps, a revision standing where the step it replaces stood."""
        if not self.replaced:
            return self.trail
        place = {step.number: step.number for step in self.trail}
        for step in self.trail:
            if step.submission.replaces is not None:
                place[step.number] = place[step.submission.replaces]
        alive = [step for step in self.trail if step.number not in self.replaced]
        return tuple(sorted(alive, key=lambda step: (place[step.number], step.number)))

    @property
    def last(self) -> int:
        """The number of the last step, 0 before the first."""
        return len(self.trail)

    @property
    def next_number(self) -> int:
        """The only number a new step may have, backtracking apart."""
        return self.last + 1

    @property
    def total_steps(self) -> int:
        """How many steps the thread has, or is planned to have while it is open."""
        if self.plan is None or self.outcome is not Outcome.OPEN:
            return self.last
        return max(self.plan.likely, self.last)

    @property
    def readable(self) -> bool:
        """Whether files could be read at the last step."""
        return bool(self.trail) and self.trail[-1].readable

    @property
    def stalled(self) -> bool:
        """Whether the last step that was no ask to finish brought nothing, and nothing came since."""
        for step in reversed(self.trail):
            if step.stalled:
                return True
            if step.submission.more or step.new:
                return False
        return False

    def model_option(self, name: str) -> Any:
        """What the live steps said last of a field that goes to models, such as `temperature`; None for nothing."""
        return next((step.submission.fields[name] for step in self.live[::-1] if name in step.submission.fields), None)

    @property
    def task(self) -> str:
        """What the thread is about: the text of its first step."""
        return self.trail[0].submission.step if self.trail else ""

    def step_with(self, digest: str) -> Step | None:
        """Return the live step that the request with this digest recorded, or None."""
        number = self.digests.get(digest)
        return None if number is None else self.trail[number - 1]
