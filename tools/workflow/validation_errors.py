"""Validation errors in words that a model can repair its call from, one line each."""

import difflib
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ValidationError

from tools.shared.echo import ECHOED_CHARS, echoed

MOST_LINES = 8  # mistakes that one reply tells
_DEEPEST = 6  # names of a place that are told

_WORDS: dict[str, Callable[[dict[str, Any]], str]] = {
    "missing": lambda _: "is missing; send it",
    "int_type": lambda _: "send a whole number",
    "int_parsing": lambda _: "send a whole number",
    "finite_number": lambda _: "send a smaller number",
    "recursion_depth_exceeded": lambda _: "is nested too deeply; send it flat",
    "int_from_float": lambda _: "send a whole number",
    "int_parsing_size": lambda _: "send a smaller number",
    "float_type": lambda _: "send a number",
    "float_parsing": lambda _: "send a number",
    "bool_type": lambda _: "send true or false",
    "bool_parsing": lambda _: "send true or false",
    "string_type": lambda _: "send text",
    "string_unicode": lambda _: "has broken characters (not UTF-8); send plain text",
    "list_type": lambda _: "send a list",
    "dict_type": lambda _: "send an object {...}",
    "model_type": lambda _: "send an object {...}",
    "model_attributes_type": lambda _: "send an object {...}",
    "greater_than_equal": lambda context: f"send {context['ge']} or more",
    "less_than_equal": lambda context: f"send {context['le']} or less",
    "too_long": lambda context: f"{context['actual_length']} items are over the limit of {context['max_length']}",
    "enum": lambda context: f"send one of {context['expected']}",
    "literal_error": lambda context: f"send one of {context['expected']}",
    "string_pattern_mismatch": lambda context: (
        'send "hypothesis" or an issue\'s id such as I2'
        if "hypothesis" in context["pattern"]
        else "send an id such as I2"
    ),
}


def error_lines(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Return one line for each thing that is wrong with a request of `model`.

    Of what was sent they repeat names alone, cut and on one line.
    """
    lines: list[str] = []
    for item in error.errors(include_url=False, include_input=False):
        place = _place(item["loc"])
        kind = item["type"]
        if kind == "extra_forbidden":
            lines.append(f"{place} is unknown here{_meant(model, item['loc'])}")
            continue
        words = _WORDS.get(kind)
        if kind in {"model_type", "model_attributes_type"} and (shape := _shape(model, item["loc"])):
            lines.append(f"{place}: send an object such as {shape}")
            continue
        said = words(item.get("ctx", {})) if words else item["msg"].removeprefix("Value error, ")
        lines.append(f"{place}: {said}" if place else said)
    told = list(dict.fromkeys(lines))
    return told if len(told) <= MOST_LINES else [*told[:MOST_LINES], f"and {len(told) - MOST_LINES} more mistakes"]


def _shape(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    """Return what an item of a list looks like, by the names of its fields."""
    names = _item_fields(model, location)
    return "{" + ", ".join(f'"{each}": ...' for each in names) + "}" if names else ""


def _item_fields(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Return the fields of the items of a list."""
    schema = model.model_json_schema()
    field = schema["properties"].get(str(location[0]), {})
    for option in (field, *field.get("anyOf", ())):
        name = str(option.get("items", {}).get("$ref", "")).rpartition("/")[2]
        if name:
            return list(schema["$defs"][name]["properties"])
    return []


def _place(location: tuple[int | str, ...]) -> str:
    place = ""
    for part in location[:_DEEPEST]:
        place += f"[{part}]" if isinstance(part, int) else f".{echoed(part)}" if place else echoed(part)
    return place if len(location) <= _DEEPEST else f"{place}..."


def _meant(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    """Return what an unknown field of a request may mean, or which fields an item of a list has."""
    fields = _item_fields(model, location) if len(location) > 1 else []
    name = str(location[len(location) - 1])[:ECHOED_CHARS].lower()
    near = difflib.get_close_matches(name, fields or list(model.model_fields), n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; it takes {', '.join(fields)}" if fields else "; leave it out"
