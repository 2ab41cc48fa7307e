"""Which file of a tree imports which."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from stepwarden.source.graph.modules import Modules
from stepwarden.source.graph.symbols import CODE, SymbolTable
from stepwarden.source.outline import Import, Language


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
        self._modules = modules

    def loaded_by(self, path: str, without: Collection[int] = ()) -> frozenset[str]:
        """Return the files that a file imports when it is loaded, leaving out the imports on the lines `without`."""
        outline = self._table.outlines[path]
        bodies = [(item.line, item.end_line) for item in outline.definitions if item.kind in CODE]
        found: set[str] = set()
        for item in outline.imports:
            if item.line not in without and not any(start < item.line <= end for start, end in bodies):
                found.update(self._files_of(path, item))
        return frozenset(found - {path})

    def importers_of(self, path: str) -> tuple[Importer, ...]:
        """Return the imports of a file, at load or later, by file and line."""
        return self._importers.get(path, ())

    def _files_of(self, path: str, item: Import) -> Iterator[str]:
        """Return the files that an import loads; in Python, a submodule imported from a package is the submodule."""
        files = self._modules.files(path, item)
        whole = not item.names
        for name, _ in item.names:
            submodule: tuple[str, ...] = ()
            if (
                self._table.language(path) is Language.PYTHON
                and name != "*"
                and not any(name in self._table.definitions[file] for file in files)
            ):
                submodule = self._modules.module(path, f"{item.module}.{name}" if item.module else name, item.level)
            yield from submodule
            whole = whole or not submodule
        if whole:
            yield from files

    @cached_property
    def _importers(self) -> Mapping[str, tuple[Importer, ...]]:
        found: dict[str, list[Importer]] = defaultdict(list)
        for path in sorted(self._table.outlines):
            for item in self._table.outlines[path].imports:
                for file in dict.fromkeys(self._files_of(path, item)):
                    if file != path:
                        found[file].append(Importer(path, item.line, tuple(name for name, _ in item.names)))
        return {path: tuple(importers) for path, importers in found.items()}
