"""Calls on objects whose class is known: their own methods, inherited ones, and those through an interface."""

from collections.abc import Sequence

from stepwarden.source.graph.call_scope import CallScope
from stepwarden.source.graph.meaning import Meaning
from stepwarden.source.graph.name_candidates import MOST_CANDIDATES
from stepwarden.source.graph.resolution import Certainty, Resolution
from stepwarden.source.graph.symbols import Symbol, outside_tests
from stepwarden.source.graph.type_inference import TypeInference
from stepwarden.source.outline import DefinitionKind
from stepwarden.source.testfiles import is_test_file


def resolve_on(scope: CallScope, types: TypeInference, meaning: Meaning) -> Resolution | None:
    """Return what a call on a meaning runs; None where that does not say."""
    if meaning.outside == "built in" or (meaning.depth and not meaning.outside):
        return scope.built_in()
    if meaning.outside:
        return scope.outcome(Certainty.OUTSIDE, (), f"an object from {meaning.outside}")
    if len(meaning.types) == 1 and meaning.sure:
        told = resolve_member(scope, types, meaning.types[0])
        definition = scope.names.table.definition(meaning.types[0])
        is_alias = definition is not None and definition.kind is DefinitionKind.TYPE
        return None if is_alias and not told.targets else told  # what it stands for is not written out
    member = types.member(meaning, scope.call.name)
    if member is None or not _are_defined(scope, member.symbols):
        return None
    targets = tuple(symbol for symbol in member.symbols if symbol.qualified)
    if not targets:
        return None
    if len(targets) > 1:
        return scope.outcome(Certainty.OPEN, targets, f"`{scope.call.receiver}` may be any of their classes")
    if not (meaning.sure and member.sure):
        reason = f"one of the values of `{scope.call.receiver}`; others are unknown"
        return scope.outcome(Certainty.LIKELY, targets, reason)
    return scope.outcome(Certainty.SURE, targets)


def resolve_member(scope: CallScope, types: TypeInference, owner: Symbol, *, inherited: bool = False) -> Resolution:
    """Return what a call of a method on an object of the class `owner` runs; if `inherited`, on `super`."""
    hierarchy, name = scope.names.hierarchy, scope.call.name
    found, complete = hierarchy.member(owner, name, inherited=inherited)
    if inherited:
        return scope.outcome(Certainty.SURE, found) if found else _not_a_member(scope, owner, complete=complete)
    overrides = [item for item in hierarchy.overrides(owner, name) if item not in found]
    if found:
        plural = "es" if len(overrides) > 1 else ""
        reason = f"overridden in {len(overrides)} subclass{plural}" if overrides else ""
        return scope.outcome(Certainty.SURE, found, reason)
    if overrides:
        certainty = Certainty.LIKELY if len(overrides) == 1 else Certainty.OPEN
        return scope.outcome(certainty, overrides, "defined by subclasses")
    held = types.member(Meaning(types=(owner,)), name)
    if held is not None and not _are_defined(scope, held.symbols):
        return _resolve_through_interface(scope, types, owner)
    if held is not None and held.symbols and all(symbol.qualified for symbol in held.symbols):
        sure = held.sure and len(held.symbols) == 1
        certainty = Certainty.LIKELY if sure else Certainty.OPEN
        return scope.outcome(certainty, held.symbols, f"a value that `{owner.name}` keeps as `{name}`")
    return _not_a_member(scope, owner, complete=complete)


def _are_defined(scope: CallScope, symbols: Sequence[Symbol]) -> bool:
    """Whether none of the symbols is only asked for, as the methods of an interface are."""
    return all(not symbol.qualified or scope.names.table.definition(symbol) is not None for symbol in symbols)


def _resolve_through_interface(scope: CallScope, types: TypeInference, interface: Symbol) -> Resolution:
    """Return the methods of the types that have all methods of an interface: which runs is decided at run time."""
    table, hierarchy, name = scope.names.table, scope.names.hierarchy, scope.call.name
    asked = {one for base in hierarchy.lineage(interface)[0] for one in types.variables.asked_of(base)}
    found: list[Symbol] = []
    for method in table.by_name.get(name, ()):
        owner = scope.names.own_class(method.path, method.qualified) if method.qualified.count(".") == 1 else None
        if (
            owner is not None
            and table.language(method.path) is scope.language
            and all(hierarchy.member(owner, one)[0] for one in asked)
        ):
            found.append(method)
    targets = found if is_test_file(scope.path) else outside_tests(found)
    through = f"through the interface `{interface.name}`"
    if len(targets) == 1:
        return scope.outcome(Certainty.LIKELY, targets, f"{through}; the only type with its methods")
    if not targets or len(targets) > MOST_CANDIDATES:
        return scope.outcome(Certainty.DYNAMIC, (), f"{through}; {len(targets)} types in the tree have its methods")
    return scope.outcome(Certainty.OPEN, targets, through)


def _not_a_member(scope: CallScope, owner: Symbol, *, complete: bool) -> Resolution:
    if not complete:
        return scope.outcome(Certainty.OUTSIDE, (), f"from a base of `{owner.name}` outside the tree")
    return scope.outcome(Certainty.DYNAMIC, (), f"no method of `{owner.name}`: an attribute")
