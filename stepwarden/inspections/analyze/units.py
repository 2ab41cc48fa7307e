"""The imports between the units of a code base: its files, and in Go its directories."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from posixpath import dirname

from stepwarden.source.graph.cycles import cycles, shortest_cycle
from stepwarden.source.graph.load_graph import LoadGraph
from stepwarden.source.outline import Language, SourceFile


class UnitImports:
    """What the imports of `sources` load.

    `type_lines` are, by path, the lines of imports that a file has only for types: they load nothing.
    """

    def __init__(
        self,
        sources: Mapping[str, SourceFile],
        imports: LoadGraph,
        type_lines: Mapping[str, frozenset[int]] | None = None,
    ) -> None:
        self._sources = sources
        self._imports = imports
        self._type_lines = type_lines or {}

    def unit(self, path: str) -> str:
        """Return what is imported as one: the file, in Go its directory."""
        return (dirname(path) or ".") if self._sources[path].language is Language.GO else path

    @cached_property
    def loads(self) -> Mapping[str, frozenset[str]]:
        """The sources that each source imports when it is loaded."""
        return {
            path: frozenset(
                loaded
                for loaded in self._imports.loaded_by(path, self._type_lines.get(path, frozenset()))
                if loaded in self._sources
            )
            for path in self._sources
        }

    @cached_property
    def edges(self) -> Mapping[str, frozenset[str]]:
        """The units that each unit imports when it is loaded."""
        found: dict[str, set[str]] = defaultdict(set)
        for path in self._sources:
            found[self.unit(path)].update(self.unit(loaded) for loaded in self.loads[path])
        return {unit: frozenset(targets - {unit}) for unit, targets in found.items()}

    @cached_property
    def cycles(self) -> Sequence[tuple[tuple[str, ...], tuple[str, ...]]]:
        """Units that import each other, the largest cycle first, each with a shortest cycle in it."""
        return [(members, shortest_cycle(members, self.edges)) for members in cycles(self.edges)]

    @cached_property
    def hubs(self) -> Sequence[tuple[str, int]]:
        """Units by how many others import them, most first."""
        counted = Counter(target for targets in self.edges.values() for target in targets)
        return sorted(counted.items(), key=lambda item: (-item[1], item[0]))
