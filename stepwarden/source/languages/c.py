"""C: documented as Doxygen reads comments; static functions are private to their file."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from stepwarden.source.grammar import Draft, Grammar, ParsedFile, line_of, text_of
from stepwarden.source.languages.commented import (
    callee_of,
    directives,
    draft_of,
    mark_documented,
    name_node,
    parameter_names,
)
from stepwarden.source.outline import DefinitionKind, Import, Language

if TYPE_CHECKING:
    from tree_sitter import Node

DOCS = (b"/**", b"/*!", b"///", b"//!")
HEADERS = (".h", ".hh", ".hpp", ".hxx", ".h++")
TYPES = {
    "struct_specifier": DefinitionKind.CLASS,
    "union_specifier": DefinitionKind.CLASS,
    "enum_specifier": DefinitionKind.ENUM,
}
BRANCHES = (
    "if_statement",
    "for_statement",
    "while_statement",
    "do_statement",
    "case_statement",
    "conditional_expression",
    '"&&"',
    '"||"',
)
LITERALS = frozenset({"string_literal", "char_literal", "system_lib_string", "raw_string_literal"})


def function_declarator(node: "Node") -> "Node | None":
    """Return the declarator of a function, None for another definition or declaration."""
    found = node.child_by_field_name("declarator")
    while found is not None and found.type in {"pointer_declarator", "reference_declarator"}:
        found = found.child_by_field_name("declarator") or next(iter(found.named_children), None)
    return found if found is not None and found.type == "function_declarator" else None


def _define(node: "Node", file: ParsedFile, parent: Draft | None) -> Draft | None:
    if node.type in TYPES or node.type == "type_definition":
        return type_draft(node, file)
    declared = function_declarator(node)
    if declared is None or parent is not None or (node.type == "declaration" and not file.path.endswith(HEADERS)):
        return None
    name = name_node(declared)
    static = any(child.type == "storage_class_specifier" and text_of(child) == "static" for child in node.children)
    draft = draft_of(node, file, text_of(name), DefinitionKind.FUNCTION, public=not static)
    draft.declares = node.type == "declaration"
    draft.parameters = tuple(parameter_names(declared.child_by_field_name("parameters")))
    mark_documented(draft, file, node, DOCS)
    return draft


def type_draft(node: "Node", file: ParsedFile) -> Draft | None:
    """Return the draft of a struct, union, enum or typedef with a body; None for one that only names a type."""
    specifier = node.child_by_field_name("type") if node.type == "type_definition" else node
    if specifier is None or specifier.type not in TYPES or specifier.child_by_field_name("body") is None:
        return None
    if node.type != "type_definition" and node.parent is not None and node.parent.type == "type_definition":
        return None  # the typedef has the name
    name = text_of(node.child_by_field_name("declarator" if node.type == "type_definition" else "name"))
    if not name:
        return None
    draft = draft_of(node, file, name, TYPES[specifier.type], public=True)
    mark_documented(draft, file, node, DOCS)
    return draft


def include_of(node: "Node") -> Iterable[Import]:
    """Return the import that an `#include` is."""
    return [Import(text_of(node.child_by_field_name("path")).strip('"<>'), (), line_of(node))]


def call_of(node: "Node") -> tuple[str, str] | None:
    """Return the name and receiver of a call."""
    return callee_of(node.child_by_field_name("function"), "field_expression", "argument", "field")


GRAMMAR = Grammar(
    language=Language.C,
    wheel="tree_sitter_c",
    entries={".c": "language"},
    definitions=(*TYPES, "type_definition", "function_definition", "declaration"),
    define=_define,
    imports=("preproc_include",),
    import_of=include_of,
    calls=("call_expression",),
    call_of=call_of,
    branches=BRANCHES,
    directives=directives,
    literals=LITERALS,
)
