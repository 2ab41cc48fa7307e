"""The outline of a source file: its definitions, imports and calls, as plain values."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Language(StrEnum):
    """A language that `stepwarden.source` reads."""

    PYTHON = "python"
    JAVASCRIPT = "javascript"
    TYPESCRIPT = "typescript"
    GO = "go"
    JAVA = "java"
    RUST = "rust"
    C = "c"
    CPP = "cpp"
    CSHARP = "csharp"

    @property
    def display_name(self) -> str:
        """The name in prose: "JavaScript"."""
        return _DISPLAY_NAMES.get(self, self.value.capitalize())


SCRIPTS = frozenset({Language.JAVASCRIPT, Language.TYPESCRIPT})
"""Languages of one family: their files import each other."""


class SourceFile(Protocol):
    """A file whose language is known: its outline, or its summary."""

    @property
    def language(self) -> Language:
        """The language it is written in."""
        ...


_DISPLAY_NAMES = {
    Language.JAVASCRIPT: "JavaScript",
    Language.TYPESCRIPT: "TypeScript",
    Language.CPP: "C++",
    Language.CSHARP: "C#",
}


class DefinitionKind(StrEnum):
    """What a definition is.

    `type` is an alias or a type without members of its own; `value` an exported constant or variable of Go, which by
    convention is documented; a `module` inside a file is a namespace.
    """

    MODULE = "module"
    CLASS = "class"
    INTERFACE = "interface"
    TYPE = "type"
    ENUM = "enum"
    FUNCTION = "function"
    METHOD = "method"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Definition:
    """One definition of a file; lines count from 1 and both ends are included.

    `qualified` is "Class.method" or "outer.inner", "" for the module itself; `parent` is the qualified name of what
    encloses it. `public` and `documented` are as the language's own documentation checker counts them; `exempt`
    definitions need no documentation (overloads, setters, overrides). `complexity` is 1 + decision points, `branches`
    are their lines. `signature` is one line of at most 120 characters. `declares` marks a function of C or C++
    without a body: where its body is elsewhere, both are one definition.
    """

    name: str
    qualified: str
    kind: DefinitionKind
    line: int
    end_line: int
    public: bool
    documented: bool
    exempt: bool = False
    doc_lines: tuple[int, int] | None = None
    complexity: int = 1
    branches: tuple[int, ...] = ()
    parameters: tuple[str, ...] = ()
    decorators: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    parent: str = ""
    signature: str = ""
    asynchronous: bool = False
    declares: bool = False


@dataclass(frozen=True, slots=True)
class Import:
    """One import: of `module` as a whole, or of `names` from it, as pairs of (name there, name here).

    `alias` is the name given to the whole module, "" where none is given (`import a.b` binds `a`). `level` counts the
    leading dots of a relative import in Python. A star import is ("*", "*"), a default export ("default", name here).
    """

    module: str
    names: tuple[tuple[str, str], ...]
    line: int
    level: int = 0
    alias: str = ""


@dataclass(frozen=True, slots=True)
class CallSite:
    """One call: `receiver` is "" for a plain name, else as the value of a variable: "self", "a.b", "f()", "?".

    `inside` is the qualified name of the enclosing definition, "" at module level. Decorators and `new X()` are calls.
    """

    name: str
    receiver: str
    line: int
    inside: str


@dataclass(frozen=True, slots=True)
class Variable:
    """What a file says of the type of a name: a variable, a parameter, a field, an export or a result.

    It holds from `line` to `end_line` in the definition `inside`, which for a field is its class. A field of the own
    object is "self.x" or "this.x", an export "exports.x", the module itself "exports", what a function returns "()".

    `type` is the declared type: a dotted name, "[]T" for a collection of T, "A|B" for either. `value` is what it is set
    to: names, "()" for a call and "[]" for an element, as in "Shop().carts[]"; "<m>" is the module `m`, and "?"
    anything else. Either is "" where the text has none.
    """

    name: str
    inside: str
    line: int
    end_line: int
    type: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Outline:
    """What one file contains; `sha256` is of its bytes, in hex.

    `broken` are the lines with syntax errors: definitions near them may be missing. `generated` files say that a
    program wrote them, or look so (minified).
    """

    path: str
    language: Language
    lines: int
    bytes: int
    sha256: str
    definitions: tuple[Definition, ...] = ()
    imports: tuple[Import, ...] = ()
    calls: tuple[CallSite, ...] = ()
    variables: tuple[Variable, ...] = ()
    broken: tuple[int, ...] = ()
    generated: bool = False
