"""Which lines ran, from a coverage file on disk: Cobertura's coverage.xml, or lcov.info."""

import re
from collections.abc import Iterable, Mapping
from pyexpat import ExpatError, ParserCreate

from stepwarden.inspections.testgen.code_index import Key
from stepwarden.source.outline import Definition

MOST_LINES = 2_000_000  # of one coverage file
Lines = Mapping[str, Mapping[int, bool]]
"""By file as the tool names it: the lines that can run, and whether they did."""
_LCOV = re.compile(r"^(SF:.*|DA:\d+,\d+)", re.MULTILINE)


class _Refused(Exception):
    """The file is not read, for this reason."""


def read_coverage(path: str, data: bytes) -> Lines | str:
    """Return the lines of a coverage file, or in words why it is none that is read."""
    return _read_lcov(data) if path.endswith(".info") else _read_cobertura(data)


def _read_lcov(data: bytes) -> Lines | str:
    found: dict[str, dict[int, bool]] = {}
    lines: dict[int, bool] = {}
    for match in _LCOV.finditer(data.decode("utf-8", "replace")):
        word = match[0].strip()
        if word.startswith("SF:"):
            lines = found.setdefault(word[3:].replace("\\", "/"), {})
        else:
            number, hits = word[3:].split(",")
            line = int(number[:9])
            lines[line] = lines.get(line, False) or hits.strip("0") != ""
    return found or "is no lcov file"


def _read_cobertura(data: bytes) -> Lines | str:
    found: dict[str, dict[int, bool]] = {}
    current: dict[int, bool] = {}
    roots: list[str] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal current
        roots[:] = roots or [tag]
        if tag == "class":
            current = found.setdefault(attributes.get("filename", "").replace("\\", "/"), {})
        elif tag == "line" and attributes.get("number", "").isdigit():
            line = int(attributes["number"][:9])
            current[line] = current.get(line, False) or attributes.get("hits", "0").strip("0") != ""

    def declare(*_: object) -> None:
        raise _Refused("declares entities, so it is not read")

    parser = ParserCreate()
    parser.StartElementHandler = start
    parser.EntityDeclHandler = declare
    try:
        parser.Parse(data, True)
    except _Refused as refused:
        return str(refused)
    except ExpatError as error:
        return f"is no XML: line {error.lineno}"
    return found if roots == ["coverage"] else "is no coverage file"


def lines_of(covered: Lines, paths: Iterable[str]) -> dict[str, Mapping[int, bool]]:
    """Return the lines by the project's own paths; a name that several paths end with means none of them."""
    found: dict[str, Mapping[int, bool]] = {}
    for path in paths:
        named = [
            name
            for name in covered
            if name == path or name.endswith(f"/{path}") or (name and path.endswith(f"/{name}"))
        ]
        if len(named) == 1:
            found[path] = covered[named[0]]
    return found


def body_lines(item: Definition, lines: Mapping[int, bool]) -> tuple[list[int], list[int]]:
    """Return the lines of a function's body that ran, and those that did not; its own first line runs at import."""
    inside = [line for line in range(item.line + 1, item.end_line + 1) if line in lines]
    return [line for line in inside if lines[line]], [line for line in inside if not lines[line]]


def ranges_of(lines: Iterable[int]) -> str:
    """Return lines as text: `5-7, 12`; lines with at most one between them are one stretch."""
    spans: list[list[int]] = []
    for line in sorted(lines):
        if spans and line - spans[-1][1] <= 2:
            spans[-1][1] = line
        else:
            spans.append([line, line])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


def ran_and_missed(
    functions: Iterable[tuple[str, Definition]], covered: Mapping[str, Mapping[int, bool]]
) -> tuple[set[Key], dict[Key, list[int]]]:
    """Return the functions whose body ran, and of all that are measured the lines of the body that did not."""
    ran: set[Key] = set()
    missed: dict[Key, list[int]] = {}
    for path, item in functions:
        if path in covered:
            hit, left = body_lines(item, covered[path])
            key = (path, item.qualified)
            if hit:
                ran.add(key)
            if left:
                missed[key] = left
    return ran, missed
