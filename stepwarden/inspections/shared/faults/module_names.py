"""The names that a Python file gives to others: what it binds at its top level, and what `__all__` lists."""

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from stepwarden.source.syntax import line_at, text_of, walk, walk_body

if TYPE_CHECKING:
    from tree_sitter import Node

_READING = frozenset({"call", "argument_list", "attribute", "return_statement", "assignment", "decorator"})
_LISTS = frozenset({"list", "tuple"})


def exported_names(root: "Node") -> Mapping[str, int] | None:
    """Return what `__all__` lists, with the lines; None where the file has none, or one that is not written out."""
    found: dict[str, int] = {}
    seen = False
    for node in walk_body(root):
        if node.type not in {"assignment", "augmented_assignment"}:
            continue
        if text_of(node.child_by_field_name("left")) != "__all__":
            continue
        seen = True
        for part in _parts(node.child_by_field_name("right")):
            if part.type != "string" or len(part.named_children) != 3:
                return None
            found[text_of(part.named_children[1])] = line_at(part)
    return found if seen else None


def _parts(node: "Node | None") -> Iterator["Node"]:
    """Yield the elements of a list that is written out; of anything else itself."""
    if node is None:
        return
    if node.type in _LISTS:
        yield from (child for child in node.named_children if child.type != "comment")
    else:
        yield node


def bound_names(root: "Node") -> frozenset[str] | None:
    """Return the names that a file binds at its top level; None where others may be bound without being written."""
    names = {text_of(name) for node in walk(root) if node.type == "global_statement" for name in node.named_children}
    for node in walk_body(root):
        if node.type == "wildcard_import":
            return None
        if node.type in {"function_definition", "class_definition"}:
            names.add(text_of(node.child_by_field_name("name")))
        elif node.type == "identifier":
            names.add(text_of(node))  # also what is only read: a name that nothing binds fails where it is used
        elif node.type == "dotted_name":
            names.add(text_of(node).partition(".")[0])
    return None if names & {"globals", "__getattr__", "locals", "vars", "setattr"} else frozenset(names)


def uses_without_binding(root: "Node", names: Collection[str]) -> Mapping[str, int]:
    """Return the first lines on which a file uses names that it binds nowhere, of `names`."""
    used: dict[str, int] = {}
    bound: set[str] = set()
    for node in walk(root) if names else ():
        name = text_of(node) if node.type in {"identifier", "dotted_name"} else ""
        if name in names and _is_plain_name(node):
            if _is_binding(node):
                bound.add(name)
            else:
                used.setdefault(name, line_at(node))
    return {name: line for name, line in used.items() if name not in bound}


def _is_plain_name(node: "Node") -> bool:
    """Whether a name stands by itself: it is no attribute of something, and no keyword of a call."""
    around = node.parent
    if around is None or (around.type == "attribute" and around.child_by_field_name("attribute") == node):
        return False
    return not (around.type == "keyword_argument" and around.child_by_field_name("name") == node)


def _is_binding(node: "Node") -> bool:
    """Whether a name is given a value here, or could be: anywhere but where it is read for sure."""
    around = node.parent
    if around is None or around.type not in _READING:
        return True
    return around.type == "assignment" and around.child_by_field_name("left") == node


def reexported_names(root: "Node") -> frozenset[str]:
    """Return the public names that a file imports from others, by the names it gives them."""
    return frozenset(
        name
        for node in root.named_children
        if node.type == "import_from_statement"
        for child in node.children_by_field_name("name")
        if (name := text_of(child.child_by_field_name("alias") or child)) and not name.startswith("_")
    )
