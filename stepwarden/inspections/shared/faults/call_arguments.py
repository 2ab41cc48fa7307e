"""What calls of a Python function pass, and whether that fits what it takes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stepwarden.inspections.shared.fact_text import count
from stepwarden.inspections.shared.faults.python_functions import PythonFunction
from stepwarden.source.syntax import line_at, text_of, walk

if TYPE_CHECKING:
    from tree_sitter import Node

_KNOWN_DECORATORS = frozenset({"staticmethod", "classmethod"})


@dataclass(frozen=True, slots=True)
class CallArguments:
    """What one call passes; `spread` says that it passes on lists or mappings, so that nothing is known."""

    name: str
    line: int
    positional: int
    keywords: tuple[str, ...] = ()
    spread: bool = False


def find_calls(root: "Node") -> Iterator[CallArguments]:
    """Yield the calls of a file, by the last part of the name that is called."""
    for node in walk(root):
        if node.type != "call":
            continue
        arguments = node.child_by_field_name("arguments")
        called = text_of(node.child_by_field_name("function")).rpartition(".")[2]
        if arguments is None or arguments.type != "argument_list":
            yield CallArguments(called, line_at(node), 1)
            continue
        passed = [child for child in arguments.named_children if child.type != "comment"]
        keywords = [child for child in passed if child.type == "keyword_argument"]
        spread = any(child.type in {"list_splat", "dictionary_splat"} for child in passed)
        names = tuple(text_of(child.child_by_field_name("name")) for child in keywords)
        yield CallArguments(called, line_at(node), len(passed) - len(keywords), names, spread)


def has_plain_calls(function: PythonFunction) -> bool:
    """Whether calls reach the function with the arguments as they are written: no decorator stands between."""
    return set(function.decorators) <= _KNOWN_DECORATORS


def find_misfit(function: PythonFunction, call: CallArguments) -> str:
    """Return why a call does not fit what a function takes, "" where it may fit."""
    if call.spread:
        return ""
    given = function.given
    places = [one for one in given if one.kind in {"plain", "positional"}]
    named = {one.name for one in given if one.kind in {"plain", "keyword"}}
    if call.positional > len(places) and not any(one.kind == "*" for one in given):
        return f"passes {count(call.positional, 'argument')}, {function.name} takes {len(places)}"
    unknown = [name for name in call.keywords if name not in named]
    if unknown and not any(one.kind == "**" for one in given):
        return f"passes {unknown[0]}=, which {function.name} does not take"
    twice = [one.name for one in places[: call.positional] if one.name in call.keywords]
    if twice:
        return f"passes {twice[0]} twice to {function.name}"
    filled = {one.name for one in places[: call.positional]} | set(call.keywords)
    asked = (one.name for one in given if one.kind not in {"*", "**"} and one.default is None)
    missing = [name for name in asked if name not in filled]
    return f"leaves out {missing[0]}, which {function.name} needs" if missing else ""


def is_moved(before: Sequence[str], after: Sequence[str], call: CallArguments) -> bool:
    """Whether an argument that a call passes by position is another parameter's now, not one that was renamed.

    The names are without the object itself.
    """
    passed = zip(before[: call.positional], after[: call.positional], strict=False)
    return any(was != now and (was in after or now in before) for was, now in passed)
