"""Errors of JSON schemas in words from which a model can correct its call."""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# jsonschema says little of its types

import difflib
import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from stepwarden.upstream.failures import cited, quoted


def error_lines(error: Any) -> list[str]:
    """Return the lines for one error of jsonschema."""
    place = _place(error.absolute_path)
    properties: Mapping[str, Any] = error.schema.get("properties", {}) if isinstance(error.schema, Mapping) else {}
    prefix = f"{place}." if place else ""
    if error.validator == "required":
        # One error a missing name; the name stands in the text only, quoted.
        missing = [name for name in error.validator_value if name not in error.instance]
        return [f"{prefix}{name} is missing; send it{_hint(properties.get(name))}" for name in missing]
    if error.validator == "additionalProperties":
        unknown = [name for name in error.instance if name not in properties]
        return [unknown_field(f"{prefix}{name}", name, list(properties)) for name in unknown]
    words = _WORDS.get(error.validator)
    text = words(error) if words else quoted(error.message, 120)
    return [f"{place or 'the arguments'}: {text}"]


_KINDS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object {...}",
    "null": "null",
}


def _kinds(wanted: object) -> str:
    names = cast("list[object]", wanted) if isinstance(wanted, list) else [wanted]
    return " or ".join(_KINDS.get(str(name), str(name)) for name in names)


def _kind_of(value: object) -> str:
    if value is None:
        return "null"
    for kind, name in ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (list, "array")):
        if isinstance(value, kind):
            return _KINDS[name]
    return _KINDS["object"]


def _forms(error: Any) -> str:
    kinds = [form.get("type") for form in error.validator_value if isinstance(form, Mapping)]
    if kinds and all(isinstance(kind, str) for kind in kinds):
        return f"send {_kinds(list(dict.fromkeys(kinds)))}"
    forms = quoted(json.dumps(error.validator_value, ensure_ascii=False), 300)
    return f"send what fits {'one' if error.validator == 'anyOf' else 'exactly one'} of {forms}"


_WORDS: Mapping[str, Callable[[Any], str]] = {
    "type": lambda error: f"send {_kinds(error.validator_value)}, not {_kind_of(error.instance)}",
    "enum": lambda error: f"send one of {quoted(json.dumps(error.validator_value, ensure_ascii=False)[1:-1], 160)}",
    "const": lambda error: f"send {quoted(json.dumps(error.validator_value, ensure_ascii=False), 80)}",
    "pattern": lambda error: f"must match {quoted(error.validator_value, 80)}",
    "minimum": lambda error: f"send {error.validator_value} or more",
    "maximum": lambda error: f"send {error.validator_value} or less",
    "minLength": lambda error: f"send at least {error.validator_value} characters",
    "maxLength": lambda error: f"send at most {error.validator_value} characters",
    "minItems": lambda error: f"send at least {error.validator_value} items",
    "maxItems": lambda error: f"send at most {error.validator_value} items",
    "anyOf": _forms,
    "oneOf": _forms,
    "not": lambda _: "is just what may not be sent",
    "uniqueItems": lambda _: "has an item twice",
}


def _hint(schema: object) -> str:
    if not isinstance(schema, Mapping):
        return ""
    entry = cast("Mapping[str, Any]", schema)
    kind = entry.get("type")
    hints = [_kinds(kind)] if isinstance(kind, str) else []
    if isinstance(entry.get("enum"), list):
        hints = [f"one of {quoted(json.dumps(entry['enum'], ensure_ascii=False)[1:-1], 80)}"]
    if isinstance(entry.get("description"), str) and entry["description"].strip():
        hints.append(cited(entry["description"], 60))
    return f" ({'; '.join(hints)})" if hints else ""


def _place(path: Any) -> str:
    place = ""
    for part in path:
        place += (
            f"[{part}]" if isinstance(part, int) else f".{quoted(str(part), 40)}" if place else quoted(str(part), 40)
        )
    return place


def unknown_field(place: str, name: str, known: list[str]) -> str:
    """Return the line for a field that a tool does not have."""
    near = difflib.get_close_matches(name.lower(), {item.lower(): item for item in known}, n=1, cutoff=0.6)
    meant = next((item for item in known if near and item.lower() == near[0]), None)
    if meant is not None:
        return f"{quoted(place, 60)} is unknown here; did you mean {meant}?"
    fields = f"; it takes {quoted(', '.join(known), 160)}" if known else "; it takes no arguments"
    return f"{quoted(place, 60)} is unknown here{fields}"
