"""Generate insights: patterns, trends, findings and recommendations, each from results."""

from typing import Literal

from stepwarden.agents.abilities.ability import Ability, AbilityFacts, AnswerPart, clipped
from stepwarden.runs.evidence_rules import why_no_result
from stepwarden.runs.steered import AbilityName, AnsweredBy, Insight
from stepwarden.runs.steered_events import InsightsGained
from stepwarden.runs.steered_rules import facts_of_results


class InsightPart(AnswerPart):
    """One thing that was learned."""

    kind: Literal["pattern", "trend", "finding", "recommendation"]
    text: str
    results: tuple[str, ...] = ()


class InsightsAnswer(AnswerPart):
    """What was learned."""

    insights: list[InsightPart]


def _event(facts: AbilityFacts, answer: InsightsAnswer) -> InsightsGained:
    known = facts_of_results(facts.run, facts.job)
    gained = tuple(
        Insight(one.kind, clipped(one.text), tuple(key for key in one.results if not why_no_result(known, key)))
        for one in answer.insights[:8]
    )
    return InsightsGained(facts.job.id, gained, AnsweredBy.MODEL, key=facts.key)


INSIGHTS = Ability(AbilityName.INSIGHTS, InsightsAnswer, _event)
