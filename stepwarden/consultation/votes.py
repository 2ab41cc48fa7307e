"""What a model of a consensus is asked for, and how its answer is read: as a vote, or as prose that has none."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from stepwarden.consultation.outcomes import ModelAnswer, ModelFailure
from stepwarden.models import ErrorKind, Message, ModelError, ModelReply, ModelRequest, Models
from stepwarden.steps.panel import Panelist
from stepwarden.steps.panel_answer import PanelAnswer, Vote

SUMMARY_CHARS = 3_000  # of a voice as it is recorded; an answer in prose is all summary
ITEM_CHARS = 600
MOST_ITEMS = 8
_REPEATED_CHARS = 4_000  # of a wrong answer, when it is asked for again
_PLACES = 40  # opening braces at which an object is looked for

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
    """The typed answer of a seat; it takes what models write instead of a list, a share or a vote's exact word."""

    vote: Annotated[Vote, BeforeValidator(_vote)]
    confidence: Annotated[float | None, BeforeValidator(_share)] = None
    summary: Annotated[str, BeforeValidator(_text)] = ""
    reasons: Texts = Field(default_factory=list[str])
    conditions: Texts = Field(default_factory=list[str])
    evidence_needed: Texts = Field(default_factory=list[str])


class VoteForm(BaseModel):
    """One vote on the question, with its reasons."""  # models read this: endpoints are asked to hold them to it

    model_config = ConfigDict(extra="forbid")

    vote: Literal["support", "oppose", "conditional"]
    confidence: float
    summary: str
    reasons: list[str]
    conditions: list[str]
    evidence_needed: list[str]


def read_answer(text: str) -> VoteAnswer | str | None:
    """Return the typed answer in `text`, what is wrong with it, or None where it is prose that claims no form."""
    wrong = ""
    for found in _objects(text):
        try:
            return VoteAnswer.model_validate(found)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            wrong = wrong or f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    if wrong:
        return wrong
    return "it is not valid JSON" if '"vote"' in text else None


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Return the JSON objects of a text, the last first: models think aloud before they answer."""
    decoder = json.JSONDecoder(strict=False)
    found: list[dict[str, Any]] = []
    at = text.find("{")
    for _ in range(_PLACES):
        if at < 0:
            break
        try:
            value, end = decoder.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError):
            end = at + 1
        else:
            found.append(value)
        at = text.find("{", end)
    yield from reversed(found)


class VoteReader:
    """The models, answering as seats: with `parsed` a VoteAnswer, or without for an answer in prose.

    Prose is an answer here: it is taken as it is, and not asked for again, because it is worth handing over without a
    vote. Only an object that is broken is asked for once more, with what was wrong with it.
    """

    def __init__(self, models: Models, form: str) -> None:
        self._models = models
        self._form = form

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return the reply of a seat. Raises ModelError."""
        clock = asyncio.get_running_loop().time
        until = clock() + request.deadline_s
        first = await self._models.complete(request)
        found = read_answer(first.text)
        if not isinstance(found, str):
            return replace(first, parsed=found)
        if first.cut_off:  # it would be cut off again, and be paid again
            text = f"{request.model}'s answer ended at its output limit before its vote: name another model."
            raise ModelError(ErrorKind.INVALID_ANSWER, text, model=request.model)
        told = Message("user", f"That is no valid answer: {found}.\n\n{self._form}")
        said = Message("assistant", first.text[:_REPEATED_CHARS])
        again = replace(request, messages=(*request.messages, said, told), deadline_s=max(1.0, until - clock()))
        try:
            second = await self._models.complete(again)
        except ModelError:
            return first  # its words are still worth more than nothing
        found = read_answer(second.text)
        spent = replace(second, usage=first.usage + second.usage)
        return spent if isinstance(found, str) else replace(spent, parsed=found)


def panel_answer_of(seat: Panelist, came: ModelAnswer | ModelFailure, family: str) -> PanelAnswer:
    """Return the voice of a seat from what came of asking it."""
    voice = PanelAnswer(seat.number, seat.model, family, seat.stance)
    if isinstance(came, ModelFailure):
        return replace(voice, failed=came.text)
    voice = replace(voice, cost=came.usage.cost)
    if came.parsed is None:
        return replace(voice, summary=_cut(came.text, SUMMARY_CHARS))
    answer = VoteAnswer.model_validate(came.parsed)
    return replace(
        voice,
        vote=answer.vote,
        confidence=answer.confidence,
        summary=_cut(answer.summary, SUMMARY_CHARS),
        reasons=_items(answer.reasons),
        conditions=_items(answer.conditions),
        settles=_items(answer.evidence_needed),
    )


def revised(voice: PanelAnswer, came: ModelAnswer | ModelFailure) -> PanelAnswer:
    """Return the voice after the exchange round; one that failed there keeps its first vote."""
    if isinstance(came, ModelFailure):
        return voice
    both = voice.cost + came.usage.cost if voice.cost is not None and came.usage.cost is not None else None
    if came.parsed is None:
        return replace(voice, cost=both)
    answer = VoteAnswer.model_validate(came.parsed)
    return replace(voice, revised=answer.vote, revision=_cut(answer.summary, ITEM_CHARS), cost=both)


def _items(items: list[str]) -> tuple[str, ...]:
    return tuple(_cut(item, ITEM_CHARS) for item in items[:MOST_ITEMS])


def _cut(text: str, chars: int) -> str:
    text = text.strip()
    return text if len(text) <= chars else f"{text[: chars - 3]}..."
