"""What cannot be read as a stop condition is told with what to write instead, and what can never fire is said."""

from decimal import Decimal
from typing import Any

import pytest

from stepwarden.runs.limits import RunLimits
from stepwarden.runs.never_fires import why_never
from stepwarden.runs.stop_notation import MOST_DEPTH, MOST_PARTS, ConditionError, parse_condition


def _nested(depth: int) -> Any:
    condition: Any = {"max_steps": 1}
    for _ in range(depth):
        condition = {"not": condition}
    return condition


def _deep_list(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


NAN, MANY = float("nan"), [{"max_steps": 1}] * (MOST_PARTS + 1)
WRONG: list[tuple[Any, str]] = [
    (None, 'such as {"max_steps": 20}'),
    ([], 'such as {"max_steps": 20}'),
    ({}, 'such as {"max_steps": 20}'),
    ({"max_steps": 1, "time": 2}, 'such as {"max_steps": 20}'),
    ("max_steps", 'such as {"max_steps": 20}'),
    (_deep_list(900), 'such as {"max_steps": 20}'),
    ({"max_step": 1}, "Did you mean max_steps?"),
    ({"x" * 100_000: 1}, "There are: max_steps"),
    ({"max_steps": 0}, "a whole number from 1 on"),
    ({"max_steps": True}, "a whole number from 1 on; got True"),
    ({"max_steps": 1.5}, "a whole number from 1 on"),
    ({"max_steps": "3"}, "a whole number from 1 on; got '3'"),
    ({"max_steps": -(10**5000)}, "a whole number from 1 on; got a huge number"),
    ({"max_steps": _deep_list(900)}, "a whole number from 1 on"),
    ({"no_more_tools": False}, "takes true; got False"),
    ({"no_more_tools": 1}, "takes true; got 1"),
    ({"tool_seen": ""}, "takes a text"),
    ({"tool_seen": 5}, "takes a text; got 5"),
    ({"goal_text": "x" * 501}, "500 characters at most"),
    ({"goal_text": 5}, "takes a text, or an object with pattern; got 5"),
    ({"goal_text": {"patern": "x"}}, "it takes pattern"),
    ({"goal_text": {}}, '"goal_text.pattern" takes a text'),
    ({"cost": 0}, "US dollars above 0"),
    ({"cost": True}, "US dollars above 0"),
    ({"cost": NAN}, "US dollars above 0"),
    ({"cost": "1e999999999"}, "US dollars above 0, at most"),
    ({"cost": [1]}, "US dollars above 0"),
    ({"cost": 10**5000}, "US dollars above 0, at most"),
    ({"time": NAN}, "a number above 0"),
    ({"time": float("inf")}, "a number above 0, at most"),
    ({"time": 10**400}, "a number above 0, at most"),
    ({"time": True}, "a number above 0"),
    ({"slow_step": -1}, "a number above 0"),
    ({"error_rate": 2}, "a share of at most 1, such as 0.5"),
    ({"error_rate": NAN}, "a number above 0"),
    ({"error_rate": True}, "a number above 0"),
    ({"error_rate": {"rate": 0.5, "more_than": -1}}, "a whole number from 0 on"),
    ({"error_rate": {"rate": 0.5, "after": 1}}, "it takes more_than and rate"),
    ({"tool_result": "x"}, "an object with pattern and tool"),
    ({"tool_result": {"tool": "x"}}, '"tool_result.pattern" takes a text'),
    ({"tool_sequence": []}, "a list of 1 to 50 names of tools"),
    ({"tool_sequence": ["a"] * 100_000}, "a list of 1 to 50 names of tools"),
    ({"tool_sequence": ["a", 1]}, "takes a text; got 1"),
    ({"tool_sequence": {"names": ["a"], "adjacent": "yes"}}, "takes true or false; got 'yes'"),
    ({"state": {}}, "data.<name>"),
    ({"state": {"phases": 1}}, "data.<name>"),
    ({"state": {"data.": 1}}, "data.<name>"),
    ({"state": {"progress": 1.5}}, "a share of at most 1"),
    ({"state": {"progress": True}}, "a number above 0"),
    ({"any": []}, "a list of one or more conditions"),
    ({"any": {"max_steps": 1}}, "a list of one or more conditions"),
    ({"all": MANY}, "50 conditions at most"),
    ({"at_least": {"count": 3, "of": [{"max_steps": 1}]}}, "ask for fewer, or add some"),
    ({"at_least": {"count": 10**5000, "of": [{"max_steps": 1}]}}, "a huge number of 1 conditions"),
    ({"at_least": {"count": 1}}, "a list of one or more conditions"),
    ({"at_least": [1]}, "an object with count and of"),
    (_nested(MOST_DEPTH + 1), "write this one flatter"),
    (_nested(900), "write this one flatter"),
]


@pytest.mark.parametrize(("notation", "told"), WRONG, ids=[told[:30] for _, told in WRONG])
def test_a_condition_that_cannot_be_read_says_what_to_write(notation: Any, told: str) -> None:
    with pytest.raises(ConditionError) as error:
        parse_condition(notation)
    assert told in str(error.value)
    assert len(str(error.value)) < 400


def test_a_condition_may_be_nested_to_the_stated_depth_and_hold_the_stated_number_of_parts() -> None:
    parse_condition(_nested(MOST_DEPTH))
    parse_condition({"any": MANY[:-1]})


@pytest.mark.parametrize(
    ("notation", "told"),
    [
        ({"tool_seen": "send"}, ["tool_seen send can never fire: the run has no tool 'send'; did you mean 'sends'?"]),
        ({"tool_seen": "sends"}, []),
        (
            {"any": [{"tool_sequence": ["sends", "zz", "aa"]}, {"max_steps": 16}]},
            [
                "tool_sequence sends > zz > aa can never fire: the run has no tool 'aa'.",
                "tool_sequence sends > zz > aa can never fire: the run has no tool 'zz'.",
                "max_steps 16 can never fire: the limit is 15 steps.",
            ],
        ),
        ({"max_steps": 15}, []),
        ({"not": {"tool_result": {"tool": "x", "pattern": "y"}}}, ["the run has no tool 'x'"]),
        ({"cost": "1.01"}, ["cost 1.01 can never fire: the limit is 1 dollars."]),
        ({"any": [{"cost": 1}, {"time": 900}]}, []),
        ({"time": 901}, ["time 901 can never fire: the limit is 900 seconds."]),
        (
            {"all": [{"goal_text": "x"}, {"not": {"goal_text": "x"}}]},
            ["all can never fire: goal_text 'x' excludes not"],
        ),
        ({"all": [{"max_steps": 5}, {"not": {"max_steps": 3}}]}, ["max_steps 5 excludes not max_steps 3"]),
        ({"all": [{"max_steps": 3}, {"not": {"max_steps": 5}}]}, []),
        ({"all": [{"not": {"any": [{"time": 5}, {"goal_text": "x"}]}}, {"time": 9}]}, ["time 9 excludes not time 5"]),
        ({"at_least": {"count": 2, "of": [{"time": 9}, {"not": {"time": 5}}]}}, ["time 9 excludes not time 5"]),
        ({"at_least": {"count": 1, "of": [{"time": 9}, {"not": {"time": 5}}]}}, []),
        ({"any": [{"time": 9}, {"not": {"time": 5}}]}, []),
        ({"not": {"all": [{"time": 9}, {"not": {"time": 5}}]}}, ["time 9 excludes not time 5"]),
        (
            {"all": [{"state": {"phase": "a", "progress": 0.5}}, {"state": {"phase": "b", "progress": 0.7}}]},
            ["state phase cannot be 'a' and 'b' at once"],
        ),
    ],
)
def test_a_condition_that_can_never_fire_is_said_with_its_reason(notation: Any, told: list[str]) -> None:
    limits = RunLimits(steps=15, seconds=900, dollars=Decimal(1))
    found = why_never(parse_condition(notation), limits=limits, tools=["sends"])
    assert len(found) == len(told)
    assert all(wanted in said for wanted, said in zip(told, found, strict=True))


def test_a_cost_that_nobody_can_count_is_said() -> None:
    condition = parse_condition({"cost": 1})
    (told,) = why_never(condition, limits=RunLimits(tokens=9_000), tools=[], is_priced=False)
    assert "price of the model is not known" in told
