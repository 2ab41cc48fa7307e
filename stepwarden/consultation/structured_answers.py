"""Typed answers: found in what a model writes, judged, and asked for once more with what was wrong.

This is the one place where a typed answer is read. A provider reads the type that its request asks for
(`ModelRequest.answer`); requests in the background read a form beside which prose is an answer too
(`ModelRequest.form`), because only who asked knows what prose is worth. What a model thought is taken off before, by
the providers (`providers/wire.py`).
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Generic, TypeVar, cast

from pydantic import BaseModel, ValidationError

from stepwarden.consultation.json_in_text import JsonObject, inner_objects, json_objects, whole_json
from stepwarden.models import AnswerForm, ErrorKind, Message, ModelError, ModelReply, ModelRequest

_SHOWN_ERRORS = 5
_REPEATED_CHARS = 4_000  # of the wrong answer, when it is asked for again
_ECHO_CHARS = 12  # a text so long that stands in the question's form word for word is a copy of it
_BLANK = re.compile(r"\s*(?:\.{2,}|\u2026|<.*>|\[.*\]|string|text)?\s*", re.IGNORECASE | re.DOTALL)

_Answer = TypeVar("_Answer", bound=BaseModel)
Complete = Callable[[ModelRequest], Awaitable[ModelReply]]


class WrongAnswer(ValueError):
    """No object in the answer is of the type, or several are and say different things; the text says what is wrong."""


def read_answer(text: str, answer: type[_Answer]) -> _Answer:
    """Return the object of the type in a text that may have a fence or prose around it. Raises WrongAnswer."""
    objects = list(json_objects(text))
    if not objects and (whole := whole_json(text)) is not None:
        return _checked(whole, answer)
    return _judged(objects, answer, json.dumps(answer.model_json_schema(), ensure_ascii=False))


def read_form(text: str, form: AnswerForm) -> BaseModel | None:
    """Return the answer in a text, None where it is prose that claims no form. Raises WrongAnswer for a broken one."""
    if objects := list(json_objects(text)):
        return _judged(objects, form.answer, form.words)
    names = "|".join(name for name, field in form.answer.model_fields.items() if field.is_required())
    if names and re.search(rf"\b(?:{names})\b[\"'*_`]*\s*[:=]", text, re.IGNORECASE):
        raise WrongAnswer("it is not valid JSON")
    return None


async def complete_typed(
    complete: Complete, request: ModelRequest, form_words: Callable[[], str], name: str
) -> ModelReply:
    """Return a reply with `parsed` of the type that the request asks for; a wrong answer is asked for once more.

    `form_words` give the words that tell the form, `name` is the model's in an error. Raises ModelError
    (INVALID_ANSWER).
    """
    assert request.answer is not None
    until = _now() + request.deadline_s
    first = await complete(request)
    if first.calls:  # it wants the results of its calls before it answers
        return first
    try:
        return replace(first, parsed=read_answer(first.text, request.answer))
    except WrongAnswer as error:
        again = _asked_again(request, first, str(error), form_words())
    second = _both(first, await complete(replace(again, deadline_s=max(0.0, until - _now()))))
    if second.calls:
        return second
    try:
        return replace(second, parsed=read_answer(second.text, request.answer))
    except WrongAnswer as error:
        wrong = " ".join(str(error).split())[:200]
    cut = " Its answer was cut off at its output limit." if second.cut_off else ""
    text = f"{name} gave no answer of the form asked for, asked twice: {wrong}.{cut}"
    raise ModelError(ErrorKind.INVALID_ANSWER, text, model=request.model)


async def complete_form(complete: Complete, request: ModelRequest) -> ModelReply:
    """Return a reply with `parsed` of the form, or without for an answer in prose, which is worth something too.

    Prose is not asked for again. A broken object is, and what comes of that is taken as it is. Raises ModelError.
    """
    form = request.form
    if form is None:
        return await complete(request)
    until = _now() + request.deadline_s
    first = await complete(request)
    try:
        return replace(first, parsed=read_form(first.text, form))
    except WrongAnswer as error:
        wrong = str(error)
    if first.cut_off:  # it would be cut off again, and be paid again
        text = f"{request.model}'s answer ended at its output limit before its {form.purpose}: name another model."
        raise ModelError(ErrorKind.INVALID_ANSWER, text, model=request.model)
    again = _asked_again(request, first, f"{wrong}.", form.words)
    try:
        second = _both(first, await complete(replace(again, deadline_s=max(1.0, until - _now()))))
    except ModelError:
        return first  # its words are still worth more than nothing
    try:
        parsed = read_form(second.text, form)
    except WrongAnswer:
        parsed = None
    # Without a vote it is prose, and the first answer may have had more of it than an excuse has.
    text = second.text if parsed is not None or len(second.text) > len(first.text) else first.text
    return replace(second, parsed=parsed, text=text)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _asked_again(request: ModelRequest, reply: ModelReply, wrong: str, form_words: str) -> ModelRequest:
    told = Message("user", f"That is no valid answer: {wrong}\n\n{form_words}")
    return replace(request, messages=(*request.messages, Message("assistant", reply.text[:_REPEATED_CHARS]), told))


def _both(first: ModelReply, second: ModelReply) -> ModelReply:
    return replace(second, usage=first.usage + second.usage, notes=(*first.notes, *second.notes))


@dataclass(frozen=True, slots=True)
class _Candidate(Generic[_Answer]):
    """An object that is of the type."""

    found: JsonObject
    answer: _Answer

    @property
    def verdict(self) -> dict[str, object]:
        """What it says in a word: the required fields that are no text; of two that differ in it, one is not meant."""
        needed = [name for name, field in type(self.answer).model_fields.items() if field.is_required()]
        values = {name: getattr(self.answer, name) for name in needed}
        return {name: value for name, value in values.items() if isinstance(value, int | float | Enum)}

    @property
    def texts(self) -> list[str]:
        """Every text in it beside the verdict."""
        rest = {name: value for name, value in self.found.items() if name not in self.verdict}
        return [text for text in _texts(rest) if text.strip()]

    def is_example(self, told: str) -> bool:
        """Whether it only shows the form: its texts are those of the form that the model was told, or blanks."""
        return bool(self.texts) and all(_is_blank(text) or _echoes(text, told) for text in self.texts)


def _judged(objects: Sequence[JsonObject], answer: type[_Answer], told: str) -> _Answer:
    """Return what the objects of one text come to: one answer, however often and in whatever wrapper it stands there.

    `told` is the form as the model was told it. A copy of it is no answer, and neither is a bare verdict beside one
    with reasons. Two answers that contradict each other are none: which of them was meant, nobody can tell.
    """
    candidates, error = list[_Candidate[_Answer]](), None
    for found in objects:
        whole, its_error = _valid(found, answer)
        inside = (
            [one for one in (_valid(inner, answer)[0] for inner in inner_objects(found)) if one] if not whole else []
        )
        candidates += [whole] if whole else inside
        error = error or (None if whole or inside else its_error)
    meant = [one for one in candidates if not one.is_example(told)]
    meant = [one for one in meant if one.texts] or meant
    if any(one.verdict != meant[0].verdict for one in meant):
        raise WrongAnswer("it has several answers that contradict each other; send one object")
    if meant:
        return max(reversed(meant), key=lambda one: len("".join(one.texts))).answer
    if candidates:
        raise WrongAnswer("it only repeats the form")
    if error is None:
        raise WrongAnswer("there is no JSON object in it")
    raise _wrong(error)


def _valid(found: object, answer: type[_Answer]) -> tuple[_Candidate[_Answer] | None, ValidationError | None]:
    try:
        # once more through JSON: a strict model takes its own kinds from JSON only
        return _Candidate(cast("JsonObject", found), answer.model_validate_json(json.dumps(found))), None
    except ValidationError as error:
        return None, error


def _checked(found: object, answer: type[_Answer]) -> _Answer:
    valid, error = _valid(found, answer)
    if valid is None:
        assert error is not None
        raise _wrong(error)
    return valid.answer


def _wrong(error: ValidationError) -> WrongAnswer:
    wrong = error.errors(include_url=False, include_input=False, include_context=False)
    shown = [f"{'.'.join(str(part) for part in item['loc']) or 'it'}: {item['msg']}" for item in wrong]
    return WrongAnswer("; ".join(shown[:_SHOWN_ERRORS]))


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in cast("JsonObject", value).values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            yield from _texts(item)


def _is_blank(text: str) -> bool:
    return _BLANK.fullmatch(text) is not None


def _echoes(text: str, told: str) -> bool:
    return len(text) >= _ECHO_CHARS and text.strip() in told
