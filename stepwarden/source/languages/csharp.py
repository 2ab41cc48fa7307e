"""C#: documented by `///`, counted as the compiler's warning CS1591 does for what is visible outside."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from stepwarden.source.grammar import Draft, Grammar, ParsedFile, line_of, text_of
from stepwarden.source.languages.commented import callee_of, directives, draft_of, mark_documented, modifiers_of
from stepwarden.source.outline import DefinitionKind, Import, Language

if TYPE_CHECKING:
    from tree_sitter import Node

_KINDS = {
    "class_declaration": DefinitionKind.CLASS,
    "struct_declaration": DefinitionKind.CLASS,
    "record_declaration": DefinitionKind.CLASS,
    "interface_declaration": DefinitionKind.INTERFACE,
    "enum_declaration": DefinitionKind.ENUM,
    "delegate_declaration": DefinitionKind.TYPE,
    "method_declaration": DefinitionKind.METHOD,
    "constructor_declaration": DefinitionKind.METHOD,
    "property_declaration": DefinitionKind.VALUE,
}


def _define(node: "Node", file: ParsedFile, parent: Draft | None) -> Draft | None:
    modifiers = modifiers_of(node, "modifier")
    inside = parent is None or parent.public
    public = inside and (
        bool(modifiers & {"public", "protected"}) or (parent is not None and parent.kind is DefinitionKind.INTERFACE)
    )
    draft = draft_of(node, file, text_of(node.child_by_field_name("name")), _KINDS[node.type], public=public)
    draft.asynchronous = "async" in modifiers
    draft.bases = tuple(_bases(node))
    draft.decorators = tuple(_attributes(node))
    mark_documented(draft, file, node, (b"///", b"/**"))
    return draft


def _bases(node: "Node") -> Iterable[str]:
    listed = next((child for child in node.named_children if child.type == "base_list"), None)
    return [text_of(child) for child in (listed.named_children if listed is not None else ())]


def _attributes(node: "Node") -> Iterable[str]:
    for child in node.children:
        if child.type == "attribute_list":
            yield from (" ".join(text_of(attribute).split())[:80] for attribute in child.named_children)


def _import_of(node: "Node") -> Iterable[Import]:
    named = next((text_of(child) for child in node.named_children[::-1]), "")
    return [Import(named, (), line_of(node))] if named else []


def _call_of(node: "Node") -> tuple[str, str] | None:
    if node.type == "object_creation_expression":
        return text_of(node.child_by_field_name("type")).partition("<")[0], ""
    return callee_of(node.child_by_field_name("function"), "member_access_expression", "expression", "name")


GRAMMAR = Grammar(
    language=Language.CSHARP,
    wheel="tree_sitter_c_sharp",
    entries={".cs": "language"},
    definitions=tuple(_KINDS),
    define=_define,
    imports=("using_directive",),
    import_of=_import_of,
    calls=("invocation_expression", "object_creation_expression"),
    call_of=_call_of,
    branches=(
        "if_statement",
        "for_statement",
        "foreach_statement",
        "while_statement",
        "do_statement",
        "catch_clause",
        "switch_section",
        "switch_expression_arm",
        "conditional_expression",
        '"&&"',
        '"||"',
    ),
    directives=directives,
    literals=frozenset({"string_literal", "verbatim_string_literal", "raw_string_literal", "character_literal"}),
)
