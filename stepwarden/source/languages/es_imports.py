"""Imports and calls of JavaScript and TypeScript."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from stepwarden.source.grammar import first_of, line_of, text_of
from stepwarden.source.languages.es_values import module_of, value_of
from stepwarden.source.outline import Import

if TYPE_CHECKING:
    from tree_sitter import Node


def import_of(node: "Node") -> Iterable[Import]:
    """Return the imports of `import`, `export ... from`, `require(...)` and `import(...)`."""
    line = line_of(node)
    if node.type == "call_expression":
        return _called_import(node, line)
    if node.type == "variable_declarator":
        return _require_of(node, line)
    source = node.child_by_field_name("source")
    if source is None:
        return _import_equals(node, line)
    names, alias = list(_names(node)), ""
    for child in _descend(node, ("import_clause",)):
        if child.type in {"namespace_import", "namespace_export"}:
            alias = text_of(first_of(child))
    if node.type == "export_statement" and any(child.type == "*" for child in node.children):
        names.append(("*", "*"))
    return [Import(text_of(source).strip("'\"`"), tuple(names), line, 0, alias)]


def _names(node: "Node") -> Iterator[tuple[str, str]]:
    for child in _descend(node, ("import_clause", "named_imports", "export_clause")):
        if child.type == "identifier":
            yield "default", text_of(child)
        elif child.type in {"import_specifier", "export_specifier"}:
            name = text_of(child.child_by_field_name("name"))
            yield name, text_of(child.child_by_field_name("alias")) or name


def _descend(node: "Node", through: tuple[str, ...]) -> Iterator["Node"]:
    for child in node.named_children:
        if child.type in through:
            yield from _descend(child, through)
        else:
            yield child


def _import_equals(node: "Node", line: int) -> Iterable[Import]:
    """Return the import of TypeScript's `import x = require("m")`."""
    for child in node.named_children:
        if child.type == "import_require_clause":
            module = text_of(child.child_by_field_name("source")).strip("'\"")
            return [Import(module, (), line, 0, text_of(first_of(child)))]
    return ()


def _called_import(node: "Node", line: int) -> Iterable[Import]:
    """Return the import of a `require(...)` or `import(...)` that no variable is set to: it binds no name."""
    module = module_of(node)
    outer = node.parent
    if outer is not None and outer.type == "member_expression":
        outer = outer.parent
    if not module or (outer is not None and outer.type == "variable_declarator"):
        return ()
    return [Import(module, (), line)]


def _require_of(node: "Node", line: int) -> Iterable[Import]:
    value, name = node.child_by_field_name("value"), node.child_by_field_name("name")
    member = ""
    if value is not None and value.type == "member_expression":
        member = text_of(value.child_by_field_name("property"))
        value = value.child_by_field_name("object")
    if value is None or value.type != "call_expression" or text_of(value.child_by_field_name("function")) != "require":
        return ()
    arguments = value.child_by_field_name("arguments")
    first = first_of(arguments) if arguments is not None else None
    if first is None or first.type != "string" or name is None:
        return ()
    module = text_of(first).strip("'\"")
    if member:
        return [Import(module, ((member, text_of(name)),), line)]
    if name.type != "object_pattern":
        return [Import(module, (), line, 0, text_of(name))]
    return [Import(module, tuple(_destructured(name)), line)]


def _destructured(pattern: "Node") -> Iterator[tuple[str, str]]:
    for child in pattern.named_children:
        if child.type == "shorthand_property_identifier_pattern":
            yield text_of(child), text_of(child)
        elif child.type == "pair_pattern":
            yield text_of(child.child_by_field_name("key")), text_of(child.child_by_field_name("value"))


def call_of(node: "Node") -> tuple[str, str] | None:
    """Return name and receiver of a call, `new X()`, a decorator without brackets, or a JSX component."""
    if node.type == "decorator":
        target = first_of(node)
        if target is None or target.type == "call_expression":  # the call inside is one already
            return None
    elif node.type.startswith("jsx_"):
        target = node.child_by_field_name("name")
        if target is not None and target.type == "identifier" and not text_of(target)[:1].isupper():
            return None  # an HTML element
    else:
        target = node.child_by_field_name("function") or node.child_by_field_name("constructor")
    if target is None:
        return None
    if target.type in {"identifier", "super"}:
        return text_of(target), ""
    if target.type != "member_expression":
        return None
    return text_of(target.child_by_field_name("property")), value_of(target.child_by_field_name("object")) or "?"
