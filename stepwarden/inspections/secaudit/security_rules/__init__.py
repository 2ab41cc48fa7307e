"""Calls and settings that attacks come through: a table for each family of languages, and how a text is searched."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stepwarden.inspections.masked_source import mask, without_comments
from stepwarden.inspections.secaudit.security_rules import c, csharp, go, java, python, rust, script
from stepwarden.inspections.secaudit.security_rules.rule import SecurityRisk, SecurityRule
from stepwarden.source.outline import Language

__all__ = ["DANGERS", "SecurityFinding", "SecurityRisk", "sightings"]

DANGERS: dict[Language, Sequence[SecurityRule]] = {
    Language.PYTHON: python.DANGERS,
    Language.JAVASCRIPT: script.DANGERS,
    Language.TYPESCRIPT: script.DANGERS,
    Language.GO: go.DANGERS,
    Language.JAVA: java.DANGERS,
    Language.CSHARP: csharp.DANGERS,
    Language.C: c.DANGERS,
    Language.CPP: c.DANGERS,
    Language.RUST: rust.DANGERS,
}


@dataclass(frozen=True, slots=True)
class SecurityFinding:
    """A dangerous line: where it is, what it is, and the risk."""

    path: str
    line: int
    what: str
    risk: SecurityRisk


def sightings(path: str, text: str, language: Language) -> Iterator[SecurityFinding]:
    """Return the dangerous lines of a source text, each kind once a line."""
    dangers = [danger for danger in DANGERS.get(language, ()) if danger.may_be_in(text)]
    if not dangers:
        return
    lines = zip(mask(text, language).split("\n"), without_comments(text, language).split("\n"), strict=True)
    for number, (code, shown) in enumerate(lines, 1):
        if not code.strip():
            continue
        told = {danger.what: danger.risk for danger in dangers if danger.is_in(code, shown)}
        for what, risk in told.items():
            yield SecurityFinding(path, number, what, risk)
