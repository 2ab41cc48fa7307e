"""What a change consists of: its files and hunks as plain values, and how they are read from git's own format."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

HUNKS = 2_000  # of one file; a change with more is told by its counts
WITHHELD = "secret by its name, not read"
LINE_CHARACTERS = 400  # of an added line that are kept
ADDED_LINES = 20_000  # kept of one file

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
_LINK, _SUBMODULE = "120000", "160000"


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines that were replaced: `before` of them from `line_before` on, by `after` from `line` on.

    Lines count from 1; of a part that is empty, the line is the one before it.
    """

    line_before: int
    before: int
    line: int
    after: int

    @property
    def last(self) -> int:
        """The last line that it has now; where it only removed, the line before the gap."""
        return self.line + max(self.after, 1) - 1


@dataclass(frozen=True, slots=True)
class FileChange:
    """How one file changed.

    `path` is relative to the root of the scene, or to the repository, whoever made it; `before` is the path it had.
    `status` is git's letter: A, M, D, R (renamed), C (copied), T (another type), U (unmerged), and ? for what is not
    tracked. `lines_added` and `lines_removed` are None for a binary. `added` are its new lines with their numbers, as
    far as they were read; `why` says why they were not.
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
    why: str = ""

    @property
    def binary(self) -> bool:
        """Whether git compares it as a whole."""
        return self.lines_added is None

    @property
    def withheld(self) -> bool:
        """Whether it was not read because of what its name says it holds."""
        return self.why == WITHHELD

    @property
    def is_submodule(self) -> bool:
        """Whether it is another repository's commit."""
        return _SUBMODULE in {self.mode, self.mode_before}

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link now."""
        return self.mode == _LINK

    @property
    def lines(self) -> int:
        """How many lines were added and removed."""
        return (self.lines_added or 0) + (self.lines_removed or 0)


def read_raw(data: bytes) -> list[FileChange]:
    """Read what `git diff --raw -z --abbrev=64` writes; paths are those of the repository."""
    fields = data.split(b"\0")
    changes: list[FileChange] = []
    place = 0
    while place + 1 < len(fields) and fields[place].startswith(b":"):
        mode_before, mode, blob_before, blob, letter = fields[place][1:].decode("ascii", "replace").split(" ")
        first = _path(fields[place + 1])
        moved = letter[0] in "RC"
        changes.append(
            FileChange(
                path=_path(fields[place + 2]) if moved else first,
                status=letter[0],
                before=first if moved else "",
                mode_before=mode_before,
                mode=mode,
                blob_before="" if _NO_BLOB.fullmatch(blob_before) else blob_before,
                blob="" if _NO_BLOB.fullmatch(blob) else blob,
            )
        )
        place += 3 if moved else 2
    return changes


def read_patch(data: bytes, changes: list[FileChange]) -> list[FileChange]:
    """Read what `git diff -p -z -U0` with the prefixes a/ and b/ writes about these changes into them.

    Those that it says nothing of, because it was cut, keep no hunks and say so in `why`.
    """
    parts: dict[bytes, list[bytes]] = {}
    for part in _parts(data):
        parts.setdefault(part[0], []).extend(part)  # a file that became a link has two parts
    return [change if change.status == "U" else _read_part(change, parts) for change in changes]


def _read_part(change: FileChange, parts: dict[bytes, list[bytes]]) -> FileChange:
    before, path = (name.encode("utf-8", "surrogateescape") for name in (change.before or change.path, change.path))
    part = parts.get(b"diff --git " + _quoted(b"a/" + before) + b" " + _quoted(b"b/" + path))
    return replace(change, why="its hunks were not read") if part is None else _filled(change, part)


def _quoted(name: bytes) -> bytes:
    """Return a name as git writes it into a header: in C's own form where it has what a line could not show."""
    if not _SPECIAL.search(name):
        return name
    return b'"' + _SPECIAL.sub(lambda match: _ESCAPES.get(match[0]) or b"\\%03o" % match[0][0], name) + b'"'


def whole_file(path: str, text: str) -> FileChange:
    """Return the change that a file which is not tracked would be, once added."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    added = tuple((number, line[:LINE_CHARACTERS]) for number, line in enumerate(lines[:ADDED_LINES], 1))
    hunks = (Hunk(0, 0, 1, len(lines)),) if lines else ()
    return FileChange(path, "?", lines_added=len(lines), hunks=hunks, added=added)


def _parts(data: bytes) -> Iterator[list[bytes]]:
    """Split a patch at the headers of its files; hunks say how long they are, so no line of one is taken for one."""
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


def _filled(change: FileChange, part: list[bytes]) -> FileChange:
    hunks: list[Hunk] = []
    added: list[tuple[int, str]] = []
    plus = minus = number = left = 0
    for line in part:
        if left > 0 and line[:1] in {b"+", b"-"}:
            left -= 1
            if line[:1] == b"-":
                minus += 1
                continue
            plus += 1
            if len(added) < ADDED_LINES:
                added.append((number, line[1:].decode("utf-8", "replace")[:LINE_CHARACTERS]))
            number += 1
        elif match := _HUNK.match(line):
            before, number, after = int(match[2] or 1), int(match[3]), int(match[4] or 1)
            left = before + after
            if len(hunks) < HUNKS:
                hunks.append(Hunk(int(match[1]), before, number, after))
        elif line.startswith(b"Binary files "):
            return replace(change, lines_added=None, lines_removed=None)
    return replace(change, lines_added=plus, lines_removed=minus, hunks=tuple(hunks), added=tuple(added))


def _path(name: bytes) -> str:
    # as the rest of the house names files: what is no UTF-8 stays as it is
    return name.decode("utf-8", "surrogateescape")
