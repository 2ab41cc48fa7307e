"""Analyse the context: how things stand, judged requirement by requirement."""

from pydantic import Field

from stepwarden.agents.abilities.ability import (
    Ability,
    AbilityFacts,
    AnswerPart,
    ClaimPart,
    Share,
    Weight,
    clipped,
    clipped_all,
)
from stepwarden.runs.steered import AbilityName, AnsweredBy, Weighed
from stepwarden.runs.steered_events import ContextAnalysed


class ChallengePart(AnswerPart):
    """What stands in the way."""

    text: str
    severity: Weight = "medium"


class OpportunityPart(AnswerPart):
    """What could be made use of."""

    text: str
    value: Weight = "medium"


class AnalysisAnswer(AnswerPart):
    """How things stand."""

    understanding: str
    accomplished: tuple[ClaimPart, ...] = ()
    remaining: tuple[str, ...] = ()
    confidence: Share = Field(description="That the way so far leads to the end")
    challenges: tuple[ChallengePart, ...] = ()
    opportunities: tuple[OpportunityPart, ...] = ()


def _event(facts: AbilityFacts, answer: AnalysisAnswer) -> ContextAnalysed:
    return ContextAnalysed(
        facts.job.id,
        clipped(answer.understanding, 1_500),
        facts.claims(answer.accomplished),
        clipped_all(answer.remaining),
        answer.confidence,
        tuple(Weighed(clipped(one.text), one.severity) for one in answer.challenges[:8]),
        tuple(Weighed(clipped(one.text), one.value) for one in answer.opportunities[:8]),
        is_asked=bool(facts.work.analysis_asked),
        by=AnsweredBy.MODEL,
        key=facts.key,
    )


ANALYSE = Ability(
    AbilityName.ANALYSE, AnalysisAnswer, _event, lambda facts, answer: facts.why_wrong(answer.accomplished)
)
