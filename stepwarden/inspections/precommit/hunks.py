"""Which hunks of a change were looked at, by what the server checked and by what the agent says; pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stepwarden.inspections.scope import count, some, table
from stepwarden.source.change import FileChange
from stepwarden.steps.thread import Thread

NEAR = 3  # lines round a hunk: a diff shows as many
ROWS = 150  # of the table at the end
_RANGE = re.compile(r"([^\s`'\"()\[\]{}<>,;:]+):(?:L|lines? )?(\d{1,7})(?:\s?[-\u2013]\s?L?(\d{1,7}))?")


@dataclass(frozen=True, slots=True)
class ReviewedHunk:
    """One hunk, or a file that changed as a whole (`line` 0): the lines it has now, how many came and went."""

    path: str
    line: int
    last: int
    added: int
    removed: int

    @property
    def place(self) -> str:
        """Where it is, in a few characters."""
        if self.line == 0:
            return self.path
        return f"{self.path}:{self.line}" if self.last == self.line else f"{self.path}:{self.line}-{self.last}"

    def kept(self) -> list[Any]:
        """Return it as JSON values."""
        return [self.path, self.line, self.last, self.added, self.removed]


def pieces_of(files: Iterable[FileChange]) -> list[ReviewedHunk]:
    """Return the hunks of a change in the order of files and lines; files without hunks are one piece each.

    Files that hold secrets are no pieces: nobody is asked to read them, they are risks.
    """
    pieces: list[ReviewedHunk] = []
    for change in files:
        if change.withheld:
            continue
        if change.hunks:
            pieces += [
                ReviewedHunk(change.path, max(hunk.line, 1), max(hunk.last, 1), hunk.after, hunk.before)
                for hunk in change.hunks
            ]
        else:
            pieces.append(ReviewedHunk(change.path, 0, 0, change.lines_added or 0, change.lines_removed or 0))
    return pieces


@dataclass(frozen=True, slots=True)
class ReviewedLines:
    """Where the live steps of a thread looked: lines by file, and what shows it.

    `quoted` are lines that the server found a quote in, `issues` those of live issues with their ids, `named` ranges
    that findings or file lists name, `read` files that a step says it read and that are there, `gone` files that are
    not there but were named.
    """

    quoted: Mapping[str, tuple[tuple[int, int], ...]]
    issues: Mapping[str, tuple[tuple[int, int, str], ...]]
    named: Mapping[str, tuple[tuple[int, int], ...]]
    read: frozenset[str]
    gone: frozenset[str]

    @classmethod
    def of(cls, thread: Thread, base: str = "") -> "ReviewedLines":
        """Gather them from a thread; ranges in findings may be relative to `base`, the working directory."""
        claims = thread.claims
        quoted: dict[str, list[tuple[int, int]]] = {}
        for _, item in claims.evidence:
            if item.holds and item.line is not None:
                span = item.quote.strip("\n").count("\n")
                quoted.setdefault(item.path, []).append((item.line, item.line + span))
        issues: dict[str, list[tuple[int, int, str]]] = {}
        for issue in claims.issues.values():
            if issue.path:
                issues.setdefault(issue.path, []).append((issue.line or 0, issue.line or 0, issue.id))
        named: dict[str, list[tuple[int, int]]] = {}
        for path, first, last in _ranges(thread):
            named.setdefault(path, []).append((first, last))
            if base:
                named.setdefault(f"{base}/{path}", []).append((first, last))
        checked = {path for step in thread.live for path in step.submission.files}
        return cls(
            {path: tuple(spans) for path, spans in quoted.items()},
            {path: tuple(spans) for path, spans in issues.items()},
            {path: tuple(spans) for path, spans in named.items()},
            frozenset(path for path in checked if claims.files.get(path)),
            frozenset(path for path in checked if not claims.files.get(path)),
        )

    def quotes(self, path: str, first: int, last: int, near: int = NEAR) -> bool:
        """Whether a quote that holds stands in these lines of a file, or so near to them; line 0: anywhere."""
        return _touches(self.quoted.get(path, ()), first, last, near)

    def issue_at(self, path: str, first: int, last: int, near: int = NEAR) -> str:
        """Return the id of a live issue in these lines or of the whole file, "" where there is none."""
        for start, end, name in self.issues.get(path, ()):
            if start == 0 or first == 0 or (start <= last + near and end >= first - near):
                return name
        return ""

    def names(self, path: str, first: int, last: int) -> bool:
        """Whether findings or file lists name these lines."""
        return _touches(self.named.get(path, ()), first, last, 0)

    def has_seen(self, path: str) -> bool:
        """Whether the file was read, quoted, or, where it is gone, named."""
        return path in self.read or path in self.quoted or path in self.gone or path in self.named

    def word_for(self, piece: ReviewedHunk) -> str:
        """Return how a piece was covered: `quoted`, an issue's id, `named`, `read` (the whole file), "" for not."""
        if self.quotes(piece.path, piece.line, piece.last):
            return "quoted"
        if issue := self.issue_at(piece.path, piece.line, piece.last):
            return issue
        if self.names(piece.path, piece.line, piece.last):
            return "named"
        return "read" if self.has_seen(piece.path) else ""


def _touches(spans: Sequence[tuple[int, int]], first: int, last: int, near: int) -> bool:
    if first == 0:
        return bool(spans)
    return any(start <= last + near and end >= first - near for start, end in spans)


def _ranges(thread: Thread) -> Iterable[tuple[str, int, int]]:
    """Return the ranges such as `src/a.py:10-40` that the steps name, of files as the change calls them or its ends."""
    for step in thread.live:
        said = step.submission
        for text in (said.findings or "", *said.files):
            for match in _RANGE.finditer(text):
                first = int(match[2])
                yield match[1].removeprefix("./"), first, max(first, int(match[3] or first))


def coverage_line(words: Sequence[str]) -> str:
    """Return in a line how many hunks were covered, and how; `words` are those of `word_for`."""
    sharp = sum(word not in {"", "read"} for word in words)
    read = sum(word == "read" for word in words)
    none = sum(word == "" for word in words)
    parts = [f"{sharp} quoted, named or in an issue"] if sharp else []
    parts += [f"{read} in a file that was read"] if read else []
    parts += [f"{none} not looked at"] if none else []
    return f"{count(len(words), 'hunk')}: {', '.join(parts)}."


def coverage_section(pieces: Sequence[ReviewedHunk], words: Sequence[str]) -> str:
    """Return the part of the report that says which hunk was covered by what, those that were not first."""
    if not pieces:
        return ""
    lines = [coverage_line(words)]
    bare = [piece.place for piece, word in zip(pieces, words, strict=True) if not word]
    lines += [f"Nobody looked at: {some([f'`{place}`' for place in bare], 12)}."] if bare else []
    listed = sorted(zip(pieces, words, strict=True), key=lambda pair: (bool(pair[1]), pair[0].path, pair[0].line))
    rows = [(f"`{piece.place}`", f"+{piece.added} -{piece.removed}", word or "**no**") for piece, word in listed[:ROWS]]
    more = [f"{len(listed) - ROWS:,} more hunks are not listed."] if len(listed) > ROWS else []
    return "\n\n".join([*lines, table(("Hunk", "Lines", "Covered"), rows), *more])
