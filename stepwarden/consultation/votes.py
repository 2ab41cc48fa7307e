"""What a model of a panel is asked for, and how its answer is read: as a vote, or as prose that has none."""

import json
from dataclasses import replace
from typing import Annotated, Literal, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from stepwarden.consultation.outcomes import ModelAnswer, ModelFailure
from stepwarden.models import AnswerForm
from stepwarden.steps.panel import Panelist
from stepwarden.steps.panel_answer import PanelAnswer, Vote

SUMMARY_CHARS = 3_000  # of an answer as it is recorded; an answer in prose is all summary
ITEM_CHARS = 600
MOST_ITEMS = 8

_WORDS = {
    Vote.SUPPORT: {"support", "supports", "for", "yes", "agree", "approve", "in_favor", "in_favour", "favor"},
    Vote.OPPOSE: {"oppose", "opposes", "against", "no", "disagree", "reject"},
    Vote.CONDITIONAL: {"conditional", "conditionally", "conditional_support", "depends", "it_depends", "mixed"},
}


def _vote(value: object) -> object:
    word = str(value).strip().lower().replace(" ", "_").replace("-", "_")
    return next((vote for vote, words in _WORDS.items() if word in words), value)


def _share(value: object) -> object:
    """Take 0.8, "80%", 8 of 10 and the like for a share; what is none is left out."""
    try:
        number = float(str(value).strip().rstrip("%").split("/")[0])
    except ValueError:
        return None
    if str(value).strip().endswith("%") or number > 10:
        number /= 100
    elif number > 1:
        number /= 10
    return min(1.0, number) if number >= 0 else None


def _text(value: object) -> object:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _texts(value: object) -> object:
    if value is None:
        return []
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    return [str(_text(item)) for item in items if item]


Texts = Annotated[list[str], BeforeValidator(_texts)]


class VoteAnswer(BaseModel):
    """The typed answer of a panelist; it takes what models write instead of a list, a share or a vote's exact word."""

    model_config = ConfigDict(defer_build=True)

    vote: Annotated[Vote, BeforeValidator(_vote)]
    confidence: Annotated[float | None, BeforeValidator(_share)] = None
    summary: Annotated[str, BeforeValidator(_text)] = ""
    reasons: Texts = Field(default_factory=list[str])
    conditions: Texts = Field(default_factory=list[str])
    evidence_needed: Texts = Field(default_factory=list[str])
    alternatives: Texts = Field(default_factory=list[str])


class VoteForm(BaseModel):
    """One vote on the question, with its reasons."""  # models read this: endpoints are asked to hold them to it

    model_config = ConfigDict(extra="forbid", defer_build=True)

    vote: Literal["support", "oppose", "conditional"]
    confidence: float
    summary: str
    reasons: list[str]
    conditions: list[str]
    alternatives: list[str]
    evidence_needed: list[str]


def vote_form(words: str) -> AnswerForm:
    """Return the form of a vote; `words` tell it to a model.

    Prose is an answer here, taken as it is, because it is worth handing over without a vote.
    """
    return AnswerForm(VoteForm, VoteAnswer, words, "vote")


def panel_answer_of(panelist: Panelist, came: ModelAnswer | ModelFailure, family: str) -> PanelAnswer:
    """Return the answer of a panelist from what came of asking it."""
    answer = PanelAnswer(panelist.number, panelist.model, family, panelist.stance)
    if isinstance(came, ModelFailure):
        return replace(answer, failed=came.text)
    answer = replace(answer, cost=came.usage.cost)
    if came.parsed is None:
        return replace(answer, summary=_cut(came.text, SUMMARY_CHARS))
    vote = VoteAnswer.model_validate(came.parsed)
    return replace(
        answer,
        vote=vote.vote,
        confidence=vote.confidence,
        summary=_cut(vote.summary, SUMMARY_CHARS),
        reasons=_items(vote.reasons),
        conditions=_items(vote.conditions),
        settles=_items(vote.evidence_needed),
        alternatives=_items(vote.alternatives),
    )


def revised(answer: PanelAnswer, came: ModelAnswer | ModelFailure) -> PanelAnswer:
    """Return the answer after the exchange round; one that failed there keeps its first vote."""
    if isinstance(came, ModelFailure):
        return answer
    both = answer.cost + came.usage.cost if answer.cost is not None and came.usage.cost is not None else None
    if came.parsed is None:
        return replace(answer, cost=both)
    vote = VoteAnswer.model_validate(came.parsed)
    return replace(
        answer,
        revised=vote.vote,
        revision=_cut(vote.summary, ITEM_CHARS),
        revised_reasons=_items(vote.reasons),
        revised_conditions=_items(vote.conditions),
        cost=both,
    )


def _items(items: list[str]) -> tuple[str, ...]:
    return tuple(_cut(item, ITEM_CHARS) for item in items[:MOST_ITEMS])


def _cut(text: str, chars: int) -> str:
    text = text.strip()
    return text if len(text) <= chars else f"{text[: chars - 3]}..."
