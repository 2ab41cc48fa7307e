"""Rules for calls and settings that attacks come through: a table for each language, and the search for them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from stepwarden.inspections.secaudit.security_rules import c, csharp, go, java, python, rust, script
from stepwarden.inspections.secaudit.security_rules.rule import SecurityRisk, SecurityRule
from stepwarden.inspections.shared.masked_source import mask_comments, mask_source
from stepwarden.source.outline import Language

__all__ = ["RULES", "SecurityFinding", "SecurityRisk", "find_dangerous_lines"]

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
    """A line to review: where it is, what it is, and the risk."""

    path: str
    line: int
    what: str
    risk: SecurityRisk


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
        for what, risk in found.items():
            yield SecurityFinding(path, number, what, risk)
