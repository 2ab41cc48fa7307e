"""A rule: one kind of dangerous line, how it is recognized, and which forms of it are safe.

The risks are those of the OWASP Top 10:2025.
"""

import re
from dataclasses import dataclass, replace
from enum import StrEnum


class SecurityRisk(StrEnum):
    """The risks that a line of code can show; the others of the ten show in design and operation."""

    ACCESS = "A01 access control"
    CONFIGURATION = "A02 misconfiguration"
    SUPPLY = "A03 supply chain"
    CRYPTOGRAPHY = "A04 cryptography"
    INJECTION = "A05 injection"
    AUTHENTICATION = "A07 authentication"
    INTEGRITY = "A08 data integrity"


@dataclass(frozen=True, slots=True)
class SecurityRule:
    """One kind of dangerous line.

    `pattern` is matched against a line without comments and without the contents of strings; with `in_strings`, those
    stay. A line with its strings that matches `unless` is safe, and so is a file that has the word `safe_word`. A text
    without any of `words` has no such line: searching for words is much faster than matching patterns.
    """

    what: str
    risk: SecurityRisk
    words: tuple[str, ...]
    pattern: re.Pattern[str]
    unless: re.Pattern[str] | None = None
    in_strings: bool = False
    safe_word: str = ""

    def unless_file_has(self, word: str) -> "SecurityRule":
        """Return the rule for files without `word`."""
        return replace(self, safe_word=word)

    def may_match(self, text: str) -> bool:
        """Whether the lines of a text have to be checked."""
        return (
            any(word in text for word in self.words)
            and not (self.safe_word and self.safe_word in text)
            and self.pattern.search(text) is not None
        )

    def matches(self, code: str, line: str) -> bool:
        """Whether a line without comments is dangerous: `code` has its strings blanked, `line` has them."""
        found = self.pattern.search(line if self.in_strings else code)
        return found is not None and (self.unless is None or not self.unless.search(line))


def code_rule(what: str, risk: SecurityRisk, words: str, pattern: str, unless: str = "") -> SecurityRule:
    """Return a rule about code; `words` are separated by spaces, `^` in a pattern is the start of a line."""
    safe = re.compile(unless) if unless else None
    return SecurityRule(what, risk, tuple(words.split()), re.compile(pattern, re.MULTILINE), safe)


def text_rule(what: str, risk: SecurityRisk, words: str, pattern: str, unless: str = "") -> SecurityRule:
    """Return a rule whose pattern also matches the contents of strings; its arguments are those of `code_rule`."""
    return replace(code_rule(what, risk, words, pattern, unless), in_strings=True)


# Parts of patterns that several languages share.
_UPPER_CASE = r"(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|DROP TABLE)\b"
_ITEM = r"[\w.(*){}]+"
_ANY_CASE = (  # prose has these words, too, so a whole statement has to match
    rf"(?i:select\s+(?:distinct\s+)?{_ITEM}(?:\s*,\s*{_ITEM})*\s+from\s|insert\s+into\s+\S+?\s*(?:\(|values\b|select\b)"
    r"|update\s+\S+\s+set\s|delete\s+from\s+\S+\s+where\b|drop\s+table\s)"
)
SQL = rf"\s*(?:{_UPPER_CASE}|{_ANY_CASE})"
"""The beginning of an SQL statement in a string."""
SQL_WORDS = "SELECT INSERT UPDATE DELETE DROP Select Insert Update Delete Drop select insert update delete drop"
ADDED = r"\s*\+\s*[\w($]"
"""A value that is concatenated."""
DOUBLE_SQL_ADDED = rf"\"{SQL}[^\"]*\"(?:\s*\+\s*\"[^\"]*\")*{ADDED}"
"""A value that is concatenated to a statement in double quotes, or to several in a row."""
KEY_NAMES = r"(?i)(?:token(?!s)|secret|password|nonce|salt|(?<![a-z])t?otp|session)"
"""Names of values that must not be guessable; their plurals with a number are counts."""
