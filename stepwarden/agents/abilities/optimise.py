"""Optimise the strategy: whether the work is gone about otherwise, and how."""

from stepwarden.agents.abilities.ability import Ability, AbilityFacts, AnswerPart, clipped, clipped_all
from stepwarden.runs.steered import AbilityName, AnsweredBy
from stepwarden.runs.steered_events import StrategySet


class StrategyAnswer(AnswerPart):
    """How the work is gone about from now on."""

    should_change: bool
    order: tuple[str, ...] = ()
    prefer: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()
    reason: str = ""
    patterns: tuple[str, ...] = ()
    inefficiencies: tuple[str, ...] = ()


def _event(facts: AbilityFacts, answer: StrategyAnswer) -> StrategySet:
    return StrategySet(
        facts.job.id,
        answer.should_change,
        tuple(answer.order[:12]),
        tuple(answer.prefer[:12]),
        tuple(answer.avoid[:12]),
        clipped(answer.reason),
        clipped_all(answer.patterns),
        clipped_all(answer.inefficiencies),
        by=AnsweredBy.MODEL,
        key=facts.key,
    )


def _why_wrong(facts: AbilityFacts, answer: StrategyAnswer) -> str:
    tools = {grant.name for grant in facts.job.plan.tools}
    requirements = {one.id for one in facts.work.requirements}
    if unknown := [name for name in (*answer.prefer, *answer.avoid) if name not in tools]:
        return f"there is no tool {unknown[0]!r:.80}"
    if unknown := [name for name in answer.order if name not in requirements]:
        return f"order: there is no requirement {unknown[0]!r:.40}"
    return "avoid leaves no tool" if tools and tools <= {*answer.avoid} else ""


OPTIMISE = Ability(AbilityName.OPTIMISE, StrategyAnswer, _event, _why_wrong)
