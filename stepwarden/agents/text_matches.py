"""Which stop conditions' texts and patterns a text has: found once, when it comes, within a time limit."""

import math
import re
import time
from collections.abc import Iterator
from typing import TypeVar

import regex

from stepwarden.runs.stop_conditions import GoalText, ResultSeen, StopCondition, leaves

MATCH_BYTES = 64_000  # of a text that is searched
MATCH_S = 0.5  # for all patterns of a condition
LEAST_MATCH_S = 0.01  # for each, also after one that took all of it
MOST_REPEATED = 10_000
"""So often may a part be asked for: the time limit does not hold for a pattern that is written out first."""

_COUNT = re.compile(r"(?P<group>[)}?+*]?)\{\s*(?P<least>\d+)")
_RECURSION = re.compile(r"\(\?(?:R|[-+]?\d|&|P>)")  # nor for one that calls itself

_Leaf = TypeVar("_Leaf")


def goal_matches(condition: StopCondition | None, text: str) -> tuple[str, ...]:
    """Return the conditions on the model's answers that this answer meets."""
    until = time.monotonic() + MATCH_S
    return tuple(str(leaf) for leaf in _leaves(condition, GoalText) if _has(leaf, text, until))


def result_matches(condition: StopCondition | None, tool: str, text: str) -> tuple[str, ...]:
    """Return the conditions on results that this result of `tool` meets."""
    until = time.monotonic() + MATCH_S
    return tuple(
        str(leaf) for leaf in _leaves(condition, ResultSeen) if leaf.tool == tool and _found(leaf.pattern, text, until)
    )


def pattern_errors(condition: StopCondition) -> list[str]:
    """Return what is wrong with the patterns of a condition, a sentence each."""
    errors = list[str]()
    for leaf in leaves(condition):
        pattern = leaf.text if isinstance(leaf, GoalText) and leaf.is_pattern else ""
        pattern = leaf.pattern if isinstance(leaf, ResultSeen) else pattern
        if why := _why_endless(pattern):
            errors.append(f"The pattern {pattern!r:.80} {why}.")
            continue
        try:
            regex.compile(pattern)
        except regex.error as error:
            errors.append(f"The pattern {pattern!r:.80} cannot be read: {error}.")
    return errors


def _why_endless(pattern: str) -> str:
    """Return why a pattern might take very long whatever the text is, "" where it does not."""
    if _RECURSION.search(pattern):
        return "calls itself, which none may"
    counts = [(found["group"], int(found["least"])) for found in _COUNT.finditer(pattern)]
    nested = math.prod(max(1, least) for group, least in counts if group)
    most = nested * max((least for group, least in counts if not group), default=1)
    return f"repeats a part more than {MOST_REPEATED:,} times" if most > MOST_REPEATED else ""


def _leaves(condition: StopCondition | None, kind: type[_Leaf]) -> Iterator[_Leaf]:
    if condition is not None:
        yield from (leaf for leaf in leaves(condition) if isinstance(leaf, kind))


def _has(leaf: GoalText, text: str, until: float) -> bool:
    return _found(leaf.text, text, until) if leaf.is_pattern else leaf.text.casefold() in text.casefold()


def _found(pattern: str, text: str, until: float) -> bool:
    left = max(LEAST_MATCH_S, until - time.monotonic())
    try:
        return regex.search(pattern, text[:MATCH_BYTES], timeout=left) is not None
    except TimeoutError:
        return False
