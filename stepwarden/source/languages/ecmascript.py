"""What JavaScript and TypeScript share: documented as eslint-plugin-jsdoc's `require-jsdoc` counts."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from stepwarden.source.grammar import (
    Comment,
    Draft,
    ParsedFile,
    cut_signature,
    end_line_of,
    line_of,
    signature_of,
    text_of,
)
from stepwarden.source.languages.es_values import type_of
from stepwarden.source.outline import DefinitionKind

if TYPE_CHECKING:
    from tree_sitter import Node

FUNCTIONS = frozenset({"arrow_function", "function_expression", "generator_function"})
_KINDS = {
    "class": DefinitionKind.CLASS,
    "class_declaration": DefinitionKind.CLASS,
    "abstract_class_declaration": DefinitionKind.CLASS,
    "interface_declaration": DefinitionKind.INTERFACE,
    "type_alias_declaration": DefinitionKind.TYPE,
    "enum_declaration": DefinitionKind.ENUM,
    "internal_module": DefinitionKind.MODULE,
    "method_definition": DefinitionKind.METHOD,
    "method_signature": DefinitionKind.METHOD,
}
_FIELDS = frozenset({"field_definition", "public_field_definition"})
_DECLARED = frozenset({"variable_declarator", "assignment_expression", "augmented_assignment_expression"})
_ASSIGNED = frozenset({"assignment_expression", "augmented_assignment_expression"})
_BLOCK_DOC = re.compile(rb"/\*\*\s")
# where a search for the comment of an expression stops (jsdoccomment's `allowableCommentNode`, in this grammar's words)
_STOPS = frozenset(
    {"assignment_pattern", "lexical_declaration", "variable_declaration", "expression_statement", "method_definition"}
    | {"pair", "field_definition", "public_field_definition", "export_statement", "return_statement"}
)
_INVOKED = frozenset({"call_expression", "new_expression"})


def define(node: "Node", file: ParsedFile, _parent: Draft | None) -> Draft | None:
    """Return the draft of what a node defines, None for a callback and other functions without a name."""
    carrier = _carrier(node)
    if carrier is None:
        return None
    name = _name(node, carrier)
    kind = _KINDS.get(node.type, DefinitionKind.FUNCTION)
    if carrier.type in _FIELDS or carrier.type == "pair":
        kind = DefinitionKind.METHOD
    body = node.child_by_field_name("body")
    place = node.child_by_field_name("name") if node.type in {"method_definition", "method_signature"} else node
    draft = Draft(name.rpartition(".")[2], kind, node, line_of(place or node), end_line_of(carrier))
    draft.owner = name.rpartition(".")[0].removesuffix(".prototype")
    if draft.owner and carrier.type in _ASSIGNED:
        draft.kind = DefinitionKind.METHOD if ".prototype." in f".{name}" else kind
    draft.signature = (
        cut_signature(file, carrier.start_byte, body.start_byte) if body is not None else signature_of(file, node)
    )
    draft.parameters = tuple(_parameters(node))
    draft.returns = type_of(node.child_by_field_name("return_type"))
    if node.type == "type_alias_declaration":
        draft.returns = type_of(node.child_by_field_name("value"))
    draft.asynchronous = any(child.type == "async" for child in node.children[:4])
    draft.bases = tuple(_bases(node))
    draft.decorators = tuple(_decorators(carrier))
    _mark_documented(draft, file, _anchors(node, file))
    _exempt(draft, node, file)
    return draft


def _carrier(node: "Node") -> "Node | None":
    """Return the node that names a function or class: a declarator, an assignment, a property, or the node itself."""
    if node.type == "class" and not node.is_named:  # the keyword
        return None
    if node.type not in FUNCTIONS and node.type != "class":
        return node
    outer = _unwrapped(node.parent)
    if outer is not None and (outer.type in _DECLARED or outer.type in _FIELDS or outer.type == "pair"):
        return outer
    if outer is not None and outer.type == "export_statement":
        return node
    return node if node.type == "class" else None


def _unwrapped(node: "Node | None") -> "Node | None":
    while node is not None and node.type == "parenthesized_expression":
        node = node.parent
    return node


def _name(node: "Node", carrier: "Node") -> str:
    """Return the name, with its owner in front where the text has one: "api.get", "Foo.prototype.bar"."""
    if carrier.type in _ASSIGNED:
        left = " ".join(text_of(carrier.child_by_field_name("left")).split())
        named = text_of(node.child_by_field_name("name"))
        left = re.sub(r"^(module\.)?exports\.(?=.)|^this\.|^self\.", "", left)
        if left in {"module.exports", "exports"}:
            return named or "default"
        return left if re.fullmatch(r"[\w$.#]+", left) else left.rpartition(".")[2][:60]
    field = carrier.child_by_field_name("name") or carrier.child_by_field_name("property")
    if carrier.type == "pair":
        field = carrier.child_by_field_name("key")
    name = " ".join(text_of(field).split())[:60].strip("'\"") or "default"
    owner = carrier.parent
    if owner is not None and owner.type == "object":
        return f"{_object_name(owner)}.{name}".lstrip(".")
    return name.replace(".", "_") if carrier.type != "pair" else name


def _object_name(node: "Node") -> str:
    """Return the name that an object literal is assigned to, "" for anything else than a plain name."""
    names: list[str] = []
    outer = _unwrapped(node.parent)
    while outer is not None and outer.type == "pair":
        names.append(text_of(outer.child_by_field_name("key")).strip("'\"").replace(".", "_"))
        outer = _unwrapped(outer.parent.parent if outer.parent is not None else None)
    if outer is not None and outer.type == "variable_declarator":
        names.append(text_of(outer.child_by_field_name("name")))
    elif outer is not None and outer.type in _ASSIGNED:
        left = re.sub(r"^(module\.)?exports\.?|\.prototype$", "", text_of(outer.child_by_field_name("left")))
        names += [left] if re.fullmatch(r"[\w$.]+", left) else []
    return ".".join(reversed(names))


def _parameters(node: "Node") -> Iterator[str]:
    single = node.child_by_field_name("parameter")
    listed = node.child_by_field_name("parameters")
    for child in (single,) if single is not None else listed.named_children if listed is not None else ():
        found = re.match(r"(?:\.\.\.)?([\w$]+)", text_of(child.child_by_field_name("pattern") or child))
        if found is not None and child.type != "comment":
            yield found[1]


def _bases(node: "Node") -> Iterator[str]:
    for child in node.children:
        if child.type in {"class_heritage", "extends_type_clause", "extends_clause"}:
            clauses = [part for part in child.named_children if part.type.endswith("_clause")] or [child]
            for clause in clauses:
                for base in clause.named_children:
                    if base.type not in {"type_arguments", "comment"}:
                        yield " ".join(text_of(base).split())[:80]


def _decorators(carrier: "Node") -> Iterator[str]:
    for node in _decorator_nodes(carrier):
        yield " ".join(text_of(node).removeprefix("@").split())


def _decorator_nodes(carrier: "Node") -> list["Node"]:
    """Return the decorators before a class or member, wherever the grammar puts them, in their order."""
    found = [child for child in carrier.children if child.type == "decorator"]
    outer = carrier.parent
    if outer is not None and outer.type == "export_statement":
        found = [child for child in outer.children if child.type == "decorator"] + found
    if outer is not None and outer.type == "class_body" and not found:
        before = carrier.prev_sibling
        while before is not None and before.type == "decorator":
            found.insert(0, before)
            before = before.prev_sibling
    return found


def _anchors(node: "Node", file: ParsedFile) -> "list[Node]":
    """Return the nodes whose leading comment documents `node`, as `getReducedASTNode` of the linter finds them."""
    outer = node.parent
    if node.type not in FUNCTIONS and node.type != "class":
        return [_statement_of(node)]
    current: Node | None = node
    while current is not None and current.type != "program":
        if file.comment_before(current.start_byte, over=b"(") is not None:
            return [current]
        outer = _unwrapped(current.parent)
        if current is node and outer is not None and outer.type in {"arguments", *_INVOKED}:
            return [node]
        if current.type in _STOPS and current is not node:
            return [_statement_of(current)]
        if current is not node and "function" in current.type:
            return [current]
        current = outer
    return [node]


def _statement_of(node: "Node") -> "Node":
    """Return a declaration with the `declare` and `export` in front of it."""
    while node.parent is not None and node.parent.type in {"ambient_declaration", "export_statement"}:
        node = node.parent
    return node


def _mark_documented(draft: Draft, file: ParsedFile, anchors: "list[Node]") -> None:
    for anchor in anchors:
        first = next(iter(_decorator_nodes(anchor)), anchor)
        start, row = min((first.start_byte, first.start_point.row), (anchor.start_byte, anchor.start_point.row))
        comment = doc_before(file, start, row)
        if comment is not None:
            draft.documented = True
            draft.doc_lines = (comment.row + 1, comment.end_row + 1)
            return


def doc_before(file: ParsedFile, start: int, row: int) -> Comment | None:
    """Return the `/** */` that ends at most one line above, with only `//` comments and one bracket in between."""
    comment = file.comment_before(start, over=b"(")
    while comment is not None and file.text_of(comment).startswith(b"//"):
        start, row = comment.start, comment.row
        comment = file.comment_before(start)
    if comment is None or not _BLOCK_DOC.match(file.text_of(comment)) or row - comment.end_row > 1:
        return None
    return comment


def _exempt(draft: Draft, node: "Node", file: ParsedFile) -> None:
    """Exempt what the linter does not check: empty constructors, namespaces; overloads share a comment."""
    body = node.child_by_field_name("body")
    if draft.kind is DefinitionKind.MODULE:
        draft.exempt = True
    elif node.type == "method_definition" and draft.name == "constructor" and not draft.parameters:
        draft.exempt = body is None or not _returns_value(body)
    elif node.type == "method_signature":
        draft.exempt = node.parent is None or node.parent.type != "class_body"
    elif node.type == "function_declaration" and not draft.documented:
        first = _first_overload(node, draft.name)
        if first is not None:
            _mark_documented(draft, file, [first])


def _returns_value(body: "Node") -> bool:
    """Whether a body returns a value; nested functions do not count."""
    waiting = [body]
    while waiting:
        node = waiting.pop()
        if node.type == "return_statement" and any(child.type != "comment" for child in node.named_children):
            return True
        if "function" not in node.type and node.type not in {"class", "class_declaration", "method_definition"}:
            waiting += node.named_children
    return False


def _first_overload(node: "Node", name: str) -> "Node | None":
    """Return the outermost node of the first overload directly above a function, None where there is none."""
    outer = node.parent
    current = outer if outer is not None and outer.type == "export_statement" else node
    first: Node | None = None
    while True:
        before = current.prev_named_sibling
        while before is not None and before.type == "comment":
            before = before.prev_named_sibling
        if before is None:
            return first
        inner = before.child_by_field_name("declaration") if before.type == "export_statement" else before
        if inner is None or inner.type != "function_signature" or text_of(inner.child_by_field_name("name")) != name:
            return first
        first = current = before
