"""What a call means, as far as the text of the code tells, and honestly where it does not."""

import builtins
import io
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from stepwarden.source.outline import CallSite, DefinitionKind, Language
from stepwarden.source.symbols import TYPES, Symbol, Symbols
from stepwarden.source.testfiles import is_test_file

OWN = frozenset({"self", "cls", "this"})
CANDIDATES = 40  # definitions of one name that a call may mean; past that the name says nothing

_SCRIPT_WORLD = frozenset(
    re.findall(
        r"\w+",
        """Array ArrayBuffer BigInt Boolean Date Error Function Int32Array Intl JSON Map Math Number Object Promise
        Proxy RangeError RegExp Set String Symbol SyntaxError TypeError URL Uint8Array WeakMap WeakSet alert console
        cancelAnimationFrame clearInterval clearTimeout decodeURIComponent document encodeURIComponent fetch isFinite
        isNaN localStorage navigator parseFloat parseInt process queueMicrotask require requestAnimationFrame
        sessionStorage setInterval setTimeout structuredClone window""",
    )
)
_BUILT_IN = {
    Language.PYTHON: frozenset(dir(builtins)),
    Language.JAVASCRIPT: _SCRIPT_WORLD,
    Language.TYPESCRIPT: _SCRIPT_WORLD,
    Language.GO: frozenset(
        re.findall(
            r"\w+",
            """append cap clear close complex copy delete imag len make max min new panic print println real recover
            any bool byte complex128 complex64 error float32 float64 int int16 int32 int64 int8 rune string uint uint16
            uint32 uint64 uint8 uintptr""",
        )
    ),
}

# Methods of strings, lists, maps, files, promises and pages: a call of one of them is most often of those.
_OF_PYTHON = frozenset(
    name for kind in (str, bytes, bytearray, list, tuple, dict, set, int, float, io.StringIO) for name in dir(kind)
)
_OF_SCRIPTS = frozenset(
    re.findall(
        r"\w+",
        """at concat every fill filter find findIndex findLast finally flat flatMap forEach from get has includes
        indexOf join keys lastIndexOf map match matchAll next of padEnd padStart pop push reduce reduceRight reject
        repeat replace replaceAll resolve reverse search send set shift slice some sort splice split startsWith endsWith
        substring test then catch throw toFixed toISOString toLowerCase toString toUpperCase trim trimEnd trimStart
        unshift values entries exec add delete clear apply bind call addEventListener removeEventListener appendChild
        arc beginPath blur clearRect click clip close closePath contains drawImage fillRect fillText focus getAttribute
        getBoundingClientRect getContext getItem getImageData lineTo measureText moveTo open preventDefault putImageData
        querySelector querySelectorAll remove removeChild removeItem restore rotate save scale scrollTo setAttribute
        setItem setTransform stopPropagation stroke strokeRect strokeText submit toBlob toDataURL translate""",
    )
)
_METHODS = {Language.PYTHON: _OF_PYTHON, Language.JAVASCRIPT: _OF_SCRIPTS, Language.TYPESCRIPT: _OF_SCRIPTS}


class Certainty(StrEnum):
    """How sure it is what a call runs."""

    SURE = "sure"  # names, imports and classes lead to it by the language's own rules
    LIKELY = "likely"  # the only definition of its name, or the one whose class its receiver is named after
    OPEN = "open"  # several definitions have its name
    OUTSIDE = "outside"  # built in, or imported from what is not in the tree
    DYNAMIC = "dynamic"  # a value decides at run time


@dataclass(frozen=True, slots=True)
class Resolution:
    """What one call means: `targets` are one definition where it is sure or likely, candidates where it is open.

    `reason` says in a few words why it is not sure.
    """

    path: str
    call: CallSite
    certainty: Certainty
    targets: tuple[Symbol, ...] = ()
    reason: str = ""

    @property
    def text(self) -> str:
        """The call as it stands in the code, an expression as `(...)`."""
        receiver = "(...)" if self.call.receiver == "?" else self.call.receiver
        return f"{receiver}.{self.call.name}" if receiver else self.call.name


