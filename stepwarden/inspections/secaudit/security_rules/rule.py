"""What a row of the tables says: one kind of dangerous line, how it is known, and the forms of it that are safe.

The risks are those of the OWASP Top 10:2025.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class SecurityRisk(StrEnum):
    """The risks that a line of code can show; the others of the ten show in designs and in operation."""

    ACCESS = "A01 access control"
    CONFIGURATION = "A02 misconfiguration"
    SUPPLY = "A03 supply chain"
    CRYPTOGRAPHY = "A04 cryptography"
    INJECTION = "A05 injection"
    AUTHENTICATION = "A07 authentication"
    INTEGRITY = "A08 data integrity"


@dataclass(frozen=True, slots=True)
class SecurityRule:
    """One kind of line to look at.

    `pattern` is held against a line without its comments and what is in its strings; with `strings`, those count too.
    `unless` is held against the line with its strings, and excuses it; `safe_with` excuses a file that has this word.
    A text without any of `words` has no such line: to look for a word is much quicker than for a pattern.
    """

    what: str
    risk: SecurityRisk
    words: tuple[str, ...]
    pattern: re.Pattern[str]
    strings: bool = False
    unless: re.Pattern[str] | None = None
    safe_with: str = ""

    def may_be_in(self, text: str) -> bool:
        """Whether it is worth while to look at the lines of a text."""
        return (
            any(word in text for word in self.words)
            and not (self.safe_with and self.safe_with in text)
            and self.pattern.search(text) is not None
        )

    def is_in(self, code: str, shown: str) -> bool:
        """Whether a line shows it, given without comments: `code` with its strings blank, `shown` with them."""
        found = self.pattern.search(shown if self.strings else code)
        return found is not None and (self.unless is None or not self.unless.search(shown))


def security_rule(
    what: str,
    risk: SecurityRisk,
    words: str,
    pattern: str,
    *,
    strings: bool = False,
    unless: str = "",
    safe_with: str = "",
) -> SecurityRule:
    """Make a row of a table; `words` are parted by spaces, `^` in a pattern is the start of a line."""
    excuse = re.compile(unless) if unless else None
    return SecurityRule(what, risk, tuple(words.split()), re.compile(pattern, re.MULTILINE), strings, excuse, safe_with)


# Parts of patterns that several languages share.
_SHOUTED = r"(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|DROP TABLE)\b"
_ITEM = r"[\w.(*){}]+"
_WRITTEN_SMALL = (  # prose has the words, too: here the whole form has to be there
    rf"(?i:select\s+(?:distinct\s+)?{_ITEM}(?:\s*,\s*{_ITEM})*\s+from\s|insert\s+into\s+\S+?\s*(?:\(|values\b|select\b)"
    r"|update\s+\S+\s+set\s|delete\s+from\s+\S+\s+where\b|drop\s+table\s)"
)
SQL = rf"\s*(?:{_SHOUTED}|{_WRITTEN_SMALL})"
"""How a statement of SQL begins in a string."""
SQL_WORDS = "SELECT INSERT UPDATE DELETE DROP Select Insert Update Delete Drop select insert update delete drop"
ADDED = r"\s*\+\s*[\w($]"
"""A value that is added to what stands before."""
DOUBLE_SQL_ADDED = rf"\"{SQL}[^\"]*\"(?:\s*\+\s*\"[^\"]*\")*{ADDED}"
"""A value that is added to a statement in double quotes, or to several in a row."""
KEY_NAMES = r"(?i)(?:token(?!s)|secret|password|nonce|salt|(?<![a-z])t?otp|session)"
"""Names for what nobody should guess; their plurals with a number are counts."""
