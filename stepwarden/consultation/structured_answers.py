"""Typed answers: found in what a model writes, checked, and asked for once more with what was wrong.

This is the one place where a typed answer is read. A provider reads the type that its request asks for
(`ModelRequest.answer`); requests in the background read a form beside which prose is an answer too
(`ModelRequest.form`), because only who asked knows what prose is worth.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from stepwarden.models import AnswerForm, ErrorKind, Message, ModelError, ModelReply, ModelRequest

_FENCE = re.compile(r"```[\w-]*\s*\n(.*?)```", re.DOTALL)
_PLACES = 40  # opening braces at which an object is looked for
_SHOWN_ERRORS = 5
_REPEATED_CHARS = 4_000  # of the wrong answer, when it is asked for again

_Answer = TypeVar("_Answer", bound=BaseModel)
Complete = Callable[[ModelRequest], Awaitable[ModelReply]]


class WrongAnswer(ValueError):
    """No object in the answer is of the type; the text says what is wrong with the likeliest."""


def read_answer(text: str, answer: type[_Answer]) -> _Answer:
    """Return the object of the type in a text that may have a fence or thoughts around it. Raises WrongAnswer."""
    return _first_valid(_values(text), answer)


def read_form(text: str, form: AnswerForm) -> BaseModel | None:
    """Return the answer in a text, None where it is prose that claims no form. Raises WrongAnswer for a broken one."""
    objects: list[object] = [found for found in _values(text) if isinstance(found, dict)]
    if objects:
        return _first_valid(iter(objects), form.answer)
    if any(f'"{name}"' in text for name, field in form.answer.model_fields.items() if field.is_required()):
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
    try:
        return replace(first, parsed=read_answer(first.text, request.answer))
    except WrongAnswer as error:
        again = _asked_again(request, first, str(error), form_words())
    second = _both(first, await complete(replace(again, deadline_s=max(0.0, until - _now()))))
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
        return replace(second, parsed=read_form(second.text, form))
    except WrongAnswer:
        return second


def _now() -> float:
    return asyncio.get_running_loop().time()


def _asked_again(request: ModelRequest, reply: ModelReply, wrong: str, form_words: str) -> ModelRequest:
    told = Message("user", f"That is no valid answer: {wrong}\n\n{form_words}")
    return replace(request, messages=(*request.messages, Message("assistant", reply.text[:_REPEATED_CHARS]), told))


def _both(first: ModelReply, second: ModelReply) -> ModelReply:
    return replace(second, usage=first.usage + second.usage, notes=(*first.notes, *second.notes))


def _first_valid(values: Iterator[object], answer: type[_Answer]) -> _Answer:
    first_error: ValidationError | None = None
    for found in values:
        try:
            # once more through JSON: a strict model takes its own kinds from JSON only
            return answer.model_validate_json(json.dumps(found))
        except ValidationError as error:
            first_error = first_error or error
    if first_error is None:
        raise WrongAnswer("there is no JSON object in it")
    wrong = first_error.errors(include_url=False, include_input=False, include_context=False)
    shown = [f"{'.'.join(str(part) for part in item['loc']) or 'it'}: {item['msg']}" for item in wrong]
    raise WrongAnswer("; ".join(shown[:_SHOWN_ERRORS]))


def _values(text: str) -> Iterator[object]:
    """Return the JSON of a text, the likeliest first: all of it, the last fence, then the objects in prose.

    The last object goes before those above it, since models think aloud before they answer.
    """
    decoder = json.JSONDecoder(strict=False)  # llama.cpp leaves control characters in strings
    for candidate in (text, *reversed(_FENCE.findall(text))):
        found = _decoded(decoder, candidate.strip(), 0)
        if found is not None and not candidate.strip()[found[1] :]:
            yield found[0]
    at, objects = text.find("{"), list[object]()
    for _ in range(_PLACES):
        if at < 0:
            break
        found = _decoded(decoder, text, at)
        if found is not None:
            objects.append(found[0])
        at = text.find("{", found[1] if found else at + 1)
    yield from reversed(objects)


def _decoded(decoder: json.JSONDecoder, text: str, at: int) -> tuple[object, int] | None:
    try:
        return decoder.raw_decode(text, at)
    except (json.JSONDecodeError, RecursionError):
        return None
