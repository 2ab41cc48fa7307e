"""Base classes and subclasses, and where a method is found along them."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

from stepwarden.source.graph.modules import Modules
from stepwarden.source.graph.symbols import Symbol, SymbolTable
from stepwarden.source.outline import Language

MOST_BASES = 500  # of one class, direct and inherited

FindName = Callable[[str, str, str], tuple[Symbol, ...]]
"""Return what a dotted name means in a file, in the body of a definition: (path, inside, name)."""


class ClassHierarchy:
    """The classes of `table` with their bases; `find_name` resolves the names that bases are written with."""

    def __init__(self, table: SymbolTable, modules: Modules, find_name: FindName) -> None:
        self._table = table
        self._modules = modules
        self._find_name = find_name
        self._owners_by_path: dict[str, frozenset[str]] = {}
        self._lineages: dict[Symbol, tuple[tuple[Symbol, ...], bool]] = {}

    def bases(self, symbol: Symbol) -> tuple[tuple[Symbol, ...], bool]:
        """Return the direct bases of a class that are in the tree, and whether that is all of them."""
        definition = self._table.definition(symbol)
        if definition is None:
            return (), True
        found: list[Symbol] = []
        complete = True
        for text in definition.bases:
            name = re.split(r"[\[<({]", text, maxsplit=1)[0].strip().lstrip("*&").strip()
            symbols = self._find_name(symbol.path, definition.parent, name.replace("::", "."))
            types = [item for item in symbols if item != symbol and self._table.is_type(item)]
            found += types
            complete = complete and bool(types)
        return tuple(dict.fromkeys(found)), complete

    def lineage(self, symbol: Symbol) -> tuple[tuple[Symbol, ...], bool]:
        """Return a class and all its bases in the order in which methods are looked up, and whether that is all.

        A base that several classes share comes after the last of them, as in Python.
        """
        if symbol not in self._lineages:
            order: list[Symbol] = []
            complete = True
            waiting = [(symbol, (symbol,))]
            while waiting and len(order) < MOST_BASES:
                item, chain = waiting.pop()
                order.append(item)
                bases, all_found = self.bases(item)
                complete = complete and all_found
                waiting += [(base, (*chain, base)) for base in reversed(bases) if base not in chain]
            last = {item: place for place, item in enumerate(order)}
            line = tuple(item for place, item in enumerate(order) if last[item] == place)
            self._lineages[symbol] = (line, complete)
        return self._lineages[symbol]

    def member(self, symbol: Symbol, name: str, *, inherited: bool = False) -> tuple[tuple[Symbol, ...], bool]:
        """Return the member `name` of a class, its own or the nearest inherited, and whether all bases were seen.

        With `inherited` the class itself is passed over.
        """
        line, complete = self.lineage(symbol)
        for item in line[inherited:]:
            if found := next(self._own_members(item, name), None):
                return (found,), True
        return (), complete

    def has_members(self, symbol: Symbol) -> bool:
        """Whether a type has methods or bases of its own, in its own file; in Go anywhere in its package."""
        definition = self._table.definition(symbol)
        if definition is None or definition.bases:
            return definition is not None
        is_go = self._table.language(symbol.path) is Language.GO
        paths = self._modules.siblings(symbol.path) if is_go else (symbol.path,)
        return any(symbol.qualified in self._owners(path) for path in paths)

    def _owners(self, path: str) -> frozenset[str]:
        if path not in self._owners_by_path:
            names = self._table.definitions[path]
            self._owners_by_path[path] = frozenset(name.rpartition(".")[0] for name in names)
        return self._owners_by_path[path]

    def _own_members(self, symbol: Symbol, name: str) -> Iterator[Symbol]:
        """Return where a class itself has `name`: in its own file; in Go anywhere in its package."""
        qualified = f"{symbol.qualified}.{name}"
        definitions = self._table.definitions
        if qualified in definitions[symbol.path]:
            yield Symbol(symbol.path, qualified)
        elif self._table.language(symbol.path) is Language.GO:
            for path in self._modules.siblings(symbol.path):
                if qualified in definitions[path]:
                    yield Symbol(path, qualified)

    @cached_property
    def derived(self) -> Mapping[Symbol, tuple[Symbol, ...]]:
        """The direct subclasses of each class."""
        found: dict[Symbol, list[Symbol]] = defaultdict(list)
        for path, names in self._table.definitions.items():
            for qualified, item in names.items():
                if item.bases:
                    for base in self.bases(Symbol(path, qualified))[0]:
                        found[base].append(Symbol(path, qualified))
        return {base: tuple(classes) for base, classes in found.items()}

    def overrides(self, symbol: Symbol, name: str) -> tuple[Symbol, ...]:
        """Return the definitions of `name` in the subclasses of a class, direct and indirect."""
        found: dict[Symbol, None] = {}
        waiting = list(self.derived.get(symbol, ()))
        known = set(waiting)
        for subclass in waiting:  # grows on the way
            inner = Symbol(subclass.path, f"{subclass.qualified}.{name}")
            if self._table.definition(inner) is not None:
                found[inner] = None
            fresh = [item for item in self.derived.get(subclass, ()) if item not in known]
            known.update(fresh)
            waiting += fresh
        return tuple(found)
