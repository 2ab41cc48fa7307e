"""Secrets in lines of text: keys in the formats of their issuers, and values of names such as `password`."""

import math
import re
from collections import Counter
from collections.abc import Iterator

# Formats as their issuers document them; each is specific enough by itself.
_FORMATS = (
    ("a private key", re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----")),
    ("an AWS key", re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Z0-9])")),
    ("a GitHub token", re.compile(r"(?<!\w)(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{60,})")),
    ("a GitLab token", re.compile(r"(?<!\w)glpat-[\w-]{20,}")),
    ("a Slack token", re.compile(r"(?<!\w)xox[abeprs]-[\w-]{10,}")),
    ("a Google key", re.compile(r"(?<!\w)AIza[\w-]{35}(?![\w-])")),
    ("a Stripe key", re.compile(r"(?<!\w)[rs]k_live_[A-Za-z0-9]{20,}")),
    ("a model vendor's key", re.compile(r"(?<![\w-])sk-(?:proj-|ant-|or-)?[A-Za-z0-9_-]{32,}")),
    ("an npm token", re.compile(r"(?<!\w)npm_[A-Za-z0-9]{36}(?!\w)")),
    ("a PyPI token", re.compile(r"(?<!\w)pypi-AgE[\w-]{50,}")),
    ("a signed token", re.compile(r"(?<![\w.])eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}")),
)
_IN_URL = re.compile(r"\w+://[^\s/:@'\"]{1,80}:([^\s/:@'\"]{4,80})@[\w.-]+")
_NAMED = re.compile(
    r"""(?<![A-Za-z])(?P<name>(?:\w*[_.-])?
        (?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|secret[_-]?key|private[_-]?key|auth[_-]?key))
        ['"]?\s*(?::|=|:=|=>)\s*['"](?P<value>[^'"\s]{8,200})['"]""",
    re.IGNORECASE | re.VERBOSE,
)
_PLACEHOLDER = re.compile(
    r"example|sample|change.?me|placeholder|your|dummy|fake|test|mock|redacted|xxx|\.\.\.|<|>|\$\{|\{\{|%\(|%s|\{\w*\}"
    r"|os\.environ|process\.env|password|secret|token|^\*+$|^(.)\1+$",
    re.IGNORECASE,
)
_LETTERS_AND_MORE = re.compile(r"(?=.*[A-Za-z])(?=.*[0-9])")
RANDOM_BITS = 3.0  # of entropy in a character, from which a value looks random rather than written


# A line without any of these words, in any case, has no secret; searching for words is much faster.
_WORDS = (
    *("private key", "akia", "asia", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "aiza"),
    *("k_live_", "sk-", "npm_", "pypi-age", "eyj", "://", "password", "passwd", "pwd", "secret", "token"),
    *("api_key", "api-key", "apikey", "access_key", "access-key", "accesskey", "private_key", "private-key"),
    *("privatekey", "auth_key", "auth-key", "authkey"),
)
LINE_CHARACTERS = 2_000  # longer lines are data, or generated, and not searched


def find_secrets(text: str) -> Iterator[tuple[int, str]]:
    """Yield the number, from 1, of each line with a secret, and what kind it is; never its value."""
    lowered = text.lower()
    if len(lowered) != len(text):  # some letters, as in Turkish, become longer, which would move offsets
        lowered = "".join(letter.lower() if letter.isascii() else letter for letter in text)
    starts: set[int] = set()
    for word in _WORDS:
        at = lowered.find(word)
        while at >= 0:
            starts.add(text.rfind("\n", 0, at) + 1)
            end = text.find("\n", at)
            at = lowered.find(word, end) if end >= 0 else -1
    for start in sorted(starts):
        end = text.find("\n", start)
        line = text[start : end if end >= 0 else len(text)]
        kind = find_secret(line) if len(line) < LINE_CHARACTERS else ""
        if kind:
            yield text.count("\n", 0, start) + 1, kind


def find_secret(line: str) -> str:
    """Return what kind of secret a line has, "" for none; never its value."""
    for kind, pattern in _FORMATS:
        if (match := pattern.search(line)) and not _PLACEHOLDER.search(_value(match[0])):
            return kind
    if (match := _IN_URL.search(line)) and not _PLACEHOLDER.search(match[1]):
        return "a password in a URL"
    match = _NAMED.search(line)
    if match and _looks_random(match["value"]):
        return f"a value for {match['name'].strip('_.-')[:30]}"
    return ""


def _value(text: str) -> str:
    return "" if text.startswith("-----") else text


def _looks_random(value: str) -> bool:
    if _PLACEHOLDER.search(value) or not _LETTERS_AND_MORE.search(value):
        return False
    counts = Counter(value)
    bits = -sum(count / len(value) * math.log2(count / len(value)) for count in counts.values())
    return bits >= RANDOM_BITS
