"""The definitions that the words of a task name."""

import re
from collections.abc import Callable, Iterable, Iterator

from stepwarden.inspections.shared.subject import is_foreign
from stepwarden.source.graph.symbol_search import find_symbols
from stepwarden.source.graph.symbols import Symbol, SymbolTable, outside_tests

_NAME = re.compile(r"`([^`\s]{2,200})`|((?:[\w./-]+:)?[A-Za-z_$][\w$]*(?:(?:\.|::|#)[A-Za-z_$][\w$]*)*)(\(?)")
_CODE_LIKE = re.compile(r"[._:#$]|[a-z][A-Z]")


def names_code(text: str) -> bool:
    """Whether a text has a word that looks like a name in code."""
    return next(_code_names(text), None) is not None


def _code_names(text: str) -> Iterator[str]:
    """Yield the words of a text in backticks, before a bracket, or with the signs or capitals of a name in code."""
    for quoted, name, called in _NAME.findall(text):
        if quoted or called or _CODE_LIKE.search(name.strip(".:")):
            yield quoted or name


def find_targets(
    symbols: SymbolTable, text: str, wanted: Callable[[Symbol], bool] = lambda _: True
) -> tuple[Symbol, ...]:
    """Return the definitions that a target means: those of that name, or the one that a sentence names.

    Names of others than those `wanted` are passed over.
    """
    if found := _own_ones(symbols, filter(wanted, find_symbols(symbols, text))):
        return found
    best: tuple[Symbol, ...] = ()
    for word in _code_names(text):
        found = _own_ones(symbols, filter(wanted, find_symbols(symbols, word)))
        if len(found) == 1:
            return found
        best = best or found
    return best


def _own_ones(symbols: SymbolTable, named: Iterable[Symbol]) -> tuple[Symbol, ...]:
    """Return the definitions outside of tests, and of these the project's own, where there are such."""
    found = outside_tests(named)
    return tuple(one for one in found if not is_foreign(one.path, symbols.outlines[one.path])) or found
