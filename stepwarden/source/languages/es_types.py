"""What JavaScript and TypeScript say of the types of names: declarations, assignments, results and exports."""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from stepwarden.source.grammar import Draft, Setting, first_of, text_of
from stepwarden.source.languages.es_values import type_of, value_of
from stepwarden.source.languages.type_text import enclosing, join_value

if TYPE_CHECKING:
    from tree_sitter import Node

VARIABLES = (
    "variable_declarator",
    "assignment_expression",
    "field_definition",
    "formal_parameters",
    "for_in_statement",
    "catch_clause",
    "return_statement",
    "arrow_function",
    "export_statement",
)
TYPED_VARIABLES = (
    *(name for name in VARIABLES if name != "field_definition"),
    "public_field_definition",
    "property_signature",
)
_SCOPES = frozenset({"statement_block", "program", "for_statement", "for_in_statement", "switch_case"})
_FUNCTIONS = frozenset(
    {"arrow_function", "function_expression", "function_declaration", "generator_function", "method_definition"}
    | {"generator_function_declaration"}
)


def variables_of(node: "Node", inside: Draft | None) -> Iterable[Setting]:
    """Return what a node says of the types of the names that it sets."""
    match node.type:
        case "variable_declarator":
            return _declared(node)
        case "assignment_expression":
            return _assigned(node)
        case "field_definition" | "public_field_definition" | "property_signature":
            return _field(node)
        case "formal_parameters":
            return _parameters(node)
        case "export_statement":
            return _exported(node)
        case "for_in_statement":
            value = join_value(value_of(node.child_by_field_name("right")), "[]")
            of = text_of(node.child_by_field_name("operator")) == "of"
            return _names(node.child_by_field_name("left"), node, node, value if of else "?")
        case "catch_clause":
            return _names(node.child_by_field_name("parameter"), node, node, "?")
        case _:
            return _returned(node, inside)


def _names(target: "Node | None", node: "Node", scope: "Node | None", value: str) -> Iterator[Setting]:
    """Return what a target of an assignment is set to; of the names in a pattern nothing is known."""
    if target is None:
        return
    if target.type == "identifier":
        if value:
            yield Setting(text_of(target), node, scope, value=value)
        return
    for child in target.named_children:
        if child.type == "shorthand_property_identifier_pattern":
            yield Setting(text_of(child), node, scope, value="?")
        elif child.type in {"identifier", "array_pattern", "object_pattern", "rest_pattern", "pair_pattern"}:
            inner = child.child_by_field_name("value") if child.type == "pair_pattern" else child
            yield from _names(inner, node, scope, "?")
        elif child.type in {"assignment_pattern", "object_assignment_pattern"}:
            yield from _names(child.child_by_field_name("left"), node, scope, "?")


def _declared(node: "Node") -> Iterator[Setting]:
    target, value = node.child_by_field_name("name"), node.child_by_field_name("value")
    declared = type_of(node.child_by_field_name("type"))
    is_var = node.parent is not None and node.parent.type == "variable_declaration"
    scope = enclosing(node, _FUNCTIONS | {"program"} if is_var else _SCOPES)
    if value is not None and value.type in {*_FUNCTIONS, "class"}:
        return  # a definition
    if target is not None and target.type == "identifier" and declared:
        yield Setting(text_of(target), node, scope, declared)
    elif not (
        node.parent is not None and node.parent.parent is not None and node.parent.parent.type == "for_in_statement"
    ):
        yield from _names(target, node, scope, value_of(value) if value is not None else "")


def _assigned(node: "Node") -> Iterator[Setting]:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or right is None:
        return
    words = "".join(text_of(left).split())
    if re.fullmatch(r"(module\.)?exports(\.\w+)?", words):
        yield from _commonjs(words, node, right)
    elif left.type == "member_expression":
        if re.fullmatch(r"this\.[\w$#]+", words) and right.type not in _FUNCTIONS and (value := value_of(right)):
            yield Setting(words, node, None, value=value)
    else:
        yield from _names(left, node, enclosing(node, _SCOPES), value_of(right))


