"""Single lines of files, and marks by which a line is known again after its file changed."""

from collections.abc import Sequence
from dataclasses import dataclass

from stepwarden.files.encodings import decode
from stepwarden.files.file_contents import read_contents
from stepwarden.files.safe_open import Unread
from stepwarden.files.text import split_lines
from stepwarden.steps.text import key_of

FILE_MARK = 16  # hex characters of a file's SHA-256 that tell whether it changed


@dataclass(frozen=True, slots=True)
class FileLines:
    """The lines of a file as it is now; `file_mark` stands for all of it."""

    lines: Sequence[str]
    file_mark: str

    def text(self, line: int) -> str | None:
        """Return a line, counted from 1; None where the file has no such line."""
        return self.lines[line - 1] if 1 <= line <= len(self.lines) else None

    def mark(self, line: int) -> str:
        """Return what stands for the words of a line, "" for a line without any, or that is not there."""
        text = self.text(line)
        return key_of(text) if text and text.strip() else ""

    def nearest(self, mark: str, line: int) -> int | None:
        """Return the line with this mark that is nearest to `line`, None where there is none."""
        if not mark or self.mark(line) == mark:
            return line if mark else None
        same = [number for number in range(1, len(self.lines) + 1) if self.mark(number) == mark]
        return min(same, key=lambda number: (abs(number - line), number), default=None)


def read_lines(root: str | None, paths: Sequence[str]) -> dict[str, FileLines]:
    """Return the lines of the files with these canonical names that may be read and are text."""
    found: dict[str, FileLines] = {}
    for path, content, _ in read_contents(root, dict.fromkeys(paths)):
        text = None if isinstance(content, Unread) else decode(content.data)
        if text is not None and not isinstance(content, Unread):
            found[path] = FileLines(split_lines(text), content.sha256[:FILE_MARK])
    return found
