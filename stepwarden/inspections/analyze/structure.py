"""The structure of a code base: its files, the imports between them, and its packages."""

from collections.abc import Mapping

from stepwarden.inspections.analyze.inventory import Inventory
from stepwarden.inspections.analyze.packages import Packages
from stepwarden.inspections.analyze.units import UnitImports
from stepwarden.source.graph.code_graph import CodeGraph

Reasoned = tuple[str, str]
"""A unit, and why it is central."""


class Structure:
    """The structure that `graph` shows; `type_lines` are as in `UnitImports`."""

    def __init__(self, graph: CodeGraph, type_lines: Mapping[str, frozenset[int]] | None = None) -> None:
        self.inventory = Inventory(graph.outlines)
        self.units = UnitImports(self.inventory.sources, graph.imports, type_lines)
        self.packages = Packages(self.inventory.sources, self.units)

    def central_units(self, most: int) -> list[Reasoned]:
        """Return the units to read first, each with why: hubs and large files in turn."""
        hubs = [(unit, f"imported by {number}") for unit, number in self.units.hubs if number >= 3]
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
        sized = [(path, f"{outline.lines:,} lines") for path, outline in self.inventory.sources.items()]
        return sorted(sized, key=lambda item: -counts.get(item[0], 0))


def _padded(items: list[Reasoned], least: int) -> list[Reasoned | None]:
    return [*items, *[None] * max(0, least - len(items))]
