"""The code of one family of languages by name, without its tests."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from stepwarden.inspections.shared.subject import is_function
from stepwarden.inspections.testgen.loose_imports import LooseImports
from stepwarden.source.outline import Definition, DefinitionKind, Outline

Key = tuple[str, str]
"""A definition: its file and its qualified name."""

CONSTRUCTORS = frozenset({"__init__", "__new__", "__post_init__", "constructor"})


@dataclass(frozen=True)
class CodeIndex:
    """The definitions of `outlines` by name; those of the files `tests` are left out."""

    outlines: Mapping[str, Outline]
    tests: frozenset[str] = frozenset()

    def definitions(self) -> Iterator[tuple[str, Definition]]:
        """Yield all definitions outside the tests, each with its file."""
        for path, outline in self.outlines.items():
            if path not in self.tests:
                for item in outline.definitions:
                    yield path, item

    def named(self, name: str) -> list[Key]:
        """Return the functions of a name, and the constructors of a class of that name."""
        return [*self._functions.get(name, ()), *self._constructors.get(name, ())]

    @cached_property
    def imports(self) -> LooseImports:
        """The files, tests included, by what imports may call them."""
        return LooseImports(self.outlines)

    @cached_property
    def _functions(self) -> Mapping[str, list[Key]]:
        found: dict[str, list[Key]] = {}
        for path, item in self.definitions():
            if is_function(item):
                found.setdefault(item.name, []).append((path, item.qualified))
        return found

    @cached_property
    def _constructors(self) -> Mapping[str, list[Key]]:
        """What runs when a class is called, by the name of the class."""
        classes = {(path, item.qualified) for path, item in self.definitions() if item.kind is DefinitionKind.CLASS}
        found: dict[str, list[Key]] = {}
        for path, item in self.definitions():
            if item.name in CONSTRUCTORS and (path, item.parent) in classes:
                found.setdefault(item.parent.rpartition(".")[2], []).append((path, item.qualified))
        return found
