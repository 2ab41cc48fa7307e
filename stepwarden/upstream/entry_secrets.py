"""The secrets that an entry gives its server: what is named like one or looks like one, however plain its name.

Most of what stands in entries is none: words, numbers, dates, versions, paths, addresses of sites and of people.
"""

import base64
import html
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from stepwarden.files.secret_values import locate_secrets
from stepwarden.upstream.random_words import EMAIL, looks_random
from stepwarden.upstream.secret_names import tells_of_others, tells_of_secret, tells_of_user

WITHHELD = "[secret]"
NAMED_CHARS = 6  # of a secret that is named; anything shorter could be an ordinary word
CUT_WORDS_CHARS = 4_000  # of words that may end in a secret that was cut off: no line of ours is longer
_IN_BASE64_CHARS = 8  # of what is known of a secret inside a longer text in base64

Given = tuple[str, str]
"""A name, "" where it has none, and a value."""

_SETTINGS = "x.env"  # the name of a file in which values stand without quotation marks
_EVERYDAY = frozenset(
    {"default", "enabled", "disabled", "required", "optional", "bearer", "oauth2", "anonymous"}
    | {"password", "secret", "postgres"}
)
_BETWEEN = re.compile(r"[\s,;\"'`|(){}\[\]<>]+|\\n")
_PATH = re.compile(r"(?:~?/|\.{1,2}/|[A-Za-z]:\\)[^=+]*$")


def given_by_arguments(arguments: Sequence[str]) -> Iterator[Given]:
    """Yield what arguments give a command: `--name=value`, `--name value`, `-e NAME=value`, `--header "N: value"`."""
    name = ""
    for argument in arguments:
        flag, _, value = argument.partition("=") if argument.startswith("-") else ("", "", argument)
        if value:
            yield flag or name, value
        own = re.match(r"([\w-]+)\s*[=:]\s*(?=\S)", value)
        if own and "://" not in own[0] + value[own.end() - 1 : own.end() + 2]:
            yield own[1], value[own.end() :]
        name = "" if value else flag


def given_by_address(url: str) -> Iterator[Given]:
    """Yield what an address carries to its server: the parts of its path, and what it is asked with."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    if parts.password:
        yield "password", unquote(parts.password)
    yield "", unquote(parts.username or "")
    yield from (("", unquote(part)) for part in parts.path.split("/"))
    yield from parse_qsl(parts.query)


@dataclass(frozen=True)
class EntrySecrets:
    """The secrets among what an entry gives its server."""

    given: Sequence[Given]

    @cached_property
    def forms(self) -> Sequence[str]:
        """The secrets in the forms in which they may come back, the longest first."""
        values = {secret for name, value in self.given for secret in _secrets_of(name, value)}
        values = {value for value in values if len(value) >= NAMED_CHARS}
        users = {value for name, value in self.given if tells_of_user(name)}
        pairs = {f"{user}:{value}" for user in users for value in values}  # as Basic auth has them
        encoded = {form for value in (*values, *pairs) for form in _in_base64(value)}
        written = {form for value in values for form in _written(value)}
        return sorted({*values, *encoded, *written}, key=len, reverse=True)

    def hide_in(self, words: str) -> str:
        """Return words without them; in words as long as a line also without one that was cut off."""
        for secret in self.forms:
            words = words.replace(secret, WITHHELD)
        if len(words) > CUT_WORDS_CHARS or "..." not in words:
            return words
        for secret in self.forms:
            cut = next((at for at in range(len(secret) - 1, NAMED_CHARS - 1, -1) if f"{secret[:at]}..." in words), 0)
            words = words.replace(f"{secret[:cut]}...", f"{WITHHELD}...") if cut else words
        return words


def _secrets_of(name: str, value: str) -> Iterator[str]:
    before = f"{name}="
    yield from (value[found.start : found.end] for found in locate_secrets(value))
    for found in locate_secrets(before + value, _SETTINGS):
        yield value[max(0, found.start - len(before)) : max(0, found.end - len(before))]
    if tells_of_secret(name) and not _is_everyday(value):
        yield value
        yield value.rpartition(" ")[2]  # after "Bearer"
        yield from (line for line in value.splitlines() if not line.startswith("-----"))
    if not tells_of_others(name):
        yield from _random_in(value)
    for word in _BETWEEN.split(value):
        if "://" in word:
            yield from (secret for given in given_by_address(word) for secret in _secrets_of(*given))


def _is_everyday(value: str) -> bool:
    return value.lower() in _EVERYDAY or bool("://" in value or _PATH.match(value) or EMAIL.match(value))


def _random_in(value: str) -> Iterator[str]:
    """Yield what looks drawn by chance between blanks and marks, also without a name before it."""
    for word in _BETWEEN.split(value):
        if "://" not in word and looks_random(word):
            yield word
            yield from filter(looks_random, re.split(r"[=:]", word.rstrip("=")))


def _in_base64(value: str) -> Iterator[str]:
    """Yield a value in base64, alone and as it stands in a longer text, in both alphabets."""
    data = value.encode(errors="replace")
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        alone = encode(data).decode()
        yield from {alone, alone.rstrip("=")}
        for offset in (0, 1, 2):  # of its first byte in a group of three; the letters at its edges are not its own
            letters = encode(b"\0" * offset + data).decode().rstrip("=")
            inside = letters[(0, 2, 3)[offset] : len(letters) - ((offset + len(data)) % 3 != 0)]
            if len(inside) >= _IN_BASE64_CHARS:
                yield inside


def _written(value: str) -> Iterator[str]:
    """Yield a value as addresses, JSON, HTML and lines of ours have it."""
    yield from (quote(value, safe=""), quote(value), quote(value, safe="!'()*"), quote_plus(value))
    yield from (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
    yield from (html.escape(value), html.escape(value, quote=False))
    line = " ".join(value.split())
    yield from (line, line.replace('"', "'"))
