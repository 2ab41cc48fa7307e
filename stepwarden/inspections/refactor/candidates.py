"""Places that may need refactoring: large functions, and blocks that stand twice."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stepwarden.files.text import split_lines
from stepwarden.inspections.shared.fact_text import count
from stepwarden.inspections.shared.subject import is_function, line_count
from stepwarden.source.outline import Outline

LONG_LINES, MANY_BRANCHES = 50, 10  # from which a function is a candidate (pylint and eslint warn at these)
MOST_FUNCTIONS = 5  # that are named, and have to be read
REPEATED_LINES = 8  # from which equal lines in two places are a candidate
# Lines that say nothing by themselves: brackets, imports, comments.
_NOISE = re.compile(
    r"^(?:[\s{}()\[\];,]*|import\b.*|from\b.*|#.*|//.*|\*.*|/\*.*|use\b.*|using\b.*|end|else:?|return;?)$"
)

NumberedLines = Sequence[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class RefactorCandidate:
    """A place that may need another structure: a function, or lines that stand twice."""

    path: str
    line: int
    end_line: int
    what: str

    @property
    def name(self) -> str:
        """The function, or where else the lines stand: what tells it apart without its measures."""
        name, colon, _ = self.what.partition(": ")
        return name if colon else self.what.partition(", ")[2]


def find_large_functions(outlines: Mapping[str, Outline]) -> list[RefactorCandidate]:
    """Return the largest functions, at most MOST_FUNCTIONS; only those that are long or have many branches."""
    found = [
        (path, item)
        for path, outline in outlines.items()
        for item in outline.definitions
        if is_function(item) and (line_count(item) >= LONG_LINES or item.complexity > MANY_BRANCHES)
    ]
    found.sort(key=lambda pair: (-line_count(pair[1]) - 5 * pair[1].complexity, pair[0], pair[1].line))
    return [
        RefactorCandidate(
            path,
            item.line,
            item.end_line,
            f"{item.qualified}: {count(line_count(item), 'line')}, {count(item.complexity - 1, 'branch', 'branches')}",
        )
        for path, item in found[:MOST_FUNCTIONS]
    ]


def find_repeated_blocks(texts: Mapping[str, str]) -> list[RefactorCandidate]:
    """Return blocks of at least REPEATED_LINES lines that stand twice, whatever their indentation, longest first."""
    first_places: dict[tuple[str, ...], tuple[str, int]] = {}
    lines_of = {path: _significant_lines(text) for path, text in texts.items()}
    found: dict[tuple[str, str], list[RefactorCandidate]] = {}
    for path, lines in lines_of.items():
        at = 0
        while at + REPEATED_LINES <= len(lines):
            window = tuple(line for _, line in lines[at : at + REPEATED_LINES])
            first = first_places.setdefault(window, (path, at))
            if first == (path, at) or (first[0] == path and at < first[1] + REPEATED_LINES):
                at += 1
                continue
            apart = at - first[1] if first[0] == path else len(lines)  # in one file, the blocks may not overlap
            length = min(apart, _common_length(lines_of[first[0]], first[1], lines, at))
            other = lines_of[first[0]][first[1]][0]
            block = RefactorCandidate(
                path, lines[at][0], lines[at + length - 1][0], f"{length} lines, also at {first[0]}:{other}"
            )
            found.setdefault((path, first[0]), []).append(block)
            at += length
    blocks = [block for listed in found.values() for block in listed]
    return sorted(blocks, key=lambda block: (block.line - block.end_line, block.path, block.line))


def _common_length(first: NumberedLines, start: int, lines: NumberedLines, at: int) -> int:
    length = REPEATED_LINES
    while (
        start + length < len(first) and at + length < len(lines) and first[start + length][1] == lines[at + length][1]
    ):
        length += 1
    return length


def _significant_lines(text: str) -> list[tuple[int, str]]:
    """Return the lines that are not noise, with their numbers, without their indentation."""
    stripped = ((number, line.strip()) for number, line in enumerate(split_lines(text), 1))
    return [(number, line) for number, line in stripped if not _NOISE.match(line)]
