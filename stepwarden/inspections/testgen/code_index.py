"""The code of one family of languages by name, without its tests."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from stepwarden.inspections.shared.subject import is_function
from stepwarden.inspections.testgen.loose_imports import LooseImports
from stepwarden.source.outline import CallSite, Definition, DefinitionKind, Language, Outline

Key = tuple[str, str]
"""A definition: its file and its qualified name."""

CONSTRUCTORS = frozenset({"__init__", "__new__", "__post_init__", "constructor"})


def called_name(outline: Outline, call: CallSite) -> str:
    """Return the name that a call means; in Go `.Close` for that of a method and `Close(` for that of a function."""
    if outline.language is not Language.GO:
        return call.name
    is_package = call.receiver.isidentifier() and any(
        call.receiver == item.alias or re.search(rf"(?:^|[/.-]){call.receiver}(?:[./]v\d+|$)", item.module)
        for item in outline.imports
    )
    return f"{call.name}(" if not call.receiver or is_package else f".{call.name}"


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
        """Return the functions of a name as `called_name` gives it, and the constructors of a class of that name."""
        if name.startswith(".") or name.endswith("("):
            plain, is_method = name.strip(".("), name.startswith(".")
            return [key for key in self._functions.get(plain, ()) if (key in self._methods) is is_method]
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
    def _methods(self) -> frozenset[Key]:
        return frozenset(
            (path, item.qualified) for path, item in self.definitions() if item.kind is DefinitionKind.METHOD
        )

    @cached_property
    def _constructors(self) -> Mapping[str, list[Key]]:
        """What runs when a class is called, by the name of the class."""
        classes = {(path, item.qualified) for path, item in self.definitions() if item.kind is DefinitionKind.CLASS}
        found: dict[str, list[Key]] = {}
        for path, item in self.definitions():
            if item.name in CONSTRUCTORS and (path, item.parent) in classes:
                found.setdefault(item.parent.rpartition(".")[2], []).append((path, item.qualified))
        return found
