"""Whether the error of a tool leaves open what was done: its server lost the line to what stands behind it."""

import re

READ_CHARS = 4_000  # of the error

_LOST = re.compile(
    r"timed?[ _-]?out|incomplete ?read|unexpected eof|broken pipe|hang up|econnreset|etimedout|remote end closed"
    r"|\b(?:connection|socket|stream|line)\b[^.\n]{0,40}?\b(?:broken|broke|aborted|reset|closed|lost|dropped)\b"
    r"|(?:server|remote peer) (?:closed|disconnected)|bad gateway|internal server error"
    r"|\b(?:http|status|code|error)\W{1,3}(?:code\W{1,3})?50[024]\b"
    r"|jsondecodeerror|expecting value: line|unterminated string|unexpected end of json",
    re.IGNORECASE,
)
_NEVER_MADE = re.compile(
    r"connect ?time-?out|connection refused|econnrefused|failed to establish|name or service not known|getaddrinfo",
    re.IGNORECASE,
)


def leaves_open(error: str) -> bool:
    """Return whether a tool that says this may have done all the same what it was called for."""
    words = error[:READ_CHARS]
    return _LOST.search(words) is not None and _NEVER_MADE.search(words) is None
