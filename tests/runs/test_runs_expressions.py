"""Expressions as stop conditions: what they see, what they refuse, and that none of them hangs."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.runs.stop_conditions import FactExpression, StopCondition, is_bound
from stepwarden.runs.stop_expressions import NAMES, expression_error, holds, is_counted
from stepwarden.runs.stop_facts import LastResult, StopFacts
from stepwarden.runs.stop_notation import ConditionError, parse_condition
from stepwarden.runs.workflow_state import WorkflowState

FACTS = StopFacts(
    steps=4,
    tools=["look", "send"],
    errors=1,
    dollars=Decimal("0.25"),
    seconds=12.5,
    tokens=900,
    state=WorkflowState(phase="work", progress=0.5, data={"found": [1, 2], "name": "a"}),
    last=LastResult("send", "sent {{ 7*7 }} and {% for x in range(9) %}", failed=True),
    answer="I looked.",
)


@pytest.mark.parametrize(
    ("text", "fired"),
    [
        ("steps > 3 and errors == 1", True),
        ("steps > 4", False),
        ("cost >= 0.25 and tokens < 1000 and seconds > 12", True),
        ("calls == 2 and tools[-1] == 'send'", True),
        ("state.data.found|length >= 2 and state.phase == 'work'", True),
        ("state.data.missing", False),
        ("state.data.missing.more > 3", False),
        ("last.failed and last.tool == 'send'", True),
        ("'49' in last.text", False),  # what a tool said is a value, and never read as a template
        ("'{{ 7*7 }}' in last.text", True),
        ("'looked' in answer", True),
        ("steps.__class__", False),
        ("steps > 'a'", False),
    ],
)
def test_an_expression_is_held_against_the_facts(text: str, fired: bool) -> None:
    assert expression_error(text) == ""
    assert parse_condition({"expression": text}).verdict(FACTS).fired is fired


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("steps >", "syntax error: unexpected end of input"),
        ("steps > 3 }} {{ 1", "near"),
        ("stepz > 3", "it knows no 'stepz'; did you mean steps?"),
        ("range(9)", "unknown function"),
        ("debug()", "unknown function"),
        ("steps is odder", "unknown test"),
        ("steps|shout", "unknown filter"),
        ("(" * 400, "recursion"),
        ("'x' * 100000000", "fuel"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(text: str, told: str) -> None:
    assert told in expression_error(text)


@pytest.mark.parametrize(
    "text",
    [
        "answer|replace('o', 'oo' * 9999)|replace('o', 'oo' * 9999)|length > 3",
        "('a' * 1000000) in ('a' * 9000000)",
        "10 ** 10 ** 10 > 1",
        "' ~ '.join(tools * 100000)",
    ],
)
def test_one_that_is_made_to_hang_ends_and_does_not_hold(text: str) -> None:
    fired, value = holds(text, FACTS)
    assert not fired
    assert value


def test_what_counts_alone_is_a_bound_and_what_asks_for_more_a_goal() -> None:
    assert is_counted("steps > 3 or cost > 0.2")
    assert not is_counted("steps > 3 and state.data.done")
    assert not is_counted("1 == 1")
    assert not is_counted("answer == 'steps'")
    found: StopCondition = parse_condition({"expression": "errors > 2"})
    assert is_bound(found)


@pytest.mark.parametrize("value", [7, "", "x" * 501, None, ["steps"]])
def test_an_expression_is_a_text_of_some_length(value: Any) -> None:
    with pytest.raises(ConditionError, match='"expression"'):
        parse_condition({"expression": value})


@given(st.text(max_size=60) | st.lists(st.sampled_from([*NAMES, "+", ">", "(", ")", "'", "|", "~", "1"])).map(" ".join))
def test_no_text_raises(text: str) -> None:
    holds(text, FACTS)
    expression_error(text)
    FactExpression(text).verdict(FACTS)
    is_counted(text)
