"""What an expression stands for, as far as declarations and assignments say: objects of classes, or definitions."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import takewhile

from stepwarden.source.graph.built_in_names import BUILT_IN_NAMES
from stepwarden.source.graph.meaning import Meaning, join_meanings
from stepwarden.source.graph.name_resolver import NameResolver
from stepwarden.source.graph.symbols import CODE, Symbol
from stepwarden.source.graph.variable_index import Place, VariableIndex
from stepwarden.source.outline import SCRIPTS, DefinitionKind, Language, Variable

MOST_STEPS = 12  # variables and results, one set to the next, that an expression is followed through
MOST_VARIABLES = 200  # that are looked at for one expression
_PARTS = re.compile(r"<[^>]*>|[\w$#]+|\(\)|\[\]")
_NAME = re.compile(r"[\w$#]")
_PROPERTIES = frozenset({"property", "cached_property", "functools.cached_property", "abc.abstractproperty"})
_OWN_TYPES = frozenset({"Self", "typing.Self", "t.Self", "this"})


@dataclass(slots=True)
class Trail:
    """The variables that one expression is being followed through, and how many were looked at."""

    open: list[tuple[str, Variable]] = field(default_factory=list[tuple[str, Variable]])
    looked_at: int = 0
    handed: list[str] = field(default_factory=list[str])
    cut: int = 0  # times that the search was given up


class TypeInference:
    """The meanings of expressions in the files of `names`."""

    def __init__(self, names: NameResolver) -> None:
        self._names = names
        self._table = names.table
        self.variables = VariableIndex(names)
        self._known: dict[tuple[str, Variable, tuple[Symbol, ...]], Meaning | None] = {}

    def meaning(self, place: Place, text: str) -> Meaning | None:
        """Return what an expression, written as in `Variable`, stands for on a line; None where nothing says."""
        return self._meaning(place, text, Trail())

    def member(self, meaning: Meaning, name: str) -> Meaning | None:
        """Return what the member `name` of a meaning stands for."""
        return self._member(meaning, name, Trail())

    def module(self, path: str) -> Meaning | None:
        """Return what a script exports as a whole, by `module.exports` or else by default."""
        return self._module(path, Trail())

    def _meaning(self, place: Place, text: str, trail: Trail) -> Meaning | None:
        return join_meanings(self._chain(place, part, trail) for part in text.split("|"))

    def _chain(self, place: Place, text: str, trail: Trail) -> Meaning | None:
        parts: list[str] = _PARTS.findall(text)
        if not parts or text == "?":
            return None
        meaning, rest = self._start(place, parts, trail)
        for part in rest:
            if meaning is None:
                return None
            if part == "()":
                meaning = self._result(place, meaning, text, trail)
            elif part == "[]":
                meaning = replace(meaning, depth=meaning.depth - 1) if meaning.types and meaning.depth else None
            else:
                meaning = self._member(meaning, part, trail)
        return meaning

    def _start(self, place: Place, parts: list[str], trail: Trail) -> tuple[Meaning | None, list[str]]:
        """Return what the first of the parts stand for, and the rest of them."""
        path = place.path
        if variables := self.variables.visible(place, parts[0]):
            return self._of_variables(path, variables, trail), parts[1:]
        if self._table.language(path) in SCRIPTS and "exports" in parts[:2] and parts[0] in {"module", "exports"}:
            names = parts[parts.index("exports") + 1 :]
            return (self._exported(path, names[0], trail), names[1:]) if names else (self._module(path, trail), [])
        meaning = self._head(place, parts[0], trail)
        if meaning is None or not meaning.types:
            names = list(takewhile(_NAME.match, parts))
            for cut in range(len(names), 1, -1):  # the longest name that the file's imports and scopes know
                if found := self._names.resolve_dotted(path, place.inside, ".".join(names[:cut])):
                    return Meaning(symbols=found), parts[cut:]
        return meaning, parts[1:]

    def _head(self, place: Place, name: str, trail: Trail) -> Meaning | None:
        """Return what a name stands for that no variable around has."""
        path = place.path
        if name.startswith("<"):
            files = self._names.modules.module(path, name[1:-1])
            return Meaning(symbols=tuple(Symbol(file, "") for file in files)) if files else Meaning(outside=name[1:-1])
        own_class = self._names.own_class(path, place.inside) if name in {"self", "cls", "this"} else None
        if own_class is not None:
            return Meaning(symbols=(own_class,)) if name == "cls" else Meaning(types=(own_class,))
        found = self._names.resolve_scoped(path, place.inside, name)
        binding = self._names.bindings(path).get(name)
        is_default = binding is not None and binding.name == "default" and self._table.language(path) in SCRIPTS
        if found and (not is_default or any(symbol.qualified for symbol in found)):
            return Meaning(symbols=found)
        if self._table.language(path) is Language.GO and (others := self.variables.top(path, name)):
            return self._of_variables(path, others, trail)
        return self._imported(path, name, trail)

    def _imported(self, path: str, name: str, trail: Trail) -> Meaning | None:
        binding = self._names.bindings(path).get(name)
        if binding is None:
            known = name in BUILT_IN_NAMES.get(self._table.language(path), ())
            return Meaning(outside="built in") if known else None
        if not binding.files:
            return Meaning(outside=binding.module)
        return join_meanings(self._exported(file, binding.name, trail) for file in binding.files)

    def _of_variables(
        self, path: str, variables: Iterable[Variable], trail: Trail, on: tuple[Symbol, ...] = ()
    ) -> Meaning | None:
        """Return what variables that are set or declared in `path` stand for together."""
        found = list(variables)
        found = [one for one in found if one.type] or found
        return join_meanings(self._of_variable(path, one, trail, on) for one in found)

    def _of_variable(self, path: str, one: Variable, trail: Trail, on: tuple[Symbol, ...]) -> Meaning | None:
        place = Place(path, one.inside, one.line)
        key = (path, one, on)
        if key in self._known:
            return self._known[key]
        trail.looked_at += 1
        if (path, one) in trail.open or len(trail.open) >= MOST_STEPS or trail.looked_at > MOST_VARIABLES:
            trail.cut += 1
            return None
        cut = trail.cut
        trail.open.append((path, one))
        if one.type:
            found = join_meanings(self._declared(place, part, on, trail) for part in one.type.split("|"))
        else:
            found = self._meaning(place, one.value, trail)
        trail.open.pop()
        if trail.cut == cut or not trail.open:  # else it depends on where the search began
            self._known[key] = found
        return found

    def _declared(self, place: Place, text: str, on: tuple[Symbol, ...], trail: Trail) -> Meaning | None:
        """Return an object of a declared type."""
        name = text.lstrip("[]")
        depth = (len(text) - len(name)) // 2
        if name in _OWN_TYPES:
            own_class = self._names.own_class(place.path, place.inside)
            own = on or ((own_class,) if own_class else ())
            return Meaning(types=own, depth=depth) if own else None
        types = tuple(
            one for one in self._names.resolve_dotted(place.path, place.inside, name) if self._table.is_type(one)
        )
        aliases = [one for one in types if self._is_alias(one)]
        if aliases and len(aliases) == len(types):
            found = self._of_alias(aliases[0], trail)
            return replace(found, depth=found.depth + depth) if found is not None else Meaning(types=types, depth=depth)
        if types:
            return Meaning(types=types, depth=depth)
        head = name.partition(".")[0]
        binding = self._names.bindings(place.path).get(head)
        if binding is not None and not binding.files:
            return Meaning(outside=binding.module)
        return Meaning(outside="built in") if name in BUILT_IN_NAMES.get(self._table.language(place.path), ()) else None

    def _is_alias(self, symbol: Symbol) -> bool:
        definition = self._table.definition(symbol)
        return definition is not None and definition.kind is DefinitionKind.TYPE

    def _of_alias(self, symbol: Symbol, trail: Trail) -> Meaning | None:
        """Return an object of what a type is declared as; None where it has methods of its own, or that is unknown."""
        if self._names.hierarchy.has_members(symbol):
            return None
        return self._of_variables(symbol.path, self.variables.results(symbol), trail)

    def _result(self, place: Place, meaning: Meaning, text: str, trail: Trail) -> Meaning | None:
        """Return what a call of a meaning returns."""
        if meaning.outside:  # a class outside makes objects from outside; what a function returns may be of the tree
            last = next((part for part in reversed(_PARTS.findall(text)) if part not in {"()", "[]"}), "")
            made = self._table.language(place.path) is Language.GO or last[:1].isupper()
            return meaning if made else None
        if not meaning.symbols or meaning.depth:
            return None
        found = join_meanings(self._result_of(symbol, meaning, trail) for symbol in meaning.symbols)
        return replace(found, sure=found.sure and meaning.sure) if found is not None else None

    def _result_of(self, symbol: Symbol, meaning: Meaning, trail: Trail) -> Meaning | None:
        if self._table.is_type(symbol):
            return Meaning(types=(symbol,))
        definition = self._table.definition(symbol)
        if definition is None and symbol.path in self._table.outlines and not symbol.qualified:
            default = self._module(symbol.path, trail)
            return (
                self._result_of(default.symbols[0], default, trail) if default and len(default.symbols) == 1 else None
            )
        if definition is None and symbol.qualified:
            owner, _, name = symbol.qualified.rpartition(".")
            return self._of_variables(
                symbol.path, self.variables.fields(Symbol(symbol.path, owner), f"{name}()"), trail
            )
        if definition is None or definition.kind not in CODE:
            return None
        return self._of_variables(symbol.path, self.variables.results(symbol), trail, meaning.on)

    def _member(self, meaning: Meaning, name: str, trail: Trail) -> Meaning | None:
        if meaning.outside:
            return meaning
        if meaning.depth:
            return None
        if meaning.types:
            found = join_meanings(self._of_object(one, name, trail) for one in meaning.types)
        else:
            found = join_meanings(self._of_symbol(one, name, trail) for one in meaning.symbols)
        return replace(found, sure=found.sure and meaning.sure) if found is not None else None

    def _of_object(self, owner: Symbol, name: str, trail: Trail) -> Meaning | None:
        """Return the member of an object: a method, the value of a property, or a field."""
        methods = self._names.hierarchy.member(owner, name)[0]
        if methods:
            definition = self._table.definition(methods[0])
            if definition is not None and _PROPERTIES & set(definition.decorators):
                return self._of_variables(methods[0].path, self.variables.results(methods[0]), trail, (owner,))
            return Meaning(symbols=methods, on=(owner,))
        for one in self._names.hierarchy.lineage(owner)[0]:
            if fields := self.variables.fields(one, name):
                found = self._of_variables(one.path, fields, trail, (owner,))
                return None if found is not None and self._is_descriptor(found) else found
            if self.variables.fields(one, f"{name}()"):  # what an interface asks for
                return Meaning(symbols=(Symbol(one.path, f"{one.qualified}.{name}"),), on=(owner,))
        return None

    def _is_descriptor(self, meaning: Meaning) -> bool:
        """Whether reading a field gives what `__get__` of its value returns, in Python."""
        return any(self._names.hierarchy.member(one, "__get__")[0] for one in meaning.types)

    def _of_symbol(self, symbol: Symbol, name: str, trail: Trail) -> Meaning | None:
        """Return what `name` is in a file, a class or another definition."""
        if not symbol.qualified:
            return self._exported(symbol.path, name, trail)
        if found := self._names.resolve_part(symbol, name):
            return Meaning(symbols=found, on=(symbol,))
        return self._of_object(symbol, name, trail) if self._table.is_type(symbol) else None

    def _exported(self, path: str, name: str, trail: Trail) -> Meaning | None:
        """Return what other files see as `name` in a file: a definition, a variable, or what the file exports so."""
        if not name:
            return Meaning(symbols=(Symbol(path, ""),))
        if self._table.language(path) in SCRIPTS:
            return self._exported_by_script(path, name, trail)
        if found := self._names.resolve_top(path, name):
            return Meaning(symbols=found)
        if variables := self.variables.top(path, name):
            return self._of_variables(path, variables, trail)
        return self._handed_on(path, name, trail)

    def _exported_by_script(self, path: str, name: str, trail: Trail) -> Meaning | None:
        exports = self.variables.exported(path, name)
        if exports and (meaning := self._of_variables(path, exports, trail)):
            return meaning
        if name == "default":
            return self._module(path, trail)
        if found := self._names.resolve_top(path, name):
            return Meaning(symbols=found)
        if variables := self.variables.top(path, name):
            return self._of_variables(path, variables, trail)
        whole = self._whole(path, trail)
        if whole is not None and Symbol(path, "") not in whole.symbols:
            return self._member(whole, name, trail)
        spread = self.variables.exported(path, "*")
        spread_meaning = self._of_variables(path, spread, trail) if spread else None
        if spread_meaning is not None and Symbol(path, "") not in spread_meaning.symbols:
            return self._member(spread_meaning, name, trail)
        return self._handed_on(path, name, trail)

    def _handed_on(self, path: str, name: str, trail: Trail) -> Meaning | None:
        """Return what a file imports as `name`, directly or with all names of another, for others to import."""
        if len(trail.handed) >= MOST_STEPS or path in trail.handed:
            return None
        trail.handed.append(path)
        binding = self._names.bindings(path).get(name)
        found: Meaning | None = None
        if binding is not None and binding.name:
            found = join_meanings(self._exported(file, binding.name, trail) for file in binding.files if file != path)
        for file in self._names.star_files(path) if found is None else ():
            if file != path and (found := self._exported(file, name, trail)):
                break
        trail.handed.pop()
        return found

    def _module(self, path: str, trail: Trail) -> Meaning | None:
        whole = self._whole(path, trail)
        if whole is not None:
            return whole
        return self._of_variables(path, self.variables.exported(path, "default"), trail)

    def _whole(self, path: str, trail: Trail) -> Meaning | None:
        """Return what a CommonJS module is; None where it is an object with what the file exports."""
        return self._of_variables(path, self.variables.exported(path, ""), trail)
