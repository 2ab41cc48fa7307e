"""Secrets in other forms than `name = "value"`: inside calls, put together, in blocks of YAML, in lines of tools."""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

from stepwarden.files.named_secrets import RANDOM_BITS, RANDOM_BITS_OF_DATA, find_names, is_random

CALL_CHARACTERS, CALL_BITS = 16, 3.5  # the least of a value in a call that neither decodes nor wraps it
MOST_PIECES = 40  # of one value

# `password: str =`, `key, _ :=`, `["ApiKey"] =>`, `setPassword(`, up to the value
_UP_TO_VALUE = re.compile(
    r"[\"'`]?\]?\s{0,20}(?::\s{0,9}&?(?:'\w{1,20}\s)?[\w.\[\]<>?|]{1,60}\s{0,9}=|,\s{0,9}\w{1,60}\s{0,9}:?=|:?=|:|=>|\()\s{0,80}"
)
_CALL = r"(?:(?:[A-Za-z_$][\w$]{0,60}(?:\(\))?(?:\.|::)){0,6}[A-Za-z_$][\w$]{0,60}!?|\[\]byte|[\"']{2}\.join)"
_LEAD = re.compile(rf"(?P<calls>(?:(?:(?:new|await)\s)?{_CALL}?[(\[]\s{{0,80}}){{0,4}})")
_PIECE = re.compile(r"[a-zA-Z@$]{0,2}(?P<mark>[\"'`])(?P<value>[^\"'`\s\\]{1,400})(?P=mark)")
_BETWEEN = re.compile(r"\s{0,9}(?:[+.&,]\s{0,80}|\\?\r?\n\s{0,80}|\s{1,9})(?=[a-zA-Z@$]{0,2}[\"'`])")
_KEY = re.compile(r"\s{0,9}:(?!:)")  # after a text that is the next key of an object
_JOINED = re.compile(r",?\s{0,80}\]\s{0,9}\.join\(")
# What only decodes or wraps a value; of any other call nobody knows what its text is
_DECODING = re.compile(
    r"hex|decode|base64|b64|atob|bytes?$|bytearray|^str$|String$|Secret(?:Str|Bytes)$|Buffer\.from|byte$|pack|join|encode|^$",
    re.IGNORECASE,
)

_BLOCK = re.compile(
    r"[\"']?:[ \t]*(?:!{1,2}[\w:]{1,20}[ \t]*)?(?P<sign>[|>][-+0-9]{0,2})?[ \t]*(?:\#[^\n]{0,200})?\r?\n"
    r"(?P<value>[ \t]+\S[^\n]*(?:\n[ \t]+\S[^\n]*){0,80})"
)
_MAPPING = re.compile(r"[\w.\"'-]{1,80}:(?:\s|$)|- ")

_B64 = r"[\w+/-]{12,2000}={0,2}"
_SESSION = (
    r"(?:php|j|asp\.net_)?sess(?:ion)?(?:[_-]?(?:id|token|key))?|connect\.sid|sid|\w{0,20}[_-]?(?:token|auth)"
    r"|remember\w{0,20}"
)


@dataclass(frozen=True, slots=True)
class _Form:
    """A form in which a secret stands: `hints` are words of it in lower case, `data` says that it is none of code."""

    kind: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    data: bool = False
    basic: bool = False  # base64 of a name and a password


def _form(kind: str, hints: str, pattern: str, *, data: bool = False, basic: bool = False) -> _Form:
    return _Form(kind, tuple(hints.split()), re.compile(pattern, re.IGNORECASE), data, basic)


_FORMS = (
    _form("a password in a URL", "%3a%2f%2f", r"%3A%2F%2F[^\s\"'&]{0,80}%3A(?P<value>[^\s\"'&]{4,80}?)%40"),
    _form(
        "a password of curl",
        "-u --user --proxy-user",
        r"(?:^|\s)(?:-u|--(?:proxy-)?user)[= ]\s{0,4}[\"']?[\w.@-]{1,60}:(?P<value>[^\s\"']{6,200})",
    ),
    _form(
        "a session's cookie",
        "cookie",
        rf"(?:cookies?\b[^\n]{{0,200}}?[\s\"';:{{(,=])(?:{_SESSION})[\"']?\s{{0,4}}[=:,]\s{{0,4}}[\"']?"
        r"(?P<value>[^\s;,\"'<>{}()]{16,600})",
    ),
    _form("a registry's login", "_auth", rf"(?<![\w])_auth\s{{0,4}}=\s{{0,4}}[\"']?(?P<value>{_B64})", basic=True),
    _form("a registry's login", '"auth"', rf"\"auth\"\s{{0,4}}:\s{{0,4}}\"(?P<value>{_B64})\"", basic=True),
    _form(
        "a registry's token",
        "identitytoken registrytoken",
        r"\"(?:identity|registry)token\"\s{0,4}:\s{0,4}\"(?P<value>[^\"\s]{12,2000})\"",
    ),
    _form(
        "a cluster's key",
        "key-data",
        r"client-key-data[\"']?\s{0,4}:\s{0,4}[\"']?(?P<value>[\w+/]{16,20000}={0,2})",
    ),
    _form(
        "a password's hash",
        ":$2 :$apr1$ :$1$ :$5$ :$6$ :$y$ :$argon2 :{sha} :{ssha}",
        r"^[\s+>#|-]{0,9}[\w.@-]{1,60}:(?P<value>\$(?:2[abxy]?|1|5|6|y|apr1|argon2\w{1,2})\$[^\s:\"']{20,200}"
        r"|\{S?SHA\d{0,3}\}[\w+/=]{20,200})",
    ),
    _form(
        "a database's password",
        ":543 :6432: :*:",
        r"^[\s+>#|-]{0,9}[\w.*-]{1,80}:(?:\d{2,5}|\*):[\w.*-]{1,60}:[\w.*@-]{1,60}:(?P<value>[^\s:]{6,200})\s*$",
        data=True,
    ),
    _form(
        "a key in a call",
        "hmac jwt. fernet( aesgcm(",
        r"(?:hmac\.new\(|createhmac\([^,\n]{1,40},|\bjwt\.(?:encode|decode|sign|verify)\([^,\n]{1,80},|fernet\(|aesgcm\()\s{0,9}"
        r"(?:key\s?=\s?)?[bru]{0,2}[\"'](?P<value>[^\"'\s]{8,400})[\"']",
    ),
)
HINTS = tuple(dict.fromkeys(hint for form in _FORMS for hint in form.hints))
"""Words in lower case, one of which is in every line where one of the forms of tools is found."""
FREQUENT = {
    "-u": re.compile(r"(?:^|\s)-u[= ]\s{0,4}[\"']?[\w.@-]{1,60}:\S{6}"),
    "--user": re.compile(r"--user[= ]\s{0,4}[\"']?[\w.@-]{1,60}:\S{6}"),
    ":543": re.compile(r":543\d:"),
    "cookie": re.compile(r"[^\s;,\"'<>{}()]{16}"),
}
"""Those of them that are in many other lines, with what a line has to match besides."""


