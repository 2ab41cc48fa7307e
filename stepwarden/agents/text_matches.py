"""Which stop conditions' texts and patterns a text has: found once, when it comes, within a time limit."""

from collections.abc import Iterator
from typing import TypeVar

import regex

from stepwarden.runs.stop_conditions import GoalText, ResultSeen, StopCondition, leaves

MATCH_BYTES = 64_000  # of a text that is searched
MATCH_S = 0.5

_Leaf = TypeVar("_Leaf")


def goal_matches(condition: StopCondition | None, text: str) -> tuple[str, ...]:
    """Return the conditions on the model's answers that this answer meets."""
    return tuple(str(leaf) for leaf in _leaves(condition, GoalText) if _has(leaf, text))


def result_matches(condition: StopCondition | None, tool: str, text: str) -> tuple[str, ...]:
    """Return the conditions on results that this result of `tool` meets."""
    return tuple(
        str(leaf) for leaf in _leaves(condition, ResultSeen) if leaf.tool == tool and _found(leaf.pattern, text)
    )


def pattern_errors(condition: StopCondition) -> list[str]:
    """Return what is wrong with the patterns of a condition, a sentence each."""
    errors = list[str]()
    for leaf in leaves(condition):
        pattern = leaf.text if isinstance(leaf, GoalText) and leaf.is_pattern else ""
        pattern = leaf.pattern if isinstance(leaf, ResultSeen) else pattern
        try:
            regex.compile(pattern)
        except regex.error as error:
            errors.append(f"The pattern {pattern!r:.80} cannot be read: {error}.")
    return errors


def _leaves(condition: StopCondition | None, kind: type[_Leaf]) -> Iterator[_Leaf]:
    if condition is not None:
        yield from (leaf for leaf in leaves(condition) if isinstance(leaf, kind))


def _has(leaf: GoalText, text: str) -> bool:
    return _found(leaf.text, text) if leaf.is_pattern else leaf.text.casefold() in text.casefold()


def _found(pattern: str, text: str) -> bool:
    try:
        return regex.search(pattern, text[:MATCH_BYTES], timeout=MATCH_S) is not None
    except TimeoutError:
        return False
