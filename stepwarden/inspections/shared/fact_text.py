"""Texts of facts, clauses and report sections: one line each, cut to their bytes, and tables."""

from collections.abc import Iterable, Sequence

FACT_BYTES = 84  # of one fact: it is sent twice, and a reply has some hundred bytes left for all of them


def clip(text: str, most: int = FACT_BYTES) -> str:
    """Return a text on one line, cut at `most` bytes."""
    line = " ".join(text.split())
    data = line.encode()
    return line if len(data) <= most else data[: most - 3].decode(errors="ignore") + "..."


def count(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: "1 test", "1,204 tests"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def list_some(items: Sequence[str], most: int = 3) -> str:
    """Return the first items, and how many more there are: "a, b, c +4"."""
    shown = ", ".join(items[:most])
    return shown if len(items) <= most else f"{shown} +{len(items) - most}"


def pack(head: str, items: Sequence[str], most: int) -> list[str]:
    """Return at most `most` facts with as many items in each as fit after `head`, and how many are left.

    Without items, `head` alone, or nothing where it ends in a space.
    """
    if not items:
        return [] if head.endswith(" ") else [clip(head)]
    lines: list[str] = []
    line, left = head, list(items)
    while left:
        rest = f" +{len(left) - 1}" if len(left) > 1 else ""
        begun = line not in {head, ""}
        longer = f"{line}{', ' if begun else ''}{left[0]}"
        if begun and len((longer + rest).encode()) > FACT_BYTES:
            if len(lines) == most - 1:
                return [*lines, clip(f"{line} +{len(left)}")]
            lines.append(line)
            line = ""
            continue
        line = longer
        left.pop(0)
    return [*lines, clip(line)]


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown; columns of numbers are aligned right, bars in text are escaped."""
    listed = [[_cell(value) for value in row] for row in rows]
    right = [all(row[column].replace(",", "").isdigit() for row in listed) for column in range(len(heads))]
    ruler = ["---:" if numbers and listed else "---" for numbers in right]
    return "\n".join(f"| {' | '.join(row)} |" for row in (list(heads), ruler, *listed))


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")
