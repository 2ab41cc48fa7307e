"""Texts of a declared look, filled in, and what stands at a path of a result."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from stepwarden.upstream.tool_result import TextBlock, ToolResult

_NAME = re.compile(r"\{([A-Za-z_][\w.]*)\}")


class NotFilled(Exception):
    """A text names something that the call does not have."""


def filled(template: Any, values: Mapping[str, Any]) -> Any:
    """Return a template with each `{name}` replaced; one that is nothing else becomes the value itself.

    Raises NotFilled where a value is not there.
    """
    if isinstance(template, str):
        whole = _NAME.fullmatch(template)
        return _value(whole, values) if whole else _NAME.sub(lambda match: _text(_value(match, values)), template)
    if isinstance(template, Mapping):
        return {name: filled(item, values) for name, item in cast("Mapping[str, Any]", template).items()}
    if isinstance(template, list | tuple):
        return [filled(item, values) for item in cast("list[Any]", template)]
    return template


def names_in(template: Any) -> set[str]:
    """Return the names that a template is filled in with."""
    return set(_NAME.findall(json.dumps(template)))


def _value(match: re.Match[str], values: Mapping[str, Any]) -> Any:
    found: Any = values
    for part in match[1].split("."):
        if not isinstance(found, Mapping) or cast("Mapping[str, Any]", found).get(part) is None:
            raise NotFilled(match[1])
        found = cast("Mapping[str, Any]", found)[part]
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def value_of(result: ToolResult) -> Any:
    """Return what a result holds: its structure, or its text, as JSON where it is that; without a wrapping `result`."""
    value = result.structured_content
    if value is None:
        value = "\n".join(block.text for block in result.content if isinstance(block, TextBlock))
    elif isinstance(value, Mapping) and list(cast("Mapping[str, Any]", value)) == ["result"]:
        value = cast("Mapping[str, Any]", value)["result"]
    return opened(value)


def opened(value: Any) -> Any:
    """Return a text as the JSON that it holds, or as it is."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def values_at(value: Any, path: str) -> Iterator[Any]:
    """Yield what stands at a path of a value: names and numbers with dots between, `*` for each item of a list."""
    if not path:
        if value not in (None, "", [], {}):
            yield value
        return
    first, _, rest = path.partition(".")
    value = opened(value)
    if isinstance(value, list):
        items = cast("list[Any]", value)
        chosen = items if first == "*" else items[int(first) : int(first) + 1] if first.isdecimal() else []
        for item in chosen:
            yield from values_at(item, rest)
    elif isinstance(value, Mapping):
        yield from values_at(cast("Mapping[str, Any]", value).get(first), rest)


def holds(value: Any, text: str) -> bool:
    """Return whether a value, or anything in it, has this text in it."""
    if isinstance(value, str):
        return text in value
    if isinstance(value, Mapping):
        return any(holds(item, text) for item in cast("Mapping[str, Any]", value).values())
    if isinstance(value, list):
        return any(holds(item, text) for item in cast("list[Any]", value))
    return str(value) == text
