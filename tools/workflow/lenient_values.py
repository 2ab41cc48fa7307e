"""What hosts, models and proxies send instead of the plain value, or of nothing."""

import json
from collections.abc import Mapping
from typing import Any, cast

from annotated_types import Ge
from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

EMPTY_WORDS = frozenset({"", "null", "undefined", "None"})
"""Texts that stand for nothing sent, whatever the field."""
SAID_BY_NOTHING = ("findings", "")
"""The one field that says something by being empty: nothing was found (protocol, rule 4)."""
_NUMBERS: frozenset[object] = frozenset({int, float, int | None, float | None})


def without_empty(fields: Mapping[str, FieldInfo], value: Any) -> Any:
    """Leave out every optional one of `fields` at an empty value: null, "" or "null"; -1, or 0 where it is too low."""
    if not isinstance(value, dict):
        return value
    given = cast("dict[str, object]", value)
    return {
        name: item
        for name, item in given.items()
        if (name, item) == SAID_BY_NOTHING or not _is_left_out(fields.get(name), item)
    }


def fold_word(value: object) -> object:
    """Fold the spelling of a word out of a fixed set."""
    return value.strip().lower().replace(" ", "_").replace("-", "_") if isinstance(value, str) else value


def as_list(value: object) -> object:
    """Take JSON text for a list, as a whole or for its items, and a single item for a list of one."""
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, str):
        return [] if _is_empty_text(value) else [value]
    if isinstance(value, dict):
        return [cast("object", value)]
    if not isinstance(value, list):
        return value
    items: list[object] = []
    for item in cast("list[object]", value):
        parsed = _parsed(item) if isinstance(item, str) else item
        if isinstance(parsed, list):
            items += cast("list[object]", parsed)
        elif not _is_nothing(parsed):
            items.append(parsed)
    return items


def as_object(value: object) -> object:
    """Take an object that comes as JSON text, as some hosts send it."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return value


Word = BeforeValidator(fold_word)
Many = BeforeValidator(as_list)


def _is_left_out(field: FieldInfo | None, value: object) -> bool:
    if value is None:
        return True
    if field is None or field.is_required():
        return False
    if isinstance(value, str) and value in EMPTY_WORDS:
        return True
    number = _number(value)
    if number not in {0, -1} or field.annotation not in _NUMBERS:
        return False
    least = next((float(cast("float", rule.ge)) for rule in field.metadata if isinstance(rule, Ge)), 0.0)
    return number < least


def _is_empty_text(text: str) -> bool:
    return text.strip() in EMPTY_WORDS


def _is_nothing(item: object) -> bool:
    """Whether an item of a list says nothing: null, an empty text, or an object of such."""
    if isinstance(item, dict):
        return all(
            value in (None, 0, -1, False) or _is_nothing(value) for value in cast("dict[str, object]", item).values()
        )
    return item is None or (isinstance(item, str) and _is_empty_text(item))


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _parsed(text: str) -> object:
    """Return what a text is as JSON, where that is a list or an object; else the text: paths may start with `[` too."""
    if not text.lstrip().startswith(("[", "{")):
        return text
    try:
        parsed = cast("object", json.loads(text))
    except (ValueError, RecursionError):
        return text
    return cast("object", parsed) if isinstance(parsed, list | dict) else text


def as_word(value: Any) -> Any:
    """Let a choice be a number, too."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
