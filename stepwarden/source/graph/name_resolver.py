"""What a name in a file stands for: by scopes, imports and classes."""

from collections.abc import Iterator, Mapping, Sequence

from stepwarden.source.graph.class_hierarchy import ClassHierarchy
from stepwarden.source.graph.import_bindings import Binding, ImportBindings
from stepwarden.source.graph.modules import Modules
from stepwarden.source.graph.symbols import CODE, TYPES, Symbol, SymbolTable
from stepwarden.source.outline import SCRIPTS, DefinitionKind, Language

HOPS = 8  # files that a name is followed through before it is given up
INCLUDING = frozenset({Language.C, Language.CPP})
# Languages in which a nested definition and a member are named without their class.
_FREE_NAMES = frozenset({Language.JAVA, Language.CSHARP, Language.CPP, Language.C, Language.RUST})


class NameResolver:
    """Resolves names of the files of `table`."""

    def __init__(self, table: SymbolTable, modules: Modules) -> None:
        self.table = table
        self.modules = modules
        self.hierarchy = ClassHierarchy(table, modules, self.resolve_dotted)
        self._includes: dict[str, tuple[str, ...]] = {}
        self._bindings = ImportBindings(table.outlines, modules)

    def bindings(self, path: str) -> Mapping[str, Binding]:
        """Return what the imports of a file bind in it, by name."""
        return self._bindings.of(path)

    def star_files(self, path: str) -> Iterator[str]:
        """Return the files from which a file imports, or exports, every name."""
        return self._bindings.star_files(path)

    def resolve_top(self, path: str, name: str, hops: int = HOPS) -> tuple[Symbol, ...]:
        """Return what `name` at the top level of a file stands for, also where the file imports it."""
        if hops <= 0 or path not in self.table.outlines:
            return ()
        if name in self.table.definitions[path]:
            return (Symbol(path, name),)
        binding = self.bindings(path).get(name)
        if binding is not None:
            return self.resolve_binding(path, binding, hops - 1)
        if self.table.language(path) is Language.GO:
            return self.resolve_in_package(path, name)
        if self.table.language(path) in INCLUDING:
            return next(
                ((Symbol(file, name),) for file in self._included(path) if name in self.table.definitions[file]), ()
            )
        for other in self._bindings.star_files(path):
            if other != path and (found := self.resolve_top(other, name, hops - 1)):
                return found
        return ()

    def _included(self, path: str) -> Sequence[str]:
        """Return the files of the tree that a file of C or C++ includes, directly or through others, nearest first."""
        if path not in self._includes:
            found: dict[str, None] = {}
            waiting = [path]
            for file in waiting:  # grows on the way
                for item in self.table.outlines[file].imports:
                    fresh = [one for one in self.modules.files(file, item) if one not in found and one != path]
                    found.update(dict.fromkeys(fresh))
                    waiting += fresh
            self._includes[path] = tuple(found)
        return self._includes[path]

    def resolve_in_package(self, path: str, name: str) -> tuple[Symbol, ...]:
        """Return the definitions `name` in the files of the same directory."""
        return tuple(
            Symbol(sibling, name) for sibling in self.modules.siblings(path) if name in self.table.definitions[sibling]
        )

    def resolve_binding(self, path: str, binding: Binding, hops: int = HOPS) -> tuple[Symbol, ...]:
        """Return what an import in the file `path` stands for; () where it is outside of the tree."""
        if not binding.name:
            return tuple(Symbol(file, "") for file in binding.files)
        exported = (self._resolve_export(file, binding, path, hops) for file in binding.files)
        if self.table.language(path) is Language.PYTHON:  # several files of one name: which of them is not said
            found = tuple(dict.fromkeys(symbol for symbols in exported for symbol in symbols))
        else:
            found = next(filter(None, exported), ())
        if found:
            return found
        if self.table.language(path) is Language.PYTHON:
            inner = f"{binding.module}.{binding.name}" if binding.module else binding.name
            return tuple(Symbol(file, "") for file in self.modules.module(path, inner, binding.level))
        return ()

    def _resolve_export(self, file: str, binding: Binding, path: str, hops: int) -> tuple[Symbol, ...]:
        """Return what `file` exports for a binding of the file `path`; a default export by its likely definition."""
        if binding.name != "default" or self.table.language(path) not in SCRIPTS:
            return self.resolve_top(file, binding.name, hops)
        default = self._default_of(file)
        if default is not None:
            return self.resolve_top(file, default, hops) if default else ()
        local_name = next((name for name, other in self.bindings(path).items() if other == binding), "")
        tops = [item for item in self.table.definitions[file].values() if not item.parent]
        same = [item for item in tops if item.name in {local_name, "default"}]
        if len(same) == 1:
            return (Symbol(file, same[0].qualified),)
        return self.resolve_top(file, "default", hops) or (Symbol(file, ""),)

    def _default_of(self, file: str) -> str | None:
        """Return the name of a script's default export, "" where it has no plain name, None for no such export."""
        names = ("exports.default", "exports")
        values = {one.name: one.value for one in self.table.outlines[file].variables if one.name in names}
        value = next((values[name] for name in names if name in values), None)
        return value if value is None or value.isidentifier() else ""

    def own_class(self, path: str, inside: str) -> Symbol | None:
        """Return the class whose method the body `inside` is in, None where it is in none."""
        definitions = self.table.definitions[path]
        while inside and (around := definitions.get(inside)) is not None:
            if around.kind in TYPES:
                return Symbol(path, inside)
            if around.kind is DefinitionKind.METHOD and (owner := inside.rpartition(".")[0]):
                if owner in definitions:
                    return Symbol(path, owner)
                return self._class_named(path, owner)
            inside = around.parent
        return None

    def _class_named(self, path: str, owner: str) -> Symbol | None:
        """Return the class of a method that stands outside of it: in Go in its package, elsewhere by its imports."""
        if self.table.language(path) is Language.GO:
            return next(iter(self.resolve_in_package(path, owner)), None)
        name = owner.rpartition(".")[2] if self.table.language(path) in INCLUDING else owner
        found = [one for one in self.resolve_top(path, name) if self.table.is_type(one)]
        found = found or [one for one in self.table.by_name.get(name, ()) if self.table.is_type(one)]
        return found[0] if len(found) == 1 else None

    def resolve_scoped(self, path: str, inside: str, name: str) -> tuple[Symbol, ...]:
        """Return what `name` means in the body of `inside`: the nearest definition outwards, else at the top level."""
        start = inside
        names = self.table.definitions[path]
        free = self.table.language(path) in _FREE_NAMES
        while inside:
            around = names.get(inside)
            if around is None:
                break
            inner = f"{inside}.{name}"
            if inner in names and (free or around.kind in CODE):
                return (Symbol(path, inner),)
            if free and around.kind is DefinitionKind.METHOD and around.parent and around.parent not in names:
                owner = self._class_named(path, around.parent)  # the body of a method outside of its class
                if owner is not None and (found := self.hierarchy.member(owner, name)[0]):
                    return found
            if free and around.kind in TYPES and (found := self.hierarchy.member(Symbol(path, inside), name)[0]):
                return found
            inside = around.parent
        return self.resolve_top(path, name) or (self._resolve_around(path, start, name) if start else ())

    def _resolve_around(self, path: str, inside: str, name: str) -> tuple[Symbol, ...]:
        """Return what `name` means in a script where `inside` is named after an object: by the lines around it."""
        names = self.table.definitions[path]
        here = names.get(inside)
        if here is None or self.table.language(path) not in SCRIPTS:
            return ()
        found = [
            (around.line, qualified)
            for qualified, item in names.items()
            if item.name == name
            and (around := names.get(item.parent)) is not None
            and around.kind in CODE
            and around.line <= here.line
            and here.end_line <= around.end_line
        ]
        return (Symbol(path, max(found)[1]),) if found else ()

    def resolve_dotted(self, path: str, inside: str, text: str) -> tuple[Symbol, ...]:
        """Return what dotted `text` means in the body of `inside`, () where a part of it is unknown."""
        head, *rest = text.split(".")
        found = self.resolve_scoped(path, inside, head)
        binding = self.bindings(path).get(head)
        if binding is not None and not binding.name and self.table.language(path) is Language.PYTHON:
            for cut in range(len(rest), 0, -1):  # the longest module first: a.b.c, then a.b
                files = self.modules.module(path, ".".join([binding.module, *rest[:cut]]), binding.level)
                if files:
                    found, rest = tuple(Symbol(file, "") for file in files), rest[cut:]
                    break
        for name in rest:
            found = tuple(item for symbol in found for item in self.resolve_part(symbol, name))
        return found

    def resolve_part(self, symbol: Symbol, name: str) -> tuple[Symbol, ...]:
        """Return what `name` is in a file, a class or another definition."""
        if not symbol.qualified:
            return self.resolve_top(symbol.path, name)
        if self.table.is_type(symbol):
            return self.hierarchy.member(symbol, name)[0]
        inner = f"{symbol.qualified}.{name}"
        return (Symbol(symbol.path, inner),) if inner in self.table.definitions[symbol.path] else ()
