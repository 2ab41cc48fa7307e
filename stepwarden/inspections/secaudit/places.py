"""The flagged places of an audit: their order, the facts that name them, and their form in what a thread keeps."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from stepwarden.inspections.secaudit.security_rules import SecurityRisk

MOST_KEPT = 200  # places that a thread asks for
LINE_BYTES = 150  # of a fact with several places
NAMED = 12  # places of one risk in the facts; the report has all

GRAVEST_FIRST = (
    SecurityRisk.INJECTION,
    SecurityRisk.INTEGRITY,
    SecurityRisk.ACCESS,
    SecurityRisk.CONFIGURATION,
    SecurityRisk.SUPPLY,
    SecurityRisk.AUTHENTICATION,
    SecurityRisk.CRYPTOGRAPHY,
)
LITERALS_ONLY = "literals only"


@dataclass(frozen=True, slots=True)
class FlaggedPlace:
    """One line that has to be answered; `aside` says why it needs no answer, "" where it does."""

    path: str
    line: int
    what: str
    risk: SecurityRisk
    aside: str = ""

    @property
    def place(self) -> str:
        """The file with the line."""
        return f"{self.path}:{self.line}"

    def kept(self) -> list[Any]:
        """Return the place as JSON values."""
        return [self.path, self.line, self.what, self.risk.value, self.aside]


def places_kept(rows: Iterable[Sequence[Any]]) -> list[FlaggedPlace]:
    """Return the places of rows that `FlaggedPlace.kept` returned."""
    return [FlaggedPlace(path, line, what, SecurityRisk(risk), aside) for path, line, what, risk, aside in rows]


def merge_lines(places: Iterable[FlaggedPlace]) -> list[FlaggedPlace]:
    """Return the places with each line once: the first that was found there, named with what else it is."""
    merged: dict[tuple[str, int], FlaggedPlace] = {}
    for place in places:
        known = merged.setdefault((place.path, place.line), place)
        if known is not place and known.aside and not place.aside:
            merged[place.path, place.line] = place
    return list(merged.values())


def place_facts(places: Sequence[FlaggedPlace]) -> Iterator[str]:
    """Yield the places by their risk, the gravest first, several a line; then those that need no answer."""
    for risk in GRAVEST_FIRST:
        own = [place for place in places if place.risk is risk and not place.aside]
        yield from _lines(f"{risk.value}: ", [f"{place.place} {place.what}" for place in own])
    for why in dict.fromkeys(place.aside for place in places if place.aside):
        aside = [f"{place.place} {place.what}" for place in places if place.aside == why]
        yield from _lines(f"No answer needed, {why}: ", aside[:3], len(aside))


def _lines(head: str, items: Sequence[str], total: int = 0) -> Iterator[str]:
    """Yield the items after `head`, as many a line as fit; the first NAMED, and how many more there are."""
    left = max(total, len(items)) - len(items[:NAMED])
    line = ""
    for item in items[:NAMED]:
        longer = f"{line}, {item}" if line else f"{head}{item}"
        if line and len(longer.encode()) > LINE_BYTES:
            yield line
            longer = f"{head}{item}"
        line = longer
    if line:
        yield f"{line} +{left}: report" if left else line
