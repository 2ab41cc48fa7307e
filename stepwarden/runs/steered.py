"""A steered job: what its seven abilities said, what was chosen, and where in the order of an iteration it stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from stepwarden.runs.recovery import FaultClass, FaultLevel, RecoveryKind
from stepwarden.runs.requirements import Requirement
from stepwarden.runs.run_calls import NO_TEXT, Body

IDLE_ITERATIONS = 4
"""So many iterations in a row without anything new end the work: more of the same is no progress."""

LEAN_QUESTIONS = 4
"""At `lean` depth no iteration asks a model more often."""


class Depth(StrEnum):
    """How often a model is asked: only what rules cannot answer, or all that can be asked."""

    LEAN = "lean"
    FULL = "full"


class AbilityName(StrEnum):
    """What is asked of a model: a split of the request at the beginning, then the seven of an iteration."""

    SPLIT = "split"
    ANALYSE = "analyse"
    OPTIMISE = "optimise"
    SUGGEST = "suggest"
    VALIDATE = "validate"
    RECOVER = "recover"
    INSIGHTS = "insights"
    COMPLETION = "completion"


class SteeredPhase(StrEnum):
    """Where in an iteration a job stands. Each is left by the event that records what came of it."""

    SPLIT = "split"
    ANALYSE = "analyse"
    OPTIMISE = "optimise"
    SUGGEST = "suggest"
    CHOOSE = "choose"
    VALIDATE = "validate"
    RECOVER = "recover"
    ADVISED = "advised"  # a model has said what may help
    INSIGHTS = "insights"
    COMPLETION = "completion"
    JUDGE = "judge"
    END = "end"


class AnsweredBy(StrEnum):
    """Who answered what an ability asks."""

    MODEL = "model"
    RULE = "rule"


@dataclass(frozen=True, slots=True)
class ResultClaim:
    """That results meet a requirement, with words of one of them.

    `passage` is what stands round these words in the whole result, as whoever recorded the claim found it there.
    """

    requirement: str
    results: tuple[str, ...]
    quote: str = ""
    passage: str = ""


@dataclass(frozen=True, slots=True)
class Weighed:
    """A challenge with how grave it is, or an opportunity with what it is worth: `low`, `medium` or `high`."""

    text: str
    weight: str = "medium"


@dataclass(frozen=True, slots=True)
class ProposedAction:
    """A call of a tool as it is suggested; `arguments` is a JSON object, `requirements` are those that it is for."""

    tool: str
    arguments: str = "{}"
    reasoning: str = ""
    confidence: float = 0.5
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Insight:
    """A pattern, trend, finding or recommendation, and the results that it is from."""

    kind: str
    text: str
    results: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ActionProposal:
    """The action that is suggested, reads that may be made beside it, and what else could be done."""

    action: ProposedAction | None = None
    also: tuple[ProposedAction, ...] = ()
    alternatives: tuple[ProposedAction, ...] = ()
    contingencies: tuple[str, ...] = ()
    reason: str = ""
    used: frozenset[int] = frozenset()  # of the alternatives


@dataclass(frozen=True, slots=True)
class Strategy:
    """How the work is gone about: requirements in their order, and the tools that are preferred or not offered.

    `met` and `errors` are how many there were when it was set, at the iteration `since`: by them it is judged.
    """

    version: int = 0
    order: tuple[str, ...] = ()
    prefer: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()
    reason: str = ""
    since: int = 0
    met: int = 0
    errors: int = 0


@dataclass(frozen=True, slots=True)
class Understanding:
    """What the last analysis said; `confidence` is from 0 to 1."""

    text: str = ""
    remaining: tuple[str, ...] = ()
    confidence: float = 0.0
    challenges: tuple[Weighed, ...] = ()
    opportunities: tuple[Weighed, ...] = ()


@dataclass(frozen=True, slots=True)
class Recovery:
    """What is being done about a fault: its rung, and until when that waits."""

    call: str
    fault: FaultClass
    level: FaultLevel
    kind: RecoveryKind
    rung: int
    until: float | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class PersonQuestion:
    """What a person is asked, and until when: then it is gone on with less."""

    id: str
    text: str
    until: float | None = None


@dataclass(frozen=True, slots=True)
class SteeredWork:
    """What is known in a steered job beside its steps. `iteration` counts from 1, `actions` the calls that were chosen.

    `asked` are the questions to a model in this iteration; `unanswered` those in a row that no model answered.
    `dry` are suggestions in a row that there is nothing to do, `idle` iterations in a row with nothing new.
    `invalid` are calls whose results hold for nothing; `failed` is the last action that failed, as its fingerprint.
    """

    depth: Depth = Depth.LEAN
    phase: SteeredPhase = SteeredPhase.SPLIT
    iteration: int = 1
    requirements: tuple[Requirement, ...] = ()
    plan: str = ""
    claims: tuple[ResultClaim, ...] = ()
    understanding: Understanding = Understanding()
    proposal: ActionProposal = ActionProposal()
    strategy: Strategy = Strategy()
    former: Strategy | None = None
    insights: tuple[Insight, ...] = ()
    looked: frozenset[str] = frozenset()  # calls whose results were validated
    invalid: frozenset[str] = frozenset()
    issues: tuple[str, ...] = ()
    rungs: Mapping[str, int] = field(default_factory=dict[str, int])
    recovery: Recovery | None = None
    question: PersonQuestion | None = None
    told: tuple[str, ...] = ()  # by people, and by rules, for the next suggestion
    failed: str = ""
    actions: int = 0
    asked: int = 0
    answered: int = 0  # by models, in all
    by_rule: int = 0  # by rules, in all
    unanswered: int = 0
    dry: int = 0
    idle: int = 0
    has_news: bool = False
    analysis_asked: str = ""  # by whom: to pause and analyse
    claims_complete: bool = False
    draft: Body = NO_TEXT  # of the answer
    notes: tuple[str, ...] = ()

    @property
    def open_requirements(self) -> tuple[Requirement, ...]:
        """The requirements for which something can still be done."""
        return tuple(one for one in self.requirements if one.is_open)

    @property
    def is_complete(self) -> bool:
        """Whether results meet every requirement."""
        return bool(self.requirements) and all(one.is_met for one in self.requirements)
