"""The functions of a Python file with what callers have to know: parameters and their defaults, from its syntax."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stepwarden.source.syntax import line_at, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

_UNBOUND = frozenset({"staticmethod"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; `kind` is "positional" (by position alone), "plain", "keyword" (by name alone), "*" or "**"."""

    name: str
    kind: str = "plain"
    default: "Node | None" = None


@dataclass(frozen=True, slots=True)
class PythonFunction:
    """One function; `owner` is the qualified name of the class around it, "" for none."""

    qualified: str
    owner: str
    node: "Node"
    parameters: Sequence[Parameter]
    decorators: Sequence[str]

    @property
    def name(self) -> str:
        """Its own name."""
        return self.qualified.rpartition(".")[2]

    @property
    def line(self) -> int:
        """The line of its `def`."""
        return line_at(self.node)

    @property
    def body(self) -> "Node | None":
        """The block of its statements."""
        return self.node.child_by_field_name("body")

    @property
    def is_bound(self) -> bool:
        """Whether its first parameter is the object, or the class, that it is called on."""
        return bool(self.owner) and not _UNBOUND & set(self.decorators)

    @property
    def given(self) -> Sequence[Parameter]:
        """The parameters that a call fills: without the object itself."""
        return self.parameters[1:] if self.is_bound else self.parameters

    @property
    def docstring(self) -> "Node | None":
        """The string that documents it."""
        return docstring_of(self.body)


def docstring_of(body: "Node | None") -> "Node | None":
    """Return the string that a block begins with."""
    first = next((child for child in body.named_children if child.type != "comment"), None) if body else None
    inner = first.named_children[0] if first and first.type == "expression_statement" and first.named_children else None
    return inner if inner is not None and inner.type == "string" else None


def find_functions(root: "Node") -> Iterator[PythonFunction]:
    """Yield the functions of a file, methods and nested ones included."""
    waiting: list[tuple[Node, str, str]] = [(root, "", "")]  # with the name around it, and the class it stands in
    while waiting:
        node, around, owner = waiting.pop()
        if node.type == "function_definition":
            name = f"{around}.{text_of(node.child_by_field_name('name'))}".lstrip(".")
            yield PythonFunction(name, owner, node, tuple(_parameters(node)), tuple(_decorators(node)))
            waiting += [(child, name, "") for child in reversed(node.named_children)]
        elif node.type == "class_definition":
            name = f"{around}.{text_of(node.child_by_field_name('name'))}".lstrip(".")
            waiting += [(child, name, name) for child in reversed(node.named_children)]
        else:
            waiting += [(child, around, owner) for child in reversed(node.named_children)]


def _parameters(node: "Node") -> Iterator[Parameter]:
    listed = node.child_by_field_name("parameters")
    children = listed.named_children if listed is not None else []
    last_positional = next((at for at, child in enumerate(children) if child.type == "positional_separator"), -1)
    by_name = False
    for at, child in enumerate(children):
        if child.type in {"keyword_separator", "positional_separator", "comment"}:
            by_name = by_name or child.type == "keyword_separator"
            continue
        inner = child.named_children[0] if child.type == "typed_parameter" and child.named_children else child
        if inner.type in {"list_splat_pattern", "dictionary_splat_pattern"}:
            kind = "*" if inner.type == "list_splat_pattern" else "**"
            by_name = by_name or kind == "*"
            yield Parameter(text_of(inner).lstrip("*"), kind)
            continue
        name = text_of(child.child_by_field_name("name") or inner)
        kind = "positional" if at < last_positional else "keyword" if by_name else "plain"
        yield Parameter(name, kind, child.child_by_field_name("value"))


def _decorators(node: "Node") -> Iterator[str]:
    around = node.parent
    if around is not None and around.type == "decorated_definition":
        yield from (text_of(child).lstrip("@").strip() for child in around.named_children if child.type == "decorator")
