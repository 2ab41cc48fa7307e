"""Keys in the formats of their issuers, and blocks of private keys."""

import re
from collections.abc import Iterator

KEY_CHARACTERS = 20_000  # of one block; the longest RSA keys in use have 13,000

_BLOCK = re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|^PuTTY-User-Key-File-\d:", re.MULTILINE)
_BLOCK_WORDS = ("PRIVATE KEY", "PuTTY-User-Key")
_END = re.compile(r"-----END |^Private-MAC:", re.MULTILINE)
_END_CHARACTERS = 12
_BODY = re.compile(r"[A-Za-z0-9+/]{24}")
_HEAD_CHARACTERS = 400  # before the first whole line of a key: headers, quotation marks, comment signs
_CLOUDS = (
    r"dop_v1_[0-9a-f]{64}|dapi[0-9a-f]{32}|hvs\.[\w-]{24,}|dckr_pat_[\w-]{20,}"
    r"|shpat_[0-9a-f]{32}|lin_api_\w{32,}|ntn_\w{40,}"
)
# As their issuers document them; each is specific enough by itself.
ISSUED = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("an AWS key", r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Z0-9])"),
        ("a GitHub token", r"(?<!\w)(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{60,})"),
        ("a GitLab token", r"(?<!\w)gl(?:pat|ptt|dt|rt|soat)-[\w-]{20,}"),
        ("a Slack token", r"(?<!\w)xox[abeprs]-[\w-]{10,}|hooks\.slack\.com/services/T\w{8,}/B\w{8,}/\w{20,}"),
        ("a Google key", r"(?<!\w)AIza[\w-]{35}(?![\w-])|(?<!\w)GOCSPX-[\w-]{24,}|(?<!\w)ya29\.[\w-]{30,}"),
        ("a Stripe key", r"(?<!\w)[rs]k_live_[A-Za-z0-9]{20,}|(?<!\w)whsec_[A-Za-z0-9+/=]{24,}"),
        ("a model vendor's key", r"(?<![\w-])sk-(?:proj-|ant-|or-)?[A-Za-z0-9_-]{32,}|(?<!\w)hf_[A-Za-z]{34}(?!\w)"),
        ("an npm token", r"(?<!\w)npm_[A-Za-z0-9]{36}(?!\w)"),
        ("a PyPI token", r"(?<!\w)pypi-AgE[\w-]{50,}"),
        ("a signed token", r"(?<![\w.])eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"),
        ("an Atlassian token", r"(?<!\w)ATATT3xFfGF0[\w=-]{40,}"),
        ("a SendGrid key", r"(?<!\w)SG\.[\w-]{20,24}\.[\w-]{39,50}"),
        ("a token of a cloud", rf"(?<!\w)(?:{_CLOUDS})"),
        ("an age key", r"AGE-SECRET-KEY-1[0-9A-Z]{50,}"),
        ("a Telegram token", r"(?<!\d)\d{8,10}:AA[\w-]{33}(?![\w-])"),
    )
)
HINTS = (
    *("private key", "putty-user", "akia", "asia", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-"),
    *("glptt-", "gldt-", "glrt-", "glsoat-", "xox", "hooks.slack", "aiza", "gocspx-", "ya29.", "k_live_", "whsec_"),
    *("sk-", "hf_", "npm_", "pypi-age", "eyj", "atatt3", "dop_v1_", "dapi", "hvs.", "dckr_pat_", "shpat_"),
    *("lin_api_", "ntn_", "age-secret", ":aa", "sg."),
)
"""Words in lower case, one of which is in every line with a key of these formats."""
FREQUENT = {"sk-": re.compile(r"\bsk-\w"), "sg.": re.compile(r"\bSG\.[\w-]{20}"), "xox": re.compile(r"xox[a-z]-")}
"""Those of them that are in many other lines, with what a line has to match besides."""


def find_key_blocks(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the bodies of private keys start and end in a text, also where code holds them in its strings.

    A heading alone is one where nothing follows it, as in a line by itself: code that looks for keys names it, too.
    """
    ending: re.Match[str] | None = None
    searched = 0  # no ending starts between the last heading and here
    for match in _BLOCK.finditer(text) if any(word in text for word in _BLOCK_WORDS) else ():
        limit = match.end() + KEY_CHARACTERS
        if ending is None or ending.start() < match.end():
            ending = _END.search(text, max(match.end(), searched), limit)
            searched = limit - _END_CHARACTERS if ending is None else 0
        end = ending.start() if ending else min(len(text), limit)
        body = _BODY.search(text, match.end(), min(end, match.end() + _HEAD_CHARACTERS))
        if body is not None:
            yield body.start(), body.start() + len(text[body.start() : end].rstrip())
        elif match.end() == len(text.rstrip()):
            yield match.span()
