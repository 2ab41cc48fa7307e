"""JSON objects in what a model writes: in prose, in wrappers, with commas and comments that JSON forbids."""

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TypeGuard, cast

_PLACES = 40  # opening braces at which an object is looked for
_MENDED_PLACES = 8  # of those that are no JSON, how many are read once more with commas and comments taken out
_DEPTH = 4  # wrappers round an object

_STRING = r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\\n])*'"""
_COMMENT = r"//[^\n]*|/\*.*?\*/|\#[^\n]*"
_PARTS = re.compile(rf"{_STRING}|{_COMMENT}|[{{}}\[\]]", re.DOTALL)
_COMMENTS = re.compile(rf"({_STRING})|{_COMMENT}", re.DOTALL)
_LAST_COMMAS = re.compile(rf"({_STRING})|,(?=\s*[}}\]])", re.DOTALL)
_ODD_ESCAPE = re.compile(r"""(?<!\\)(?:\\\\)*\\[^\\'"abfnrtv0-7xNuU\n]""")
_DECODER = json.JSONDecoder(strict=False)  # llama.cpp leaves control characters in strings

JsonObject = Mapping[str, object]


def json_objects(text: str) -> Iterator[JsonObject]:
    """Return the outermost JSON objects of a text, in their order; last commas and comments in them are forgiven."""
    at, mended = text.find("{"), 0
    for _ in range(_PLACES):
        if at < 0:
            return
        found = _decoded(text, at)
        if found is None and mended < _MENDED_PLACES:
            mended += 1
            found = _mended(text, at)
        if found is not None and _is_object(found[0]):
            yield found[0]
        at = text.find("{", found[1] if found is not None else at + 1)


def inner_objects(value: object, depth: int = _DEPTH) -> Iterator[JsonObject]:
    """Return the objects inside a JSON value, itself left out: what a wrapper holds, also as JSON in a string."""
    if depth == 0:
        return
    inside: Iterable[object] = ()
    if _is_object(value):
        inside = value.values()
    elif isinstance(value, list):
        inside = cast("list[object]", value)
    elif isinstance(value, str):
        inside = islice(json_objects(value), _MENDED_PLACES)
    for item in inside:
        if _is_object(item):
            yield item
        yield from inner_objects(item, depth - 1)


def whole_json(text: str) -> object | None:
    """Return the value of a text that is JSON and nothing else, None where it is not."""
    found = _decoded(text.strip(), 0)
    return found[0] if found is not None and found[1] == len(text.strip()) else None


def _is_object(value: object) -> TypeGuard[JsonObject]:
    return isinstance(value, dict)


def _decoded(text: str, at: int) -> tuple[object, int] | None:
    try:
        return _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):  # of a number of thousands of digits too
        return None


def _mended(text: str, at: int) -> tuple[object, int] | None:
    """Return the object that begins at `at`, less comments and last commas, or as Python has it; and where it ends."""
    end = _end_of_object(text, at)
    if end is None:
        return None
    plain = _COMMENTS.sub(r"\1", text[at:end])
    found = _decoded(_LAST_COMMAS.sub(r"\1", plain), 0)
    value = found[0] if found is not None else _python_value(text[at:end])
    return None if value is None else (value, end)


def _python_value(text: str) -> object | None:
    """Return what a literal of Python says, which models that write much of it answer with; only data, nothing runs."""
    if _ODD_ESCAPE.search(text):  # Python would warn of it
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _end_of_object(text: str, at: int) -> int | None:
    depth = 0
    for part in _PARTS.finditer(text, at):
        match part.group():
            case "{" | "[":
                depth += 1
            case "}" | "]":
                depth -= 1
                if depth == 0:
                    return part.end()
            case _:
                pass
    return None
