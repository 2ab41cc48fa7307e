"""The definitions of a tree by name and place, and what the names in a file stand for."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from posixpath import dirname

from stepwarden.source.modules import SCRIPTS, Modules
from stepwarden.source.outline import Definition, DefinitionKind, Import, Language, Outline

HOPS = 8  # names handed on from file to file, before it is given up
MOST_BASES = 500  # of one class, by all ways
TYPES = frozenset({DefinitionKind.CLASS, DefinitionKind.INTERFACE, DefinitionKind.TYPE, DefinitionKind.ENUM})
CODE = frozenset({DefinitionKind.FUNCTION, DefinitionKind.METHOD})
_FREE_NAMES = frozenset({Language.JAVA, Language.CSHARP, Language.CPP, Language.C, Language.RUST})


@dataclass(frozen=True, slots=True, order=True)
class Symbol:
    """One definition of a tree; `qualified` is "" for the file itself."""

    path: str
    qualified: str

    @property
    def spelled(self) -> str:
        """How it is named to others: `path:Class.method`."""
        return f"{self.path}:{self.qualified}" if self.qualified else self.path

    @property
    def name(self) -> str:
        """The last part of its name."""
        return self.qualified.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Bound:
    """What an import gives a name in a file: the `files` of a module, or `name` in them; none are outside the tree."""

    files: tuple[str, ...]
    module: str
    level: int
    name: str = ""


class Symbols:
    """All definitions of `outlines`, and the way from a name in a file to what it stands for."""

    def __init__(self, outlines: Mapping[str, Outline], modules: Modules) -> None:
        self.outlines = outlines
        self.modules = modules
        self._bindings: dict[str, Mapping[str, Bound]] = {}
        self._lineages: dict[Symbol, tuple[tuple[Symbol, ...], bool]] = {}

    @cached_property
    def defined(self) -> Mapping[str, Mapping[str, Definition]]:
        """The definitions by file and qualified name; of several of one name, the one that does the work."""
        found: dict[str, dict[str, Definition]] = {}
        for path, outline in self.outlines.items():
            names = found.setdefault(path, {})
            for one in outline.definitions:
                if one.kind is not DefinitionKind.MODULE and (
                    one.qualified not in names or names[one.qualified].exempt
                ):
                    names[one.qualified] = one
        return found

    @cached_property
    def by_name(self) -> Mapping[str, tuple[Symbol, ...]]:
        """The definitions by their last name."""
        found: dict[str, list[Symbol]] = defaultdict(list)
        for path, names in self.defined.items():
            for qualified, one in names.items():
                found[one.name].append(Symbol(path, qualified))
        return {name: tuple(symbols) for name, symbols in found.items()}

    def definition(self, symbol: Symbol) -> Definition | None:
        """Return the definition of `symbol`, None for a file."""
        return self.defined.get(symbol.path, {}).get(symbol.qualified)

    def find(self, text: str) -> tuple[Symbol, ...]:
        """Return what `text` may mean: `name`, `Class.method`, `path:Class.method`, `pkg.module.name` or a path.

        The best kind of match only: a file of that path, else whole names before ends of names.
        """
        text = text.strip().strip("`").removesuffix("()")
        place, colon, name = text.rpartition(":")
        if colon and name.isdigit():  # path:line
            return self._at(place, int(name))
        if colon:
            paths = set(self._paths(place))
            return tuple(symbol for symbol in self._named(name.replace("::", ".")) if symbol.path in paths)
        if paths := self._paths(text):
            return tuple(Symbol(path, "") for path in paths)
        name = text.replace("::", ".").replace("#", ".").replace("->", ".")
        return self._named(name) or self._in_module(name)

    def _at(self, place: str, line: int) -> tuple[Symbol, ...]:
        found: list[Symbol] = []
        for path in self._paths(place):
            around = [one for one in self.defined[path].values() if one.line <= line <= one.end_line]
            if around:
                found.append(Symbol(path, max(around, key=lambda one: one.line).qualified))
        return tuple(found)

    def _paths(self, text: str) -> list[str]:
        text = text.removeprefix("./").strip("/")
        if text in self.outlines:
            return [text]
        return [path for path in self.outlines if path.endswith(f"/{text}")] if text else []

    def _named(self, name: str) -> tuple[Symbol, ...]:
        symbols = self.by_name.get(name.rpartition(".")[2], ())
        exact = tuple(symbol for symbol in symbols if symbol.qualified == name)
        ends = tuple(symbol for symbol in symbols if symbol.qualified.endswith(f".{name}"))
        return exact or ends

    def _in_module(self, name: str) -> tuple[Symbol, ...]:
        """Return what `pkg.module.name` means: a name in a file whose path ends as the first parts say."""
        parts = name.split(".")
        for cut in range(len(parts) - 1, 0, -1):
            stem, rest = "/".join(parts[:cut]), ".".join(parts[cut:])
            found = [
                symbol for symbol in self._named(rest) if symbol.qualified == rest and _ends_with(symbol.path, stem)
            ]
            if found:
                return tuple(found)
        return ()

    def bindings(self, path: str) -> Mapping[str, Bound]:
        """Return what the imports of a file bind in it; names of `*` are not among them."""
        if path not in self._bindings:
            self._bindings[path] = dict(self._bound(path))
        return self._bindings[path]

    def _bound(self, path: str) -> Iterator[tuple[str, Bound]]:
        language = self.outlines[path].language
        for found in self.outlines[path].imports:
            files = self.modules.files(path, found)
            whole = Bound(files, found.module, found.level)
            if found.alias:
                yield found.alias, whole
            elif not found.names and found.module:
                name = found.module.split(".")[0] if language is Language.PYTHON else _short_name(found.module)
                yield (
                    name,
                    Bound(self.modules.files(path, Import(name, (), 0)), name, 0)
                    if "." in found.module and (language is Language.PYTHON)
                    else whole,
                )
            for name, here in found.names:
                if name != "*":
                    yield here, Bound(files, found.module, found.level, name)

    def stars(self, path: str) -> Iterator[str]:
        """Return the files whose every name a file takes over."""
        for found in self.outlines[path].imports:
            if any(name == "*" for name, _ in found.names) and not found.alias:
                yield from self.modules.files(path, found)

    def top(self, path: str, name: str, hops: int = HOPS) -> tuple[Symbol, ...]:
        """Return what `name` at the top of a file stands for, also where the file has it from others."""
        if hops <= 0 or path not in self.outlines:
            return ()
        if name in self.defined[path]:
            return (Symbol(path, name),)
        bound = self.bindings(path).get(name)
        if bound is not None:
            return self.meant(path, bound, hops - 1)
        if self.outlines[path].language is Language.GO:
            return tuple(Symbol(p, name) for p in self.modules.siblings(path) if name in self.defined[p])
        for other in self.stars(path):
            if other != path and (found := self.top(other, name, hops - 1)):
                return found
        return ()

    def meant(self, path: str, bound: Bound, hops: int = HOPS) -> tuple[Symbol, ...]:
        """Return what an import in the file `path` stands for; () where it is outside of the tree."""
        if not bound.name:
            return tuple(Symbol(file, "") for file in bound.files)
        for file in bound.files:
            if found := self._exported(file, bound, path, hops):
                return found
        language = self.outlines[path].language
        if language is Language.PYTHON:
            inner = f"{bound.module}.{bound.name}" if bound.module else bound.name
            return tuple(Symbol(file, "") for file in self.modules.module(path, inner, bound.level))
        return ()

    def _exported(self, file: str, bound: Bound, path: str, hops: int) -> tuple[Symbol, ...]:
        if bound.name != "default" or self.outlines[path].language not in SCRIPTS:
            return self.top(file, bound.name, hops)
        here = next((name for name, other in self.bindings(path).items() if other == bound), "")
        tops = [one for one in self.defined[file].values() if not one.parent]
        same = [one for one in tops if one.name in {here, "default"}]
        chosen = same or [one for one in tops if one.public] or tops
        if len(chosen) == 1:
            return (Symbol(file, chosen[0].qualified),)
        return self.top(file, "default", hops) or (Symbol(file, ""),)

    def scoped(self, path: str, inside: str, name: str) -> tuple[Symbol, ...]:
        """Return what `name` means in the body of `inside`: the nearest definition outwards, or the top of the file."""
        names = self.defined[path]
        free = self.outlines[path].language in _FREE_NAMES
        while inside:
            around = names.get(inside)
            if around is None:
                break
            inner = f"{inside}.{name}"
            if inner in names and (free or around.kind in CODE):
                return (Symbol(path, inner),)
            if free and around.kind in TYPES and (found := self.member(Symbol(path, inside), name)[0]):
                return found
            inside = around.parent
        return self.top(path, name)

    def dotted(self, path: str, inside: str, text: str) -> tuple[Symbol, ...]:
        """Return what dotted `text` means in the body of `inside`, () where a part of it is not known."""
        head, *rest = text.split(".")
        found = self.scoped(path, inside, head)
        bound = self.bindings(path).get(head)
        if bound is not None and not bound.name and self.outlines[path].language is Language.PYTHON:
            for cut in range(len(rest), 0, -1):  # the longest module first: a.b.c, then a.b
                files = self.modules.module(path, ".".join([bound.module, *rest[:cut]]), bound.level)
                if files:
                    found, rest = tuple(Symbol(file, "") for file in files), rest[cut:]
                    break
        for name in rest:
            found = tuple(one for symbol in found for one in self.part(symbol, name))
        return found

    def part(self, symbol: Symbol, name: str) -> tuple[Symbol, ...]:
        """Return what `name` is in a file, a class or anything that holds definitions."""
        if not symbol.qualified:
            return self.top(symbol.path, name)
        definition = self.definition(symbol)
        if definition is not None and definition.kind in TYPES:
            return self.member(symbol, name)[0]
        inner = f"{symbol.qualified}.{name}"
        return (Symbol(symbol.path, inner),) if inner in self.defined[symbol.path] else ()

    def bases(self, symbol: Symbol) -> tuple[tuple[Symbol, ...], bool]:
        """Return the classes that a class is derived from, and whether all of them are in the tree."""
        definition = self.definition(symbol)
        found: list[Symbol] = []
        whole = True
        for text in definition.bases if definition else ():
            name = re.split(r"[\[<({]", text, maxsplit=1)[0].strip().lstrip("*&").strip()
            meant = self.dotted(symbol.path, definition.parent if definition else "", name.replace("::", "."))
            types = [one for one in meant if one != symbol and self._is_type(one)]
            found += types
            whole = whole and bool(types)
        return tuple(dict.fromkeys(found)), whole

    def _is_type(self, symbol: Symbol) -> bool:
        definition = self.definition(symbol)
        return definition is not None and definition.kind in TYPES

    def member(self, symbol: Symbol, name: str, *, above: bool = False) -> tuple[tuple[Symbol, ...], bool]:
        """Return the method `name` of a class, its own or the nearest inherited, and whether all bases were seen.

        `above` looks at the bases alone.
        """
        line, whole = self.lineage(symbol)
        for one in line[above:]:
            if held := next(self._inner(one, name), None):
                return (Symbol(*held),), True
        return (), whole

    def lineage(self, symbol: Symbol) -> tuple[tuple[Symbol, ...], bool]:
        """Return a class and all it is derived from, in the order that methods are looked for, and whether it is all.

        A base that several have comes after the last of them, as in Python.
        """
        if symbol not in self._lineages:
            order: list[Symbol] = []
            whole = True
            waiting = [(symbol, (symbol,))]
            while waiting and len(order) < MOST_BASES:
                one, way = waiting.pop()
                order.append(one)
                bases, complete = self.bases(one)
                whole = whole and complete
                waiting += [(base, (*way, base)) for base in reversed(bases) if base not in way]
            last = {one: place for place, one in enumerate(order)}
            line = tuple(one for place, one in enumerate(order) if last[one] == place)
            self._lineages[symbol] = (line, whole)
        return self._lineages[symbol]

    def _inner(self, symbol: Symbol, name: str) -> Iterator[tuple[str, str]]:
        """Return where a class holds `name`: in its own file; in Go anywhere in its package."""
        inner = f"{symbol.qualified}.{name}"
        if inner in self.defined[symbol.path]:
            yield symbol.path, inner
        elif self.outlines[symbol.path].language is Language.GO:
            yield from ((path, inner) for path in self.modules.siblings(symbol.path) if inner in self.defined[path])

    @cached_property
    def derived(self) -> Mapping[Symbol, tuple[Symbol, ...]]:
        """The classes that are derived from each class directly."""
        found: dict[Symbol, list[Symbol]] = defaultdict(list)
        for path, names in self.defined.items():
            for qualified, one in names.items():
                if one.bases:
                    for base in self.bases(Symbol(path, qualified))[0]:
                        found[base].append(Symbol(path, qualified))
        return {base: tuple(classes) for base, classes in found.items()}


def _short_name(module: str) -> str:
    """Return the name that Go and others bind for a module: its last part, versions apart."""
    parts = [part for part in re.split(r"[/.]|::", module) if part]
    if len(parts) > 1 and re.fullmatch(r"v\d+", parts[-1]):
        parts.pop()
    return parts[-1] if parts else module


def _ends_with(path: str, stem: str) -> bool:
    plain = path.rpartition(".")[0].removesuffix("/__init__").removesuffix("/index")
    return any(p == stem or p.endswith(f"/{stem}") for p in (plain, dirname(path)))
