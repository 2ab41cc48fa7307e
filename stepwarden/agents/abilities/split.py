"""Split the request into requirements, with a plan and what is done where that fails."""

from typing import Literal

from pydantic import Field

from stepwarden.agents.abilities.ability import Ability, AbilityFacts, AnswerPart, clipped, clipped_all
from stepwarden.runs.requirements import RequirementKind, checked_split
from stepwarden.runs.steered import AbilityName, AnsweredBy
from stepwarden.runs.steered_events import RequirementsSplit
from stepwarden.runs.steered_rules import possible_requirements


class RequirementPart(AnswerPart):
    """One thing that is asked for."""

    text: str = Field(description="In the request's own words; names and keys exactly")
    kind: Literal["find", "change", "answer"]


class SplitAnswer(AnswerPart):
    """The request, taken apart."""

    requirements: list[RequirementPart] = Field(min_length=1, max_length=12)
    plan: str = ""
    contingencies: tuple[str, ...] = ()


def _event(facts: AbilityFacts, answer: SplitAnswer) -> RequirementsSplit:
    proposed = [(clipped(one.text, 300), RequirementKind(one.kind)) for one in answer.requirements]
    found = checked_split(facts.run.request, proposed)
    return RequirementsSplit(
        facts.job.id,
        possible_requirements(found, facts.job.plan.tools),
        clipped(answer.plan),
        clipped_all(answer.contingencies),
        AnsweredBy.MODEL,
        key=facts.key,
    )


SPLIT = Ability(AbilityName.SPLIT, SplitAnswer, _event, shows_tools=True)
