"""Long results by their rows: JSON with one row on a line, tables with their head, and structures cut to fewer rows."""

import json
from collections.abc import Mapping
from typing import Any, cast

MOST_BYTES = 4 * 1024 * 1024  # of JSON that is read to find its rows
TABLE = "|"
_DIVISIBLE = (str, list, dict)


def in_rows(text: str) -> str:
    """Return JSON with each row of its largest list on a line of its own; any other text as it is."""
    if text[:64].lstrip()[:1] not in {"{", "["} or len(text) > MOST_BYTES:
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return rows_of(value)


def rows_of(value: object) -> str:
    """Return a value as JSON, with each row of its largest list on a line of its own."""
    if isinstance(value, list):
        rows = ",\n".join(map(_compact, cast("list[object]", value)))
        return f"[\n{rows}\n]" if rows else "[]"
    if not isinstance(value, Mapping):
        return _compact(value)
    fields = cast("Mapping[str, object]", value)
    largest = _largest(fields)
    if largest is None:
        return _compact(fields)
    parts = [f"{_compact(name)}: {_compact(item)}" for name, item in fields.items() if name != largest]
    return "{" + ", ".join([*parts, f"{_compact(largest)}: {rows_of(fields[largest])}"]) + "}"


def shortened(value: Any, most_bytes: int) -> Any:
    """Return a value with fewer rows in its largest list, or less of its longest text, so that it fits; the same form.

    Raises ValueError where nothing in it can be left out.
    """
    size = size_of(value)
    if size <= most_bytes:
        return value
    if isinstance(value, str):
        shorter = _first_lines(value, len(value) * most_bytes // size)
        while size_of(shorter) > most_bytes:
            shorter = _first_lines(shorter, len(shorter) * 3 // 4)
        return shorter
    if isinstance(value, list):
        rows = cast("list[Any]", value)
        kept, left = list[Any](), most_bytes - 2
        for row in rows:
            left -= size_of(row) + 2
            if left < 0:
                break
            kept.append(row)
        return kept or [shortened(rows[0], most_bytes - 4)]
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        sizes = {name: size_of(cast("object", item)) for name, item in fields.items() if isinstance(item, _DIVISIBLE)}
        name = max(sizes, key=lambda one: sizes[one], default=None)
        if name is not None and size - sizes[name] < most_bytes:
            return {**fields, name: shortened(fields[name], most_bytes - (size - sizes[name]))}
    raise ValueError("nothing in it can be left out")


def table_head(text: str, after: int) -> str:
    """Return the two lines that head the table in which `text` goes on after a character, "" where it is in none."""
    lines = text[:after].splitlines()
    if not text[after : after + 1].startswith(TABLE) or not lines or not lines[-1].startswith(TABLE):
        return ""
    first = len(lines) - 1
    while first > 0 and lines[first - 1].startswith(TABLE):
        first -= 1
    return "\n".join(lines[first : first + 2]) + "\n" if len(lines) - first >= 2 else ""


def size_of(value: object) -> int:
    """Return how many bytes a value takes as JSON."""
    return len(_compact(value).encode(errors="replace"))


def repeats(text: str, structured: object) -> bool:
    """Return whether a text only says what a structured result holds too."""
    if isinstance(structured, Mapping):
        values = list(cast("Mapping[str, object]", structured).values())
        if len(values) == 1 and values[0] == text:
            return True
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False
    if found == structured:
        return True
    return isinstance(structured, Mapping) and list(cast("Mapping[str, object]", structured).values()) == [found]


def _largest(fields: Mapping[str, object]) -> str | None:
    """Return the field with the largest list in it, None where there is none."""
    sizes = {name: size_of(cast("object", item)) for name, item in fields.items() if isinstance(item, list | dict)}
    return max(sizes, key=lambda name: sizes[name], default=None)


def _first_lines(text: str, chars: int) -> str:
    line = text.rfind("\n", 0, chars)
    return text[: line + 1] if line > 0 else text[:chars]


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
