"""Suggest the next action, with reads beside it, alternatives and contingencies."""

import difflib
import json
from collections.abc import Sequence

from pydantic import Field

from stepwarden.agents.abilities.ability import (
    Ability,
    AbilityFacts,
    AnswerPart,
    ArgumentText,
    Share,
    clipped,
    clipped_all,
)
from stepwarden.runs.steered import AbilityName, AnsweredBy, ProposedAction
from stepwarden.runs.steered_events import ActionProposed
from stepwarden.runs.steered_fold import fingerprint_of

MOST_BESIDE, MOST_ALTERNATIVES = 5, 4


class ActionPart(AnswerPart):
    """A call of a tool."""

    tool: str
    arguments: ArgumentText = Field(description="A JSON object, as text")
    reasoning: str = ""
    confidence: Share = 0.5
    requirements: tuple[str, ...] = Field(default=(), description="Ids of those that it is for")


class SuggestionAnswer(AnswerPart):
    """What is done next."""

    nothing_left: bool = Field(description="Nothing more has to be done, or can be")
    reason: str = ""
    action: ActionPart | None = None
    also: tuple[ActionPart, ...] = Field(default=(), description="Reads that do not depend on it, made at once")
    alternatives: tuple[ActionPart, ...] = ()
    contingencies: tuple[str, ...] = ()


def offered_tools(facts: AbilityFacts) -> list[str]:
    """Return the names of the tools that may be suggested: those of the run but for what the strategy avoids."""
    strategy = facts.work.strategy
    names = [grant.name for grant in facts.job.plan.tools if grant.name not in strategy.avoid]
    preferred = [name for name in names if name in strategy.prefer]
    return [*preferred, *(name for name in names if name not in preferred)]


def _event(facts: AbilityFacts, answer: SuggestionAnswer) -> ActionProposed:
    return ActionProposed(
        facts.job.id,
        None if answer.action is None or answer.nothing_left else _action(answer.action),
        tuple(map(_action, answer.also[:MOST_BESIDE])) if not answer.nothing_left else (),
        tuple(map(_action, answer.alternatives[:MOST_ALTERNATIVES])),
        clipped_all(answer.contingencies),
        clipped(answer.reason),
        AnsweredBy.MODEL,
        key=facts.key,
    )


def _action(part: ActionPart) -> ProposedAction:
    arguments = json.dumps(json.loads(part.arguments), ensure_ascii=False)
    return ProposedAction(part.tool, arguments, clipped(part.reasoning), part.confidence, tuple(part.requirements[:12]))


def _why_wrong(facts: AbilityFacts, answer: SuggestionAnswer) -> str:
    if answer.nothing_left:
        return ""
    if answer.action is None:
        return "action is needed, or nothing_left is true"
    kinds = {grant.name: grant.kind for grant in facts.job.plan.tools}
    if changing := [part.tool for part in answer.also if part.tool in kinds and not kinds[part.tool].may_be_repeated]:
        return f"also: {changing[0]} changes something; only reads are made beside another call"
    if fingerprint_of(answer.action.tool, _plain(answer.action.arguments)) == facts.work.failed:
        return "this very call failed just now: send other arguments, or take another tool"
    return _why_no_action(facts, [answer.action, *answer.also, *answer.alternatives])


def _plain(arguments: str) -> str:
    try:
        return json.dumps(json.loads(arguments), ensure_ascii=False)
    except ValueError:
        return arguments


def _why_no_action(facts: AbilityFacts, parts: Sequence[ActionPart]) -> str:
    tools, requirements = offered_tools(facts), {one.id for one in facts.work.requirements}
    for part in parts:
        if part.tool not in tools:
            near = difflib.get_close_matches(part.tool, tools, n=1)
            return f"there is no tool {part.tool!r:.80}{f'; did you mean {near[0]}?' if near else ''}"
        try:
            given = json.loads(part.arguments)
        except ValueError:
            given = None
        if not isinstance(given, dict):
            return f"the arguments of {part.tool} are not a JSON object"
        if unknown := [one for one in part.requirements if one not in requirements]:
            return f"there is no requirement {unknown[0]!r:.40}"
    return ""


SUGGEST = Ability(AbilityName.SUGGEST, SuggestionAnswer, _event, _why_wrong, shows_tools=True)
