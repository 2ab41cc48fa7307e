"""How types and values are written as the text of a `Variable`, the same for all languages."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node


def read_value(node: "Node | None", readers: Mapping[str, Callable[["Node"], str]]) -> str:
    """Return what the reader for its type makes of an expression, "?" where there is none."""
    read = readers.get(node.type) if node is not None else None
    return read(node) if node is not None and read is not None else "?"


def join_value(before: str, after: str) -> str:
    """Return a value with what is taken of it: a member, a call or an element; "?" where it is not one known value."""
    return "?" if before in {"", "?"} or "|" in before else before + after


def join_values(values: Iterable[str]) -> str:
    """Return the values of which an expression has one, without those that are nothing."""
    return "|".join(dict.fromkeys(filter(None, values)))


def join_types(types: Iterable[str]) -> str:
    """Return a union of types, "" where one of them names no class."""
    parts = list(types)
    return "|".join(dict.fromkeys("|".join(parts).split("|"))) if all(parts) else ""


def collection_of(element: str) -> str:
    """Return the type of a collection with elements of one type, "" where they are not of one."""
    return f"[]{element}" if element and "|" not in element else ""


def enclosing(node: "Node", kinds: frozenset[str]) -> "Node | None":
    """Return the nearest node around a node that is of one of these types."""
    outer = node.parent
    while outer is not None and outer.type not in kinds:
        outer = outer.parent
    return outer
