"""Rules for calls and settings that attacks come through: a table for each language, and the search for them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from stepwarden.inspections.secaudit.security_rules import c, csharp, go, java, python, rust, script
from stepwarden.inspections.secaudit.security_rules.rule import SecurityRisk, SecurityRule
from stepwarden.inspections.shared.masked_source import mask_comments, mask_source
from stepwarden.source.outline import Language

__all__ = ["RULES", "SecurityFinding", "SecurityRisk", "find_dangerous_lines"]

_RUNS = re.compile(r"os\.system|shell|eval|exec")
_KEYWORD = re.compile(r"\b\w+\s*=\s*(?:True|False|None|\d+)\b")
_NAME = re.compile(r"[^\W\d]\w*")
RULES: Mapping[Language, Sequence[SecurityRule]] = {
    Language.PYTHON: python.RULES,
    Language.JAVASCRIPT: script.RULES,
    Language.TYPESCRIPT: script.RULES,
    Language.GO: go.RULES,
    Language.JAVA: java.RULES,
    Language.CSHARP: csharp.RULES,
    Language.C: c.RULES,
    Language.CPP: c.RULES,
    Language.RUST: rust.RULES,
}


@dataclass(frozen=True, slots=True)
class SecurityFinding:
    """A line to review: where it is, what it is, and the risk.

    `constant` says that it passes on only literals, `traced` that input of a request was followed to it.
    """

    path: str
    line: int
    what: str
    risk: SecurityRisk
    constant: bool = False
    traced: bool = False

    @property
    def place(self) -> str:
        """The file with the line."""
        return f"{self.path}:{self.line}"


def find_dangerous_lines(path: str, text: str, language: Language) -> Iterator[SecurityFinding]:
    """Yield the dangerous lines of a source text, each kind once a line; none in a language without rules."""
    rules = [rule for rule in RULES.get(language, ()) if rule.may_match(text)]
    if not rules:
        return
    lines = zip(mask_source(text, language).split("\n"), mask_comments(text, language).split("\n"), strict=True)
    for number, (code, line) in enumerate(lines, 1):
        if not code.strip():
            continue
        found = {rule.what: rule.risk for rule in rules if rule.matches(code, line)}
        for kind, risk in found.items():
            what = script.name_exec(text, line) if kind == script.CHILD_PROCESS else kind
            if not what:
                continue
            # the rules of other languages pass over literals
            constant = language is Language.PYTHON and bool(_RUNS.search(what)) and _passes_literals(code)
            yield SecurityFinding(path, number, f"{what} of a constant" if constant else what, risk, constant)


def _passes_literals(code: str) -> bool:
    """Whether all that the first call on a line is given are literals: what nobody outside can change."""
    start, depth = code.find("("), 0
    for at in range(max(start, 0), len(code)):
        depth += {"(": 1, ")": -1}.get(code[at], 0)
        if depth == 0:
            return start >= 0 and not _NAME.search(_KEYWORD.sub("", code[start:at]))
    return False  # a call that goes on in the next line is not judged
