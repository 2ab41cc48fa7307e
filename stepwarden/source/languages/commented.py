"""What languages have in common whose documentation stands in comments above: Java, Rust, C, C++ and C#."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stepwarden.source.grammar import Draft, Page, end_line_of, head, line_of, text_of
from stepwarden.source.outline import Kind

if TYPE_CHECKING:
    from tree_sitter import Node


def drafted(node: "Node", page: Page, name: str, kind: Kind, *, public: bool) -> Draft:
    """Give the draft of a definition, with its parameters and its signature."""
    draft = Draft(name, kind, node, line_of(node), end_line_of(node), public)
    draft.signature = head(page, node)
    draft.parameters = tuple(parameters(node.child_by_field_name("parameters")))
    return draft


def note_docs(draft: Draft, page: Page, node: "Node", opens: tuple[bytes, ...]) -> None:
    """Note the comment right above `node`, if it opens as documentation does and says something."""
    remark = page.remark_before(node.start_byte)
    if remark is None or not page.of(remark).startswith(opens) or not page.opens_line(remark):
        return
    lines = page.group_before(node.start_byte, node.start_point.row)
    first = remark
    for earlier in reversed(lines[:-1]):
        if not page.of(earlier).startswith(opens):
            break
        first = earlier
    draft.documented = bool(page.text[first.start : remark.end].strip(b"/*!< \t\r\n"))
    draft.doc_lines = (first.row + 1, remark.end_row + 1) if draft.documented else None


def parameters(listed: "Node | None") -> Iterator[str]:
    """Give the names of parameters; those that have none are left out."""
    for child in listed.named_children if listed is not None else ():
        found = child.child_by_field_name("name") or child.child_by_field_name("pattern")
        if found is None and child.child_by_field_name("declarator") is not None:
            found = name_node(child)
        if found is None and child.type == "spread_parameter":
            found = next((part.child_by_field_name("name") for part in child.named_children[::-1]), None)
        if found is not None:
            yield text_of(found)


def name_node(node: "Node") -> "Node | None":
    """Follow the declarators of C down to the name that is declared."""
    found = node
    while (inner := found.child_by_field_name("declarator")) is not None:
        found = inner
    if found is node:
        return None
    if found.type in {"parenthesized_declarator", "reference_declarator", "attributed_declarator"}:
        return next((part for part in found.named_children if part.type.endswith("identifier")), None)
    return found


def words_of(node: "Node", *types: str) -> set[str]:
    """Give the words of those children of `node` that have one of these types: its modifiers."""
    return {word for child in node.children if child.type in types for word in text_of(child).split()}


def callee(target: "Node | None", member: str, left: str, right: str) -> tuple[str, str] | None:
    """Give name and receiver of a call: of a plain name, or of a `member` node with its fields; else None."""
    if target is None:
        return None
    if target.type == member:
        receiver = " ".join(text_of(target.child_by_field_name(left)).split())
        plain = receiver.replace(".", "").replace("_", "").replace("->", "").isalnum()
        return text_of(target.child_by_field_name(right)), receiver if plain and len(receiver) < 80 else "?"
    if target.type in {"identifier", "field_identifier"}:
        return text_of(target), ""
    return None
