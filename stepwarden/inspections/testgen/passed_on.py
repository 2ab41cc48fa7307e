"""Functions that tables, callbacks and put-together names may reach: no call of them can be seen."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from stepwarden.inspections.shared.masked_source import mask_source
from stepwarden.inspections.testgen.call_targets import CallTargets
from stepwarden.inspections.testgen.code_index import CodeIndex, Key
from stepwarden.inspections.testgen.passed_names import PassedNames, find_passed_names
from stepwarden.inspections.testgen.reachability import MANY
from stepwarden.source.outline import SCRIPTS, Definition, DefinitionKind, Language

MOST_READ = 150  # files whose text is read, those of the functions first

Function = tuple[str, Definition]
"""A function with its file."""
Functions = Mapping[str, list[Definition]]
"""Functions by their files."""


class PassedOn:
    """Finds which functions of `index` other code may reach without naming them in a call; `read` reads a file."""

    def __init__(self, index: CodeIndex, read: Callable[[str], str | None]) -> None:
        self._index = index
        self._read = read

    def find(self, functions: Iterable[Function]) -> set[Key]:
        """Return those of `functions` that are passed on in their own file or in one that imports it."""
        own: dict[str, list[Definition]] = {}
        for path, item in functions:
            if path in self._index.outlines:
                own.setdefault(path, []).append(item)
        found = self._called_by_common_names(own)
        for path in [*own, *self._users_of(own)][:MOST_READ]:
            text = self._read(path)
            if text is not None:
                language = self._index.outlines[path].language
                passed = find_passed_names(mask_source(text, language), language, text)
                found.update(self._meant_inside(path, passed, own) if path in own else ())
                found.update(self._meant_outside(path, passed, own))
        return found

    def _meant_inside(self, path: str, passed: PassedNames, own: Functions) -> Iterator[Key]:
        for item in own[path]:
            if passed.include(item.name) or self._is_of_table(path, item, passed):
                yield path, item.qualified

    def _meant_outside(self, path: str, passed: PassedNames, own: Functions) -> Iterator[Key]:
        targets = CallTargets(self._index, path)
        meant = {key for name in passed.names for key in targets.named(name)}
        for file in targets.imported_files & own.keys() - {path}:
            for item in own[file]:
                if (file, item.qualified) in meant or self._is_of_table(file, item, passed):
                    yield file, item.qualified

    def _is_of_table(self, path: str, item: Definition, passed: PassedNames) -> bool:
        """Whether a method stands in an object of JavaScript that is passed on as a whole, or indexed."""
        outline = self._index.outlines[path]
        classes = {each.qualified for each in outline.definitions if each.kind is DefinitionKind.CLASS}
        is_method = outline.language in SCRIPTS and item.kind is DefinitionKind.METHOD
        return is_method and item.parent in passed.whole and item.parent not in classes

    def _called_by_common_names(self, own: Functions) -> set[Key]:
        """Return the functions with a name that too many have to follow its calls, where it is called somewhere."""
        common = [
            (path, item) for path, items in own.items() for item in items if len(self._index.named(item.name)) > MANY
        ]
        if not common:
            return set()
        called = {call.name for outline in self._index.outlines.values() for call in outline.calls}
        return {(path, item.qualified) for path, item in common if item.name in called}

    def _users_of(self, paths: Iterable[str]) -> list[str]:
        """Return the files outside the tests that import one of `paths`, or are of its package in Go."""
        wanted = frozenset(paths)
        imports = self._index.imports
        siblings = [
            file
            for path in wanted
            if self._index.outlines[path].language is Language.GO
            for file in imports.siblings(path)
        ]
        users = [
            path
            for path, outline in self._index.outlines.items()
            if path not in self._index.tests
            and any(not wanted.isdisjoint(imports.files(path, item)) for item in outline.imports)
        ]
        return [path for path in dict.fromkeys((*siblings, *users)) if path not in wanted | self._index.tests]
