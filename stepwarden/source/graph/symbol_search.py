"""Finding the definitions that a person or an agent names."""

import re
from posixpath import dirname

from stepwarden.source.graph.symbols import Symbol, SymbolTable

_PLACE = re.compile(r"(.*[^:]):(?!:)(.*)", re.DOTALL)


def find_symbols(table: SymbolTable, text: str) -> tuple[Symbol, ...]:
    """Return what `text` may mean: `name`, `Class.method`, `path:Class.method`, `path:line`, `pkg.module.name`, a path.

    Only the best kind of match is returned: files of that path, then whole qualified names, then ends of names.
    A function of C or C++ is returned where its body is, also where its declaration is named.
    """
    return table.with_bodies(_find_symbols(table, text))


def _find_symbols(table: SymbolTable, text: str) -> tuple[Symbol, ...]:
    text = text.strip().strip("`").removesuffix("()")
    split = _PLACE.match(text)  # `::` of C++ and Rust divides names, not the path from the name
    place, colon, name = (split[1], ":", split[2]) if split else ("", "", text)
    if colon and name.isdigit():
        return _symbols_at(table, place, int(name))
    if colon:
        paths = set(_paths(table, place))
        qualified = name.replace("::", ".")
        here = tuple(Symbol(path, qualified) for path in sorted(paths) if qualified in table.definitions[path])
        return here or tuple(symbol for symbol in _symbols_named(table, qualified) if symbol.path in paths)
    if paths := _paths(table, text):
        return tuple(Symbol(path, "") for path in paths)
    name = text.replace("::", ".").replace("#", ".").replace("->", ".")
    return _symbols_named(table, name) or _symbols_in_module(table, name)


def _symbols_at(table: SymbolTable, place: str, line: int) -> tuple[Symbol, ...]:
    """Return the innermost definition around a line, one for each file of that path."""
    found: list[Symbol] = []
    for path in _paths(table, place):
        around = [item for item in table.definitions[path].values() if item.line <= line <= item.end_line]
        if around:
            found.append(Symbol(path, max(around, key=lambda item: item.line).qualified))
    return tuple(found)


def _paths(table: SymbolTable, text: str) -> list[str]:
    text = text.removeprefix("./").strip("/")
    if text in table.outlines:
        return [text]
    return [path for path in table.outlines if path.endswith(f"/{text}")] if text else []


def _symbols_named(table: SymbolTable, name: str) -> tuple[Symbol, ...]:
    symbols = table.by_name.get(name.rpartition(".")[2], ())
    exact = tuple(symbol for symbol in symbols if symbol.qualified == name)
    ends = tuple(symbol for symbol in symbols if symbol.qualified.endswith(f".{name}"))
    return exact or ends


def _symbols_in_module(table: SymbolTable, name: str) -> tuple[Symbol, ...]:
    """Return what `pkg.module.name` means: a name in a file whose path ends with the first parts."""
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        stem, rest = "/".join(parts[:cut]), ".".join(parts[cut:])
        found = [
            symbol
            for symbol in _symbols_named(table, rest)
            if symbol.qualified == rest and _ends_with(symbol.path, stem)
        ]
        if found:
            return tuple(found)
    return ()


def _ends_with(path: str, stem: str) -> bool:
    plain = path.rpartition(".")[0].removesuffix("/__init__").removesuffix("/index")
    return any(name == stem or name.endswith(f"/{stem}") for name in (plain, dirname(path)))
