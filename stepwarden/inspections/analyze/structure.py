"""The structure of a code base: its files, the imports between them, and its packages."""

from collections.abc import Mapping

from stepwarden.inspections.analyze.inventory import Inventory
from stepwarden.inspections.analyze.packages import Packages
from stepwarden.inspections.analyze.units import UnitImports
from stepwarden.source.file_summary import FileSummary
from stepwarden.source.graph.load_graph import LoadGraph

IMPORTED_BY = "imported by"

Reasoned = tuple[str, str]
"""A unit, and why it is central."""


class Structure:
    """The structure of the files of `inventory`, whose imports are in `loads`; `type_lines` are as in `UnitImports`."""

    def __init__(
        self,
        inventory: Inventory,
        loads: LoadGraph,
        type_lines: Mapping[str, frozenset[int]] | None = None,
    ) -> None:
        self.inventory = inventory
        self.units = UnitImports(self.inventory.sources, loads, type_lines)
        self.packages = Packages(self.inventory.sources, self.units)

    def central_units(self, most: int) -> list[Reasoned]:
        """Return the units to read first, each with why: hubs and large files in turn."""
        hubs = [(unit, f"{IMPORTED_BY} {number}") for unit, number in self.units.hubs if number >= 3]
        large = [(path, f"{lines:,} lines") for path, lines in self.inventory.largest]
        if not hubs and not large:
            large = self._most_imported()
        chosen: dict[str, str] = {}
        for pair in zip(_padded(hubs, len(large)), _padded(large, len(hubs)), strict=True):
            for unit, why in filter(None, pair):
                if len(chosen) < most:
                    chosen.setdefault(unit, why)
        return list(chosen.items())

    def _most_imported(self) -> list[Reasoned]:
        counts = dict(self.units.hubs)
        filled = {path: summary.lines for path, summary in self.inventory.sources.items() if summary.lines}
        sized = [(path, f"{lines:,} lines") for path, lines in filled.items()]
        return sorted(sized, key=lambda item: -counts.get(item[0], 0))


def find_structure(summaries: Mapping[str, FileSummary], packages: Mapping[str, str] | None = None) -> Structure:
    """Return the structure of a code base, where files in cycles do not load what they import for types alone.

    `packages` is as in `Modules`.
    """
    loads = LoadGraph(summaries, packages)
    inventory = Inventory(summaries)
    found, sources = Structure(inventory, loads), inventory.sources
    in_cycles = {unit for members, _ in found.units.cycles for unit in members} & set(sources)
    type_lines = {path: lines for path in in_cycles if (lines := sources[path].type_lines)}
    return Structure(inventory, loads, type_lines) if type_lines else found


def _padded(items: list[Reasoned], least: int) -> list[Reasoned | None]:
    return [*items, *[None] * max(0, least - len(items))]
