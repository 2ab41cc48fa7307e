"""What Go says of types: parameters, fields, declarations and literals."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from stepwarden.source.grammar import Draft, Setting, first_of, short_text, text_of
from stepwarden.source.languages.type_text import collection_of, enclosing, join_value, read_value

if TYPE_CHECKING:
    from tree_sitter import Node

VARIABLES = (
    "short_var_declaration",
    "var_spec",
    "const_spec",
    "parameter_declaration",
    "variadic_parameter_declaration",
    "field_declaration",
    "range_clause",
    "type_case",
    "method_elem",
)
_SCOPES = frozenset(
    {"block", "if_statement", "for_statement", "expression_switch_statement", "type_switch_statement", "func_literal"}
    | {"select_statement", "expression_case", "default_case", "type_case", "communication_case", "source_file"}
)
_FUNCTIONS = frozenset({"func_literal", "function_declaration", "method_declaration"})
_PLAIN = frozenset({"type_identifier", "qualified_type"})


def variables_of(node: "Node", _inside: Draft | None) -> Iterable[Setting]:
    """Return what a node says of the types of the names that it declares."""
    match node.type:
        case "short_var_declaration":
            return _declared(_listed(node, "left"), _listed(node, "right"), node)
        case "var_spec" | "const_spec":
            return _specified(node)
        case "field_declaration":
            declared = type_of(node.child_by_field_name("type"))
            names = [text_of(name) for name in node.children_by_field_name("name")]
            names = names or [declared.rpartition(".")[2]]  # an embedded field has the name of its type
            return [Setting(name, node, None, declared) for name in names if declared]
        case "range_clause":
            return _ranged(node)
        case "type_case":
            return _switched(node)
        case "method_elem":  # what an interface asks for
            result = result_of(node.child_by_field_name("result"))
            return [
                Setting(f"{text_of(node.child_by_field_name('name'))}()", node, None, result, "" if result else "()")
            ]
        case _:
            return _parameter(node)


def value_of(node: "Node | None") -> str:
    """Return an expression as the value of a variable."""
    return short_text(_value, node, "?")


def _value(node: "Node | None") -> str:
    return read_value(node, _VALUES)


def _selected(node: "Node") -> str:
    return join_value(_value(node.child_by_field_name("operand")), f".{text_of(node.child_by_field_name('field'))}")


def _made(node: "Node") -> str:
    made = type_of(node.child_by_field_name("type"))
    return f"{made}()" if made and not made.startswith("[]") else "?"


def _called(node: "Node") -> str:
    function = node.child_by_field_name("function")
    if text_of(function) == "new":
        made = type_of(first_of(node.child_by_field_name("arguments")))
        return f"{made}()" if made and not made.startswith("[]") else "?"
    if function is not None and function.type == "parenthesized_expression":  # (*T)(x)
        function = first_of(function)
        function = function.child_by_field_name("operand") if function is not None else None
    return join_value(_value(function), "()")


_VALUES: dict[str, Callable[["Node"], str]] = {
    "identifier": text_of,
    "package_identifier": text_of,
    "selector_expression": _selected,
    "call_expression": _called,
    "composite_literal": _made,
    "type_assertion_expression": _made,
    "type_conversion_expression": _made,
    "unary_expression": lambda node: _value(node.child_by_field_name("operand")),
    "parenthesized_expression": lambda node: _value(first_of(node)),
    "index_expression": lambda node: join_value(_value(node.child_by_field_name("operand")), "[]"),
    "nil": lambda _: "",
}


def type_of(node: "Node | None") -> str:
    """Return a type as that of a variable, "" where it is none with a name."""
    return short_text(_type, node, "")


def _type(node: "Node | None") -> str:
    if node is None:
        return ""
    match node.type:
        case "type_identifier" | "qualified_type" | "identifier" | "selector_expression":
            return text_of(node)
        case "pointer_type" | "parenthesized_type" | "type_elem":
            return _type(first_of(node))
        case "unary_expression":
            return _type(node.child_by_field_name("operand"))
        case "generic_type":
            return _type(node.child_by_field_name("type"))
        case "slice_type" | "array_type" | "implicit_length_array_type":
            return collection_of(_type(node.child_by_field_name("element")))
        case "map_type" | "channel_type":
            return collection_of(_type(node.child_by_field_name("value")))
        case _:
            return ""


def result_of(node: "Node | None") -> str:
    """Return the type of the first result of a function."""
    if node is not None and node.type == "parameter_list":
        first = first_of(node)
        return type_of(first.child_by_field_name("type")) if first is not None else ""
    return type_of(node)


def embedded_of(node: "Node") -> Iterator[str]:
    """Return the types that a struct or an interface embeds."""
    body = node.child_by_field_name("type")
    if body is None:
        return
    if body.type == "struct_type":
        fields = first_of(body)
        for field in fields.named_children if fields is not None else ():
            if field.type == "field_declaration" and field.child_by_field_name("name") is None:
                yield type_of(field.child_by_field_name("type"))
    elif body.type == "interface_type":
        for element in body.named_children:
            if element.type == "type_elem" and len(element.named_children) == 1:
                yield type_of(element)


def _listed(node: "Node", field: str) -> "Sequence[Node]":
    found = node.child_by_field_name(field)
    if found is None:
        return ()
    return found.named_children if found.type == "expression_list" else [found]


def _declared(names: "Sequence[Node]", values: "Sequence[Node]", node: "Node") -> Iterator[Setting]:
    scope = _scope(node)
    for place, name in enumerate(names):
        value = value_of(values[place]) if place < len(values) and (len(names) == len(values) or not place) else "?"
        yield Setting(text_of(name), node, scope, value=value or "?")


def _specified(node: "Node") -> Iterator[Setting]:
    names = node.children_by_field_name("name")
    declared = type_of(node.child_by_field_name("type"))
    if not declared:
        yield from _declared(names, _listed(node, "value"), node)
        return
    for name in names:
        yield Setting(text_of(name), node, _scope(node), declared)


def _parameter(node: "Node") -> Iterator[Setting]:
    function = node.parent
    while function is not None and function.type not in _FUNCTIONS:
        if function.type in {"function_type", "method_elem", "method_spec"}:
            return
        function = function.parent
    declared = type_of(node.child_by_field_name("type"))
    if node.type == "variadic_parameter_declaration":
        declared = collection_of(declared)
    for name in node.children_by_field_name("name"):
        yield Setting(text_of(name), node, function, declared, "" if declared else "?")


def _ranged(node: "Node") -> Iterator[Setting]:
    names = _listed(node, "left")
    for place, name in enumerate(names):
        value = f"{value_of(node.child_by_field_name('right'))}[]" if place else "?"
        yield Setting(text_of(name), node, node.parent, value="?" if value.startswith("?") else value)


def _switched(node: "Node") -> Iterator[Setting]:
    """Return what the name of `switch x := y.(type)` is in one case."""
    alias = node.parent.child_by_field_name("alias") if node.parent is not None else None
    types = node.children_by_field_name("type")
    name = first_of(alias)
    if name is not None:
        declared = type_of(types[0]) if len(types) == 1 else ""
        yield Setting(text_of(name), node, node, declared, "" if declared else "?")


def _scope(node: "Node") -> "Node | None":
    outer = enclosing(node, _SCOPES)
    return None if outer is not None and outer.type == "source_file" else outer
