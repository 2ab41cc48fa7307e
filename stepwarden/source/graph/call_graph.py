"""Which definition of a tree calls which."""

from stepwarden.source.graph.call_index import CallIndex
from stepwarden.source.graph.call_resolver import CallResolver
from stepwarden.source.graph.import_graph import ImportGraph
from stepwarden.source.graph.modules import SCRIPTS
from stepwarden.source.graph.name_candidates import family
from stepwarden.source.graph.name_resolver import NameResolver
from stepwarden.source.graph.resolution import Certainty, Resolution
from stepwarden.source.graph.symbols import Symbol
from stepwarden.source.outline import CallSite

CONSTRUCTORS = ("__init__", "constructor", "__new__")


class CallGraph:
    """The calls of a tree. Each is resolved when it is asked for."""

    def __init__(self, names: NameResolver, imports: ImportGraph) -> None:
        self._names = names
        self._table = names.table
        self._imports = imports
        self._index = CallIndex(names.table.outlines)
        self._resolver = CallResolver(names, self._index)

    def resolve(self, path: str, call: CallSite) -> Resolution:
        """Return what `call` in the file `path` runs."""
        return self._resolver.resolve(path, call)

    def made_by(self, symbol: Symbol) -> tuple[Resolution, ...]:
        """Return the calls in the body of `symbol`, without nested definitions; for a class, its constructor's."""
        inside = self._body(symbol)
        return tuple(self.resolve(symbol.path, call) for call in self._index.in_body(symbol.path, inside))

    def calls_to(self, symbol: Symbol) -> tuple[Resolution, ...]:
        """Return the calls that run `symbol`, sure ones first, then by file and line; open ones may mean another."""
        names = {symbol.name}
        wanted = {symbol}
        if symbol.name in CONSTRUCTORS:
            owner = Symbol(symbol.path, symbol.qualified.rpartition(".")[0])
            names.add(owner.name)
            wanted.add(owner)
        names = self._index.with_aliases(names) | self._default_names(symbol.path)
        callee_family = family(self._table.language(symbol.path))
        found = [
            resolution
            for name in names
            for path, call in self._index.named(name)
            if family(self._table.language(path)) == callee_family
            and wanted & set((resolution := self.resolve(path, call)).targets)
        ]
        order = list(Certainty)
        return tuple(sorted(found, key=lambda item: (order.index(item.certainty), item.path, item.call.line)))

    def _body(self, symbol: Symbol) -> str:
        if not self._table.is_type(symbol):
            return symbol.qualified
        names = self._table.definitions[symbol.path]
        constructors = (f"{symbol.qualified}.{name}" for name in CONSTRUCTORS)
        return next((name for name in constructors if name in names), symbol.qualified)

    def _default_names(self, path: str) -> set[str]:
        """Return the names that the default export of a file has where it is imported."""
        if self._table.language(path) not in SCRIPTS:
            return set()
        return {
            name
            for importer in self._imports.importers_of(path)
            for name, binding in self._names.bindings(importer.path).items()
            if binding.name == "default" and path in binding.files
        }
