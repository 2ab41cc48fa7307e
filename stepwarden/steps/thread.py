"""A thread: the state that the fold of its events gives, as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from stepwarden.steps.cited_facts import FactPlace
from stepwarden.steps.claims import Claims
from stepwarden.steps.expert_review import ExpertReview
from stepwarden.steps.panel_answer import PanelAnswer
from stepwarden.steps.persistent import PersistentList, PersistentMap
from stepwarden.steps.step import Issue, Phase, Step
from stepwarden.steps.totals import Totals

__all__ = [
    "Assurance",
    "Claims",
    "DecidedBy",
    "DecisionRecord",
    "Dispute",
    "Issue",
    "Origin",
    "Outcome",
    "Phase",
    "Plan",
    "Signal",
    "Step",
    "Thread",
]


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
class Origin:
    """The thread that this one follows up, as it was then."""

    thread: str
    version: int


@dataclass(frozen=True, slots=True)
class Dispute:
    """The review that a thread still has to answer, the last step when it came, and the number of its first point."""

    review: ExpertReview
    step: int
    first_id: int = 1


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """One decision about the thread, for its history: what, at which step, by whom, why."""

    kind: str
    step: int
    by: DecidedBy
    reason: str


@dataclass(frozen=True)
class Thread:
    """One thread as it stands after `version` events.

    `trail` holds the steps 1 to `last` of the current branch; backtracking shortens it, a planner revision stays in
    it and names what it replaces. `live` leaves the replaced ones out; `totals` are of the trail, `claims` of the live
    steps. `superseded` keeps the digests of all steps that were once recorded and are not live, so that a late repeat
    of one is known as stale.
    """

    id: str
    tool: str
    version: int = 0
    trail: PersistentList[Step] = field(default_factory=PersistentList[Step])
    revised: PersistentList[Step] | None = None  # the live steps in their places, once a revision replaced one
    totals: Totals = field(default_factory=Totals)
    claims: Claims = field(default_factory=Claims)
    plan: Plan | None = None
    outcome: Outcome = Outcome.OPEN
    ended_by: DecidedBy | None = None
    assurance: Assurance = Assurance.ASSERTED
    sized: int = 0  # the number of steps planned at step 1
    held: bool = False
    held_at: int = 0  # the step that was held, 0 = none
    untested_at: int = 0  # the step that was held because nothing had tested its conclusion, 0 = none
    disproof_asked: int = 0  # the step after which it was asked, 0 = never
    directory: str | None = None
    origin: Origin | None = None
    run: str = ""  # whose model began it
    superseded: frozenset[str] = frozenset()
    issues_numbered: int = 0
    awaiting: tuple[str, int] | None = None  # (key, step number) of the consultation that is waited for
    review: ExpertReview | None = None  # the expert's, of this branch
    asked_model: str = ""  # who was asked last
    unheard_at: int = 0  # the last step when the agent went on without its answer; 0 = never, or one was heard since
    dispute: Dispute | None = None  # what that expert, or the one before it, objects to
    expert_rounds: int = 0  # how often one was asked for this completion
    doubted: bool = False  # whether an expert objected last, on whatever branch
    answers: Mapping[int, PanelAnswer] = field(default_factory=dict[int, PanelAnswer])  # of a panel, by number
    exchanged: bool = False  # whether its exchange round was held
    refused_empty: tuple[int, str] | None = None  # (number, digest) of the last step refused for bringing nothing
    refused_at: frozenset[int] = frozenset()  # numbers whose step was refused at first for bringing nothing
    repeats: PersistentMap[int, int] = field(default_factory=PersistentMap[int, int])  # number -> times recorded again
    recorded_at: PersistentMap[int, int] = field(default_factory=PersistentMap[int, int])  # number -> version then
    digests: PersistentMap[str, int] = field(default_factory=PersistentMap[str, int])  # live ones -> number
    decisions: PersistentList[DecisionRecord] = field(default_factory=PersistentList[DecisionRecord])
    fact_ids: PersistentMap[str, str] = field(default_factory=PersistentMap[str, str])  # of all that was ever told
    fact_places: PersistentMap[str, tuple[FactPlace, ...]] = field(  # by their ids
        default_factory=PersistentMap[str, tuple[FactPlace, ...]]
    )

    @property
    def live(self) -> PersistentList[Step]:
        """The live steps, a revision standing where the step it replaces stood."""
        return self.trail if self.revised is None else self.revised

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
        """Return what the live steps said last of a field that goes to models, such as `temperature`; None: nothing."""
        return self.claims.fields.get(name)

    @property
    def task(self) -> str:
        """What the thread is about: the text of its first step."""
        return self.trail[0].submission.step if self.trail else ""

    def attempt(self, number: int) -> int:
        """Return how often step `number` was recorded so far."""
        return 1 + self.repeats.get(number, 0) if number in self.recorded_at else 0

    def step_with(self, digest: str) -> Step | None:
        """Return the live step that the request with this digest recorded, or None."""
        number = self.digests.get(digest)
        return None if number is None else self.trail[number - 1]
