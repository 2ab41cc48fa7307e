"""Stop conditions against a second, naive reading of their notation, and each at its number and not before."""

from decimal import Decimal
from fractions import Fraction
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.runs.stop_facts import StopFacts
from stepwarden.runs.stop_notation import parse_condition
from stepwarden.runs.workflow_state import WorkflowState
from tests.support.examples import examples

TOOL_NAMES = st.sampled_from(["look", "write", "drop"])
SHARES = st.sampled_from([0.1, 0.28, 0.5, 0.55, 1])

FACTS = st.fixed_dictionaries(
    {
        "steps": st.integers(0, 8),
        "last_had_calls": st.booleans(),
        "calls": st.lists(st.tuples(TOOL_NAMES, st.booleans()), max_size=12),
        "cents": st.integers(0, 60),
        "seconds": st.integers(0, 60),
        "slowest": st.integers(0, 60),
        "texts": st.lists(st.sampled_from(["goal_text 'done'", "goal_text /d.ne/", "tool_result look /x+/"])),
        "phase": st.sampled_from(["", "plan", "work"]),
        "progress": st.sampled_from([0.0, 0.25, 0.5, 1.0]),
        "data": st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from([None, 1, "x", {"c": 2}])),
    }
)
LEAVES = st.one_of(
    st.integers(1, 8).map(lambda count: {"max_steps": count}),
    st.just({"no_more_tools": True}),
    TOOL_NAMES.map(lambda name: {"tool_seen": name}),
    st.sampled_from(["done", {"pattern": "d.ne"}]).map(lambda value: {"goal_text": value}),
    st.just({"tool_result": {"tool": "look", "pattern": "x+"}}),
    st.lists(TOOL_NAMES, min_size=1, max_size=3).map(lambda names: {"tool_sequence": names}),
    st.builds(
        lambda names, adjacent: {"tool_sequence": {"names": names, "adjacent": adjacent}},
        st.lists(TOOL_NAMES, min_size=1, max_size=3),
        st.booleans(),
    ),
    st.sampled_from([0.07, "0.1", 0.25]).map(lambda value: {"cost": value}),
    st.integers(1, 60).map(lambda value: {"time": value}),
    SHARES.map(lambda value: {"error_rate": value}),
    st.builds(lambda rate, past: {"error_rate": {"rate": rate, "more_than": past}}, SHARES, st.integers(0, 9)),
    st.integers(1, 60).map(lambda value: {"slow_step": value}),
    st.sampled_from([{"phase": "work"}, {"progress": 0.5}, {"data.a": 1}, {"data.a.c": 2, "phase": "plan"}]).map(
        lambda value: {"state": value}
    ),
)


