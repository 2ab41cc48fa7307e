"""The files and hunks of a change as plain values, parsed from git's own formats."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

MOST_HUNKS = 2_000  # of one file; of a change with more only the counts are complete
WITHHELD = "a secret, not read"
TOO_LARGE = "too large to read"
LINE_CHARACTERS = 400  # kept of an added line
MOST_ADDED_LINES = 20_000  # kept of one file, and as many removed ones

_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_SPECIAL = re.compile(rb'[\x00-\x1f\x7f"\\]')
_ESCAPES = {
    b"\a": b"\\a",
    b"\b": b"\\b",
    b"\t": b"\\t",
    b"\n": b"\\n",
    b"\v": b"\\v",
    b"\f": b"\\f",
    b"\r": b"\\r",
    b'"': b'\\"',
    b"\\": b"\\\\",
}
_NO_BLOB = re.compile(r"0+")
LINK = "120000"
_SUBMODULE = "160000"


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines that were replaced: `before` lines from `line_before` on, by `after` lines from `line` on.

    Lines count from 1; where a side is empty, its line is the one before the gap.
    """

    line_before: int
    before: int
    line: int
    after: int

    @property
    def last(self) -> int:
        """The last line that the hunk has now; of a pure removal, the line before the gap."""
        return self.line + max(self.after, 1) - 1


@dataclass(frozen=True, slots=True)
class FileChange:
    """How one file changed.

    `path` is relative to the repository or, in an inspection, to its root; `before` is the path the file had.
    `status` is git's letter: A, M, D, R (renamed), C (copied), T (type changed), U (unmerged), or ? (untracked).
    `lines_added` and `lines_removed` are None for a binary. `added` has the new lines with their numbers, `removed` the
    old ones with theirs; `why` says why they were not read.
    """

    path: str
    status: str
    before: str = ""
    mode_before: str = ""
    mode: str = ""
    blob_before: str = ""
    blob: str = ""
    lines_added: int | None = 0
    lines_removed: int | None = 0
    hunks: tuple[Hunk, ...] = ()
    added: tuple[tuple[int, str], ...] = field(default=(), repr=False)
    removed: tuple[tuple[int, str], ...] = field(default=(), repr=False)
    why: str = ""

    @property
    def binary(self) -> bool:
        """Whether git treats the file as a binary."""
        return self.lines_added is None

    @property
    def withheld(self) -> bool:
        """Whether the file was not read because its name or its content is that of a secret."""
        return self.why == WITHHELD

    @property
    def is_submodule(self) -> bool:
        """Whether it is a submodule: a commit of another repository."""
        return _SUBMODULE in {self.mode, self.mode_before}

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link now."""
        return self.mode == LINK

    @property
    def lines(self) -> int:
        """The number of lines added and removed."""
        return (self.lines_added or 0) + (self.lines_removed or 0)


def parse_raw(data: bytes) -> list[FileChange]:
    """Parse the output of `git diff --raw -z --abbrev=64`; paths are relative to the repository."""
    fields = data.split(b"\0")
    changes: list[FileChange] = []
    at = 0
    while at + 1 < len(fields) and fields[at].startswith(b":"):
        mode_before, mode, blob_before, blob, letter = fields[at][1:].decode("ascii", "replace").split(" ")
        first = _path(fields[at + 1])
        moved = letter[0] in "RC"
        changes.append(
            FileChange(
                path=_path(fields[at + 2]) if moved else first,
                status=letter[0],
                before=first if moved else "",
                mode_before=mode_before,
                mode=mode,
                blob_before="" if _NO_BLOB.fullmatch(blob_before) else blob_before,
                blob="" if _NO_BLOB.fullmatch(blob) else blob,
            )
        )
        at += 3 if moved else 2
    return changes


def parse_patch(data: bytes, changes: list[FileChange]) -> list[FileChange]:
    """Return the changes with what the output of `git diff -p -z -U0`, with the prefixes a/ and b/, says of them.

    Changes that are missing from it because it was cut have no hunks and say so in `why`.
    """
    parts: dict[bytes, list[bytes]] = {}
    for part in _parts(data):
        parts.setdefault(part[0], []).extend(part)  # a file that became a link has two parts
    return [change if change.status == "U" else _with_part(change, parts) for change in changes]


def _with_part(change: FileChange, parts: dict[bytes, list[bytes]]) -> FileChange:
    before, path = (name.encode("utf-8", "surrogateescape") for name in (change.before or change.path, change.path))
    part = parts.get(b"diff --git " + _quoted(b"a/" + before) + b" " + _quoted(b"b/" + path))
    return replace(change, why="its hunks were not read") if part is None else _with_hunks(change, part)


def _quoted(name: bytes) -> bytes:
    """Return a name as git writes it in a header: as a C string where it has characters that a line cannot show."""
    if not _SPECIAL.search(name):
        return name
    return b'"' + _SPECIAL.sub(lambda match: _ESCAPES.get(match[0]) or b"\\%03o" % match[0][0], name) + b'"'


def untracked_change(path: str, text: str) -> FileChange:
    """Return the change that an untracked file with this text would be, once added."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    added = tuple((number, line[:LINE_CHARACTERS]) for number, line in enumerate(lines[:MOST_ADDED_LINES], 1))
    hunks = (Hunk(0, 0, 1, len(lines)),) if lines else ()
    return FileChange(path, "?", lines_added=len(lines), hunks=hunks, added=added)


def _parts(data: bytes) -> Iterator[list[bytes]]:
    """Split a patch at the headers of its files; hunks give their length, so no line in one is taken for a header."""
    part: list[bytes] | None = None
    left = 0
    for line in data.split(b"\n"):
        if left > 0 and line[:1] in {b"+", b"-", b" "}:
            left -= 1
        elif line.startswith((b"diff --git ", b"diff --cc ", b"* Unmerged path ")):
            if part is not None:
                yield part
            part = []
        elif match := _HUNK.match(line):
            left = int(match[2] or 1) + int(match[4] or 1)
        if part is not None:
            part.append(line)
    if part is not None:
        yield part


def _with_hunks(change: FileChange, part: list[bytes]) -> FileChange:
    hunks: list[Hunk] = []
    added: list[tuple[int, str]] = []
    removed: list[tuple[int, str]] = []
    plus = minus = number = number_before = left = 0
    for line in part:
        if left > 0 and line[:1] in {b"+", b"-"}:
            left -= 1
            if line[:1] == b"-":
                minus += 1
                if len(removed) < MOST_ADDED_LINES:
                    removed.append((number_before, line[1:].decode("utf-8", "replace")[:LINE_CHARACTERS]))
                number_before += 1
                continue
            plus += 1
            if len(added) < MOST_ADDED_LINES:
                added.append((number, line[1:].decode("utf-8", "replace")[:LINE_CHARACTERS]))
            number += 1
        elif match := _HUNK.match(line):
            before, number, after = int(match[2] or 1), int(match[3]), int(match[4] or 1)
            left, number_before = before + after, int(match[1])
            if len(hunks) < MOST_HUNKS:
                hunks.append(Hunk(int(match[1]), before, number, after))
        elif line.startswith(b"Binary files "):
            return replace(change, lines_added=None, lines_removed=None)
    return replace(
        change,
        lines_added=plus,
        lines_removed=minus,
        hunks=tuple(hunks),
        added=tuple(added),
        removed=tuple(removed),
    )


def _path(name: bytes) -> str:
    # as file names are decoded everywhere here: bytes that are not UTF-8 survive
    return name.decode("utf-8", "surrogateescape")
