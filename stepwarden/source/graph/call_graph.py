"""Which definition of a tree calls which."""

from dataclasses import replace

from stepwarden.source.graph.call_index import CallIndex
from stepwarden.source.graph.call_resolver import CallResolver
from stepwarden.source.graph.import_graph import ImportGraph
from stepwarden.source.graph.name_candidates import family
from stepwarden.source.graph.name_resolver import NameResolver
from stepwarden.source.graph.resolution import Certainty, Resolution
from stepwarden.source.graph.symbols import Symbol
from stepwarden.source.outline import SCRIPTS, CallSite

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
            owner = symbol.owner
            names.add(owner.name)
            wanted.add(owner)
        names = self._index.with_aliases(names | self._default_names(symbol.path))
        callee_family = family(self._table.language(symbol.path))
        bases = self._overridden(symbol)
        calls = [
            self.resolve(path, call)
            for name in names
            for path, call in self._index.named(name)
            if family(self._table.language(path)) == callee_family
        ]
        found = [call for call in calls if wanted & set(call.targets)]
        found += [
            replace(call, certainty=Certainty.OPEN, targets=(*call.targets, symbol), reason=_through(base))
            for call in calls
            if not wanted & set(call.targets) and call.is_known and (base := call.targets[0]) in bases
        ]
        order = list(Certainty)
        return tuple(sorted(found, key=lambda item: (order.index(item.certainty), item.path, item.call.line)))

    def _overridden(self, symbol: Symbol) -> set[Symbol]:
        """Return the methods of bases that a method overrides, and those of protocols that its class fits."""
        hierarchy = self._names.hierarchy
        owner = symbol.owner
        if not owner.qualified or not self._table.is_type(owner):
            return set()
        found = {Symbol(base.path, f"{base.qualified}.{symbol.name}") for base in hierarchy.lineage(owner)[0][1:]}
        for method in self._table.by_name.get(symbol.name, ()):
            other = method.owner
            definition = self._table.definition(other)
            if definition is None or not any(
                base.startswith(("Protocol", "typing.Protocol")) for base in definition.bases
            ):
                continue
            asked = [name for name in self._table.definitions[other.path].values() if name.parent == other.qualified]
            if all(hierarchy.member(owner, item.name)[0] for item in asked):
                found.add(method)
        return found

    def calls_that_may_mean(self, symbol: Symbol) -> tuple[Resolution, ...]:
        """Return the calls by the name of `symbol` whose target is not known at all, by file and line.

        Of these are calls of a value that is set at run time, and of what comes from a file that was not found here.
        """
        callee_family = family(self._table.language(symbol.path))
        found = [
            resolution
            for path, call in self._index.named(symbol.name)
            if family(self._table.language(path)) == callee_family
            and _leads_nowhere(resolution := self.resolve(path, call))
        ]
        return tuple(sorted(found, key=lambda item: (item.path, item.call.line)))

    def _body(self, symbol: Symbol) -> str:
        if not self._table.is_type(symbol):
            return symbol.qualified
        names = self._table.definitions[symbol.path]
        constructors = (f"{symbol.qualified}.{name}" for name in CONSTRUCTORS)
        return next((name for name in constructors if name in names), symbol.qualified)

    def _default_names(self, path: str) -> set[str]:
        """Return the names that a script as a whole, or its default export, has where it is imported."""
        if self._table.language(path) not in SCRIPTS:
            return set()
        found: set[str] = set()
        waiting = [path]
        for file in waiting:  # grows on the way
            for importer in {one.path: one for one in self._imports.importers_of(file)}.values():
                names = {
                    name
                    for name, binding in self._names.bindings(importer.path).items()
                    if binding.name in {"default", ""} and file in binding.files
                }
                found |= names
                if importer.path not in waiting and self._hands_on(importer.path, names):
                    waiting.append(importer.path)
        return found

    def _hands_on(self, path: str, names: set[str]) -> bool:
        """Whether a script exports as a whole one of the modules that it imports, under these names or none."""
        whole = (one for one in self._table.outlines[path].variables if one.name in {"exports", "exports.default"})
        return any(one.value in names or one.value.startswith("<") for one in whole)


def _leads_nowhere(resolution: Resolution) -> bool:
    if resolution.certainty is Certainty.DYNAMIC:
        return not resolution.reason.endswith("is a parameter")
    return resolution.certainty is Certainty.OUTSIDE and resolution.reason.startswith("from .")


def _through(base: Symbol) -> str:
    return f"through `{base.qualified}`, which it may override"
