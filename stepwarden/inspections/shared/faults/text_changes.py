"""What a change does to the text of one file that its lines do not show: defaults, exports, faults it brings."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stepwarden.inspections.shared.fact_text import list_some
from stepwarden.inspections.shared.faults.code_fault import CodeFault, new_faults
from stepwarden.inspections.shared.faults.file_faults import find_file_faults
from stepwarden.inspections.shared.faults.module_names import (
    bound_names,
    exported_names,
    reexported_names,
    uses_without_binding,
)
from stepwarden.inspections.shared.faults.python_functions import PythonFunction, find_functions
from stepwarden.source.languages import language_of
from stepwarden.source.outline import Language
from stepwarden.source.syntax import parse_syntax, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

MOST_NAMED = 4  # exports that one line names


@dataclass(frozen=True, slots=True)
class ChangedDefaults:
    """The parameters of one function that have another default now; `what` says it in words."""

    line: int
    parameters: tuple[str, ...]
    what: str


@dataclass(frozen=True, slots=True)
class TextChanges:
    """What is new in a file: `faults`, `defaults` by function, and `gone`, what it exports no more."""

    faults: tuple[CodeFault, ...] = ()
    defaults: Mapping[str, ChangedDefaults] = field(default_factory=dict[str, ChangedDefaults])
    gone: tuple[tuple[int, str], ...] = ()


NO_TEXT_CHANGES = TextChanges()


def compare_texts(path: str, before: bytes, after: bytes) -> TextChanges:
    """Return what changed from one text of a file to another."""
    faults = tuple(new_faults(find_file_faults(path, before), find_file_faults(path, after)))
    if language_of(path) is not Language.PYTHON:
        return TextChanges(faults)
    old, new = parse_syntax(path, before), parse_syntax(path, after)
    if old is None or new is None or new.has_error:
        return TextChanges(faults)
    gone = (*_gone_exports(path, old, new), *_still_used(old, new))
    return TextChanges(faults, dict(_changed_defaults(old, new)), gone)


def _changed_defaults(old: "Node", new: "Node") -> Iterator[tuple[str, ChangedDefaults]]:
    before, after = _by_name(find_functions(old)), _by_name(find_functions(new))
    for qualified in before.keys() & after.keys():
        was = {one.name: text_of(one.default) for one in before[qualified].parameters if one.default is not None}
        changed = [
            one
            for one in after[qualified].parameters
            if one.default is not None and one.name in was and _plain(text_of(one.default)) != _plain(was[one.name])
        ]
        if changed:
            said = [f"{one.name} defaults to {text_of(one.default)}, was {was[one.name]}" for one in changed]
            names = tuple(one.name for one in changed)
            yield qualified, ChangedDefaults(after[qualified].line, names, list_some(said, 2))


def _still_used(old: "Node", new: "Node") -> Iterator[tuple[int, str]]:
    """Yield what the file defined at its top level, no longer does, and still uses."""
    gone = _top_names(old) - _top_names(new)
    for name, line in uses_without_binding(new, gone).items() if bound_names(new) is not None else ():
        yield line, f"uses {name}, which is no longer defined"


def _top_names(root: "Node") -> frozenset[str]:
    plain = (child.child_by_field_name("definition") or child for child in root.named_children)
    kinds = {"function_definition", "class_definition"}
    return frozenset(text_of(node.child_by_field_name("name")) for node in plain if node.type in kinds)


def _by_name(functions: Iterator[PythonFunction]) -> Mapping[str, PythonFunction]:
    listed: Sequence[PythonFunction] = [
        one for one in functions if not any("overload" in text for text in one.decorators)
    ]
    times = Counter(function.qualified for function in listed)
    return {function.qualified: function for function in listed if times[function.qualified] == 1}


def _plain(text: str) -> str:
    return "".join(text.split()).replace('"', "'")


def _gone_exports(path: str, old: "Node", new: "Node") -> Iterator[tuple[int, str]]:
    before, after = exported_names(old), exported_names(new)
    if before is not None and after is not None:
        if gone := [name for name in before if name not in after]:
            line = min(after.values(), default=1)
            yield line, f"__all__ no longer lists {list_some(gone, MOST_NAMED)}"
        return
    bound = bound_names(new) if path.endswith("__init__.py") else None
    if bound is not None and (gone := sorted(reexported_names(old) - bound)):
        yield 1, f"no longer hands on {list_some(gone, MOST_NAMED)}"
