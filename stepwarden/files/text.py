"""The text of a file in the form in which quotes are compared: white space folded, offsets mapped to lines."""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import accumulate

# Models write the plain ones instead, and vice versa.
_TYPOGRAPHIC = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
}
# Nobody sees them, so nobody copies them: soft hyphens, zero-width spaces and joiners, directions, byte order marks.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")
_ODD = re.compile(f"[{''.join(_TYPOGRAPHIC)}]")
# Escapes of ECMA-48 that set colours, those that write them as text, and what a web log leaves of them.
_COLOUR = re.compile(
    r"(?:\x1b|\\x1b|\\u001b|\\033|\\e|\^\[|\u241b|\ufffd)\[[\d;:]*[mK]|\[\d{1,3}(?:;\d{1,3})*m", re.IGNORECASE
)
_OTHER_ESCAPE = re.compile(r"\x1b(?:\][^\x07\x1b\n]*(?:\x07|\x1b\\)|\[[0-9;?]*[A-Za-ln-z]|[()][A-Z0-9])")


def split_lines(text: str) -> list[str]:
    """Split at line feeds, as editors count; at carriage returns where there are no line feeds."""
    return text.split("\n" if "\n" in text else "\r")


def fold(text: str) -> str:
    """Return `text` with white space as one space, typographic marks as plain ones, and nothing invisible."""
    return " ".join(_plain(text).split())


def compose(text: str) -> str:
    """Return `text` with every accented letter as one character (Unicode's form C)."""
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def strip_colours(text: str) -> str:
    """Return `text` without the escapes by which terminals colour it, also where only their letters are left."""
    if "[" not in text and "\x1b" not in text:
        return text
    return _COLOUR.sub("", _OTHER_ESCAPE.sub("", text))


def count_solid(folded: str) -> int:
    """Count the characters of a folded text that are not spaces."""
    return len(folded) - folded.count(" ")


def _plain(text: str) -> str:
    if text.isascii():
        return text
    return _INVISIBLE.sub("", _ODD.sub(lambda match: _TYPOGRAPHIC[match[0]], text))


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
