"""What an expression or an annotation of JavaScript and TypeScript stands for, as the text of a `Variable`."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from stepwarden.source.grammar import first_of, short_text, text_of
from stepwarden.source.languages.type_text import collection_of, join_types, join_value, join_values, read_value

if TYPE_CHECKING:
    from tree_sitter import Node

_WRAPPERS = frozenset({"Promise", "PromiseLike", "Readonly", "Partial", "Required", "NonNullable", "Awaited"})
_COLLECTIONS = frozenset({"Array", "ReadonlyArray", "Set", "ReadonlySet", "Iterable", "IterableIterator", "Iterator"})
_NOTHING = frozenset({"null", "undefined", "void"})


def value_of(node: "Node | None") -> str:
    """Return an expression as the value of a variable."""
    return short_text(_value, node, "?")


def _value(node: "Node | None") -> str:
    return read_value(node, _VALUES)


def _inner(node: "Node") -> str:
    return _value(first_of(node))


def _member(node: "Node") -> str:
    return join_value(_value(node.child_by_field_name("object")), f".{text_of(node.child_by_field_name('property'))}")


def _cast(node: "Node") -> str:
    cast = _type(node.named_children[-1]) if len(node.named_children) > 1 else ""
    return f"{cast}()" if re.fullmatch(r"[\w$.]+", cast) else _inner(node)


def _binary(node: "Node") -> str:
    if text_of(node.child_by_field_name("operator")) not in {"||", "??"}:
        return "?"
    return join_values(_value(node.child_by_field_name(side)) for side in ("left", "right"))


def _named(node: "Node") -> str:
    return text_of(node.child_by_field_name("name")) or "?"


def _called(node: "Node") -> str:
    module = module_of(node)
    return f"<{module}>" if module else join_value(_value(node.child_by_field_name("function")), "()")


def module_of(node: "Node") -> str:
    """Return `m` for `require("m")` and `import("m")`, "" for another call."""
    function = node.child_by_field_name("function")
    if (
        function is None
        or function.type not in {"identifier", "import"}
        or function.text not in {b"require", b"import"}
    ):
        return ""
    argument = first_of(node.child_by_field_name("arguments"))
    return text_of(argument)[1:-1] if argument is not None and argument.type == "string" else ""


_VALUES: dict[str, Callable[["Node"], str]] = {
    "identifier": text_of,
    "this": text_of,
    "super": text_of,
    "undefined": lambda _: "",
    "null": lambda _: "",
    "member_expression": _member,
    "call_expression": _called,
    "new_expression": lambda node: join_value(_value(node.child_by_field_name("constructor")), "()"),
    "subscript_expression": lambda node: join_value(_value(node.child_by_field_name("object")), "[]"),
    "await_expression": _inner,
    "parenthesized_expression": _inner,
    "non_null_expression": _inner,
    "as_expression": _cast,
    "satisfies_expression": _cast,
    "binary_expression": _binary,
    "ternary_expression": lambda node: join_values(
        _value(node.child_by_field_name(side)) for side in ("consequence", "alternative")
    ),
    "assignment_expression": lambda node: _value(node.child_by_field_name("right")),
    "class": _named,
    "function_expression": _named,
    "arrow_function": _named,
    "generator_function": _named,
}


def type_of(node: "Node | None") -> str:
    """Return an annotation as the type of a variable, "" where it names no class."""
    return short_text(_type, node, "")


def _type(node: "Node | None") -> str:
    if node is None:
        return ""
    match node.type:
        case "type_annotation" | "parenthesized_type" | "readonly_type":
            return _type(first_of(node))
        case "type_identifier" | "identifier" | "nested_type_identifier":
            return "".join(text_of(node).split())
        case "this_type":
            return "this"
        case "array_type":
            return collection_of(_type(first_of(node)))
        case "intersection_type" | "union_type":
            return join_types(_type(part) for part in node.named_children if text_of(part) not in _NOTHING)
        case "generic_type":
            return _generic(node)
        case _:
            return ""


def _generic(node: "Node") -> str:
    name = text_of(node.child_by_field_name("name"))
    arguments = node.child_by_field_name("type_arguments")
    if name in _WRAPPERS:
        return _type(first_of(arguments))
    if name in _COLLECTIONS:
        return collection_of(_type(first_of(arguments)))
    return name if re.fullmatch(r"[\w$.]+", name) else ""
