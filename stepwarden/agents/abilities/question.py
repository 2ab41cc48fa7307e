"""Ask a model for an ability: a typed answer, asked for once more with what was wrong, and recorded as an event."""

import time
from collections.abc import Callable

from stepwarden.agents.abilities.ability import AbilityFacts
from stepwarden.agents.abilities.context import context_of
from stepwarden.agents.abilities.registry import ABILITIES
from stepwarden.agents.model_answers import failure_of, spent_on
from stepwarden.agents.toolbox import Toolbox
from stepwarden.files.secret_values import hide_in_prose
from stepwarden.models import ErrorKind, Message, ModelError, ModelRequest, Models
from stepwarden.runs.limits import NOTHING
from stepwarden.runs.run_events import QuestionAnswered, RunEvent
from stepwarden.runs.steered import AbilityName

Prompt = Callable[[str], str]
"""Returns what a model is told for an ability, by its name."""


async def ask_ability(
    models: Models, toolbox: Toolbox, prompt: Prompt, facts: AbilityFacts, principal: str
) -> list[RunEvent]:
    """Return the events that record what came of a job's open question for an ability."""
    run, job, question = facts.run, facts.job, facts.job.question
    assert question is not None
    ability = ABILITIES[AbilityName(question.ability)]
    begun = time.monotonic()
    request = ModelRequest(
        job.plan.model,
        (
            Message("system", f"{job.plan.instructions}\n\n{prompt(ability.name)}"),
            Message("user", context_of(facts, ability, toolbox)),
        ),
        answer=ability.checked_answer(facts),
        max_output_tokens=run.limits.answer_tokens,
        deadline_s=run.limits.answer_seconds,
        purpose="run",
        thread=run.id,
        principal=principal,
    )
    try:
        reply = await models.complete(request)
    except ModelError as error:
        failure = failure_of(error, job)
        # both answers of a wrong form were paid for, and nobody says how much
        spent = question.reserved if error.kind is ErrorKind.INVALID_ANSWER else NOTHING
        return [QuestionAnswered(facts.key, spent=spent, seconds=time.monotonic() - begun, failure=failure)]
    answered = QuestionAnswered(
        facts.key,
        facts.bodies.put(hide_in_prose(reply.text)),
        spent=spent_on(reply),
        is_priced=reply.usage.cost is not None,
        seconds=time.monotonic() - begun,
    )
    assert reply.parsed is not None
    return [ability.record(facts, reply.parsed), answered]
