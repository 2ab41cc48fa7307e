"""Values of names such as `password`: which names tell of a secret, and which values look like one."""

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

RANDOM_BITS = 3.0  # of entropy in a character, from which a value looks random rather than written
RANDOM_BITS_OF_DATA = 2.5  # the same where no code stands, only settings
VALUE_CHARACTERS = 8  # the least; passwords in settings may have fewer,
PASSWORD_CHARACTERS = 6

_NAMES = r"(?:passw(?:or)?d|pwd|passphrase|secret|token|key|credentials?)"
_NAME = re.compile(rf"(?P<name>(?<![A-Za-z0-9])[\w.-]{{0,60}}?{_NAMES}[\w-]{{0,20}})", re.IGNORECASE)
_QUOTED = re.compile(
    r"(?:[\"'`]?\]?\??\s*(?::\s*&?(?:'?\w+\s*)?\??\s*)?(?:={1,3}|:=?|=>)|[\"'`]\s*,|\(|(?:[\"'`]\]?\)?)?\s*(?:\|\||\?\?|\bor\b)|\s)\s*[a-zA-Z@$]{0,2}\\{0,3}"
    r"(?P<mark>[\"'`])(?P<value>[^\"'`\s\\]{6,400})\\{0,3}(?P=mark)"
)
_IN_ATTRIBUTE = re.compile(r"[\"'][^<>\n]{0,80}?\svalue\s*=\s*[\"'](?P<value>[^\"'\n]{6,400})[\"']")
_IN_ELEMENT = re.compile(r"[^<>\n]{0,80}>(?P<value>[^<>\s]{6,400})</")
_BARE = re.compile(r"(?:[\"']?\s*(?:=|:)[ \t]*[\"']?|[ \t]+)(?P<value>[^\s\"'#;,<>()\[\]{}]{6,400})(?=[\s\"'#;,]|$)")
_PAIR = re.compile(
    rf"name[\"']?\s*[:=]\s*[\"']?(?P<name>[\w.-]*{_NAMES}[\w-]{{0,20}})[\"']?,?\s{{1,80}}"
    r"[\"']?value[\"']?\s*[:=]\s*[\"']?(?P<value>[^\s\"'#;,<>()\[\]{}]{6,400})",
    re.IGNORECASE,
)
_IN_SQL = re.compile(r"identified\s+by\s+(?:password\s+)?['\"](?P<value>[^'\"\s]{6,200})['\"]", re.IGNORECASE)
_IN_URL = re.compile(r"(?<=\w)://(?P<user>[^\s/:@'\"]{0,80}):(?P<value>[^\s/:@'\"]{4,80})@[\w.-]+")
_IN_HEADER = re.compile(r"authorization.{0,40}?(?:bearer|basic|token)\s+(?P<value>[\w+/=.~-]{16,})", re.IGNORECASE)
_IN_CONNECTION = re.compile(
    r"(?:^|[;\"'\s])(?P<name>password|pwd|accountkey|sharedaccesskey|sharedsecret|secret)\s*=\s*"
    r"(?P<value>[^;\"'\s{}<>]{6,200})",
    re.IGNORECASE,
)
_IN_QUERY = re.compile(
    r"[?&](?P<name>\w{0,30}(?:token|key|password|secret|sig|signature))=(?P<value>[^&\s\"'#]{8,200})", re.IGNORECASE
)
_PLACEHOLDER = re.compile(
    r"example|sample|change.?me|placeholder|your|dummy|fake|test|mock|redacted|xxx|\.\.\.|<|>|\$\{|\{\{|%\(|%s|\{\w*\}"
    r"|os\.environ|process\.env|password|secret|token|^\*+$|^(.)\1+$",
    re.IGNORECASE,
)
_REFERENCE = re.compile(
    r"[$%&*!@<{\[(/~.]|\w+://|ENC\(|arn:|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+$|\d[\d.:_-]*$|0x[0-9a-f]{1,8}$"
    r"|(?:vault|env|ssm|file|sops|op|secrets?|data|var|local|module|process|system|self|this|config|settings)[:.\[(]",
    re.IGNORECASE,
)
_LETTERS_AND_MORE = re.compile(r"(?=.*[A-Za-z])(?=.*[0-9])|(?=.*[a-z].*[A-Z].*[a-z].*[A-Z])")
_PIECES = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_SEPARATED = re.compile(r"[A-Za-z][-_./:][A-Za-z]")
_LONG_PIECE, _LONG_NUMBER = 4, 4  # letters on average, and digits, of what is made of words
_COMMON = frozenset(
    {"pass", "passwd", "guest", "root", "admin", "user", "postgres", "mysql", "redis", "rabbit", "letmein", "tiger"}
    | {"passwort", "wachtwoord", "senha", "clave", "motdepasse", "contrasena", "parola", "haslo", "salasana"}
)