def find_forms(line: str, *, settings: bool) -> Iterator[tuple[int, int, str]]:
    """Yield where secrets start and end that a line has in the form of a tool, and what they are."""
    lowered = line.lower()
    for form in _FORMS:
        if (form.data and not settings) or not any(hint in lowered for hint in form.hints):
            continue
        for match in form.pattern.finditer(line):
            value = match["value"]
            is_hash = value.startswith(("$", "{"))
            if is_hash or (_is_login(value) if form.basic else is_random(value, RANDOM_BITS_OF_DATA)):
                yield *match.span("value"), form.kind


def find_spread(text: str, start: int, end: int, *, settings: bool) -> Iterator[tuple[int, int, str]]:
    """Yield where the pieces of values start and end whose names stand in a line of `text`; they may go on below it."""
    for name in find_names(text, start, end):
        kind = f"a value for {name.shown}"
        yield from ((*place, kind) for place in _in_expression(text, name.end))
        if settings:
            yield from (
                (*place, kind) for place in _in_block(text, name.end, name.start - _line_start(text, name.start))
            )


def _in_expression(text: str, at: int) -> Iterator[tuple[int, int]]:
    """Yield the pieces of a value that is put together, or stands in a call."""
    if (up_to := _UP_TO_VALUE.match(text, at)) is None:
        return
    lead = _LEAD.match(text, up_to.end())
    assert lead is not None  # it may be empty
    pieces = _pieces(text, lead.end(), joined="join" in lead["calls"])
    calls = [call for call in re.split(r"[(\[]\s*", lead["calls"].strip()) if call]
    if not pieces or (len(pieces) == 1 and not lead["calls"]):
        return
    value = "".join(piece["value"] for piece in pieces)
    known = all(_DECODING.search(call) for call in calls)
    if is_random(value, RANDOM_BITS if known else CALL_BITS) and (known or len(value) >= CALL_CHARACTERS):
        yield from (piece.span("value") for piece in pieces)


def _pieces(text: str, at: int, *, joined: bool) -> list[re.Match[str]]:
    """Return the texts that make up one value; those with a comma between only where they are joined."""
    pieces: list[re.Match[str]] = []
    alone = 0  # how many of them come before a comma
    while len(pieces) < MOST_PIECES and (piece := _PIECE.match(text, at)):
        if pieces and _KEY.match(text, piece.end()):
            break
        pieces.append(piece)
        at = piece.end()
        between = _BETWEEN.match(text, at)
        if between is None:
            break
        if "," in between[0] and not alone:
            alone = len(pieces)
        at = between.end()
    return pieces if joined or not alone or _JOINED.match(text, at) else pieces[:alone]


def _in_block(text: str, at: int, indent: int) -> Iterator[tuple[int, int]]:
    """Yield the lines of a value that stands below its name: with a sign of YAML's any, else one alone."""
    block = _BLOCK.match(text, at)
    if block is None:
        return
    lines: list[tuple[int, int]] = []
    start = block.start("value")
    for line in block["value"].split("\n"):
        bare = line.strip()
        if len(line) - len(line.lstrip()) <= indent or " " in bare:
            break
        lines.append((start + line.index(bare), start + line.index(bare) + len(bare)))
        start += len(line) + 1
    value = "".join(text[first:last] for first, last in lines)
    if not block["sign"] and (len(lines) != 1 or _MAPPING.match(value)):
        return
    if is_random(value.strip("\"'"), RANDOM_BITS_OF_DATA):
        yield from lines


def _is_login(value: str) -> bool:
    """Whether a text is the base64 of a name and a password."""
    try:
        plain = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return b":" in plain and plain.isascii() and plain.decode("ascii").isprintable()


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1
