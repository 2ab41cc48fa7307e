"""Which files a scene is about, and which of them its steps really looked at: what every look starts from."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from stepwarden.files.safe_open import Unread, read
from stepwarden.files.text import decode
from stepwarden.inspections.context import InspectionContext
from stepwarden.source.outline import Definition, DefinitionKind, Outline
from stepwarden.source.testfiles import is_test_file
from stepwarden.steps.gate import NEAR_LINES
from stepwarden.steps.thread import Thread

if TYPE_CHECKING:
    from stepwarden.source.reader import Scan

FACT_BYTES = 84  # of one fact: it is sent twice, and the reply has some hundred bytes left for all of them
MOST_CLAUSES = 12  # that one look may add to the gate
_COPIED = re.compile(
    r"(?:^|/)(?:vendor|vendored|_vendor|third_party|thirdparty|node_modules|bower_components)/|\.min\.m?js$"
)
_WORD = re.compile(r"[A-Za-z_$][\w$]*(?:[./\\-][\w$]+)*")


@dataclass(frozen=True, slots=True)
class Survey:
    """One scan, and the files of it that the thread is about.

    `named` are source files that the thread names (by themselves, by a directory, or in the words of its task), in
    the order of their paths; empty where it names none and is about the whole working directory.
    """

    scan: "Scan"
    named: tuple[str, ...]

    @property
    def subject(self) -> dict[str, Outline]:
        """The outlines of what the thread is about: the named files, or all that hold neither tests nor generated."""
        outlines = self.scan.outlines
        if self.named:
            return {path: outlines[path] for path in self.named}
        return {path: found for path, found in outlines.items() if is_source(path, found)}


def is_source(path: str, found: Outline) -> bool:
    """Whether a file is one that these people write and run: no test, nothing generated, no copy of a library."""
    return not (found.generated or is_test_file(path) or _COPIED.search(path))


def survey(scene: InspectionContext) -> Survey:
    """Scan the working directory, and the named paths where they lie elsewhere in the root."""
    base = scene.base
    named = named_paths(scene.thread)
    outside = [path for path in named if base and not is_inside(path, (base,))]
    there = [path for path, fact in scene.workspace.survey(outside).items() if fact.exists] if outside else []
    scan = scene.reader.scan(scene.workspace.root or "", (base, *there), until=scene.until)
    inside = [path for path in scan.outlines if is_inside(path, named)]
    return Survey(scan, tuple(inside or mentioned(scene.thread.task, scan.outlines)))


def named_paths(thread: Thread) -> tuple[str, ...]:
    """Return what the thread is about as it says: its relevant files, else those that its first step read."""
    relevant = dict.fromkeys(path for step in thread.live for path in step.submission.relevant)
    if relevant or not thread.trail:
        return tuple(relevant)
    return thread.trail[0].submission.checked


def is_inside(path: str, places: Sequence[str]) -> bool:
    """Whether `path` is one of `places`, or lies in one that is a directory ("" or "." is the root)."""
    return any(place in {"", ".", path} or path.startswith(f"{place.rstrip('/')}/") for place in places)


def mentioned(text: str, paths: Iterable[str]) -> list[str]:
    """Return the paths that a text names by a word with a dot or slash, where just one path ends so."""
    words = {word.replace("\\", "/") for word in _WORD.findall(text) if "." in word or "/" in word}
    if not words:
        return []
    ends: dict[str, list[str]] = {}
    for path in paths:
        parts = PurePosixPath(path).parts
        for word in ("/".join(parts[start:]) for start in range(len(parts))):
            if word in words:
                ends.setdefault(word, []).append(path)
    return sorted({found[0] for found in ends.values() if len(found) == 1})


def is_function(item: Definition) -> bool:
    """Whether a definition is a function or a method."""
    return item.kind in {DefinitionKind.FUNCTION, DefinitionKind.METHOD}


def looked_at(thread: Thread) -> frozenset[str]:
    """Return the files that exist and that some step says it read, or quoted so that the quote holds."""
    claims = thread.claims
    read_ones = {path for path in claims.checked if claims.files.get(path)}
    return frozenset(read_ones | {item.path for _, item in claims.evidence if item.holds})


def is_quoted(thread: Thread, path: str, first: int, last: int | None = None, *, near: int = NEAR_LINES) -> bool:
    """Whether a quote that holds stands in the lines `first` to `last` of a file, or so near to them."""
    return any(
        item.holds
        and item.path == path
        and item.line is not None
        and first - near <= item.line <= (last or first) + near
        for _, item in thread.claims.evidence
    )


def text_of(scene: InspectionContext, path: str) -> str | None:
    """Read one file of the workspace; None where it is not there, may not be read, or is no text."""
    data = read(scene.workspace.root or "", path)
    return None if isinstance(data, Unread) else decode(data)


def left_out(scan: "Scan") -> list[str]:
    """Return what a scan did not read, in one line; nothing where it read all."""
    if scan.complete:
        return []
    named = "; ".join(f"{item.count} {item.why}" for item in scan.left_out[:3])
    return [clip(f"Not all was looked at: {named or 'the time was up'}.")]


def clip(text: str, most: int = FACT_BYTES) -> str:
    """Return a text on one line, cut at so many bytes."""
    line = " ".join(text.split())
    data = line.encode()
    return line if len(data) <= most else data[: most - 3].decode(errors="ignore") + "..."


def count(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: "1 test", "1,204 tests"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def some(items: Sequence[str], most: int = 3) -> str:
    """Name the first items, and how many more there are."""
    shown = ", ".join(items[:most])
    return shown if len(items) <= most else f"{shown} +{len(items) - most}"


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown; numbers stand to the right, bars in text are escaped."""
    listed = [[_cell(value) for value in row] for row in rows]
    right = [all(row[place].replace(",", "").isdigit() for row in listed) for place in range(len(heads))]
    ruler = ["---:" if numbers and listed else "---" for numbers in right]
    return "\n".join(f"| {' | '.join(row)} |" for row in (list(heads), ruler, *listed))


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")
