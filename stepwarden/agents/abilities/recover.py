"""Suggest a recovery from what failed."""

from stepwarden.agents.abilities.ability import Ability, AbilityFacts, AnswerPart, clipped
from stepwarden.runs.steered import AbilityName
from stepwarden.runs.steered_events import RecoveryAdvised


class RecoveryAnswer(AnswerPart):
    """What may help; an empty advice is none."""

    advice: str


def _event(facts: AbilityFacts, answer: RecoveryAnswer) -> RecoveryAdvised:
    return RecoveryAdvised(facts.job.id, clipped(answer.advice), key=facts.key)


RECOVER = Ability(AbilityName.RECOVER, RecoveryAnswer, _event)
