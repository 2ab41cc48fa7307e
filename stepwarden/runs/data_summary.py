"""What a result is, in a few words: what data it holds, how much of it, and a piece to know it by."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

MOST_PARSED = 1_000_000  # characters; more is text
MOST_KEYS = 12
MOST_SAMPLE = 120  # characters
_NAMES: dict[type, str] = {bool: "boolean", int: "number", float: "number", str: "string", type(None): "null"}


@dataclass(frozen=True, slots=True)
class DataSummary:
    """A result in short. `type` is `list`, `object`, `string`, `number`, `boolean`, `null`; `text` for what is no JSON.

    `count` are its items, fields or lines, `keys` the names of the fields (of a list: of its first object), `sample`
    the beginning of the first item, field or line, `size` its bytes in UTF-8; `value` is there for a single value.
    """

    type: str
    count: int = 1
    keys: tuple[str, ...] = ()
    sample: str = ""
    size: int = 0
    value: Any = None

    def __str__(self) -> str:
        """Return it as it is shown: `list of 34 (id, title), 12,300 bytes`."""
        counted = {"list": f"list of {self.count}", "object": f"object of {self.count}", "text": _lines(self.count)}
        keys = f" ({', '.join(self.keys)})" if self.keys else ""
        return f"{counted.get(self.type, self.type)}{keys}, {self.size:,} bytes"


def _lines(count: int) -> str:
    return "one line" if count == 1 else f"{count} lines"


def summarize_data(text: str) -> DataSummary:
    """Return what a result holds."""
    size = len(text.encode(errors="replace"))
    if len(text) > MOST_PARSED or not text.strip():
        return _of_text(text, size)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return _of_text(text, size)
    if isinstance(data, dict):
        fields = cast("dict[str, Any]", data)
        first = next(iter(fields.items()), None)
        return DataSummary("object", len(fields), _keys(fields), _cut(dict([first]) if first else {}), size)
    if isinstance(data, list):
        items = cast("list[Any]", data)
        objects = [cast("dict[str, Any]", item) for item in items if isinstance(item, dict)]
        named = objects[0] if objects else dict[str, Any]()
        return DataSummary("list", len(items), _keys(named), _cut(items[0]) if items else "", size)
    is_short = len(text) <= MOST_SAMPLE and data == data  # noqa: PLR0124 - NaN is no value that JSON takes
    return DataSummary(_NAMES[type(data)], 1, (), _cut(data), size, data if is_short else None)


def _of_text(text: str, size: int) -> DataSummary:
    lines = [line for line in text.splitlines() if line.strip()]
    return DataSummary("text", len(lines), (), lines[0][:MOST_SAMPLE] if lines else "", size)


def _keys(fields: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(name[:MOST_SAMPLE] for name in [*fields][:MOST_KEYS])


def _cut(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text[:MOST_SAMPLE]
