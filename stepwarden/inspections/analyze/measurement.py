"""What `analyze` says of a code base: it rests on the content of its files alone."""

from collections.abc import Mapping
from dataclasses import dataclass

from stepwarden.inspections.analyze.facts import structure_facts, structure_sections
from stepwarden.inspections.analyze.structure import Reasoned, find_structure
from stepwarden.source.file_summary import FileSummary

CENTRAL_UNITS, CYCLES = 6, 2  # that bar the finish


@dataclass(frozen=True, slots=True)
class Measurement:
    """The facts and report sections on a code base; `central` are the parts to read first, each with why."""

    files: int
    facts: tuple[str, ...]
    sections: Mapping[str, str]
    central: tuple[Reasoned, ...]
    cycles: tuple[tuple[str, ...], ...]


def measure(summaries: Mapping[str, FileSummary], packages: Mapping[str, str]) -> Measurement:
    """Measure the files of `summaries`; `packages` is as in `Modules`."""
    found = find_structure(summaries, packages)
    if not found.inventory.sources:
        return Measurement(0, (), {}, (), ())
    return Measurement(
        len(found.inventory.sources),
        tuple(structure_facts(found)),
        structure_sections(found),
        tuple(found.central_units(CENTRAL_UNITS)),
        tuple(path for _, path in found.units.cycles[:CYCLES]),
    )
