"""What Python says of types: annotations, assignments and results."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from stepwarden.source.grammar import Draft, Setting, first_of, short_text, text_of
from stepwarden.source.languages.type_text import (
    collection_of,
    enclosing,
    join_types,
    join_value,
    join_values,
    read_value,
)
from stepwarden.source.outline import DefinitionKind

if TYPE_CHECKING:
    from tree_sitter import Node

VARIABLES = (
    "assignment",
    "named_expression",
    "typed_parameter",
    "typed_default_parameter",
    "lambda_parameters",
    "for_statement",
    "for_in_clause",
    "as_pattern",
    "return_statement",
)
_BLOCKS = frozenset({"block", "module"})
_WRAPPERS = frozenset({"Optional", "Annotated", "ClassVar", "Final", "Required", "NotRequired", "InitVar", "Awaitable"})
_COLLECTIONS = frozenset(
    {"list", "List", "set", "Set", "frozenset", "FrozenSet", "tuple", "Tuple", "Sequence", "MutableSequence", "deque"}
    | {"Iterable", "Iterator", "Collection", "AbstractSet", "AsyncIterator", "AsyncIterable", "Generator"}
)
_MAPPINGS = frozenset({"dict", "Dict", "Mapping", "MutableMapping", "defaultdict", "DefaultDict", "OrderedDict"})
_CASTS = frozenset({"cast", "typing.cast", "t.cast"})


def variables_of(node: "Node", inside: Draft | None) -> Iterable[Setting]:
    """Return what a node says of the types of the names that it sets."""
    if node.type in {"assignment", "named_expression"}:
        return _assigned(node)
    if node.type.startswith("typed_"):
        return _parameter(node)
    if node.type == "lambda_parameters":
        names = (child.child_by_field_name("name") or child for child in node.named_children)
        return [Setting(text_of(name), node, node.parent, value="?") for name in names]
    if node.type == "return_statement":
        return _returned(node, inside)
    if node.type == "as_pattern":
        return _aliased(node)
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    scope = node.parent if node.type == "for_in_clause" else node
    return _targets(left, node, scope, join_value(value_of(right), "[]"))


def value_of(node: "Node | None") -> str:
    """Return an expression as the value of a variable."""
    return short_text(_value, node, "?")


def _value(node: "Node | None") -> str:
    return read_value(node, _VALUES)


def _attribute(node: "Node") -> str:
    return join_value(_value(node.child_by_field_name("object")), f".{text_of(node.child_by_field_name('attribute'))}")


def _conditional(node: "Node") -> str:
    named = node.named_children
    return join_values(_value(named[place]) for place in (0, 2)) if len(named) == 3 else "?"


def _called(node: "Node") -> str:
    function = _value(node.child_by_field_name("function"))
    arguments = node.child_by_field_name("arguments")
    if function in _CASTS and arguments is not None:
        cast = type_of(first_of(arguments))
        return f"{cast}()" if cast.replace(".", "").isidentifier() else "?"
    return join_value(function, "()")


_VALUES: dict[str, Callable[["Node"], str]] = {
    "identifier": text_of,
    "attribute": _attribute,
    "call": _called,
    "subscript": lambda node: join_value(_value(node.child_by_field_name("value")), "[]"),
    "await": lambda node: _value(first_of(node)),
    "parenthesized_expression": lambda node: _value(first_of(node)),
    "boolean_operator": lambda node: join_values(_value(node.child_by_field_name(side)) for side in ("left", "right")),
    "conditional_expression": _conditional,
    "none": lambda _: "",
}


def type_of(node: "Node | None") -> str:
    """Return an annotation as the type of a variable, "" where it names no class."""
    return short_text(_type, node, "")


def _type(node: "Node | None") -> str:
    if node is None:
        return ""
    match node.type:
        case "type" | "parenthesized_expression":
            return _type(first_of(node))
        case "identifier" | "attribute":
            text = text_of(node)
            return text if text.replace(".", "").isidentifier() else ""
        case "member_type":
            return "".join(text_of(node).split())
        case "string":
            return _quoted("".join(text_of(part) for part in node.children if part.type == "string_content"))
        case "binary_operator" | "union_type":
            return _union(node.named_children)
        case "generic_type" | "subscript":
            return _generic(node)
        case _:
            return ""


def _quoted(text: str) -> str:
    parts = [part.strip() for part in text.split("|")]
    names = [part.partition("[")[0] for part in parts if part != "None"]
    plain = all(name.replace(".", "").isidentifier() for name in names) and "[" not in text
    return "|".join(names) if plain else ""


def _union(nodes: "Iterable[Node]") -> str:
    return join_types(_type(node) for node in nodes if text_of(node) != "None")


def _generic(node: "Node") -> str:
    named = node.named_children
    name = text_of(named[0]) if named else ""
    inner = named[1].named_children if node.type == "generic_type" and len(named) > 1 else named[1:]
    last = name.rpartition(".")[2]
    if last == "Union":
        return _union(inner)
    if last in _WRAPPERS:
        return _type(inner[0]) if inner else ""
    if last in _COLLECTIONS:
        return collection_of(_type(inner[0])) if inner else ""
    if last in _MAPPINGS:
        return ""
    return name if name.replace(".", "").isidentifier() and last not in {"type", "Type", "Literal", "Callable"} else ""


def _assigned(node: "Node") -> Iterator[Setting]:
    left = node.child_by_field_name("left") or node.child_by_field_name("name")
    right = node.child_by_field_name("right") or node.child_by_field_name("value")
    declared = type_of(node.child_by_field_name("type"))
    if right is not None and right.type == "assignment":  # a = b = value
        while right is not None and right.type == "assignment":
            right = right.child_by_field_name("right")
    value = value_of(right) if right is not None else "" if declared else "?"
    yield from _targets(left, node, enclosing(node, _BLOCKS), value, declared)


def _targets(
    left: "Node | None", node: "Node", scope: "Node | None", value: str, declared: str = ""
) -> Iterator[Setting]:
    """Return what the targets of an assignment are set to; of several, nothing is known."""
    if left is None:
        return
    if left.type == "identifier":
        if value or declared:
            yield Setting(text_of(left), node, scope, declared, value)
    elif left.type == "attribute":
        name = text_of(left)
        if (value or declared) and name.startswith(("self.", "cls.")) and name.count(".") == 1:
            yield Setting(f"self.{name.partition('.')[2]}", node, scope, declared, value)
    else:
        for child in left.named_children:
            if child.type in {"identifier", "tuple_pattern", "list_pattern", "list_splat_pattern"}:
                yield from _targets(child, node, scope, "?")


def _parameter(node: "Node") -> Iterator[Setting]:
    name = node.child_by_field_name("name") or first_of(node)
    declared = type_of(node.child_by_field_name("type"))
    if name is not None and name.type == "identifier":
        value = "" if declared else _class_value(node.child_by_field_name("type"))
        yield Setting(text_of(name), node, None, declared, value)
    elif name is not None and name.type == "list_splat_pattern" and declared:
        yield Setting(text_of(first_of(name)), node, None, collection_of(declared))


def _class_value(node: "Node | None") -> str:
    """Return what a name annotated as `type[C]` stands for: C itself."""
    inner = first_of(node)
    words = "".join(text_of(inner).split())
    for start in ("type[", "Type["):
        name = words.removeprefix(start).removesuffix("]")
        if words.startswith(start) and name.replace(".", "").isidentifier():
            return name
    return "?"


def _returned(node: "Node", inside: Draft | None) -> Iterator[Setting]:
    value = value_of(first_of(node)) if node.named_children else ""
    if value and inside is not None and inside.kind in {DefinitionKind.FUNCTION, DefinitionKind.METHOD}:
        yield Setting("()", node, None, value=value)


def _aliased(node: "Node") -> Iterator[Setting]:
    """Return what `with ... as x` and `except ... as x` bind."""
    alias = first_of(node.child_by_field_name("alias"))
    outer = node.parent
    if alias is None or outer is None:
        return
    source = value_of(first_of(node))
    if outer.type == "with_item":
        value = "?" if source in {"", "?"} else f"{source}.__enter__()"
        scope = outer.parent.parent if outer.parent is not None else None
        yield from _targets(alias, node, scope, value)
    else:
        value = f"{source}()" if outer.type == "except_clause" and source.replace(".", "").isidentifier() else "?"
        yield from _targets(alias, node, outer, value)
