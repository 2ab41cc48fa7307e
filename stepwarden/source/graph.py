"""Who calls whom and who imports whom in a tree of source, from its outlines alone."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from stepwarden.source.call_resolver import Certainty, Resolution, Resolver, family
from stepwarden.source.modules import SCRIPTS, Modules
from stepwarden.source.outline import CallSite, Import, Language, Outline
from stepwarden.source.symbols import CODE, TYPES, Symbol, Symbols

CONSTRUCTORS = ("__init__", "constructor", "__new__")


@dataclass(frozen=True, slots=True)
class Importer:
    """One import of a file: who, where, and the names it takes (none: the module as a whole)."""

    path: str
    line: int
    names: tuple[str, ...]


class Graph:
    """Calls and imports of `outlines`. Nothing is resolved before it is asked for; `names` is as `Modules` has it."""

    def __init__(self, outlines: Mapping[str, Outline], names: Mapping[str, str] | None = None) -> None:
        self.outlines = outlines
        self.modules = Modules(outlines, names)
        self.symbols = Symbols(outlines, self.modules)

    def calls(self, symbol: Symbol) -> tuple[Resolution, ...]:
        """Return what the body of `symbol` calls, nested definitions left out; for a class, its constructor's calls."""
        inside = self._body(symbol)
        return tuple(self.resolve(symbol.path, call) for call in self._calls_in.get((symbol.path, inside), ()))

    def _body(self, symbol: Symbol) -> str:
        definition = self.symbols.definition(symbol)
        if definition is not None and definition.kind in TYPES:
            names = self.symbols.defined[symbol.path]
            inner = (f"{symbol.qualified}.{name}" for name in CONSTRUCTORS)
            return next((name for name in inner if name in names), symbol.qualified)
        return symbol.qualified

    @cached_property
    def _calls_in(self) -> Mapping[tuple[str, str], list[CallSite]]:
        found: dict[tuple[str, str], list[CallSite]] = defaultdict(list)
        for path, outline in self.outlines.items():
            for call in outline.calls:
                found[path, call.inside].append(call)
        return found

    @cached_property
    def _resolver(self) -> Resolver:
        return Resolver(self.symbols, self._calls_in)

    def resolve(self, path: str, call: CallSite) -> Resolution:
        """Return what `call` in the file `path` runs."""
        return self._resolver.resolve(path, call)

    def callers(self, symbol: Symbol) -> tuple[Resolution, ...]:
        """Return the calls that run `symbol`, sure ones first, then by file and line; open ones may mean another."""
        names = {symbol.name}
        wanted = {symbol}
        if symbol.name in CONSTRUCTORS:
            owner = Symbol(symbol.path, symbol.qualified.rpartition(".")[0])
            names.add(owner.name)
            wanted.add(owner)
        names = self._spelled(names) | self._defaults(symbol.path)
        kin = family(self.outlines[symbol.path].language)
        found = [
            resolution
            for name in names
            for path, call in self._calls_by_name.get(name, ())
            if family(self.outlines[path].language) == kin
            and wanted & set((resolution := self.resolve(path, call)).targets)
        ]
        order = list(Certainty)
        return tuple(sorted(found, key=lambda one: (order.index(one.certainty), one.path, one.call.line)))

    def _spelled(self, names: set[str]) -> set[str]:
        """Return the names with all that imports rename them to, once or again."""
        waiting, found = list(names), set(names)
        while waiting:
            fresh = self._aliases.get(waiting.pop(), set()) - found
            found |= fresh
            waiting += fresh
        return found

    def _defaults(self, path: str) -> set[str]:
        """Return the names that the default export of a file has in those that import it."""
        if self.outlines[path].language not in SCRIPTS:
            return set()
        return {
            here
            for one in self.importers(path)
            for here, bound in self.symbols.bindings(one.path).items()
            if bound.name == "default" and path in bound.files
        }

    @cached_property
    def _calls_by_name(self) -> Mapping[str, list[tuple[str, CallSite]]]:
        found: dict[str, list[tuple[str, CallSite]]] = defaultdict(list)
        for path, outline in self.outlines.items():
            for call in outline.calls:
                found[call.name].append((path, call))
        return found

    @cached_property
    def _aliases(self) -> Mapping[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for outline in self.outlines.values():
            for one in outline.imports:
                for name, here in one.names:
                    if name != here:
                        found[name].add(here)
        return found

    @cached_property
    def imports(self) -> Mapping[str, frozenset[str]]:
        """The files of the tree that each file imports, when it is loaded."""
        return {path: self.loads(path) for path in self.outlines}

    def loads(self, path: str, without: Collection[int] = ()) -> frozenset[str]:
        """Return the files that a file imports when it is loaded, the imports on the lines `without` left out."""
        spans = [(one.line, one.end_line) for one in self.outlines[path].definitions if one.kind in CODE]
        found: set[str] = set()
        for one in self.outlines[path].imports:
            if one.line not in without and not any(start < one.line <= end for start, end in spans):
                found.update(self._files_of(path, one))
        return frozenset(found - {path})

    def _files_of(self, path: str, one: Import) -> Iterator[str]:
        """Return the files that an import is of: in Python, a submodule taken from a package stands for itself."""
        files = self.modules.files(path, one)
        whole = not one.names
        for name, _ in one.names:
            inner: tuple[str, ...] = ()
            if (
                self.outlines[path].language is Language.PYTHON
                and name != "*"
                and not any(name in self.symbols.defined[file] for file in files)
            ):
                inner = self.modules.module(path, f"{one.module}.{name}" if one.module else name, one.level)
            yield from inner
            whole = whole or not inner
        if whole:
            yield from files

    def importers(self, path: str) -> tuple[Importer, ...]:
        """Return who imports a file, at load or later, by file and line."""
        return self._importers.get(path, ())

    @cached_property
    def _importers(self) -> Mapping[str, tuple[Importer, ...]]:
        found: dict[str, list[Importer]] = defaultdict(list)
        for path in sorted(self.outlines):
            for one in self.outlines[path].imports:
                for file in dict.fromkeys(self._files_of(path, one)):
                    if file != path:
                        found[file].append(Importer(path, one.line, tuple(name for name, _ in one.names)))
        return {path: tuple(importers) for path, importers in found.items()}
