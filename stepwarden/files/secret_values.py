"""Secrets inside texts: where they stand, what they are, and the text without them."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, cast

from stepwarden.files import disguised_secrets, issued_keys, named_secrets
from stepwarden.files.secrets import is_code_name, is_secret

HIDDEN = "<secret withheld>"
"""What stands in place of a secret in every text that is shown or sent."""

SECRET_CHARACTERS = 6  # of a secret of a file, from which it is hidden wherever it is said
LINE_CHARACTERS = 2_000  # longer lines are data, or generated, and nothing in them is told

_SETTINGS = "x.env"  # the name of a file in which values stand without quotation marks
_AROUND = (100, 900)  # characters before and after a word in a longer line, that are searched
# A line without any of these words, in any case, has no secret; searching for words is much faster.
_HINTS = (*issued_keys.HINTS, *named_secrets.HINTS, *disguised_secrets.HINTS)
_FREQUENT = {**issued_keys.FREQUENT, **named_secrets.FREQUENT, **disguised_secrets.FREQUENT}


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
    found: dict[int, str] = {}
    number = end = 0
    for value in locate_secrets(text, path, long_lines=False):
        number, end = number + text.count("\n", end, value.start), value.start
        found.setdefault(number + 1, value.kind)
    yield from found.items()


def find_secret(line: str, path: str = "") -> str:
    """Return what kind of secret a line has, "" for none; never its value."""
    return next((value.kind for value in locate_secrets(line, path)), "")


def hide_secrets(text: str, path: str = "") -> str:
    """Return `text` with HIDDEN in place of the value of every secret; lines stay where they are."""
    return _without(text, locate_secrets(text, path))


def hide_in_prose(text: str) -> str:
    """Return what somebody wrote without secrets: as of code, and settings quoted in it where a value has a digit."""
    return _without(text, locate_in_prose(text))


def locate_in_prose(text: str) -> list[SecretValue]:
    """Return the secrets in what somebody wrote, in their order, none inside another."""
    settings = [
        value for value in locate_secrets(text, _SETTINGS) if any(map(str.isdigit, text[value.start : value.end]))
    ]
    return _apart([*locate_secrets(text), *settings])


def hide_in_quote(quote: str, path: str) -> str:
    """Return a quote of the file `path` without secrets; of a file that is itself a secret, nothing."""
    return HIDDEN if is_secret(PurePath(path).parts) else hide_secrets(quote, path)


def hide_in_values(value: Any, secrets: Sequence[str] = ()) -> Any:
    """Return a JSON value, whoever said it, without secrets in its texts, names of fields apart.

    `secrets` are values that are hidden wherever they stand. Pixels of images stay whole, their names do not; a text
    `quote` beside a `file` is hidden as a quote of it.
    """
    if isinstance(value, str):
        return _hidden_image(value) if value.startswith("data:image/") else hide_in_prose(hide_known(value, secrets))
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        hidden = {name: hide_in_values(item, secrets) for name, item in fields.items()}
        if isinstance(quote := fields.get("quote"), str):
            hidden["quote"] = hide_in_quote(hide_known(quote, secrets), str(fields.get("file") or ""))
        return hidden
    if isinstance(value, list | tuple):
        return [hide_in_values(item, secrets) for item in cast("list[Any]", value)]
    return value


def hide_known(text: str, secrets: Sequence[str]) -> str:
    """Return a text with HIDDEN in place of some values, the longest first, as they are and as JSON writes them."""
    for secret in sorted(secrets, key=len, reverse=True):
        for written in dict.fromkeys((secret, json.dumps(secret)[1:-1])):
            text = text.replace(written, HIDDEN)
    return text


def list_secrets(text: str, path: str) -> tuple[str, ...]:
    """Return the values of the secrets in a file, each once, those that are long enough to be told from other words.

    A block of lines is none by itself: its lines are.
    """
    lines = (line for value in locate_secrets(text, path) for line in text[value.start : value.end].split("\n"))
    return tuple(dict.fromkeys(line.strip() for line in lines if len(line.strip()) >= SECRET_CHARACTERS))


def _hidden_image(url: str) -> str:
    """Return the data URL of an image without secrets in its head; one that is text, as SVG is, as text."""
    head, comma, data = url.partition(",")
    return hide_in_prose(head) + comma + (data if head.endswith(";base64") else hide_in_prose(data))


def _without(text: str, values: Iterable[SecretValue]) -> str:
    parts: list[str] = []
    end = 0
    for value in values:
        parts += [text[end : value.start], "\n".join(HIDDEN for _ in text[value.start : value.end].split("\n"))]
        end = value.end
    return "".join([*parts, text[end:]]) if parts else text


def locate_secrets(text: str, path: str = "", *, long_lines: bool = True) -> list[SecretValue]:
    """Return the secrets of a text in their order, none inside another; `long_lines` are those no person wrote."""
    settings = bool(path) and not is_code_name(path)
    found = [SecretValue(start, end, "a private key") for start, end in issued_keys.find_key_blocks(text)]
    found += [SecretValue(*place) for place in named_secrets.find_pairs(text)] if settings else []
    for start, end in _hinted_lines(text, long_lines=long_lines):
        line = text[start:end]
        found += [SecretValue(start + at, start + to, kind) for at, to, kind in _in_line(line, settings=settings)]
        found += [SecretValue(*place) for place in disguised_secrets.find_spread(text, start, end, settings=settings)]
    return _apart(found)


def _apart(found: Iterable[SecretValue]) -> list[SecretValue]:
    apart: list[SecretValue] = []
    for value in sorted(found, key=lambda value: (value.start, -value.end)):
        if not apart or value.start >= apart[-1].end:
            apart.append(value)
    return apart


def _hinted_lines(text: str, *, long_lines: bool) -> Iterator[tuple[int, int]]:
    """Yield where the lines that may have a secret start and end; of a long one, what stands around the word."""
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
            is_long = end - start > LINE_CHARACTERS
            if is_long:
                start, end = max(start, at - _AROUND[0]), min(end, at + _AROUND[1])
            if (long_lines or not is_long) and (besides is None or besides.search(text, start, end)):
                lines[start] = max(end, lines.get(start, 0))
            at = lowered.find(word, end)
    yield from sorted(lines.items())


def _in_line(line: str, *, settings: bool) -> Iterator[tuple[int, int, str]]:
    for kind, pattern in issued_keys.ISSUED:
        for match in pattern.finditer(line):
            if not named_secrets.is_placeholder(match[0]):
                yield *match.span(), kind
    yield from named_secrets.find_named(line, settings=settings)
    yield from disguised_secrets.find_forms(line, settings=settings)
