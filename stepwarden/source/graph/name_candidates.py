"""Resolving a call by its name alone, where nothing says on what it is made."""

from collections.abc import Sequence
from dataclasses import replace

from stepwarden.source.graph.built_in_names import BUILT_IN_METHODS
from stepwarden.source.graph.call_scope import CallScope
from stepwarden.source.graph.resolution import Certainty, Resolution
from stepwarden.source.graph.symbols import TYPES, Symbol, outside_tests
from stepwarden.source.outline import DefinitionKind, Language
from stepwarden.source.testfiles import is_test_file

MOST_CANDIDATES = 40  # definitions of one name; past that the name says nothing
_METHODS = frozenset({DefinitionKind.METHOD})
_FUNCTIONS = frozenset({DefinitionKind.FUNCTION, *TYPES})


def resolve_by_name(scope: CallScope, reason: str, *, methods: bool = True) -> Resolution:
    """Return the definitions that have the call's name: methods, or else functions and classes."""
    name = scope.call.name
    found = scope.names.table.with_bodies(_candidates(scope, methods=methods))
    if not found:
        return scope.outcome(Certainty.OUTSIDE, (), "no definition of that name in the tree")
    ordered = sorted(found, key=lambda symbol: not _fits(scope, symbol))
    if methods and name in BUILT_IN_METHODS.get(scope.language, ()):
        outcome = scope.outcome(Certainty.OPEN, ordered[:MOST_CANDIDATES], f"{reason}; it may be of a built-in type")
        return replace(outcome, built_in=True)
    if len(found) == 1:
        return scope.outcome(Certainty.LIKELY, found, f"{reason}; a guess: the only `{name}`")
    if len(found) > MOST_CANDIDATES:
        return scope.outcome(Certainty.DYNAMIC, (), f"{reason}; {len(found)} definitions have that name")
    return scope.outcome(Certainty.OPEN, ordered, reason)


def _candidates(scope: CallScope, *, methods: bool) -> Sequence[Symbol]:
    """Return the definitions of that name in languages that can call each other; of tests only to other tests."""
    table = scope.names.table
    wanted_kinds = _METHODS if methods else _FUNCTIONS
    caller_family = family(scope.language)
    found = [
        symbol
        for symbol in table.by_name.get(scope.call.name, ())
        if family(table.language(symbol.path)) == caller_family
        and (definition := table.definition(symbol)) is not None
        and definition.kind in wanted_kinds
    ]
    return found if is_test_file(scope.path) else outside_tests(found)


def _fits(scope: CallScope, symbol: Symbol) -> bool:
    """Whether the receiver is named after the class of `symbol`: it is then the first of the candidates, no more."""
    owner = symbol.owner.name.lower()
    word = scope.call.receiver.rpartition(".")[2].replace("_", "").lower()
    return len(word) > 3 and owner.endswith(word)


def family(language: Language) -> Language:
    """Return the language that stands for all that can call each other."""
    if language is Language.JAVASCRIPT:
        return Language.TYPESCRIPT
    return Language.CPP if language is Language.C else language
