"""Whether a word was drawn by chance, as keys and tokens are, or written by somebody."""

import re

from stepwarden.files.named_secrets import is_written

RANDOM_CHARS = 8  # in parts that nobody would write
LONGEST_WORD_CHARS = 24

_PARTS = re.compile(r"[-_./:=+@~\\]+")
_PLAIN_PART = re.compile(r"\d{1,14}|[A-Za-z0-9]{1,3}|[A-Za-z]{2,20}\d{1,4}|\d{1,8}[A-Za-z]{1,3}|v\d{1,8}")
_PATH = re.compile(r"~?/|\.{1,2}/|[A-Za-z]:\\")
_FILE = re.compile(r"\.[A-Za-z]\w{0,4}$")
_HOST = re.compile(r"(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,12}(?::\d+)?$")
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+$")
_DIGEST = re.compile(r"(?:@|\bsha(?:1|256|512)?[:-])[0-9a-f]{7,128}$")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}$")


def looks_random(word: str) -> bool:
    """Return whether enough of a word stands in parts that are no words, numbers, dates, versions or names of files."""
    if len(word) < RANDOM_CHARS or any(known.match(word) for known in (EMAIL, _HOST)) or _DIGEST.search(word):
        return False
    if _PATH.match(word) or ("/" in word and _FILE.search(word)):
        return _BASE64.match(word) is not None and all(map(_is_odd, word.strip("/").split("/")))
    return sum(len(part) for part in _PARTS.split(word) if _is_odd(part)) >= RANDOM_CHARS


def _is_odd(part: str) -> bool:
    if _PLAIN_PART.fullmatch(part):
        return False
    if part.isalpha() and part.isascii() and (part.islower() or part.isupper() or part.istitle()):
        return len(part) > LONGEST_WORD_CHARS
    return not is_written(part)
