"""What a JavaScript or TypeScript file exports: by `export`, by `module.exports`, or everything of a plain script."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stepwarden.source.grammar import Draft, ParsedFile, first_of, text_of
from stepwarden.source.outline import DefinitionKind

if TYPE_CHECKING:
    from tree_sitter import Node

_HIDDEN = frozenset({"private", "protected"})
_TYPES = frozenset({DefinitionKind.CLASS, DefinitionKind.INTERFACE, DefinitionKind.TYPE, DefinitionKind.ENUM})
_FUNCTIONS = frozenset({"arrow_function", "function_expression", "generator_function"})


@dataclass(frozen=True, slots=True)
class _Exports:
    """The local names a file exports; of those in `whole`, exported by `module.exports`, members count too."""

    names: frozenset[str]
    whole: frozenset[str]
    script: bool


def mark_exported(file: ParsedFile, drafts: Sequence[Draft]) -> None:
    """Set of each draft whether it is public, as `require-jsdoc` with `publicOnly` counts."""
    whole = frozenset(_commonjs_names(file.root))
    exports = _Exports(whole | frozenset(_esm_names(file.root)), whole, script=not _is_module(file))
    for draft in drafts:
        draft.public = not _is_private(draft) and _is_public(draft, exports)


def _is_public(draft: Draft, exports: _Exports) -> bool:
    parent = draft.parent
    if parent is not None and parent.kind in {DefinitionKind.FUNCTION, DefinitionKind.METHOD}:
        return False
    if parent is not None and parent.kind is DefinitionKind.CLASS:
        return parent.public and _is_member(draft.node, fields=_is_whole(parent, exports))
    above = _statement(draft.node)
    if above is None:
        return False
    if above.type == "export_statement" or _is_in_exported(draft, parent):
        return not draft.owner and not _is_in_object(draft.node)
    if above.parent is None or above.parent.type != "program":
        return False
    if above.type == "expression_statement" and _is_export(above):
        return True
    if draft.owner:
        root, _, rest = draft.owner.partition(".")
        return root in exports.whole and (above.type != "expression_statement" or not rest)
    return draft.name in exports.names or exports.script


def _is_member(node: "Node", *, fields: bool) -> bool:
    """Whether a function is a member of a class, not of an object in it; in a field of the class only with `fields`."""
    outer = node.parent
    if outer is not None and outer.type in {"field_definition", "public_field_definition"}:
        outer = outer.parent if fields else None
    return outer is not None and outer.type == "class_body"


def _is_whole(draft: Draft, exports: _Exports) -> bool:
    """Whether a class is exported by `module.exports`; of one exported by `export` the linter ignores fields."""
    above = _statement(draft.node)
    assigned = above is not None and above.type == "expression_statement" and _is_export(above)
    return assigned or draft.name in exports.whole


def _is_in_object(node: "Node") -> bool:
    outer = node.parent
    return outer is not None and outer.type in {"pair", "object"}


def _is_in_exported(draft: Draft, parent: Draft | None) -> bool:
    """Whether a type is in an exported namespace, which exports all its types."""
    outer = parent.node.parent if parent is not None and parent.kind is DefinitionKind.MODULE else None
    return draft.kind in _TYPES and outer is not None and outer.type == "export_statement"


def _statement(node: "Node") -> "Node | None":
    """Return the statement around a definition, with its `export` if it has one; None inside another expression."""
    current = node
    while current.parent is not None:
        if current.parent.type in {"program", "statement_block", "class_body", "switch_case"}:
            return current
        if current.type == "export_statement":
            return current
        if current is not node and current.type in _FUNCTIONS:
            return None
        if current.type in {"arguments", "array", "template_substitution", "jsx_expression"}:
            return None
        current = current.parent
    return current


def _is_export(statement: "Node") -> bool:
    """Whether a statement assigns to `module.exports` or `exports`."""
    return any(_exported_name(left) is not None for left in _left_sides(statement))


def _left_sides(statement: "Node") -> Iterator["Node"]:
    """Return the left sides of an assignment and of those chained to it."""
    inner = first_of(statement)
    while inner is not None and inner.type == "assignment_expression":
        left = inner.child_by_field_name("left")
        if left is not None:
            yield left
        inner = inner.child_by_field_name("right")


def _exported_name(left: "Node") -> str | None:
    """Return the name an assignment exports: "" for the whole module, None if it exports nothing."""
    words = "".join(text_of(left).split())
    if words in {"module.exports", "exports"}:
        return ""
    for stem in ("module.exports.", "exports.", "module.exports[", "exports["):
        if words.startswith(stem):
            return words.removeprefix(stem)
    return None


def _esm_names(root: "Node") -> Iterator[str]:
    """Return the local names in `export {...}` and `export default name`."""
    for statement in root.named_children:
        if statement.type != "export_statement" or statement.child_by_field_name("source") is not None:
            continue
        for child in statement.named_children:
            if child.type == "identifier":
                yield text_of(child)
            elif child.type == "export_clause":
                for specifier in child.named_children:
                    yield text_of(specifier.child_by_field_name("name"))


def _commonjs_names(root: "Node") -> Iterator[str]:
    """Return the local names exported by `module.exports`: assigned to it, or in objects assigned to it."""
    values: dict[str, list[Node]] = defaultdict(list)
    for name, value in _values(root):
        values[name].append(value)
    waiting = [
        inner
        for statement in root.named_children
        if statement.type == "expression_statement" and _is_export(statement)
        for inner in statement.named_children
    ]
    seen: set[str] = set()
    while waiting:
        node = waiting.pop()
        if node.type == "assignment_expression":
            waiting += [side for side in map(node.child_by_field_name, ("left", "right")) if side is not None]
        elif node.type == "object":
            waiting += [child.child_by_field_name("value") or child for child in node.named_children]
        elif node.type in {"identifier", "shorthand_property_identifier"} and text_of(node) not in seen:
            seen.add(text_of(node))
            waiting += values.get(text_of(node), [])
    yield from seen


def _values(root: "Node") -> Iterator[tuple[str, "Node"]]:
    """Return the names of the module's top level with what they or their members are set to."""
    for statement in root.named_children:
        if statement.type in {"lexical_declaration", "variable_declaration"}:
            for declarator in statement.named_children:
                value = declarator.child_by_field_name("value")
                if value is not None:
                    yield text_of(declarator.child_by_field_name("name")), value
            continue
        assigned = first_of(statement) if statement.type == "expression_statement" else None
        if assigned is not None and assigned.type == "assignment_expression":
            right = assigned.child_by_field_name("right")
            name, _, member = text_of(assigned.child_by_field_name("left")).partition(".")
            if right is not None and member:
                yield name, right


def _is_private(draft: Draft) -> bool:
    if draft.name.startswith("#"):
        return True
    member = draft.node if draft.node.type in {"method_definition", "method_signature"} else draft.node.parent
    children = member.children[:4] if member is not None and draft.kind is DefinitionKind.METHOD else ()
    return any(child.type == "accessibility_modifier" and text_of(child) in _HIDDEN for child in children)


def _is_module(file: ParsedFile) -> bool:
    """Whether a file imports or exports; else everything at its top level is global."""
    if any(child.type in {"import_statement", "export_statement"} for child in file.root.named_children):
        return True
    return any(word in file.text for word in (b"require(", b"import(", b"module.exports", b"exports."))
