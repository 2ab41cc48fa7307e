"""What the history of a steered job records: each answer of an ability, by whom, and what rules made of it.

`key` is that of the question that a model answered, "" where a rule did; `note` says why a rule did.
"""

from dataclasses import dataclass, field

from stepwarden.runs.recovery import FaultClass, FaultLevel, RecoveryKind
from stepwarden.runs.requirements import Requirement
from stepwarden.runs.run_calls import Body
from stepwarden.runs.steered import AnsweredBy, Insight, ProposedAction, ResultClaim, Weighed


@dataclass(frozen=True, slots=True)
class RequirementsSplit:
    """The request is taken apart; `plan` is how it is gone about, `contingencies` what is done where that fails."""

    job: str
    requirements: tuple[Requirement, ...]
    plan: str = ""
    contingencies: tuple[str, ...] = ()
    by: AnsweredBy = AnsweredBy.RULE
    note: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class ContextAnalysed:
    """How things stand. `accomplished` is what is claimed to be met; `is_asked` where a person asked for it."""

    job: str
    understanding: str
    accomplished: tuple[ResultClaim, ...] = ()
    remaining: tuple[str, ...] = ()
    confidence: float = 0.0
    challenges: tuple[Weighed, ...] = ()
    opportunities: tuple[Weighed, ...] = ()
    is_asked: bool = False
    by: AnsweredBy = AnsweredBy.RULE
    note: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class StrategySet:
    """Whether the work is gone about otherwise from now on, and how; `rolls_back` takes the last change back."""

    job: str
    changes: bool = False
    order: tuple[str, ...] = ()
    prefer: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()
    reason: str = ""
    patterns: tuple[str, ...] = ()
    inefficiencies: tuple[str, ...] = ()
    rolls_back: bool = False
    by: AnsweredBy = AnsweredBy.RULE
    note: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class ActionProposed:
    """What is suggested next. Without an action there is nothing left to do, for the `reason`."""

    job: str
    action: ProposedAction | None = None
    also: tuple[ProposedAction, ...] = ()
    alternatives: tuple[ProposedAction, ...] = ()
    contingencies: tuple[str, ...] = ()
    reason: str = ""
    by: AnsweredBy = AnsweredBy.RULE
    note: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class ActionChosen:
    """An action is taken up. `how` is recommended, alternative or retry; `alternative` counts those from 1."""

    job: str
    actions: tuple[ProposedAction, ...]
    how: str = "recommended"
    alternative: int = 0


@dataclass(frozen=True, slots=True)
class ResultValidated:
    """What is said of the results of the last action. A call that failed is never valid, whatever is said."""

    job: str
    calls: tuple[str, ...]
    valid: bool = True
    issues: tuple[str, ...] = ()
    quality: float = 0.0
    suggestions: tuple[str, ...] = ()
    claims: tuple[ResultClaim, ...] = ()
    by: AnsweredBy = AnsweredBy.RULE
    note: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class RecoveryAdvised:
    """What a model says may help about what failed."""

    job: str
    text: str
    by: AnsweredBy = AnsweredBy.MODEL
    note: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class RecoveryTried:
    """One rung of a recovery: what is done, until when it waits, and why."""

    job: str
    call: str
    fault: FaultClass
    level: FaultLevel
    recovery: RecoveryKind
    rung: int
    until: float | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class PersonUnanswered:
    """Nobody answered a question in time."""

    job: str
    question: str


@dataclass(frozen=True, slots=True)
class InsightsGained:
    """What was learned."""

    job: str
    insights: tuple[Insight, ...] = ()
    by: AnsweredBy = AnsweredBy.RULE
    note: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class CompletionClaimed:
    """What a model says of the end: whether it is reached, by which results, and the answer."""

    job: str
    complete: bool = False
    claims: tuple[ResultClaim, ...] = ()
    reason: str = ""
    answer: Body = field(default_factory=Body)
    by: AnsweredBy = AnsweredBy.MODEL
    note: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class CompletionJudged:
    """What rules find: each requirement as the facts leave it. `claimed` is what was said of the end beside it."""

    job: str
    requirements: tuple[Requirement, ...] = field(default_factory=tuple[Requirement, ...])
    complete: bool = False
    claimed: bool = False
    reason: str = ""


SteeredEvent = (
    RequirementsSplit
    | ContextAnalysed
    | StrategySet
    | ActionProposed
    | ActionChosen
    | ResultValidated
    | RecoveryAdvised
    | RecoveryTried
    | PersonUnanswered
    | InsightsGained
    | CompletionClaimed
    | CompletionJudged
)

STEERED_KINDS: dict[str, type[SteeredEvent]] = {
    "requirements": RequirementsSplit,
    "analysed": ContextAnalysed,
    "strategy": StrategySet,
    "proposed": ActionProposed,
    "chosen": ActionChosen,
    "validated": ResultValidated,
    "recovery_advised": RecoveryAdvised,
    "recovering": RecoveryTried,
    "unanswered": PersonUnanswered,
    "insights": InsightsGained,
    "claimed": CompletionClaimed,
    "judged": CompletionJudged,
}
