"""Rust: documented by `///`, `/**` and `#[doc]`, counted as the compiler's `missing_docs` does for what is `pub`."""

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from stepwarden.source.grammar import Draft, Grammar, ParsedFile, line_of, text_of
from stepwarden.source.languages.commented import callee_of, directives, draft_of, mark_documented
from stepwarden.source.outline import DefinitionKind, Import, Language

if TYPE_CHECKING:
    from tree_sitter import Node

_KINDS = {
    "struct_item": DefinitionKind.CLASS,
    "union_item": DefinitionKind.CLASS,
    "enum_item": DefinitionKind.ENUM,
    "trait_item": DefinitionKind.INTERFACE,
    "type_item": DefinitionKind.TYPE,
    "function_item": DefinitionKind.FUNCTION,
    "function_signature_item": DefinitionKind.METHOD,
}
_DOCS = (b"///", b"/**")


def _define(node: "Node", file: ParsedFile, parent: Draft | None) -> Draft | None:
    implementation = _implementation(node)
    kind = DefinitionKind.METHOD if implementation is not None and node.type == "function_item" else _KINDS[node.type]
    is_pub = any(child.type == "visibility_modifier" and text_of(child) == "pub" for child in node.children)
    in_trait = parent is not None and parent.kind is DefinitionKind.INTERFACE
    local = parent is not None and parent.kind in {DefinitionKind.FUNCTION, DefinitionKind.METHOD}
    public = not local and (parent.public if in_trait and parent is not None else is_pub)
    draft = draft_of(node, file, text_of(node.child_by_field_name("name")), kind, public=public)
    if in_trait:
        draft.kind = DefinitionKind.METHOD
    if implementation is not None:
        draft.owner = text_of(implementation.child_by_field_name("type")).partition("<")[0]
        draft.exempt = implementation.child_by_field_name("trait") is not None
    top = _above_attributes(node)
    mark_documented(draft, file, top, _DOCS)
    draft.documented |= any("#[doc" in text_of(attribute) for attribute in _attributes(node))
    return draft


def _implementation(node: "Node") -> "Node | None":
    outer = node.parent.parent if node.parent is not None else None
    return outer if outer is not None and outer.type == "impl_item" else None


def _attributes(node: "Node") -> Iterable["Node"]:
    above = node.prev_named_sibling
    while above is not None and above.type in {"attribute_item", "line_comment", "block_comment"}:
        if above.type == "attribute_item":
            yield above
        above = above.prev_named_sibling


def _above_attributes(node: "Node") -> "Node":
    top = node
    while top.prev_named_sibling is not None and top.prev_named_sibling.type == "attribute_item":
        top = top.prev_named_sibling
    return top


_DOC_ATTRIBUTE = re.compile(rb"#!?\[\s*doc\s*=\s*r?#*\"[^\]]*\"#*\s*\]")


def _documents(_root: "Node", _text: bytes) -> Callable[["Node"], bool]:
    """Return the test for `#[doc = "..."]`, which is what a doc comment becomes."""
    kinds = {"attribute_item", "inner_attribute_item"}
    return lambda node: node.type in kinds and _DOC_ATTRIBUTE.fullmatch(node.text or b"") is not None


def _import_of(node: "Node") -> Iterable[Import]:
    named = text_of(node.child_by_field_name("argument"))
    return [Import(" ".join(named.split())[:200], (), line_of(node))]


def _call_of(node: "Node") -> tuple[str, str] | None:
    if node.type == "macro_invocation":
        return f"{text_of(node.child_by_field_name('macro'))}!", ""
    target = node.child_by_field_name("function")
    if target is not None and target.type == "scoped_identifier":
        path = text_of(target.child_by_field_name("path"))
        return text_of(target.child_by_field_name("name")), path.replace("::", ".") if len(path) < 80 else "?"
    return callee_of(target, "field_expression", "value", "field")


GRAMMAR = Grammar(
    language=Language.RUST,
    wheel="tree_sitter_rust",
    entries={".rs": "language"},
    definitions=tuple(_KINDS),
    define=_define,
    imports=("use_declaration",),
    import_of=_import_of,
    calls=("call_expression", "macro_invocation"),
    call_of=_call_of,
    branches=(
        "if_expression",
        "for_expression",
        "while_expression",
        "loop_expression",
        "match_arm",
        "try_expression",
        '"&&"',
        '"||"',
    ),
    comments=("line_comment", "block_comment"),
    documents=_documents,
    directives=directives,
    literals=frozenset({"string_literal", "raw_string_literal", "char_literal"}),
)
