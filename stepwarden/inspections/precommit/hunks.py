"""Which hunks of a change were reviewed, by what the server verified and by what the agent says."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stepwarden.files.written_paths import find_places
from stepwarden.inspections.shared.fact_text import count, list_some, table
from stepwarden.source.git.change import FileChange
from stepwarden.steps.submission import Submission
from stepwarden.steps.thread import Thread

NEAR = 3  # lines around a hunk: as many as a diff shows
MOST_ROWS = 150  # of the table in the report
_AFTER_SIDE = re.compile(r"^[ab]/")  # as diffs write paths


@dataclass(frozen=True, slots=True)
class ReviewedHunk:
    """One hunk, or a file that changed as a whole (`line` 0): the lines it has now, and how many changed."""

    path: str
    line: int
    last: int
    added: int
    removed: int

    @property
    def place(self) -> str:
        """The file and its lines: `path:first-last`."""
        if self.line == 0:
            return self.path
        return f"{self.path}:{self.line}" if self.last == self.line else f"{self.path}:{self.line}-{self.last}"

    def kept(self) -> list[Any]:
        """Return the hunk as JSON values."""
        return [self.path, self.line, self.last, self.added, self.removed]


def list_hunks(files: Iterable[FileChange]) -> list[ReviewedHunk]:
    """Return the hunks of a change in the order of files and lines; a file without hunks counts as one.

    Files with secrets are left out: they need not be read, they are risks.
    """
    hunks: list[ReviewedHunk] = []
    for change in files:
        if change.withheld:
            continue
        if change.hunks:
            hunks += [
                ReviewedHunk(change.path, max(hunk.line, 1), max(hunk.last, 1), hunk.after, hunk.before)
                for hunk in change.hunks
            ]
        else:
            hunks.append(ReviewedHunk(change.path, 0, 0, change.lines_added or 0, change.lines_removed or 0))
    return hunks


@dataclass(frozen=True, slots=True)
class ReviewedLines:
    """What the live steps of a thread reviewed: lines by file, and what shows it.

    `quoted` are lines with correct quotes, `issues` those of live issues with their ids, `named` ranges that findings
    or file lists name, `read` existing files that a step lists as read, `gone` listed files that do not exist.
    """

    quoted: Mapping[str, tuple[tuple[int, int], ...]]
    issues: Mapping[str, tuple[tuple[int, int, str], ...]]
    named: Mapping[str, tuple[tuple[int, int], ...]]
    read: frozenset[str]
    gone: frozenset[str]

    @classmethod
    def of(cls, thread: Thread, base: str = "") -> "ReviewedLines":
        """Return what a thread reviewed; ranges in findings may be relative to `base`, the working directory."""
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
            for name in {path, f"{base}/{path}" if base else path, _AFTER_SIDE.sub("", path)}:
                named.setdefault(name, []).append((first, last))
        checked = {path for step in thread.live for path in _whole_files(step.submission)}
        return cls(
            {path: tuple(spans) for path, spans in quoted.items()},
            {path: tuple(spans) for path, spans in issues.items()},
            {path: tuple(spans) for path, spans in named.items()},
            frozenset(path for path in checked if claims.files.get(path)),
            frozenset(path for path in checked if not claims.files.get(path)),
        )

    def quotes(self, path: str, first: int, last: int, near: int = NEAR) -> bool:
        """Whether a correct quote lies in these lines of a file, or `near` them; line 0: anywhere."""
        return _touches(self.quoted.get(path, ()), first, last, near)

    def issue_at(self, path: str, first: int, last: int, near: int = NEAR) -> str:
        """Return the id of a live issue in these lines or about the whole file, "" for none."""
        for start, end, name in self.issues.get(path, ()):
            if start == 0 or first == 0 or (start <= last + near and end >= first - near):
                return name
        return ""

    def names(self, path: str, first: int, last: int) -> bool:
        """Whether findings or file lists name these lines."""
        return _touches(self.named.get(path, ()), first, last, 0)

    def includes(self, path: str) -> bool:
        """Whether the file was read, quoted or named."""
        return path in self.read or path in self.quoted or path in self.gone or path in self.named

    def coverage_of(self, hunk: ReviewedHunk) -> str:
        """Return how a hunk was reviewed: `quoted`, an issue's id, `named`, `read` (the whole file), or ""."""
        if self.quotes(hunk.path, hunk.line, hunk.last):
            return "quoted"
        if issue := self.issue_at(hunk.path, hunk.line, hunk.last):
            return issue
        if self.names(hunk.path, hunk.line, hunk.last):
            return "named"
        return "read" if self.includes(hunk.path) else ""


def _whole_files(submission: Submission) -> set[str]:
    """Return the listed files but for those of which only some lines were listed."""
    return {*submission.files} - {lines.path for lines in submission.ranges}


def _touches(spans: Sequence[tuple[int, int]], first: int, last: int, near: int) -> bool:
    if first == 0:
        return bool(spans)
    return any(start <= last + near and end >= first - near for start, end in spans)


def _ranges(thread: Thread) -> Iterable[tuple[str, int, int]]:
    """Yield the ranges such as `src/a.py:10-40` that the steps name: path, first and last line."""
    for step in thread.live:
        for place in find_places(step.submission.findings or ""):
            yield place.path, place.line or 1, place.last or place.line or 1
        for lines in step.submission.ranges:
            yield lines.path, lines.first, lines.last


def coverage_line(words: Sequence[str]) -> str:
    """Return in one line how many hunks were reviewed, and how; `words` are those of `coverage_of`."""
    exact = sum(word not in {"", "read"} for word in words)
    read = sum(word == "read" for word in words)
    none = sum(word == "" for word in words)
    parts = [f"{exact} quoted, named or in an issue"] if exact else []
    parts += [f"{read} in files that were read"] if read else []
    parts += [f"{none} not reviewed"] if none else []
    return f"{count(len(words), 'hunk')}: {', '.join(parts)}."


def coverage_section(hunks: Sequence[ReviewedHunk], words: Sequence[str]) -> str:
    """Return the section of the report on how each hunk was reviewed, those that were not first."""
    if not hunks:
        return ""
    lines = [coverage_line(words)]
    bare = [hunk.place for hunk, word in zip(hunks, words, strict=True) if not word]
    lines += [f"Not reviewed: {list_some([f'`{place}`' for place in bare], 12)}."] if bare else []
    listed = sorted(zip(hunks, words, strict=True), key=lambda pair: (bool(pair[1]), pair[0].path, pair[0].line))
    rows = [
        (f"`{hunk.place}`", f"+{hunk.added} -{hunk.removed}", word or "**no**") for hunk, word in listed[:MOST_ROWS]
    ]
    more = [f"{len(listed) - MOST_ROWS:,} more hunks are not listed."] if len(listed) > MOST_ROWS else []
    return "\n\n".join([*lines, table(("Hunk", "Lines", "Reviewed"), rows), *more])