# A name tells of a secret by its last words; what can follow them says where it is for, or how it is written.
_TELLING = frozenset(
    {"password", "passwd", "pwd", "passphrase", "secret", "token", "credential", "credentials", "apikey", "accesskey"}
    | {"secretkey", "privatekey", "authkey", "accountkey", "apitoken", "authtoken", "clientsecret"}
)
_PASSWORDS = frozenset({"password", "passwd", "pwd", "passphrase"})
_TELLING_KEYS = frozenset(
    {"api", "access", "secret", "private", "auth", "account", "signing", "encryption", "master", "shared", "service"}
    | {"license", "app", "consumer", "subscription", "storage", "deploy", "admin", "webhook", "client"}
)
# Keys by which something is found, is known or is checked in public: no secrets, however random their values look.
_OPEN_KEYS = frozenset(
    {
        "cache",
        "primary",
        "foreign",
        "sort",
        "partition",
        "range",
        "hash",
        "dict",
        "map",
        "lookup",
        "index",
        "public",
        "pub",
    }
    | {
        "publishable",
        "site",
        "object",
        "s3",
        "bucket",
        "redis",
        "idempotency",
        "dedup",
        "group",
        "row",
        "column",
        "data",
    }
    | {"json", "i18n", "translation", "message", "event", "query", "store", "react", "unique", "natural", "composite"}
    | {
        "test",
        "fake",
        "dummy",
        "sample",
        "example",
        "verify",
        "verification",
        "project",
        "session",
        "state",
        "registry",
    }
    | {"routing", "config", "settings", "setting", "feature", "experiment", "metric", "trace", "file", "path", "image"}
    | {
        "item",
        "node",
        "element",
        "component",
        "entry",
        "record",
        "schema",
        "type",
        "class",
        "fingerprint",
        "gpg",
        "pgp",
    }
    | {"gpgkey", "host", "known", "peer", "node", "address", "wallet", "ssh", "rsa", "ed25519", "ecdsa", "curve", "ec"}
    | {"x", "y", "kid", "jwk", "document", "doc", "asset", "content", "integrity", "checksum", "digest"}
)
_UNNAMED_CHARACTERS = 20  # the least of a key whose name does not tell what it is for
_UNNAMED_BITS = 3.5
_MIXED = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[\w+/=-]+$|(?=.*[a-f])(?=.*\d)[0-9a-f]{32,128}$")

_AFTERWARDS = re.compile(r"prod|production|dev|staging|live|qa|default|value|base|base64|b64|hex|v?\d+")

HINTS = (
    *(
        "://",
        "password",
        "passwd",
        "pwd",
        "passphrase",
        "secret",
        "token",
        "key",
        "credential",
        "authorization",
        "sig=",
    ),
    *("signature=", "identified"),
)
"""Words in lower case, one of which is in every line where something is found here."""
FREQUENT = {
    "key": re.compile(
        rf"(?:{'|'.join(sorted(_TELLING_KEYS))})[_.-]?key|[?&]\w*key="
        r"|\wkey\w{0,20}[\"'`\]]*\s{0,4}(?::\s{0,4}\w+\s{0,4})?(?:=>?|:=?)\s{0,4}[a-z]{0,2}[\"'`][\w+/=-]{20}",
        re.IGNORECASE,
    ),
    "://": re.compile(r"://[^\s/@'\"]*:[^\s/@'\"]+@|[?&]\w+="),
}
"""Those of them that are in many other lines, with what a line has to match besides."""


@dataclass(frozen=True, slots=True)
class SecretName:
    """Where a name that tells of a secret stands in a text."""

    start: int
    end: int
    shown: str


def find_names(text: str, start: int, end: int) -> Iterator[SecretName]:
    """Yield the names in a part of a text that tell of secrets."""
    for name in _NAME.finditer(text, start, end):
        if _telling_words(name["name"]):
            yield SecretName(name.start(), name.end(), _shown(name["name"]))


def find_named(line: str, *, settings: bool) -> Iterator[tuple[int, int, str]]:
    """Yield where values of secrets start and end in a line, and what they are values of.

    In `settings` - YAML, properties, XML, shell - they may stand without quotation marks.
    """
    for match in _IN_URL.finditer(line):
        if _is_of_url(match["user"], match["value"]):
            yield *match.span("value"), "a password in a URL"
    for match in _IN_HEADER.finditer(line):
        if is_random(match["value"], RANDOM_BITS):
            yield *match.span("value"), "a value for Authorization"
    for match in _IN_SQL.finditer(line):
        if is_random(match["value"], RANDOM_BITS_OF_DATA):
            yield *match.span("value"), "a password in SQL"
    if ";" in line and line.count("=") > 1:
        yield from _matches(_IN_CONNECTION, line, RANDOM_BITS_OF_DATA)
    yield from _matches(_IN_QUERY, line, RANDOM_BITS)
    for name in _NAME.finditer(line):
        if words := _telling_words(name["name"]):
            yield from _assigned(line, name, words, settings=settings)
        else:
            yield from _random_key(line, name)


