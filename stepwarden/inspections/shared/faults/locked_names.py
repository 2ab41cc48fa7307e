"""Attributes and names of a module that are set under a lock in some places, and without it in others."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stepwarden.inspections.shared.faults.code_fault import CodeFault
from stepwarden.inspections.shared.faults.python_functions import PythonFunction
from stepwarden.source.syntax import line_at, text_of, walk_body

if TYPE_CHECKING:
    from tree_sitter import Node

FEWEST = 2  # places under a lock, from which a name counts as guarded by it
_LOCK = re.compile(r"^(?:self\.|cls\.)?\w*(?:lock|mutex|cond(?:ition)?|semaphore)\w*$", re.IGNORECASE)
_HELD_BY_CALLER = re.compile(r"\block(?:s|ed)?\b.{0,40}\bh[eo]ld|\bh[eo]ld(?:s|ing)?\b.{0,40}\block", re.IGNORECASE)
_STARTS = frozenset({"__init__", "__new__", "__post_init__", "__setstate__", "__del__", "__init_subclass__"})
_CHANGING = frozenset(
    {
        *("append", "appendleft", "extend", "insert", "remove", "pop", "popleft", "popitem"),
        *("clear", "update", "add", "discard", "setdefault", "sort"),
    }
)


@dataclass(frozen=True, slots=True)
class _Write:
    """One place where a name is changed, in a function, under the locks `locks`."""

    name: str
    line: int
    function: PythonFunction
    locks: frozenset[str]


def find_unlocked(functions: Sequence[PythonFunction]) -> Iterator[CodeFault]:
    """Yield the places that change, without a lock, what most places of the class or the module change under it."""
    for owner in dict.fromkeys(function.owner for function in functions):
        members = [each for each in functions if each.owner == owner and (owner or "." not in each.qualified)]
        outside = "self." if owner else ""
        if any(_locks_of(node) for each in members for node in walk_body(each.node)):
            yield from _unlocked_in(members, outside)


def _unlocked_in(members: Sequence[PythonFunction], prefix: str) -> Iterator[CodeFault]:
    covered = _covered(members, prefix)
    by_name: dict[str, list[_Write]] = {}
    for function in members:
        for write in _writes(function, prefix):
            by_name.setdefault(write.name, []).append(write)
    for name, writes in by_name.items():
        under = [write for write in writes if write.locks]
        common = sorted(under[0].locks.intersection(*(write.locks for write in under))) if under else []
        bare = [write for write in writes if not write.locks and write.function.name not in covered]
        if not common or len(under) < FEWEST or not bare or _functions_of(bare) > _functions_of(under):
            continue
        places = ", ".join(f":{write.line}" for write in under[:2])
        for write in bare:
            what = f"changes {name} without {common[0]}, held for it at {places}"
            yield CodeFault.at(write.line, what, 0, f"{name} without {common[0]} in {write.function.qualified}")


def _functions_of(writes: Sequence[_Write]) -> int:
    return len({write.function.name for write in writes})


def _covered(members: Sequence[PythonFunction], prefix: str) -> set[str]:
    """Return the functions that run before others can see the object, or only where a lock is held already."""
    covered = {each.name for each in members if _is_covered(each)}
    called: dict[str, list[tuple[str, bool]]] = {}
    for each in members:
        for node, locks in _with_locks(each):
            text = text_of(node.child_by_field_name("function")) if node.type == "call" else ""
            if text.startswith(prefix):
                called.setdefault(text.removeprefix(prefix), []).append((each.name, bool(locks)))
    grown = True
    while grown:
        more = {
            name
            for name, calls in called.items()
            if name.startswith("_") and name not in covered and all(held or by in covered for by, held in calls)
        }
        covered |= more
        grown = bool(more)
    return covered


def _is_covered(function: PythonFunction) -> bool:
    head = text_of(function.docstring)
    return (
        function.name in _STARTS
        or "lock" in function.name.lower()
        or any("lock" in text.lower() or "synchronized" in text.lower() for text in function.decorators)
        or _HELD_BY_CALLER.search(head) is not None
        or re.search(r"\.acquire\(|lock\w*\.(?:__enter__|read|write)", text_of(function.node)) is not None
    )


def _with_locks(function: PythonFunction) -> Iterator[tuple["Node", frozenset[str]]]:
    """Yield the nodes of a function, each with the locks that are held there."""
    body = function.body
    waiting: list[tuple[Node, frozenset[str]]] = [(body, frozenset())] if body is not None else []
    while waiting:
        node, locks = waiting.pop()
        yield node, locks
        if node.type in {"function_definition", "lambda", "class_definition"}:
            continue
        inside = locks | _locks_of(node)
        waiting += [(child, inside) for child in reversed(node.named_children)]


def _locks_of(node: "Node") -> frozenset[str]:
    if node.type != "with_statement":
        return frozenset()
    clause = node.named_children[0]
    values = (item.child_by_field_name("value") for item in clause.named_children)
    return frozenset(text for text in map(text_of, values) if _LOCK.match(text))


def _writes(function: PythonFunction, prefix: str) -> Iterator[_Write]:
    own = _own_names(function) if not prefix else frozenset[str]()
    for node, locks in _with_locks(function):
        for name in _changed_by(node):
            plain = name.removeprefix(prefix)
            if name.startswith(prefix) and plain.isidentifier() and plain not in own and not _LOCK.match(plain):
                yield _Write(name, line_at(node), function, locks)


def _changed_by(node: "Node") -> Iterable[str]:
    if node.type in {"assignment", "augmented_assignment"}:
        left = node.child_by_field_name("left")
        if left is None or (node.type == "assignment" and node.child_by_field_name("right") is None):
            return ()
        return map(_base_of, left.named_children if left.type in {"pattern_list", "tuple_pattern"} else [left])
    if node.type == "delete_statement":
        return map(_base_of, node.named_children)
    if node.type == "call":
        called = node.child_by_field_name("function")
        if called is not None and called.type == "attribute":
            changes = text_of(called.child_by_field_name("attribute")) in _CHANGING
            return (text_of(called.child_by_field_name("object")),) if changes else ()
    return ()


def _base_of(target: "Node") -> str:
    """Return what is changed by an assignment to an element of it, or to itself."""
    while target.type == "subscript" and (value := target.child_by_field_name("value")) is not None:
        target = value
    return text_of(target)


def _own_names(function: PythonFunction) -> frozenset[str]:
    """Return the names that are the function's own: parameters, and what it sets without `global`."""
    shared = {
        text_of(name)
        for node in walk_body(function.node)
        if node.type == "global_statement"
        for name in node.named_children
    }
    targets: Mapping[str, None] = dict.fromkeys(
        text_of(each)
        for node in walk_body(function.node)
        if node.type in {"assignment", "for_statement", "as_pattern_target", "named_expression", "augmented_assignment"}
        for each in (node.child_by_field_name("left") or node.child_by_field_name("name") or node,)
        for each in ([each, *each.named_children] if each.type in {"pattern_list", "tuple_pattern"} else [each])
        if each.type in {"identifier", "as_pattern_target"}
    )
    return frozenset({each.name for each in function.parameters} | (set(targets) - shared))