def _commonjs(left: str, node: "Node", right: "Node") -> Iterator[Setting]:
    """Return what an assignment to `module.exports`, or to a member of it, exports."""
    name = left.removeprefix("module.")
    while right.type == "assignment_expression":  # exports = module.exports = value
        inner = right.child_by_field_name("right")
        if inner is None:
            return
        right = inner
    if right.type == "object" and name == "exports":
        for child in right.named_children:
            if child.type == "shorthand_property_identifier":
                yield Setting(f"exports.{text_of(child)}", child, value=text_of(child))
            elif child.type == "pair" and (value := value_of(child.child_by_field_name("value"))) not in {"", "?"}:
                key = text_of(child.child_by_field_name("key")).strip("'\"")
                yield Setting(f"exports.{key}", child, value=value)
            elif child.type == "spread_element" and (value := value_of(first_of(child))) not in {"", "?"}:
                yield Setting("exports.*", child, value=value)
        return
    value = value_of(right)
    if value == "?" and right.type in {*_FUNCTIONS, "class"}:
        value = "default" if name == "exports" else name.removeprefix("exports.")
    if value not in {"", "?"}:
        yield Setting(name, node, value=value)


def _exported(node: "Node") -> Iterator[Setting]:
    """Return what `export default` and `export {a as b}` export under another name."""
    if any(child.type == "default" for child in node.children):
        declared = node.child_by_field_name("declaration") or node.child_by_field_name("value")
        value = text_of(declared.child_by_field_name("name")) if declared is not None else ""
        value = value or value_of(declared)
        if value == "?" and declared is not None and declared.type in {*_FUNCTIONS, "class", "class_declaration"}:
            value = "default"
        if value not in {"", "?"}:
            yield Setting("exports.default", node, value=value)
    elif node.child_by_field_name("source") is None:
        for clause in node.named_children:
            for child in clause.named_children if clause.type == "export_clause" else ():
                name, alias = child.child_by_field_name("name"), child.child_by_field_name("alias")
                if alias is not None:
                    yield Setting(f"exports.{text_of(alias)}", child, value=text_of(name))


def _field(node: "Node") -> Iterator[Setting]:
    name = text_of(node.child_by_field_name("name") or node.child_by_field_name("property"))
    value = node.child_by_field_name("value")
    declared = type_of(node.child_by_field_name("type"))
    told = "" if declared or value is None or value.type in {*_FUNCTIONS, "class"} else value_of(value)
    if name and (declared or told):
        yield Setting(name, node, None, declared, told)


def _parameters(node: "Node") -> Iterator[Setting]:
    function = node.parent
    for child in node.named_children:
        pattern = child.child_by_field_name("pattern") or child
        declared = type_of(child.child_by_field_name("type"))
        if pattern.type != "identifier":
            yield from _names(pattern, node, function, "?")
            continue
        yield Setting(text_of(pattern), node, function, declared, "" if declared else "?")
        if declared and any(part.type in {"accessibility_modifier", "readonly"} for part in child.children):
            yield Setting(f"this.{text_of(pattern)}", node, function, declared)


def _returned(node: "Node", inside: Draft | None) -> Iterator[Setting]:
    """Return the result of a function with a name, and the parameter of an arrow function without brackets."""
    if node.type == "arrow_function":
        single, result = node.child_by_field_name("parameter"), node.child_by_field_name("body")
        if single is not None:
            yield Setting(text_of(single), node, node, value="?")
        function: Node | None = node
        if result is None or result.type == "statement_block":
            return
    else:
        function, result = enclosing(node, _FUNCTIONS), first_of(node)
    value = value_of(result) if result is not None else ""
    if value and inside is not None and function is not None and inside.node.id == function.id:
        yield Setting("()", node, None, value=value)