def _combined(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(parts, min_size=1, max_size=4)
    return st.one_of(
        several.map(lambda each: {"any": each}),
        several.map(lambda each: {"all": each}),
        parts.map(lambda each: {"not": each}),
        several.flatmap(lambda each: st.integers(1, len(each)).map(lambda n: {"at_least": {"count": n, "of": each}})),
    )


def holds(notation: Any, facts: dict[str, Any]) -> bool:
    """Return whether a condition as it is written holds, read as the page describes it."""
    ((name, value),) = notation.items()
    tools = [tool for tool, _ in facts["calls"]]
    failed = sum(not fine for _, fine in facts["calls"])
    match name:
        case "any":
            return any(holds(part, facts) for part in value)
        case "all":
            return all(holds(part, facts) for part in value)
        case "not":
            return not holds(value, facts)
        case "at_least":
            return [holds(part, facts) for part in value["of"]].count(True) >= value["count"]
        case "error_rate":
            rate, past = (value["rate"], value.get("more_than", 5)) if isinstance(value, dict) else (value, 5)
            return len(tools) > past and (not tools or Fraction(failed, len(tools)) >= Fraction(str(rate)))
        case "tool_sequence":
            return _in_order(value, tools)
        case "state":
            return all(_state_has(facts, path, wanted) for path, wanted in value.items())
    return {
        "max_steps": lambda: facts["steps"] >= value,
        "no_more_tools": lambda: facts["steps"] > 0 and not facts["last_had_calls"],
        "tool_seen": lambda: value in tools,
        "goal_text": lambda: ("goal_text 'done'" if value == "done" else "goal_text /d.ne/") in facts["texts"],
        "tool_result": lambda: "tool_result look /x+/" in facts["texts"],
        "cost": lambda: Fraction(facts["cents"], 100) >= Fraction(str(value)),
        "time": lambda: facts["seconds"] >= value,
        "slow_step": lambda: facts["slowest"] > value,
    }[name]()


def _in_order(value: Any, tools: list[str]) -> bool:
    names = value if isinstance(value, list) else value["names"]
    is_adjacent = not isinstance(value, list) and value["adjacent"]
    chosen = combinations(range(len(tools)), len(names))
    return any(
        [tools[at] for at in places] == names and (not is_adjacent or places[-1] - places[0] == len(names) - 1)
        for places in chosen
    )


def _state_has(facts: dict[str, Any], path: str, wanted: Any) -> bool:
    if path == "progress":
        return facts["progress"] >= wanted
    if path == "data.a.c":
        return isinstance(facts["data"].get("a"), dict) and facts["data"]["a"]["c"] == wanted
    return (facts["phase"] if path == "phase" else facts["data"].get("a")) == wanted


def _real(facts: dict[str, Any]) -> StopFacts:
    return StopFacts(
        steps=facts["steps"],
        last_had_calls=facts["last_had_calls"],
        tools=[tool for tool, _ in facts["calls"]],
        errors=sum(not fine for _, fine in facts["calls"]),
        dollars=Decimal(facts["cents"]) / 100,
        seconds=float(facts["seconds"]),
        slowest=float(facts["slowest"]),
        matched=frozenset(facts["texts"]),
        state=WorkflowState(facts["phase"], facts["progress"], facts["data"]),
    )


@settings(max_examples=examples(1000))
@given(notation=st.recursive(LEAVES, _combined, max_leaves=8), facts=FACTS)
def test_combinations_hold_when_a_naive_reading_of_their_notation_does(notation: Any, facts: dict[str, Any]) -> None:
    verdict = parse_condition(notation).verdict(_real(facts))
    assert verdict.fired == holds(notation, facts)
    assert all(reason.condition and reason.value for reason in verdict.reasons())
    assert not verdict.fired or all(reason.fired for reason in verdict.reasons())


FEW = StopFacts(tools=["look"] * 5, errors=5)
AT_ITS_NUMBER: list[tuple[Any, StopFacts, StopFacts]] = [
    ({"max_steps": 3}, StopFacts(steps=2), StopFacts(steps=3)),
    ({"cost": 0.1}, StopFacts(dollars=Decimal("0.0999")), StopFacts(dollars=Decimal("0.1"))),
    ({"time": 60}, StopFacts(seconds=59.99), StopFacts(seconds=60.0)),
    ({"slow_step": 20}, StopFacts(slowest=20.0), StopFacts(slowest=20.01)),
    ({"error_rate": 0.5}, FEW, StopFacts(tools=["look"] * 6, errors=3)),
    ({"error_rate": 0.5}, StopFacts(tools=["look"] * 7, errors=3), StopFacts(tools=["look"] * 8, errors=4)),
    ({"error_rate": 0.28}, StopFacts(tools=["look"] * 25, errors=6), StopFacts(tools=["look"] * 25, errors=7)),
    ({"error_rate": 0.07}, StopFacts(tools=["look"] * 100, errors=6), StopFacts(tools=["look"] * 100, errors=7)),
    ({"error_rate": {"rate": 1, "more_than": 0}}, StopFacts(), StopFacts(tools=["look"], errors=1)),
    ({"tool_seen": "drop"}, StopFacts(tools=["dro"]), StopFacts(tools=["look", "drop"])),
    ({"tool_sequence": ["look", "drop"]}, StopFacts(tools=["drop", "look"]), StopFacts(tools=["look", "x", "drop"])),
    ({"no_more_tools": True}, StopFacts(last_had_calls=False), StopFacts(steps=1, last_had_calls=False)),
]


@pytest.mark.parametrize(("notation", "before", "at"), AT_ITS_NUMBER)
def test_a_condition_fires_at_its_number_and_not_before(notation: Any, before: StopFacts, at: StopFacts) -> None:
    condition = parse_condition(notation)
    assert not condition.verdict(before).fired
    assert condition.verdict(at).fired
    assert condition.verdict(at).value


@given(calls=st.integers(1, 300), rate=st.integers(1, 100))
def test_an_error_rate_is_exact_for_every_share_in_hundredths(calls: int, rate: int) -> None:
    condition = parse_condition({"error_rate": {"rate": rate / 100, "more_than": 0}})
    fires = [condition.verdict(StopFacts(tools=["a"] * calls, errors=failed)).fired for failed in range(calls + 1)]
    assert fires == [100 * failed >= rate * calls for failed in range(calls + 1)]
