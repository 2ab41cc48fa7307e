"""The variables of a tree: those that a line sees, the fields of a class, the results of a function, exports."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stepwarden.source.graph.name_resolver import NameResolver
from stepwarden.source.graph.symbols import TYPES, Symbol
from stepwarden.source.outline import Definition, Language, Outline, Variable

_OWN = ("self.", "this.")
# Languages in which the type of a variable is that of its declaration.
_STATIC = frozenset({Language.GO})


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, in the body of a definition."""

    path: str
    inside: str
    line: int


class VariableIndex:
    """The variables of the files of `names`, indexed a file at a time."""

    def __init__(self, names: NameResolver) -> None:
        self._names = names
        self._table = names.table
        self._by_path: dict[str, Mapping[tuple[str, str], list[Variable]]] = {}

    def visible(self, place: Place, name: str) -> tuple[Variable, ...]:
        """Return what sets the variable `name` that a line sees, in its innermost scope; () where none does."""
        definitions = self._table.definitions[place.path]
        inside = place.inside
        while True:
            around = definitions.get(inside)
            if inside == place.inside or around is None or around.kind not in TYPES:
                found = self._in_scope(place, inside, name, around)
                if found:
                    return found
            if not inside:
                return ()
            inside = around.parent if around is not None else ""

    def fields(self, owner: Symbol, name: str) -> Sequence[Variable]:
        """Return what sets or declares the field `name` of a class itself."""
        return self._variables(owner.path).get((owner.qualified, f".{name}"), ())

    def asked_of(self, interface: Symbol) -> frozenset[str]:
        """Return the methods that an interface itself asks for."""
        return frozenset(
            name[1:-2]
            for owner, name in self._variables(interface.path)
            if owner == interface.qualified and name.startswith(".") and name.endswith("()")
        )

    def results(self, symbol: Symbol) -> Sequence[Variable]:
        """Return what is said of the result of a function: its declared type, else its values."""
        found = self._variables(symbol.path).get((symbol.qualified, "()"), ())
        return [one for one in found if one.type] or found

    def exported(self, path: str, name: str) -> Sequence[Variable]:
        """Return what a script exports as `name`, "" for the module as a whole."""
        return self._variables(path).get(("", f"exports.{name}" if name else "exports"), ())

    def top(self, path: str, name: str) -> Sequence[Variable]:
        """Return what sets a variable at the top level of a file; in Go, of its package."""
        if self._table.language(path) is not Language.GO:
            return self._variables(path).get(("", name), ())
        return [one for file in self._names.modules.siblings(path) for one in self._variables(file).get(("", name), ())]

    def _in_scope(self, place: Place, inside: str, name: str, around: Definition | None) -> tuple[Variable, ...]:
        of_class = around is not None and around.kind in TYPES
        found = self._variables(place.path).get((inside, f".{name}" if of_class else name), ())
        if inside != place.inside:
            return tuple(one for one in found if one.line <= place.line <= one.end_line or not inside)
        before = [one for one in found if one.line <= place.line and not _sets_itself(one, place.line)]
        holding = [one for one in before if place.line <= one.end_line]
        if not holding:
            return () if self._table.language(place.path) in _STATIC and inside else tuple(before or found)
        latest = max(holding, key=lambda one: (one.line, -one.end_line))
        if self._table.language(place.path) in _STATIC:
            return (latest,)
        return tuple(one for one in before if one.line >= latest.line)

    def _variables(self, path: str) -> Mapping[tuple[str, str], list[Variable]]:
        """Return the variables of a file by scope and name; fields by their class and `.name`."""
        if path not in self._by_path:
            self._by_path[path] = self._indexed(path, self._table.outlines[path])
        return self._by_path[path]

    def _indexed(self, path: str, outline: Outline) -> Mapping[tuple[str, str], list[Variable]]:
        found: dict[tuple[str, str], list[Variable]] = defaultdict(list)
        definitions = self._table.definitions[path]
        for one in outline.variables:
            if one.name.startswith(_OWN):
                owner = self._names.own_class(path, one.inside)
                if owner is not None and owner.path == path:
                    found[owner.qualified, one.name[4:]].append(one)
                continue
            around = definitions.get(one.inside)
            of_class = around is not None and around.kind in TYPES and one.name != "()"
            found[one.inside, f".{one.name}" if of_class else one.name].append(one)
        return found


def _sets_itself(one: Variable, line: int) -> bool:
    """Whether a variable is set, on this line, to something made of its own earlier value."""
    return one.line == line and one.value.split(".")[0].split("[")[0] == one.name
