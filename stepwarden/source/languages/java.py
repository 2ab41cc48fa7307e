"""Java: documented by Javadoc, counted as Checkstyle's MissingJavadocType and MissingJavadocMethod do."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from stepwarden.source.grammar import Draft, Grammar, ParsedFile, line_of, text_of
from stepwarden.source.languages.commented import directives, draft_of, mark_documented, modifiers_of
from stepwarden.source.outline import DefinitionKind, Import, Language

if TYPE_CHECKING:
    from tree_sitter import Node

_KINDS = {
    "class_declaration": DefinitionKind.CLASS,
    "record_declaration": DefinitionKind.CLASS,
    "interface_declaration": DefinitionKind.INTERFACE,
    "annotation_type_declaration": DefinitionKind.INTERFACE,
    "enum_declaration": DefinitionKind.ENUM,
    "method_declaration": DefinitionKind.METHOD,
    "constructor_declaration": DefinitionKind.METHOD,
}


def _define(node: "Node", file: ParsedFile, parent: Draft | None) -> Draft | None:
    name = text_of(node.child_by_field_name("name"))
    modifiers = modifiers_of(node, "modifiers")
    inside = parent is None or parent.public
    public = inside and (
        bool(modifiers & {"public", "protected"}) or (parent is not None and parent.kind is DefinitionKind.INTERFACE)
    )
    draft = draft_of(node, file, name, _KINDS[node.type], public=public)
    draft.decorators = tuple(word[1:] for word in modifiers if word.startswith("@"))
    draft.exempt = "@Override" in modifiers
    draft.bases = tuple(_bases(node))
    mark_documented(draft, file, node, (b"/**",))
    return draft


def _bases(node: "Node") -> Iterable[str]:
    for child in node.named_children:
        if child.type == "superclass":
            yield text_of(child.named_children[0])
        elif child.type in {"super_interfaces", "extends_interfaces"}:
            yield from (text_of(part) for listed in child.named_children for part in listed.named_children)


def _import_of(node: "Node") -> Iterable[Import]:
    named = next((text_of(child) for child in node.named_children if child.type.endswith("identifier")), "")
    return [Import(named, (), line_of(node))] if named else []


def _call_of(node: "Node") -> tuple[str, str] | None:
    if node.type == "object_creation_expression":
        return text_of(node.child_by_field_name("type")).partition("<")[0], ""
    owner = text_of(node.child_by_field_name("object"))
    plain = owner.replace(".", "").replace("_", "").isalnum() and len(owner) < 80
    return text_of(node.child_by_field_name("name")), owner if plain or not owner else "?"


GRAMMAR = Grammar(
    language=Language.JAVA,
    wheel="tree_sitter_java",
    entries={".java": "language"},
    definitions=tuple(_KINDS),
    define=_define,
    imports=("import_declaration",),
    import_of=_import_of,
    calls=("method_invocation", "object_creation_expression"),
    call_of=_call_of,
    branches=(
        "if_statement",
        "for_statement",
        "enhanced_for_statement",
        "while_statement",
        "do_statement",
        "catch_clause",
        "ternary_expression",
        "switch_label",
        '"&&"',
        '"||"',
    ),
    comments=("line_comment", "block_comment"),
    directives=directives,
    literals=frozenset({"string_literal", "character_literal"}),
)
