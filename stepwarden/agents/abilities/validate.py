"""Validate the last results, and say which requirements they meet."""

from stepwarden.agents.abilities.ability import (
    Ability,
    AbilityFacts,
    AnswerPart,
    ClaimPart,
    Share,
    clipped_all,
)
from stepwarden.runs.steered import AbilityName, AnsweredBy
from stepwarden.runs.steered_events import ResultValidated
from stepwarden.runs.steered_rules import new_calls


class ValidationAnswer(AnswerPart):
    """What the last results are worth."""

    is_valid: bool
    issues: tuple[str, ...] = ()
    data_quality: Share
    suggestions: tuple[str, ...] = ()
    meets: tuple[ClaimPart, ...] = ()


def _event(facts: AbilityFacts, answer: ValidationAnswer) -> ResultValidated:
    return ResultValidated(
        facts.job.id,
        tuple(call.key for call in new_calls(facts.job)),
        answer.is_valid,
        clipped_all(answer.issues),
        answer.data_quality,
        clipped_all(answer.suggestions),
        facts.claims(answer.meets),
        AnsweredBy.MODEL,
        key=facts.key,
    )


VALIDATE = Ability(AbilityName.VALIDATE, ValidationAnswer, _event, lambda facts, answer: facts.why_wrong(answer.meets))
