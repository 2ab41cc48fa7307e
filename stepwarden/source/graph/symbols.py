"""The definitions of a tree, by file and by name."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from stepwarden.source.declarations import Key, find_bodies
from stepwarden.source.outline import Definition, DefinitionKind, Language, Outline
from stepwarden.source.testfiles import is_test_file

TYPES = frozenset({DefinitionKind.CLASS, DefinitionKind.INTERFACE, DefinitionKind.TYPE, DefinitionKind.ENUM})
CODE = frozenset({DefinitionKind.FUNCTION, DefinitionKind.METHOD})


@dataclass(frozen=True, slots=True, order=True)
class Symbol:
    """One definition of a tree; `qualified` is "" for the file itself."""

    path: str
    qualified: str

    @property
    def spelled(self) -> str:
        """The symbol as replies and reports spell it: `path:Class.method`."""
        return f"{self.path}:{self.qualified}" if self.qualified else self.path

    @property
    def name(self) -> str:
        """The last part of the qualified name."""
        return self.qualified.rpartition(".")[2]

    @property
    def owner(self) -> "Symbol":
        """What it is a member of, by its name: a class, a function, or the file itself."""
        return Symbol(self.path, self.qualified.rpartition(".")[0])


def outside_tests(symbols: Iterable[Symbol]) -> tuple[Symbol, ...]:
    """Return the symbols that stand in no test file; all of them where every one does."""
    found = tuple(symbols)
    return tuple(symbol for symbol in found if not is_test_file(symbol.path)) or found


class SymbolTable:
    """All definitions of `outlines`, indexed when first asked for."""

    def __init__(self, outlines: Mapping[str, Outline]) -> None:
        self.outlines = outlines

    @cached_property
    def definitions(self) -> Mapping[str, Mapping[str, Definition]]:
        """Definitions by file and qualified name; of several with one name, the first that is not exempt."""
        found: dict[str, dict[str, Definition]] = {}
        for path, outline in self.outlines.items():
            names = found.setdefault(path, {})
            for item in outline.definitions:
                if item.kind is not DefinitionKind.MODULE and (
                    item.qualified not in names or names[item.qualified].exempt
                ):
                    names[item.qualified] = item
        return found

    @cached_property
    def by_name(self) -> Mapping[str, tuple[Symbol, ...]]:
        """Symbols by the last part of their names; a declaration whose body is in the tree is that body."""
        found: dict[str, list[Symbol]] = defaultdict(list)
        for path, names in self.definitions.items():
            for qualified, item in names.items():
                if (path, qualified) not in self._bodies:
                    found[item.name].append(Symbol(path, qualified))
        return {name: tuple(symbols) for name, symbols in found.items()}

    @cached_property
    def _bodies(self) -> Mapping[Key, tuple[Key, ...]]:
        return find_bodies(self.outlines)

    def with_bodies(self, symbols: Iterable[Symbol]) -> tuple[Symbol, ...]:
        """Return symbols, each once, with the bodies of those that are only declared where they stand."""
        return tuple(
            dict.fromkeys(
                Symbol(*key)
                for symbol in symbols
                for key in self._bodies.get((symbol.path, symbol.qualified), ((symbol.path, symbol.qualified),))
            )
        )

    def definition(self, symbol: Symbol) -> Definition | None:
        """Return the definition of `symbol`, None for a file."""
        return self.definitions.get(symbol.path, {}).get(symbol.qualified)

    def is_type(self, symbol: Symbol) -> bool:
        """Whether `symbol` is a class, an interface, an alias or an enumeration."""
        definition = self.definition(symbol)
        return definition is not None and definition.kind in TYPES

    def language(self, path: str) -> Language:
        """Return the language of a file of the tree."""
        return self.outlines[path].language
