"""A provider that returns typed answers: it reads and checks them, and asks once more where one is wrong."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace

from pydantic import BaseModel, ValidationError

from providers.deadline import Deadline
from providers.model_names import shown_name
from providers.schemas import schema_prompt
from providers.wrapper import Wrapper
from stepwarden.models import ErrorKind, Message, ModelError, ModelReply, ModelRequest

_FENCE = re.compile(r"```[\w-]*\s*\n(.*?)```", re.DOTALL)
_PLACES = 40  # opening braces at which an object is looked for
_SHOWN_ERRORS = 5
_REPEATED_CHARACTERS = 4_000  # of the wrong answer, when it is asked for again


class WrongAnswer(ValueError):
    """No object in the answer is of the type; the text says what is wrong with the likeliest."""


class StructuredOutput(Wrapper):
    """Reads a typed answer wherever it stands in the text, and asks again once with the error."""

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return a reply with `parsed` set where a type was asked for. Raises ModelError (INVALID_ANSWER)."""
        if request.answer is None:
            return await self._inner.complete(request)
        deadline = Deadline(request.deadline_s)
        first = await self._inner.complete(request)
        try:
            return replace(first, parsed=read_answer(first.text, request.answer))
        except WrongAnswer as error:
            corrected = _corrected(request, first, str(error))
        second = await self._inner.complete(replace(corrected, deadline_s=deadline.left_s))
        spent = replace(second, usage=first.usage + second.usage, notes=(*first.notes, *second.notes))
        try:
            return replace(spent, parsed=read_answer(second.text, request.answer))
        except WrongAnswer as error:
            wrong = str(error)
        cut = " Its answer was cut off at its output limit." if second.cut_off else ""
        text = f"{shown_name(request.model)} gave no answer of the form asked for, asked twice: {_line(wrong)}.{cut}"
        raise ModelError(ErrorKind.INVALID_ANSWER, text, model=request.model)


def _line(text: str) -> str:
    return " ".join(text.split())[:200]


def _corrected(request: ModelRequest, reply: ModelReply, wrong: str) -> ModelRequest:
    """Return the request with the wrong answer and what is wrong with it."""
    assert request.answer is not None
    answer = Message("assistant", reply.text[:_REPEATED_CHARACTERS])
    correction = Message("user", f"That is not a valid answer: {wrong}\n\n{schema_prompt(request.answer)}")
    return replace(request, messages=(*request.messages, answer, correction))


def read_answer(text: str, answer: type[BaseModel]) -> BaseModel:
    """Return the object of the type in a text that may have a fence or thoughts around it. Raises WrongAnswer."""
    first_error: ValidationError | None = None
    for found in _objects(text):
        try:
            # through JSON again: a strict model takes its own types from JSON only
            return answer.model_validate_json(json.dumps(found))
        except ValidationError as error:
            first_error = first_error or error
    if first_error is None:
        raise WrongAnswer("there is no JSON object in it")
    wrong = first_error.errors(include_url=False, include_input=False, include_context=False)
    shown = [f"{'.'.join(str(part) for part in item['loc']) or 'it'}: {item['msg']}" for item in wrong]
    raise WrongAnswer("; ".join(shown[:_SHOWN_ERRORS]))


def _objects(text: str) -> Iterator[object]:
    """Return the JSON objects of a text, the likeliest first: all of it, the last fence, the last object in prose."""
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
