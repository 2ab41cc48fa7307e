"""Which stop conditions can never fire in a run, said before it starts."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from stepwarden.runs.limits import RunLimits
from stepwarden.runs.stop_conditions import (
    AllOf,
    AnyOf,
    AtLeast,
    ErrorRate,
    MaxSteps,
    NotYet,
    ResultSeen,
    SlowStep,
    SpentDollars,
    StateIs,
    StopCondition,
    ToolSeen,
    ToolSequence,
    WorkedSeconds,
    leaves,
)


def why_never(
    condition: StopCondition, *, limits: RunLimits, tools: Iterable[str], is_priced: bool = True
) -> list[str]:
    """Return the conditions in it that can never fire in a run with these tools and limits, a sentence each.

    `is_priced` says whether the price of its model is known.
    """
    known, found = set(tools), list[str]()
    for leaf in leaves(condition):
        match leaf:
            case ToolSeen(tool) | ResultSeen(tool, _):
                missing = {tool} - known
            case ToolSequence(names, _):
                missing = set(names) - known
            case _:
                missing = set[str]()
        found += [
            f"{leaf} can never fire: the run has no tool {name!r}{_nearest(name, known)}." for name in sorted(missing)
        ]
        found += _above_limit(leaf, limits, is_priced=is_priced)
    return [*found, *_contradictions(condition)]


def _above_limit(leaf: StopCondition, limits: RunLimits, *, is_priced: bool) -> Iterator[str]:
    match leaf:
        case MaxSteps(count) if limits.steps is not None and count > limits.steps:
            yield f"max_steps {count} can never fire: the limit is {limits.steps} steps."
        case SpentDollars() if not is_priced:
            yield "cost can never fire: the price of the model is not known; use the limit tokens."
        case SpentDollars(dollars) if limits.dollars is not None and dollars > limits.dollars:
            yield f"cost {dollars:f} can never fire: the limit is {limits.dollars:f} dollars."
        case WorkedSeconds(seconds) if limits.seconds is not None and seconds > limits.seconds:
            yield f"time {seconds:g} can never fire: the limit is {limits.seconds:g} seconds."
        case _:
            pass


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _contradictions(condition: StopCondition) -> Iterator[str]:
    """Yield the combinations whose parts exclude each other, each with the two that do."""
    match condition:
        case AllOf():
            yield from _excluded(condition)
        case AtLeast(count, parts) if count == len(parts):
            yield from _excluded(AllOf(parts))
        case _:
            pass
    match condition:
        case AnyOf() | AllOf() | AtLeast():
            for part in condition.parts:
                yield from _contradictions(part)
        case NotYet():
            yield from _contradictions(condition.part)
        case _:
            pass


def _excluded(condition: AllOf) -> Iterator[str]:
    wanted = list(_required(condition, positive=True))
    yes = [part for part, is_wanted in wanted if is_wanted]
    no = [part for part, is_wanted in wanted if not is_wanted]
    for one in yes:
        if excluding := next((other for other in no if _implies(one, other)), None):
            yield f"all can never fire: {_named(one)} excludes not {_named(excluding)}."
    states = [part.values for part in yes if isinstance(part, StateIs)]
    seen: dict[str, Any] = {}
    for path, value in (pair for values in states for pair in values.items()):
        if path != "progress" and path in seen and seen[path] != value:
            yield f"all can never fire: state {path} cannot be {seen[path]!r:.60} and {value!r:.60} at once."
        seen[path] = value


def _required(condition: StopCondition, *, positive: bool) -> Iterator[tuple[StopCondition, bool]]:
    """Yield what has to hold, True, and what must not, for a condition to hold, or not to."""
    match condition:
        case AllOf(parts) if positive:
            yield from (each for part in parts for each in _required(part, positive=True))
        case AnyOf(parts) if not positive:
            yield from (each for part in parts for each in _required(part, positive=False))
        case NotYet(part):
            yield from _required(part, positive=not positive)
        case _:
            yield condition, positive


def _implies(one: StopCondition, other: StopCondition) -> bool:
    """Whether `other` holds wherever `one` does, as far as their numbers say."""
    if one == other:
        return True
    numbers = _number_of(one), _number_of(other)
    return type(one) is type(other) and None not in numbers and (numbers[0] or 0) >= (numbers[1] or 0)


def _number_of(leaf: StopCondition) -> Decimal | float | None:
    match leaf:
        case MaxSteps(count):
            return count
        case SpentDollars(dollars):
            return dollars
        case WorkedSeconds(seconds) | SlowStep(seconds):
            return seconds
        case ErrorRate(rate, 5):
            return rate
        case _:
            return None


def _named(leaf: StopCondition) -> str:
    number = _number_of(leaf)
    values: Mapping[str, Any] = leaf.values if isinstance(leaf, StateIs) else {}
    told = ", ".join(f"{path}={value!r:.40}" for path, value in values.items())
    return f"state {told}" if told else f"{leaf}{'' if number is None else f' {number:g}'}"
