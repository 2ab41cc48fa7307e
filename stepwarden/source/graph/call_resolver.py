"""What a call runs, as far as the text of the code says, and why not where it does not."""

import re
from dataclasses import replace

from stepwarden.source.graph.built_in_names import BUILT_IN_NAMES
from stepwarden.source.graph.call_index import CallIndex
from stepwarden.source.graph.call_scope import CallScope
from stepwarden.source.graph.name_candidates import resolve_by_name
from stepwarden.source.graph.name_resolver import NameResolver
from stepwarden.source.graph.object_calls import resolve_member, resolve_on
from stepwarden.source.graph.resolution import Certainty, Resolution
from stepwarden.source.graph.symbols import Symbol
from stepwarden.source.graph.type_inference import TypeInference
from stepwarden.source.outline import SCRIPTS, CallSite, Language

_SELF_NAMES = frozenset({"self", "cls", "this"})
_OWN_EXPORTS = frozenset({"exports", "module.exports"})
_SUPER_NAMES = frozenset({"super", "super()", "base"})
# Languages in which a plain name is always defined or imported where it is used.
_SCOPED = SCRIPTS | {Language.PYTHON, Language.GO}


class CallResolver:
    """Resolves the calls of a tree by its names, and by the types of its variables."""

    def __init__(self, names: NameResolver, index: CallIndex) -> None:
        self._names = names
        self._index = index
        self._types = TypeInference(names)

    def resolve(self, path: str, call: CallSite) -> Resolution:
        """Return what `call` in the file `path` runs."""
        scope = CallScope(self._names, path, call, self._index.in_body(path, call.inside))
        receiver = call.receiver
        if not receiver:
            return self._resolve_plain(scope)
        if receiver in _SELF_NAMES or receiver == scope.self_name():
            own_class = scope.own_class()
            if own_class is None:
                return resolve_by_name(scope, "an object unknown here")
            return resolve_member(scope, self._types, own_class)
        if receiver in _SUPER_NAMES or (receiver == "?" and scope.follows_super()):
            own_class = scope.own_class()
            if own_class is None:
                return resolve_by_name(scope, "super")
            return resolve_member(scope, self._types, own_class, inherited=True)
        if receiver == "?":
            return resolve_by_name(scope, "called on an expression")
        return self._resolve_dotted(scope)

    def _resolve_plain(self, scope: CallScope) -> Resolution:
        """Resolve a call of a plain name."""
        path, name = scope.path, scope.call.name
        if name == "super" and scope.language in SCRIPTS:
            return self._resolve_base_constructor(scope)
        if scope.has_parameter(name):
            return scope.outcome(Certainty.DYNAMIC, (), f"`{name}` is a parameter")
        found = self._names.resolve_scoped(path, scope.call.inside, name)
        if found and any(symbol.qualified for symbol in found):
            return _one_or_open(scope, found)
        if (value := self._resolve_value(scope)) is not None:
            return value
        return self._unresolved_plain(scope, is_module=bool(found))

    def _resolve_value(self, scope: CallScope) -> Resolution | None:
        """Resolve a call of a variable that holds a definition, or of a module's default."""
        meaning = self._types.meaning(scope.place, scope.call.name)
        if meaning is None or meaning.types:
            return None
        targets = tuple(target for symbol in meaning.symbols for target in self._called(symbol))
        return _one_or_open(scope, targets, sure=meaning.sure) if targets else None

    def _unresolved_plain(self, scope: CallScope, *, is_module: bool) -> Resolution:
        path, name = scope.path, scope.call.name
        if is_module:
            return scope.outcome(Certainty.DYNAMIC, (), f"`{name}` is a module or its default")
        binding = self._names.bindings(path).get(name)
        if binding is not None and binding.files:
            return scope.outcome(Certainty.DYNAMIC, (), f"`{name}` is a value of {binding.files[0]}")
        if binding is not None:
            return scope.outcome(Certainty.OUTSIDE, (), f"from {binding.module}" if binding.module else "imported")
        if _is_built_in(scope, name):
            return scope.built_in()
        if scope.language in _SCOPED:
            return scope.outcome(Certainty.DYNAMIC, (), f"`{name}` is a value, or defined by other means")
        return resolve_by_name(scope, "by its name alone", methods=False)

    def _resolve_base_constructor(self, scope: CallScope) -> Resolution:
        """Resolve `super(...)` in a constructor: a base class may have none of its own, or be outside of the tree."""
        own_class = scope.own_class()
        if own_class is None:
            return scope.built_in()
        called = replace(scope, call=replace(scope.call, name="constructor"))
        told = resolve_member(called, self._types, own_class, inherited=True)
        if not told.targets:
            return scope.outcome(Certainty.OUTSIDE, (), f"no constructor of a base of `{own_class.name}` in the tree")
        return scope.outcome(told.certainty, told.targets, told.reason)

    def _called(self, symbol: Symbol) -> tuple[Symbol, ...]:
        """Return what a call of a symbol runs: itself, or what a module exports as a whole."""
        if symbol.qualified:
            return (symbol,)
        whole = self._types.module(symbol.path)
        return tuple(one for one in whole.symbols if one.qualified) if whole is not None else ()

    def _resolve_dotted(self, scope: CallScope) -> Resolution:
        """Resolve a call on a name, a chain of names or another call."""
        path, name, receiver = scope.path, scope.call.name, scope.call.receiver
        head = re.split(r"[.(\[]", receiver, maxsplit=1)[0]
        is_local = scope.has_parameter(head) or any(
            one.inside for one in self._types.variables.visible(scope.place, head)
        )
        plain = re.fullmatch(r"[\w$.#]+", receiver) is not None
        if receiver in _OWN_EXPORTS and scope.language in SCRIPTS and not is_local:
            exported = self._types.meaning(scope.place, f"{receiver}.{name}")
            targets = (
                [one for symbol in exported.symbols for one in self._called(symbol)] if exported is not None else []
            )
            if targets and exported is not None:
                return _one_or_open(scope, tuple(targets), sure=exported.sure)
        if not is_local and plain:
            owners = self._names.resolve_dotted(path, scope.call.inside, receiver)
            found = tuple(dict.fromkeys(item for owner in owners for item in self._names.resolve_part(owner, name)))
            if found:
                return _one_or_open(scope, found)
            binding = self._names.bindings(path).get(head)
            if binding is not None and not binding.files and not self._names.resolve_binding(path, binding):
                return scope.outcome(Certainty.OUTSIDE, (), f"from {binding.module}")
        meaning = self._types.meaning(scope.place, receiver)
        if meaning is not None and (told := resolve_on(scope, self._types, meaning)) is not None:
            return told
        if not is_local and plain:
            binding = self._names.bindings(path).get(head)
            if binding is not None and not binding.name and receiver == head:
                return scope.outcome(Certainty.DYNAMIC, (), f"`{head}` defines no `{name}`")
        if receiver == head and not is_local and _is_built_in(scope, head):
            return scope.built_in()
        on = f"the class of `{receiver}` is not written here" if plain else "called on an expression"
        return resolve_by_name(scope, on)


def _one_or_open(scope: CallScope, found: tuple[Symbol, ...], *, sure: bool = True) -> Resolution:
    found = scope.names.table.with_bodies(found)
    if len(found) == 1:
        reason = "" if sure else "one of its values; others are unknown"
        return scope.outcome(Certainty.SURE if sure else Certainty.LIKELY, found, reason)
    return scope.outcome(Certainty.OPEN, found, f"{len(found)} definitions of `{scope.call.name}`")


def _is_built_in(scope: CallScope, name: str) -> bool:
    return name in BUILT_IN_NAMES.get(scope.language, ())
