"""The schema of a foreign tool as hosts are shown it: what says which calls are valid, and few words of its server.

Keywords that check nothing are left out, texts are cut, and values that read like texts are not listed: each call is
checked against the whole schema all the same, and `describe` shows more of it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from stepwarden.upstream.failures import quoted
from stepwarden.upstream.visible_text import visible

SHOWN_BYTES = 16_000  # of one schema; the largest of a hundred well-known tools is below 10 kB
WORDS_CHARS = 500  # of one description,
ALL_WORDS_CHARS = 6_000  # of all descriptions of a tool,
TITLE_CHARS = 80  # of a title,
FEWEST_CHARS = 20  # with less room for a text it is left out
VALUE_CHARS = 60  # of a value that may be sent: longer ones are texts,
VALUE_WORDS = 6  # and so are those of more words
ALL_VALUES_CHARS = 4_000  # of the values of one argument
KEYWORD_CHARS = 200  # of a pattern, or what else checks
NAME_CHARS = 64  # of an argument

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")  # what the hosts of some models refuse, and every tool with it, is more
_WORDS = ("title", "description")
_VALUES = ("default", "const")
_LISTS_OF_VALUES = ("enum", "examples")
_SCHEMAS = (
    *("items", "additionalItems", "contains", "additionalProperties", "propertyNames"),
    *("not", "if", "then", "else"),
)
_LISTS_OF_SCHEMAS = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
_NAMED_SCHEMAS = ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas")
_CHECKS = ("type", "format", "$ref", "$schema", "$id", "$anchor", "pattern", "contentEncoding", "dependentRequired")
_NUMBERS = (
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength"),
    *("minItems", "maxItems", "uniqueItems", "minContains", "maxContains", "minProperties", "maxProperties"),
)


@dataclass
class _Words:
    left: int = ALL_WORDS_CHARS

    def shown(self, text: str, most: int) -> str:
        most = min(most, self.left)
        words = quoted(visible(text), most) if most >= FEWEST_CHARS else ""
        self.left -= len(words)
        return words


def shown_schema(schema: Mapping[str, Any], *, named_for_hosts: bool = False) -> dict[str, Any] | None:
    """Return the schema as hosts are shown it, None where its names or its size are such that it cannot be.

    `named_for_hosts`: its own properties are arguments, whose names hosts limit.
    """
    names: Mapping[str, Any] = schema.get("properties") or {}
    if named_for_hosts and not all(map(_NAME.fullmatch, names)):
        return None
    for words in (_Words(), _Words(0)):
        shown = _shown(schema, words)
        if len(json.dumps(shown, ensure_ascii=False).encode(errors="replace")) <= SHOWN_BYTES:
            return shown if _is_named_well(shown) else None
    return None


def are_words_cut(schema: Mapping[str, Any], shown: Mapping[str, Any]) -> bool:
    """Return whether an argument's description is shown shorter than it is, or not at all."""
    arguments: Mapping[str, Any] = schema.get("properties") or {}
    return any(
        _description(argument, whole=True) != _description(shown["properties"][name])
        for name, argument in arguments.items()
    )


def shown_title(title: str) -> str:
    """Return the title of a foreign tool on one short line."""
    return quoted(visible(title), TITLE_CHARS)


def _description(argument: Any, *, whole: bool = False) -> str:
    words = cast("Any", argument).get("description") if isinstance(argument, Mapping) else None
    text = words if isinstance(words, str) else ""
    return quoted(visible(text), max(FEWEST_CHARS, len(text))) if whole else text


def _shown(node: Mapping[str, Any], words: _Words) -> dict[str, Any]:
    """Return what is shown of one schema; of too many words those that stand first, of unlisted values how many."""
    shown: dict[str, Any] = {}
    for key, value in node.items():
        kept = _kept(key, value, words)
        if kept is not None:
            shown[key] = kept
    values = node.get("enum")
    if isinstance(values, list) and "enum" not in shown:
        count = len(cast("list[Any]", values))
        unlisted = f"One of {count} values; a call with another one is answered with them."
        shown["description"] = " ".join([*filter(None, [shown.get("description")]), unlisted])
    return shown


def _kept(key: str, value: Any, words: _Words) -> Any:
    """Return what is shown of a keyword, None where it is left out."""
    if key in _WORDS and isinstance(value, str):
        return words.shown(value, TITLE_CHARS if key == "title" else WORDS_CHARS) or None
    if key in _VALUES:
        return value if _is_value(value) else None
    if key in _LISTS_OF_VALUES and isinstance(value, list):
        return _values(cast("list[Any]", value))
    if key in _CHECKS:
        return value if len(json.dumps(value)) <= KEYWORD_CHARS else None
    if key in _NUMBERS:
        return value if isinstance(value, int | float) else None
    if key == "required":
        return value
    return _schemas(key, value, words)


def _schemas(key: str, value: Any, words: _Words) -> Any:
    if key in _LISTS_OF_SCHEMAS and isinstance(value, list):
        return [_schema(item, words) for item in cast("list[Any]", value)]
    if key in _NAMED_SCHEMAS and isinstance(value, dict):
        return {name: _schema(item, words) for name, item in cast("dict[str, Any]", value).items()}
    return _schema(value, words) if key in _SCHEMAS else None


def _schema(node: Any, words: _Words) -> Any:
    """Return what is shown of a schema; one that is no object allows everything, or nothing."""
    return _shown(cast("Mapping[str, Any]", node), words) if isinstance(node, Mapping) else bool(node)


def _values(values: list[Any]) -> list[Any] | None:
    few = len(json.dumps(values, ensure_ascii=False)) <= ALL_VALUES_CHARS
    return values if few and all(map(_is_value, values)) else None


def _is_value(value: Any) -> bool:
    """Return whether this is a value to be sent, and not a text to be read."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return len(text) <= VALUE_CHARS and len(text.split()) <= VALUE_WORDS and visible(text) == text


def _is_named_well(node: object) -> bool:
    """Return whether what is named in a schema has names and not texts."""
    if isinstance(node, list):
        return all(map(_is_named_well, cast("list[object]", node)))
    if not isinstance(node, Mapping):
        return True
    entries = cast("Mapping[str, object]", node)
    return all(
        len(name) <= NAME_CHARS and len(name.split()) <= VALUE_WORDS and visible(name) == name for name in entries
    ) and all(map(_is_named_well, entries.values()))
