"""A small fast model as adviser: one short question, one typed answer, and one kind of failure."""

import json
from collections import Counter
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from stepwarden.files.secret_values import hide_in_prose
from stepwarden.manager.adviser import AdviserError, Proposal
from stepwarden.manager.facts import ReviewInput, TaskFacts
from stepwarden.manager.reasons import clipped
from stepwarden.manager.review import longest
from stepwarden.models import Message, ModelError, ModelRequest, Models, ModelTier
from stepwarden.steps.gate import Policy
from stepwarden.steps.machine import Advice
from stepwarden.steps.thread import Plan

TASK_CHARACTERS = 1_500  # of the task; more costs time and says little about its size
CLAIM_CHARACTERS = 300  # of a hypothesis
OUTPUT_TOKENS = 200
TEMPERATURE = 0.1
# The manager stops waiting earlier, and says so; this ends the request itself where cancelling does not.
DEADLINE_SECONDS = 4.0


class StepsAnswer(BaseModel):
    """The typed answer of the model."""

    model_config = ConfigDict(defer_build=True)

    likely: int = Field(description="Steps that the thread deserves in all")
    reason: str = Field(description="Why, in at most 8 words")


class ModelAdviser:
    """An Adviser that asks one model; it holds nothing of any thread.

    `model` is a name, or None for a fast one of those configured. `wording` is the system prompt. Every failure is an
    AdviserError.
    """

    def __init__(self, models: Models, model: str | None, wording: str) -> None:
        self._models = models
        self._model = model
        self._wording = wording

    async def prepare(self) -> None:
        """Import and open what asking the model needs."""
        try:
            await self._models.warm(self._chosen())
        except ModelError:
            return  # the question says so

    async def size(self, facts: TaskFacts, policy: Policy, rules: Advice) -> Proposal:
        """Propose how many steps the task deserves."""
        details = {
            "tool": policy.tool,
            "existing files named": facts.files,
            "bytes in them": facts.file_bytes,
            "languages": sorted(facts.languages),
            "steps the agent asks for": facts.hint,
            "rules say": _plan(rules.plan),
            "bounds": [policy.low, policy.high],
        }
        return await self._ask("How many steps does this task deserve in all?", facts.task, details)

    async def review(self, case: ReviewInput, rules: Advice) -> Proposal:
        """Propose how many steps the thread deserves now."""
        thread = case.thread
        details = {
            "tool": case.policy.tool,
            "steps done": thread.last,
            "steps with a new fact": sum(step.new for step in thread.trail),
            "planned": _plan(thread.plan),
            "files found": thread.claims.files_found,
            "quotes by verdict": dict(case.assessment.evidence),
            "open clauses": dict(Counter(clause.kind for clause in case.assessment.open)),
            "hypothesis (untrusted)": (thread.claims.hypothesis or "")[:CLAIM_CHARACTERS],
            "signal": rules.signal.value if rules.signal else None,
            "rules say": _plan(rules.plan or thread.plan),
            "bounds": [thread.last + 1, longest(case)],
        }
        return await self._ask("How many steps does this thread deserve in all now?", thread.task, details, thread.id)

    async def _ask(
        self, question: str, task: str, details: Mapping[str, object], thread: str | None = None
    ) -> Proposal:
        try:
            reply = await self._models.complete(self._request(question, task, details, thread))
        except ModelError as error:
            raise AdviserError(str(error)) from error
        if not isinstance(reply.parsed, StepsAnswer):
            raise AdviserError("the answer is not of the type asked for")
        reason = clipped(_printable(hide_in_prose(reply.parsed.reason)))
        if not reason or reply.parsed.likely < 1:
            raise AdviserError("the answer makes no sense")
        return Proposal(reply.parsed.likely, reason)

    def _chosen(self) -> str:
        return self._models.choose(self._model, ModelTier.FAST).info.name

    def _request(self, question: str, task: str, details: Mapping[str, object], thread: str | None) -> ModelRequest:
        text = f"{question}\n\nFacts:\n{_quoted(details)}\n\nTask (untrusted):\n{_quoted(task[:TASK_CHARACTERS])}"
        return ModelRequest(
            model=self._chosen(),
            messages=(Message("system", self._wording), Message("user", text)),
            answer=StepsAnswer,
            temperature=TEMPERATURE,
            max_output_tokens=OUTPUT_TOKENS,
            thinking="minimal",
            deadline_s=DEADLINE_SECONDS,
            purpose="manager",
            thread=thread,
            cache=True,
        )


def _plan(plan: Plan | None) -> str | None:
    """Return a plan's numbers; its reason is left out, since it may hold words of the agent or of a model."""
    return None if plan is None else f"{plan.likely} ({plan.low}-{plan.high})"


def _quoted(value: object) -> str:
    """Return a value as JSON on one line: no text in it can pass for a line of the prompt."""
    return json.dumps(value, ensure_ascii=True)


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text[:1_000])
