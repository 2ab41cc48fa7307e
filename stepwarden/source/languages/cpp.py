"""C++, and headers of C and C++: documented as Doxygen reads comments; private members are not counted."""

from typing import TYPE_CHECKING

from stepwarden.source.grammar import Draft, Grammar, ParsedFile, text_of
from stepwarden.source.languages.c import (
    BRANCHES,
    DOCS,
    HEADERS,
    LITERALS,
    TYPES,
    call_of,
    function_declarator,
    include_of,
    type_draft,
)
from stepwarden.source.languages.commented import directives, draft_of, mark_documented, name_node, parameter_names
from stepwarden.source.outline import DefinitionKind, Language

if TYPE_CHECKING:
    from tree_sitter import Node

TYPES_OF_CPP = {**TYPES, "class_specifier": DefinitionKind.CLASS}


def _define(node: "Node", file: ParsedFile, parent: Draft | None) -> Draft | None:
    if node.type in {*TYPES, "type_definition"}:
        draft = type_draft(node, file)
    elif node.type == "class_specifier":
        draft = _class(node, file)
    else:
        draft = _function(node, file, parent)
    if draft is None:
        return None
    draft.public = draft.public and _access(node) != "private"
    outer = node.parent
    if outer is not None and outer.type == "template_declaration":
        mark_documented(draft, file, outer, DOCS)
    return draft


def _class(node: "Node", file: ParsedFile) -> Draft | None:
    if node.child_by_field_name("body") is None:
        return None
    draft = draft_of(node, file, text_of(node.child_by_field_name("name")), DefinitionKind.CLASS, public=True)
    bases = next((child for child in node.children if child.type == "base_class_clause"), None)
    draft.bases = tuple(
        text_of(base) for base in (bases.named_children if bases is not None else ()) if "identifier" in base.type
    )
    mark_documented(draft, file, node, DOCS)
    return draft


def _function(node: "Node", file: ParsedFile, parent: Draft | None) -> Draft | None:
    declared = function_declarator(node)
    member = parent is not None and parent.kind is DefinitionKind.CLASS
    if declared is None or (parent is not None and not member):
        return None
    if node.type == "declaration" and not member and not file.path.endswith(HEADERS):
        return None
    owner, _, name = text_of(name_node(declared)).rpartition("::")
    static = any(child.type == "storage_class_specifier" and text_of(child) == "static" for child in node.children)
    kind = DefinitionKind.METHOD if member or owner else DefinitionKind.FUNCTION
    draft = draft_of(node, file, name, kind, public=member or not static)
    draft.owner = owner.partition("<")[0].replace("::", ".")
    draft.declares = node.type in {"declaration", "field_declaration"}
    draft.parameters = tuple(parameter_names(declared.child_by_field_name("parameters")))
    draft.exempt = any(child.type == "virtual_specifier" for child in declared.children)  # override, final
    draft.exempt |= bool(owner)  # documented where the class declares it
    mark_documented(draft, file, node, DOCS)
    return draft


def _access(node: "Node") -> str:
    """Return the access of a class member, "" for what is not one."""
    member = node.parent if node.parent is not None and node.parent.type == "template_declaration" else node
    body = member.parent
    if body is None or body.type != "field_declaration_list":
        return ""
    above = member.prev_named_sibling
    while above is not None and above.type != "access_specifier":
        above = above.prev_named_sibling
    if above is not None:
        return text_of(above)
    return "private" if body.parent is not None and body.parent.type == "class_specifier" else "public"


GRAMMAR = Grammar(
    language=Language.CPP,
    wheel="tree_sitter_cpp",
    entries={".cpp": "language"},
    definitions=(*TYPES_OF_CPP, "type_definition", "function_definition", "declaration", "field_declaration"),
    define=_define,
    imports=("preproc_include",),
    import_of=include_of,
    calls=("call_expression",),
    call_of=call_of,
    branches=(*BRANCHES, "for_range_loop", "catch_clause"),
    directives=directives,
    literals=LITERALS,
)
