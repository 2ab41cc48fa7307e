"""Secrets inside texts: where they stand, what they are, and the text without them."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from stepwarden.files import issued_keys, named_secrets
from stepwarden.files.secrets import is_code_name

HIDDEN = "<secret withheld>"
"""What stands in place of a secret in every text that is shown or sent."""

LINE_CHARACTERS = 2_000  # longer lines are data, or generated, and nothing in them is told

# A line without any of these words, in any case, has no secret; searching for words is much faster.
_HINTS = (*issued_keys.HINTS, *named_secrets.HINTS)
_FREQUENT = {**issued_keys.FREQUENT, **named_secrets.FREQUENT}


@dataclass(frozen=True, slots=True)
class SecretValue:
    """Where the value of a secret stands in a text, and what kind it is."""

    start: int
    end: int
    kind: str


def find_secrets(text: str, path: str = "") -> Iterator[tuple[int, str]]:
    """Yield the number, from 1, of each line with a secret, and what kind it is; never its value.

    `path` is the name of the file, which says whether values stand in it without quotation marks; "" for code.
    """
    starts = list(accumulate((len(line) + 1 for line in text.split("\n")), initial=0))
    found: dict[int, str] = {}
    for value in locate_secrets(text, path, longest_line=LINE_CHARACTERS):
        found.setdefault(bisect_right(starts, value.start), value.kind)
    yield from found.items()


def find_secret(line: str, path: str = "") -> str:
    """Return what kind of secret a line has, "" for none; never its value."""
    return next((value.kind for value in locate_secrets(line, path)), "")


def hide_secrets(text: str, path: str = "") -> str:
    """Return `text` with HIDDEN in place of the value of every secret; lines stay where they are."""
    parts: list[str] = []
    end = 0
    for value in locate_secrets(text, path):
        parts += [text[end : value.start], "\n".join(HIDDEN for _ in text[value.start : value.end].split("\n"))]
        end = value.end
    return "".join([*parts, text[end:]]) if parts else text


def locate_secrets(text: str, path: str = "", *, longest_line: int | None = None) -> list[SecretValue]:
    """Return the secrets of a text in their order, none inside another."""
    settings = bool(path) and not is_code_name(path)
    found = [SecretValue(start, end, "a private key") for start, end in issued_keys.find_key_blocks(text)]
    found += [SecretValue(*place) for place in named_secrets.find_pairs(text)] if settings else []
    for start, end in _hinted_lines(text):
        if longest_line is None or end - start < longest_line:
            line = text[start:end]
            found += [SecretValue(start + at, start + to, kind) for at, to, kind in _in_line(line, settings=settings)]
    apart: list[SecretValue] = []
    for value in sorted(found, key=lambda value: (value.start, -value.end)):
        if not apart or value.start >= apart[-1].end:
            apart.append(value)
    return apart


def _hinted_lines(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the lines that may have a secret start and end."""
    lowered = text.lower()
    if len(lowered) != len(text):  # some letters, as in Turkish, become longer, which would move offsets
        lowered = "".join(letter.lower() if letter.isascii() else letter for letter in text)
    lines: dict[int, int] = {}
    for word in _HINTS:
        besides = _FREQUENT.get(word)
        at = lowered.find(word)
        while at >= 0:
            start, end = text.rfind("\n", 0, at) + 1, text.find("\n", at)
            end = end if end >= 0 else len(text)
            if besides is None or besides.search(text, start, end):
                lines[start] = end
            at = lowered.find(word, end)
    yield from sorted(lines.items())


def _in_line(line: str, *, settings: bool) -> Iterator[tuple[int, int, str]]:
    for kind, pattern in issued_keys.ISSUED:
        for match in pattern.finditer(line):
            if not named_secrets.is_placeholder(match[0]):
                yield *match.span(), kind
    yield from named_secrets.find_named(line, settings=settings)