class Resolver:
    """Resolves the calls of a tree; `calls_in` gives the calls in the body of each definition."""

    def __init__(self, symbols: Symbols, calls_in: Mapping[tuple[str, str], Sequence[CallSite]]) -> None:
        self.outlines = symbols.outlines
        self.modules = symbols.modules
        self.symbols = symbols
        self._calls_in = calls_in

    def resolve(self, path: str, call: CallSite) -> Resolution:
        """Return what `call` in the file `path` runs."""
        if not call.receiver:
            return self._plain(path, call)
        own = self._own_class(path, call)
        if call.receiver in OWN | {self._go_receiver(path, call)}:
            return self._of_class(path, call, own) if own else self._by_name(path, call, "an object unknown here")
        if call.receiver in {"super", "super()", "base"} or (call.receiver == "?" and self._beside_super(path, call)):
            return self._of_class(path, call, own, above=True) if own else self._by_name(path, call, "super")
        if call.receiver == "?":
            return self._by_name(path, call, "called on an expression")
        return self._dotted(path, call)

    def _plain(self, path: str, call: CallSite) -> Resolution:
        if call.name in self._parameters(path, call.inside):
            return Resolution(path, call, Certainty.DYNAMIC, (), f"`{call.name}` is a parameter")
        found = self.symbols.scoped(path, call.inside, call.name)
        if found:
            if all(not symbol.qualified for symbol in found):
                return Resolution(path, call, Certainty.DYNAMIC, (), f"`{call.name}` is a module or its default")
            return self._found(path, call, found)
        bound = self.symbols.bindings(path).get(call.name)
        if bound is not None and bound.files:
            return Resolution(path, call, Certainty.DYNAMIC, (), f"`{call.name}` is a value of {bound.files[0]}")
        if bound is not None:
            return Resolution(path, call, Certainty.OUTSIDE, (), f"from {bound.module}" if bound.module else "imported")
        if call.name in self._built_in(path):
            return Resolution(path, call, Certainty.OUTSIDE, (), "built in")
        if self.outlines[path].language in {Language.PYTHON, Language.GO, Language.JAVASCRIPT, Language.TYPESCRIPT}:
            return Resolution(path, call, Certainty.DYNAMIC, (), f"`{call.name}` is a value, or defined by other means")
        return self._by_name(path, call, "by its name alone", methods=False)

    def _found(self, path: str, call: CallSite, found: tuple[Symbol, ...]) -> Resolution:
        if len(found) == 1:
            return Resolution(path, call, Certainty.SURE, found)
        return Resolution(path, call, Certainty.OPEN, found, f"{len(found)} definitions of `{call.name}`")

    def _dotted(self, path: str, call: CallSite) -> Resolution:
        head = call.receiver.split(".")[0]
        holders = self.symbols.dotted(path, call.inside, call.receiver)
        if head not in self._parameters(path, call.inside):
            found = tuple(dict.fromkeys(one for holder in holders for one in self.symbols.part(holder, call.name)))
            if found:
                return self._found(path, call, found)
            bound = self.symbols.bindings(path).get(head)
            if bound is not None and not bound.files and not self.symbols.meant(path, bound):
                return Resolution(path, call, Certainty.OUTSIDE, (), f"from {bound.module}")
            if bound is not None and not bound.name and call.receiver == head:
                return Resolution(path, call, Certainty.DYNAMIC, (), f"`{head}` defines no `{call.name}`")
        typed = self._declared(path, call, head) if call.receiver == head else ()
        if typed:
            return Resolution(path, call, Certainty.SURE, typed)
        if call.receiver == head and head in self._built_in(path):
            return Resolution(path, call, Certainty.OUTSIDE, (), "built in")
        return self._by_name(path, call, f"the class of `{call.receiver}` is not written here")

    def _of_class(self, path: str, call: CallSite, own: Symbol, *, above: bool = False) -> Resolution:
        found, whole = self.symbols.member(own, call.name, above=above)
        if found:
            others = () if above else self._overrides(own, call.name, found[0])
            note = f"overridden in {len(others)} subclass{'es' if len(others) > 1 else ''}" if others else ""
            return Resolution(path, call, Certainty.SURE, found, note)
        below = () if above else self._overrides(own, call.name, None)
        if below:
            certainty = Certainty.LIKELY if len(below) == 1 else Certainty.OPEN
            return Resolution(path, call, certainty, below, "defined by subclasses")
        if not whole:
            return Resolution(path, call, Certainty.OUTSIDE, (), f"from a base of `{own.name}` outside the tree")
        return Resolution(path, call, Certainty.DYNAMIC, (), f"no method of `{own.name}`: an attribute")

    def _overrides(self, own: Symbol, name: str, known: Symbol | None) -> tuple[Symbol, ...]:
        found: dict[Symbol, None] = {}
        waiting = list(self.symbols.derived.get(own, ()))
        seen = set(waiting)
        for derived in waiting:  # grows on the way
            inner = Symbol(derived.path, f"{derived.qualified}.{name}")
            if inner != known and self.symbols.definition(inner) is not None:
                found[inner] = None
            fresh = [one for one in self.symbols.derived.get(derived, ()) if one not in seen]
            seen.update(fresh)
            waiting += fresh
        return tuple(found)

    def _by_name(self, path: str, call: CallSite, why: str, *, methods: bool = True) -> Resolution:
        """Return the definitions that have the call's name: methods, or else functions."""
        kin = family(self.outlines[path].language)
        found = [
            symbol
            for symbol in self.symbols.by_name.get(call.name, ())
            if family(self.outlines[symbol.path].language) == kin and self._fits(symbol, methods=methods)
        ]
        if not found:
            return Resolution(path, call, Certainty.OUTSIDE, (), "no definition of that name in the tree")
        if not is_test_file(path):
            found = [symbol for symbol in found if not is_test_file(symbol.path)] or found
        hinted = [symbol for symbol in found if self._hinted(path, call, symbol)]
        if methods and call.name in _METHODS.get(self.outlines[path].language, ()):
            why = f"{why}; it may be of a built-in type"
            return Resolution(path, call, Certainty.OPEN, tuple(hinted or found)[:CANDIDATES], why)
        if len(hinted) == 1:
            return Resolution(path, call, Certainty.LIKELY, tuple(hinted), f"{why}; its name fits the class")
        if len(found) == 1:
            return Resolution(path, call, Certainty.LIKELY, tuple(found), f"{why}; the only `{call.name}`")
        if len(found) > CANDIDATES:
            return Resolution(path, call, Certainty.DYNAMIC, (), f"{why}; {len(found)} definitions have that name")
        return Resolution(path, call, Certainty.OPEN, tuple(hinted or found), why)

    def _fits(self, symbol: Symbol, *, methods: bool) -> bool:
        definition = self.symbols.definition(symbol)
        if definition is None:
            return False
        if methods:
            return definition.kind is DefinitionKind.METHOD
        return definition.kind in {DefinitionKind.FUNCTION, *TYPES}

    def _hinted(self, path: str, call: CallSite, symbol: Symbol) -> bool:
        """Whether the receiver is named after the class, or the class is made in the same body."""
        owner = symbol.qualified.rpartition(".")[0].rpartition(".")[2].lower()
        word = call.receiver.rpartition(".")[2].replace("_", "").lower()
        if len(word) > 3 and owner.endswith(word):
            return True
        made = {other.name.lower() for other in self._calls_in.get((path, call.inside), ()) if other.name[:1].isupper()}
        return owner in made and call.receiver != "?"

    def _built_in(self, path: str) -> Collection[str]:
        return _BUILT_IN.get(self.outlines[path].language, ())

    def _parameters(self, path: str, inside: str) -> set[str]:
        names = self.symbols.defined[path]
        found: set[str] = set()
        while inside and (around := names.get(inside)) is not None:
            found.update(around.parameters)
            inside = around.parent
        return found

    def _own_class(self, path: str, call: CallSite) -> Symbol | None:
        names = self.symbols.defined[path]
        inside = call.inside
        while inside and (around := names.get(inside)) is not None:
            if around.kind in TYPES:
                return Symbol(path, inside)
            if around.kind is DefinitionKind.METHOD and (holder := inside.rpartition(".")[0]):
                return next(iter(self._holders(path, holder)), None)
            inside = around.parent
        return None

    def _holders(self, path: str, name: str) -> tuple[Symbol, ...]:
        if name in self.symbols.defined[path]:
            return (Symbol(path, name),)
        return tuple(Symbol(p, name) for p in self.modules.siblings(path) if name in self.symbols.defined[p])

    def _go_receiver(self, path: str, call: CallSite) -> str:
        """Return the name by which a Go method calls its own value."""
        definition = self.symbols.defined[path].get(call.inside)
        if definition is None or self.outlines[path].language is not Language.GO:
            return "self"
        match = re.match(r"func \((\w+) ", definition.signature)
        return match[1] if match else "self"

    def _beside_super(self, path: str, call: CallSite) -> bool:
        near = self._calls_in.get((path, call.inside), ())
        return any(other.name == "super" and not other.receiver and other.line == call.line for other in near)

    def _declared(self, path: str, call: CallSite, name: str) -> tuple[Symbol, ...]:
        """Return the method where the receiver is a parameter whose class its signature writes down."""
        definition = self.symbols.defined[path].get(call.inside)
        if definition is None or name not in definition.parameters:
            return ()
        gap = " " if self.outlines[path].language is Language.GO else r"\??: ?"
        match = re.search(rf"\b{re.escape(name)}{gap}[*&]?[\"']?([\w.]+)", definition.signature)
        if match is None:
            return ()
        holders = self.symbols.dotted(path, definition.parent, match[1])
        found = {
            one for holder in holders if self.symbols.definition(holder) for one in self.symbols.part(holder, call.name)
        }
        return tuple(found) if len(found) == 1 else ()


def family(language: Language) -> Language:
    """Return the language that stands for all that can call this one."""
    if language is Language.JAVASCRIPT:
        return Language.TYPESCRIPT
    return Language.CPP if language is Language.C else language
