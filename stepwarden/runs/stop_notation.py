"""Stop conditions as people and models write them: `{"any": [{"max_steps": 20}, {"tool_seen": "send_email"}]}`."""

import difflib
import reprlib
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, cast

from stepwarden.runs.limits import MOST
from stepwarden.runs.stop_conditions import (
    MOST_PATTERN_CHARS,
    AllOf,
    AnyOf,
    AtLeast,
    ErrorRate,
    FactExpression,
    GoalText,
    MaxSteps,
    NoMoreTools,
    NotYet,
    ResultSeen,
    SlowStep,
    SpentDollars,
    StateIs,
    StopCondition,
    ToolSeen,
    ToolSequence,
    WorkedSeconds,
)

MOST_DEPTH, MOST_PARTS = 8, 50
_MOST_BITS = 100
_STATE_PATHS = ("phase", "progress", "data.<name>", "metrics.<name>")


class ConditionError(ValueError):
    """A condition cannot be read; the text says where, and what to write."""


def parse_condition(data: Any, *, depth: int = 0) -> StopCondition:
    """Return the condition that `data`, decoded JSON, describes. Raises ConditionError."""
    if depth > MOST_DEPTH:
        raise ConditionError(f"Conditions may be nested {MOST_DEPTH} deep: write this one flatter.")
    if not isinstance(data, Mapping) or len(cast("Mapping[str, Any]", data)) != 1:
        raise ConditionError(
            f'A condition is an object with one key, such as {{"max_steps": 20}} or {{"any": [...]}}; '
            f"got {_shown(data)}."
        )
    (name, value), *_ = cast("Mapping[str, Any]", data).items()
    if name in _COMBINED:
        return _COMBINED[name](value, depth + 1)
    if name not in _LEAVES:
        near = difflib.get_close_matches(str(name)[:60], [*_LEAVES, *_COMBINED], n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        raise ConditionError(f"No condition {_shown(name)}.{meant} There are: {', '.join([*_LEAVES, *_COMBINED])}.")
    return _LEAVES[name](value)


def _shown(value: Any) -> str:
    """Return a value as an error shows it: short, however deep or long it is."""
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return "a huge number"
    return reprlib.repr(value)


def _parts(value: Any, depth: int, name: str) -> tuple[StopCondition, ...]:
    if not isinstance(value, list) or not value:
        raise ConditionError(f'"{name}" takes a list of one or more conditions.')
    parts = cast("list[Any]", value)
    if len(parts) > MOST_PARTS:
        raise ConditionError(f'"{name}" takes {MOST_PARTS} conditions at most.')
    return tuple(parse_condition(part, depth=depth) for part in parts)


def _at_least(value: Any, depth: int) -> AtLeast:
    given = _fields(value, "at_least", {"count", "of"})
    parts = _parts(given.get("of"), depth, "at_least.of")
    count = _count(given.get("count"), "at_least.count")
    if count > len(parts):
        raise ConditionError(
            f'"at_least" asks for {_shown(count)} of {len(parts)} conditions: ask for fewer, or add some.'
        )
    return AtLeast(count, parts)


def _fields(value: Any, name: str, allowed: set[str]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConditionError(f'"{name}" takes an object with {" and ".join(sorted(allowed))}.')
    given = cast("Mapping[str, Any]", value)
    if unknown := sorted(given.keys() - allowed):
        raise ConditionError(f'"{name}" has no {_shown(unknown[0])}; it takes {" and ".join(sorted(allowed))}.')
    return given


def _count(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConditionError(f'"{name}" takes a whole number from 1 on; got {_shown(value)}.')
    return value


def _number(value: Any, name: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= MOST:
        raise ConditionError(f'"{name}" takes a number above 0, at most {MOST}; got {_shown(value)}.')
    return float(value)


def _words(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConditionError(f'"{name}" takes a text; got {_shown(value)}.')
    if len(value) > MOST_PATTERN_CHARS:
        raise ConditionError(f'"{name}" takes {MOST_PATTERN_CHARS} characters at most.')
    return value


def _goal_text(value: Any) -> GoalText:
    if isinstance(value, str):
        return GoalText(_words(value, "goal_text"))
    if not isinstance(value, Mapping):
        raise ConditionError(f'"goal_text" takes a text, or an object with pattern; got {_shown(value)}.')
    return GoalText(_words(_fields(value, "goal_text", {"pattern"}).get("pattern"), "goal_text.pattern"), True)


def _tool_result(value: Any) -> ResultSeen:
    given = _fields(value, "tool_result", {"tool", "pattern"})
    return ResultSeen(
        _words(given.get("tool"), "tool_result.tool"), _words(given.get("pattern"), "tool_result.pattern")
    )


def _tool_sequence(value: Any) -> ToolSequence:
    is_list = isinstance(value, list)
    given = _fields({"names": value} if is_list else value, "tool_sequence", {"names", "adjacent"})
    names = given.get("names")
    if not isinstance(names, list) or not names or len(cast("list[Any]", names)) > MOST_PARTS:
        raise ConditionError(f'"tool_sequence" takes a list of 1 to {MOST_PARTS} names of tools.')
    adjacent = given.get("adjacent", False)
    if not isinstance(adjacent, bool):
        raise ConditionError(f'"tool_sequence.adjacent" takes true or false; got {_shown(adjacent)}.')
    return ToolSequence(tuple(_words(name, "tool_sequence") for name in cast("list[Any]", names)), adjacent)


def _error_rate(value: Any) -> ErrorRate:
    given = _fields(value, "error_rate", {"rate", "more_than"}) if isinstance(value, Mapping) else {"rate": value}
    rate = _number(given.get("rate"), "error_rate")
    if rate > 1:
        raise ConditionError(f'"error_rate" takes a share of at most 1, such as 0.5; got {rate:g}.')
    more_than = given.get("more_than", 5)
    if not isinstance(more_than, int) or isinstance(more_than, bool) or more_than < 0:
        raise ConditionError(f'"error_rate.more_than" takes a whole number from 0 on; got {_shown(more_than)}.')
    return ErrorRate(rate, more_than)


def _cost(value: Any) -> SpentDollars:
    try:
        dollars = Decimal(str(value)) if isinstance(value, int | float | str | Decimal) else Decimal()
    except (ArithmeticError, ValueError):
        dollars = Decimal()
    if isinstance(value, bool) or not dollars.is_finite() or not 0 < dollars <= MOST:
        raise ConditionError(f'"cost" takes US dollars above 0, at most {MOST}; got {_shown(value)}.')
    return SpentDollars(dollars)


def _state(value: Any) -> StateIs:
    given = cast("Mapping[str, Any]", value if isinstance(value, Mapping) else {})
    if not given or len(given) > MOST_PARTS or not all(_is_path(path) for path in given):
        raise ConditionError(f'"state" takes 1 to {MOST_PARTS} values by path: {", ".join(_STATE_PATHS)}.')
    if "progress" in given and _number(given["progress"], "state.progress") > 1:
        raise ConditionError(f'"state.progress" takes a share of at most 1; got {_shown(given["progress"])}.')
    return StateIs(dict(given))


def _is_path(path: str) -> bool:
    group, dot, name = path.partition(".")
    return path in {"phase", "progress"} or (group in {"data", "metrics"} and bool(dot and name))


def _no_more_tools(value: Any) -> NoMoreTools:
    if value is not True:
        raise ConditionError(f'"no_more_tools" takes true; got {_shown(value)}.')
    return NoMoreTools()


_LEAVES: dict[str, Callable[[Any], StopCondition]] = {
    "max_steps": lambda value: MaxSteps(_count(value, "max_steps")),
    "no_more_tools": _no_more_tools,
    "tool_seen": lambda value: ToolSeen(_words(value, "tool_seen")),
    "goal_text": _goal_text,
    "cost": _cost,
    "time": lambda value: WorkedSeconds(_number(value, "time")),
    "tool_result": _tool_result,
    "tool_sequence": _tool_sequence,
    "error_rate": _error_rate,
    "slow_step": lambda value: SlowStep(_number(value, "slow_step")),
    "state": _state,
    "expression": lambda value: FactExpression(_words(value, "expression")),
}
_COMBINED: dict[str, Callable[[Any, int], StopCondition]] = {
    "any": lambda value, depth: AnyOf(_parts(value, depth, "any")),
    "all": lambda value, depth: AllOf(_parts(value, depth, "all")),
    "not": lambda value, depth: NotYet(parse_condition(value, depth=depth)),
    "at_least": _at_least,
}
