"""The source that a thread is about: the start of most inspections."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from stepwarden.files.encodings import decode
from stepwarden.files.safe_open import Unread, read_file
from stepwarden.inspections.context import InspectedPlace, InspectionContext
from stepwarden.inspections.shared.fact_text import clip, count, list_some
from stepwarden.inspections.shared.reviewed_files import files_named
from stepwarden.source.outline import Definition, DefinitionKind, Outline
from stepwarden.source.scan.selection import INCOMPLETE, LIST_CUT, NOT_IN_TIME, NOT_LISTED
from stepwarden.source.testfiles import is_test_file

if TYPE_CHECKING:
    from stepwarden.source.scan.result import Scan

_COPIED = re.compile(
    r"(?:^|/)(?:vendor|vendored|_vendor|third_party|thirdparty|node_modules|bower_components)/|\.min\.m?js$"
)
_WORD = re.compile(r"[A-Za-z_$][\w$]*(?:[./\\-][\w$]+)*")


@dataclass(frozen=True, slots=True)
class Survey:
    """One scan, and the files of it that the thread is about.

    `named` are the source files that the thread names (by themselves, by a directory, or in the words of its task),
    sorted; empty where it names none and is about the whole working directory.
    """

    scan: "Scan"
    named: tuple[str, ...]

    @property
    def size(self) -> int | None:
        """The number of named files; None where there are none, or where the scan did not read all it should."""
        return (len(self.named) or None) if self.scan.complete else None

    @property
    def subject(self) -> dict[str, Outline]:
        """The outlines of what the thread is about: the named files, or all handwritten ones that are not tests."""
        outlines = self.scan.outlines
        if self.named:
            return {path: outlines[path] for path in self.named}
        return {path: outline for path, outline in outlines.items() if is_own_source(path, outline)}


def is_own_source(path: str, outline: Outline) -> bool:
    """Whether a file is the project's own code: not a test, not generated, not a copy of a library."""
    return not (is_test_file(path) or is_foreign(path, outline))


def is_foreign(path: str, outline: Outline) -> bool:
    """Whether a file is generated, or a copy of a library."""
    return outline.generated or is_copied(path)


def is_copied(path: str) -> bool:
    """Whether a file is a copy of a library that the project brings along."""
    return _COPIED.search(path) is not None


def survey(context: InspectionContext) -> Survey:
    """Scan the working directory, and the named paths where they lie elsewhere in the root."""
    directory = context.directory
    named = files_named(context.thread)
    outside = [path for path in named if directory and not is_inside(path, (directory,))]
    existing = [path for path, fact in context.workspace.survey(outside).items() if fact.exists] if outside else []
    scan = context.reader.scan(context.root, (directory, *existing), until=context.until)
    inside = [path for path in scan.outlines if is_inside(path, named)]
    return Survey(scan, tuple(inside or paths_mentioned(context.thread.task, scan.outlines)))


def is_inside(path: str, places: Sequence[str]) -> bool:
    """Whether `path` is one of `places`, or lies in one that is a directory ("" or "." is the root)."""
    return any(place in {"", ".", path} or path.startswith(f"{place.rstrip('/')}/") for place in places)


def paths_mentioned(text: str, paths: Iterable[str]) -> list[str]:
    """Return the paths that a text names by a word with a dot or slash that only one path ends with."""
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


def line_count(item: Definition) -> int:
    """Return the number of lines of a definition."""
    return item.end_line - item.line + 1


def read_text(context: InspectedPlace, path: str) -> str | None:
    """Return the text of one file of the workspace; None where it does not exist, may not be read, or is binary."""
    data = read_file(context.root, path)
    return None if isinstance(data, Unread) else decode(data)


def incompleteness(scan: "Scan") -> list[str]:
    """Return one line that says how much a partial scan read and what it left out; nothing where it is complete.

    It comes first of the facts: what follows holds for the part that was read.
    """
    if scan.complete:
        return []
    read = len(scan.outlines)
    missed = [item for item in scan.left_out if item.why in INCOMPLETE]
    uncounted = {LIST_CUT, NOT_LISTED}  # how many files these are is not known
    total = read + sum(item.count for item in missed if item.why not in uncounted)
    more = "more than " if any(item.why in uncounted for item in missed) else ""
    named = list_some([path for item in missed for path in item.examples], 1)
    why = missed[0].why if missed else NOT_IN_TIME
    return [clip(f"PARTIAL: read {read:,} of {more}{count(total, 'file')}; {why}: {named}")]