def find_pairs(text: str) -> Iterator[tuple[int, int, str]]:
    """Find `name: API_KEY` with its `value: ...` on the next line, as containers are given their environment."""
    for match in _PAIR.finditer(text) if "value" in text else ():
        if _telling_words(match["name"]) and is_random(match["value"], RANDOM_BITS_OF_DATA):
            yield *match.span("value"), f"a value for {_shown(match['name'])}"


def _is_of_url(user: str, value: str) -> bool:
    """Whether what stands for a password in a URL may be one: no word for it in any language, nor the user again."""
    plain = value.lower()
    return value.isascii() and plain not in _COMMON and plain != user.lower() and not _PLACEHOLDER.search(value)


def is_placeholder(value: str) -> bool:
    """Whether a value stands for one that is filled in elsewhere."""
    return _PLACEHOLDER.search(value) is not None


def _matches(pattern: re.Pattern[str], line: str, bits: float) -> Iterator[tuple[int, int, str]]:
    for match in pattern.finditer(line):
        if is_random(match["value"], bits):
            yield *match.span("value"), f"a value for {_shown(match['name'])}"


def _assigned(line: str, name: re.Match[str], words: list[str], *, settings: bool) -> Iterator[tuple[int, int, str]]:
    patterns = (_QUOTED, _IN_ATTRIBUTE, _IN_ELEMENT, _BARE) if settings else (_QUOTED,)
    value = next((match for pattern in patterns if (match := pattern.match(line, name.end()))), None)
    if value is None:
        return
    weak = settings and words[-1] in _PASSWORDS and _is_password(value["value"])
    if weak or is_random(value["value"], RANDOM_BITS_OF_DATA if settings else RANDOM_BITS):
        yield *value.span("value"), f"a value for {_shown(name['name'])}"


def _telling_words(name: str) -> list[str]:
    """Return the words of a name that tells of a secret: `dbPassword`, `API_KEY_PROD`; none of `token_count`."""
    words = [part.lower() for part in _PIECES.findall(name)]
    while len(words) > 1 and _AFTERWARDS.fullmatch(words[-1]):
        words.pop()
    if not words:
        return []
    tells = words[-1] in _TELLING or (words[-1] == "key" and len(words) > 1 and words[-2] in _TELLING_KEYS)
    return words if tells else []


def _is_some_key(name: str) -> bool:
    """Whether a name is of a key of some kind, and of none that is known to be no secret: `_etag_key`."""
    words = [part.lower() for part in _PIECES.findall(name)]
    while len(words) > 1 and _AFTERWARDS.fullmatch(words[-1]):
        words.pop()
    return len(words) > 1 and words[-1] == "key" and not _OPEN_KEYS & set(words)


def _random_key(line: str, name: re.Match[str]) -> Iterator[tuple[int, int, str]]:
    """Yield the value under a key of some kind where it is long, written out in code, and random beyond doubt."""
    match = _QUOTED.match(line, name.end()) if _is_some_key(name["name"]) else None
    value = match["value"] if match is not None else ""
    if match is None or len(value) < _UNNAMED_CHARACTERS or not _MIXED.match(value):
        return
    if is_random(value, _UNNAMED_BITS if any(map(str.isupper, value)) else RANDOM_BITS):
        yield *match.span("value"), f"a value for {_shown(name['name'])}"


def _shown(name: str) -> str:
    return name.strip("_.-")[:30]


def _is_password(value: str) -> bool:
    """Whether a value in settings may be a password that a person made up: letters and digits in one word."""
    return (
        len(value) >= PASSWORD_CHARACTERS
        and _LETTERS_AND_MORE.search(value) is not None
        and not (_PLACEHOLDER.search(value) or _REFERENCE.match(value) or re.search(r"[-_./:]", value))
    )


def is_random(value: str, bits: float) -> bool:
    """Whether a value looks random rather than written, with so many bits of entropy in a character at least."""
    if len(value) < VALUE_CHARACTERS or not _LETTERS_AND_MORE.search(value):
        return False
    if _PLACEHOLDER.search(value) or _REFERENCE.match(value) or is_written(value):
        return False
    counts = Counter(value)
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts.values()) >= bits


def is_written(value: str) -> bool:
    """Whether a value is made of words and small numbers, such as `app-db-creds-2`: it names something."""
    pieces = _PIECES.findall(value)
    words = [piece for piece in pieces if piece.isalpha()]
    numbers = [piece for piece in pieces if not piece.isalpha()]
    letters = sum(map(len, words))
    least = _LONG_PIECE - 1 if value.isalpha() or _SEPARATED.search(value) else _LONG_PIECE
    return (
        bool(words)
        and letters >= least * len(words)
        and len(numbers) <= 2
        and all(len(number) <= _LONG_NUMBER for number in numbers)
    )
