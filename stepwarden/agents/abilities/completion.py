"""Check whether the end is reached, requirement by requirement, and write the answer."""

from pydantic import Field

from stepwarden.agents.abilities.ability import Ability, AbilityFacts, AnswerPart, ClaimPart, clipped
from stepwarden.files.secret_values import hide_in_prose
from stepwarden.runs.steered import AbilityName, AnsweredBy
from stepwarden.runs.steered_events import CompletionClaimed


class CompletionAnswer(AnswerPart):
    """Whether the end is reached."""

    is_complete: bool
    meets: tuple[ClaimPart, ...] = ()
    reason: str = ""
    answer: str = Field(default="", description="For the user, in Markdown: all of it once it is complete")


def _event(facts: AbilityFacts, answer: CompletionAnswer) -> CompletionClaimed:
    return CompletionClaimed(
        facts.job.id,
        answer.is_complete,
        facts.claims(answer.meets),
        clipped(answer.reason),
        facts.bodies.put(hide_in_prose(answer.answer)),
        AnsweredBy.MODEL,
        key=facts.key,
    )


def _why_wrong(facts: AbilityFacts, answer: CompletionAnswer) -> str:
    if answer.is_complete and not answer.answer.strip():
        return "answer is needed where is_complete is true"
    return facts.why_wrong(answer.meets)


COMPLETION = Ability(AbilityName.COMPLETION, CompletionAnswer, _event, _why_wrong)
