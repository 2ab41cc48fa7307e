"""The text of a file in the form in which quotes are compared: white space folded, offsets mapped to lines."""

import codecs
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import accumulate

# One character each, so that folding moves no offset: models write the plain ones instead, and vice versa.
_TYPOGRAPHIC = {**dict.fromkeys("\u2018\u2019\u201a\u201b", "'"), **dict.fromkeys("\u201c\u201d\u201e\u201f", '"')}
_MARK = "\ufeff"


def decode(data: bytes) -> str | None:
    """Return the text of a file: UTF-8, or UTF-16 with its mark, U+FFFD for invalid bytes; None for a binary."""
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = data.decode("utf-16" if wide else "utf-8", "replace")
    return None if "\0" in text else text


def split_lines(text: str) -> list[str]:
    """Split at line feeds, as editors count; at carriage returns where there are no line feeds."""
    return text.split("\n" if "\n" in text else "\r")


def fold(text: str) -> str:
    """Return `text` with any run of white space as one space, and typographic quotation marks as plain ones."""
    return " ".join(_plain(text).split())


def count_solid(folded: str) -> int:
    """Count the characters of a folded text that are not spaces."""
    return len(folded) - folded.count(" ")


def _plain(text: str) -> str:
    if text.isascii():
        return text
    for odd, plain in _TYPOGRAPHIC.items():
        text = text.replace(odd, plain)
    return text.replace(_MARK, "")


@dataclass(frozen=True, slots=True)
class FoldedText:
    """A file's text, folded: `starts[i]` is the offset and `numbers[i]` the number of its i-th non-blank line."""

    folded: str
    starts: list[int]
    numbers: list[int]

    @classmethod
    def of(cls, text: str) -> "FoldedText":
        """Fold `text`; lines count from 1."""
        lines = [(number, " ".join(line.split())) for number, line in enumerate(split_lines(_plain(text)), 1)]
        full = [(number, line) for number, line in lines if line]
        starts = list(accumulate((len(line) + 1 for _, line in full), initial=0))[:-1]
        return cls(" ".join(line for _, line in full), starts, [number for number, _ in full])

    def __len__(self) -> int:
        return len(self.starts)

    def line_at(self, offset: int) -> int:
        """Return the number of the line at an offset of the folded text."""
        return self.numbers[self.index_at(offset)]

    def index_at(self, offset: int) -> int:
        """Return the index of the line at an offset of the folded text."""
        return bisect_right(self.starts, offset) - 1

    def index_of(self, line: int) -> int:
        """Return the index of the first line from number `line` on that is not blank; the length for none."""
        return bisect_left(self.numbers, line)

    def line(self, index: int) -> str:
        """Return the folded text of the line at `index`, "" past the last."""
        if index >= len(self.starts):
            return ""
        return self.folded[self.starts[index] : self.end(index)]

    def end(self, index: int) -> int:
        """Return where the line at `index` ends; the end of the text past the last."""
        return self.starts[index + 1] - 1 if index + 1 < len(self.starts) else len(self.folded)
