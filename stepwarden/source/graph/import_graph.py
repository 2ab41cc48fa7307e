"""Which file of a tree imports which."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from stepwarden.source.graph.loaded_files import LoadedFiles
from stepwarden.source.graph.modules import Modules
from stepwarden.source.graph.symbols import SymbolTable
from stepwarden.source.outline import Import


@dataclass(frozen=True, slots=True)
class Importer:
    """One import of a file: by which file, on which line, and of which names (none: the module as a whole)."""

    path: str
    line: int
    names: tuple[str, ...]


class ImportGraph:
    """The imports between the files of `table`."""

    def __init__(self, table: SymbolTable, modules: Modules) -> None:
        self._table = table
        self._loaded = LoadedFiles(modules, lambda path: table.definitions[path])

    def importers_of(self, path: str) -> tuple[Importer, ...]:
        """Return the imports of a file, at load or later, by file and line."""
        return self._importers.get(path, ())

    def _files_of(self, path: str, item: Import) -> Sequence[str]:
        return self._loaded.of(path, item.module, item.level, [name for name, _ in item.names])

    @cached_property
    def _importers(self) -> Mapping[str, tuple[Importer, ...]]:
        found: dict[str, list[Importer]] = defaultdict(list)
        for path in sorted(self._table.outlines):
            for item in self._table.outlines[path].imports:
                for file in dict.fromkeys(self._files_of(path, item)):
                    if file != path:
                        found[file].append(Importer(path, item.line, tuple(name for name, _ in item.names)))
        return {path: tuple(importers) for path, importers in found.items()}
