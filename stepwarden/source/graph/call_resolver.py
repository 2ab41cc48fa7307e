"""What a call runs, as far as the text of the code says, and why not where it does not."""

from stepwarden.source.graph.built_in_names import BUILT_IN_NAMES
from stepwarden.source.graph.call_index import CallIndex
from stepwarden.source.graph.call_scope import CallScope
from stepwarden.source.graph.modules import SCRIPTS
from stepwarden.source.graph.name_candidates import resolve_by_name
from stepwarden.source.graph.name_resolver import NameResolver
from stepwarden.source.graph.resolution import Certainty, Resolution
from stepwarden.source.graph.symbols import Symbol
from stepwarden.source.outline import CallSite, Language

_SELF_NAMES = frozenset({"self", "cls", "this"})
_SUPER_NAMES = frozenset({"super", "super()", "base"})
# Languages in which a plain name is always defined or imported where it is used.
_SCOPED = SCRIPTS | {Language.PYTHON, Language.GO}


class CallResolver:
    """Resolves the calls of a tree by its names, and by the calls beside them."""

    def __init__(self, names: NameResolver, index: CallIndex) -> None:
        self._names = names
        self._index = index

    def resolve(self, path: str, call: CallSite) -> Resolution:
        """Return what `call` in the file `path` runs."""
        scope = CallScope(self._names, path, call, self._index.in_body(path, call.inside))
        receiver = call.receiver
        if not receiver:
            return self._resolve_plain(scope)
        if receiver in _SELF_NAMES or receiver == scope.self_name():
            own_class = scope.own_class()
            return (
                self._resolve_member(scope, own_class)
                if own_class
                else resolve_by_name(scope, "an object unknown here")
            )
        if receiver in _SUPER_NAMES or (receiver == "?" and scope.follows_super()):
            own_class = scope.own_class()
            return self._resolve_inherited(scope, own_class) if own_class else resolve_by_name(scope, "super")
        if receiver == "?":
            return resolve_by_name(scope, "called on an expression")
        return self._resolve_dotted(scope)

    def _resolve_plain(self, scope: CallScope) -> Resolution:
        """Resolve a call of a plain name."""
        path, name = scope.path, scope.call.name
        if scope.has_parameter(name):
            return scope.outcome(Certainty.DYNAMIC, (), f"`{name}` is a parameter")
        found = self._names.resolve_scoped(path, scope.call.inside, name)
        if found:
            if all(not symbol.qualified for symbol in found):
                return scope.outcome(Certainty.DYNAMIC, (), f"`{name}` is a module or its default")
            return _one_or_open(scope, found)
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

    def _resolve_dotted(self, scope: CallScope) -> Resolution:
        """Resolve a call on a name or a chain of names."""
        path, name, receiver = scope.path, scope.call.name, scope.call.receiver
        head = receiver.split(".")[0]
        if not scope.has_parameter(head):
            owners = self._names.resolve_dotted(path, scope.call.inside, receiver)
            found = tuple(dict.fromkeys(item for owner in owners for item in self._names.resolve_part(owner, name)))
            if found:
                return _one_or_open(scope, found)
            binding = self._names.bindings(path).get(head)
            if binding is not None and not binding.files and not self._names.resolve_binding(path, binding):
                return scope.outcome(Certainty.OUTSIDE, (), f"from {binding.module}")
            if binding is not None and not binding.name and receiver == head:
                return scope.outcome(Certainty.DYNAMIC, (), f"`{head}` defines no `{name}`")
        declared = scope.declared_method(head) if receiver == head else ()
        if declared:
            return scope.outcome(Certainty.SURE, declared)
        if receiver == head and _is_built_in(scope, head):
            return scope.built_in()
        return resolve_by_name(scope, f"the class of `{receiver}` is not written here")

    def _resolve_member(self, scope: CallScope, own_class: Symbol) -> Resolution:
        """Resolve a call of a method on the object itself."""
        hierarchy, name = self._names.hierarchy, scope.call.name
        found, complete = hierarchy.member(own_class, name)
        overrides = [item for item in hierarchy.overrides(own_class, name) if item not in found]
        if found:
            plural = "es" if len(overrides) > 1 else ""
            reason = f"overridden in {len(overrides)} subclass{plural}" if overrides else ""
            return scope.outcome(Certainty.SURE, found, reason)
        if overrides:
            certainty = Certainty.LIKELY if len(overrides) == 1 else Certainty.OPEN
            return scope.outcome(certainty, overrides, "defined by subclasses")
        return _not_a_member(scope, own_class, complete=complete)

    def _resolve_inherited(self, scope: CallScope, own_class: Symbol) -> Resolution:
        """Resolve a call of a method on `super`."""
        found, complete = self._names.hierarchy.member(own_class, scope.call.name, inherited=True)
        if found:
            return scope.outcome(Certainty.SURE, found)
        return _not_a_member(scope, own_class, complete=complete)


def _one_or_open(scope: CallScope, found: tuple[Symbol, ...]) -> Resolution:
    if len(found) == 1:
        return scope.outcome(Certainty.SURE, found)
    return scope.outcome(Certainty.OPEN, found, f"{len(found)} definitions of `{scope.call.name}`")


def _not_a_member(scope: CallScope, own_class: Symbol, *, complete: bool) -> Resolution:
    if not complete:
        return scope.outcome(Certainty.OUTSIDE, (), f"from a base of `{own_class.name}` outside the tree")
    return scope.outcome(Certainty.DYNAMIC, (), f"no method of `{own_class.name}`: an attribute")


def _is_built_in(scope: CallScope, name: str) -> bool:
    return name in BUILT_IN_NAMES.get(scope.language, ())
