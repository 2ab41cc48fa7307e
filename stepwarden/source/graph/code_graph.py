"""Names, calls and imports of a tree of source."""

from collections.abc import Mapping

from stepwarden.source.graph.call_graph import CallGraph
from stepwarden.source.graph.import_graph import ImportGraph
from stepwarden.source.graph.modules import Modules
from stepwarden.source.graph.name_resolver import NameResolver
from stepwarden.source.graph.symbols import SymbolTable
from stepwarden.source.outline import Outline


class CodeGraph:
    """The graph of `outlines`; nothing is resolved before it is asked for. `packages` is as in `Modules`."""

    def __init__(self, outlines: Mapping[str, Outline], packages: Mapping[str, str] | None = None) -> None:
        modules = Modules(outlines, packages)
        self.outlines = outlines
        self.symbols = SymbolTable(outlines)
        names = NameResolver(self.symbols, modules)
        self.hierarchy = names.hierarchy
        self.imports = ImportGraph(self.symbols, modules)
        self.calls = CallGraph(names, self.imports)
