"""C: documented as Doxygen reads comments; static functions are private to their file."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from stepwarden.source.grammar import Draft, Grammar, ParsedFile, line_of, text_of
from stepwarden.source.languages.commented import callee, drafted, name_node, note_docs, obeyed, parameters
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
    """Return the declarator of the function that a definition or declaration is of, None for another."""
    found = node.child_by_field_name("declarator")
    while found is not None and found.type in {"pointer_declarator", "reference_declarator"}:
        found = found.child_by_field_name("declarator") or next(iter(found.named_children), None)
    return found if found is not None and found.type == "function_declarator" else None


def _define(node: "Node", page: ParsedFile, parent: Draft | None) -> Draft | None:
    if node.type in TYPES or node.type == "type_definition":
        return type_draft(node, page)
    declared = function_declarator(node)
    if declared is None or parent is not None or (node.type == "declaration" and not page.path.endswith(HEADERS)):
        return None
    name = name_node(declared)
    static = any(child.type == "storage_class_specifier" and text_of(child) == "static" for child in node.children)
    draft = drafted(node, page, text_of(name), DefinitionKind.FUNCTION, public=not static)
    draft.parameters = tuple(parameters(declared.child_by_field_name("parameters")))
    note_docs(draft, page, node, DOCS)
    return draft


def type_draft(node: "Node", page: ParsedFile) -> Draft | None:
    """Return the draft of a struct, union, enum or typedef that has a body; None for one that only names a type."""
    held = node.child_by_field_name("type") if node.type == "type_definition" else node
    if held is None or held.type not in TYPES or held.child_by_field_name("body") is None:
        return None
    if node.type != "type_definition" and node.parent is not None and node.parent.type == "type_definition":
        return None  # the typedef has the name
    name = text_of(node.child_by_field_name("declarator" if node.type == "type_definition" else "name"))
    if not name:
        return None
    draft = drafted(node, page, name, TYPES[held.type], public=True)
    note_docs(draft, page, node, DOCS)
    return draft


def include_of(node: "Node") -> Iterable[Import]:
    """Return what is included."""
    return [Import(text_of(node.child_by_field_name("path")).strip('"<>'), (), line_of(node))]


def call_of(node: "Node") -> tuple[str, str] | None:
    """Return the name and receiver of a call."""
    return callee(node.child_by_field_name("function"), "field_expression", "argument", "field")


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
    obeyed=obeyed,
    literals=LITERALS,
)
