"""Results in short, and a run in numbers."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.runs.data_summary import MOST_KEYS, MOST_SAMPLE, DataSummary, summarize_data
from stepwarden.runs.limits import Amount
from stepwarden.runs.run import AgentStep, Job, JobPlan, Run
from stepwarden.runs.run_calls import Body, CallKind, CallState, ProposedCall, RunCall
from stepwarden.runs.run_events import CallEnded, decode_run_event, encode_run_event
from stepwarden.runs.run_rates import measure_run, measure_steps

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "summary", "shown"),
    [
        (
            '[{"id": 1, "name": "a"}, {"id": 2}]',
            DataSummary("list", 2, ("id", "name"), '{"id": 1, "name": "a"}', 35),
            "list of 2 (id, name), 35 bytes",
        ),
        ('{"a": [1], "b": 2}', DataSummary("object", 2, ("a", "b"), '{"a": [1]}', 18), "object of 2 (a, b), 18 bytes"),
        ("42", DataSummary("number", 1, (), "42", 2, 42), "number, 2 bytes"),
        ("true", DataSummary("boolean", 1, (), "true", 4, True), "boolean, 4 bytes"),
        ("null", DataSummary("null", 1, (), "null", 4), "null, 4 bytes"),
        ('"Grüße"', DataSummary("string", 1, (), "Grüße", 9, "Grüße"), "string, 9 bytes"),
        ("[]", DataSummary("list", 0, (), "", 2), "list of 0, 2 bytes"),
        ("one\n\ntwo", DataSummary("text", 2, (), "one", 8), "2 lines, 8 bytes"),
        ("", DataSummary("text", 0), "0 lines, 0 bytes"),
        ("[" * 100_000, DataSummary("text", 1, (), "[" * MOST_SAMPLE, 100_000), "one line, 100,000 bytes"),
    ],
    ids=["list", "object", "number", "boolean", "null", "string", "empty list", "text", "nothing", "too deep"],
)
def test_a_result_in_short(text: str, summary: DataSummary, shown: str) -> None:
    found = summarize_data(text)
    assert found == summary
    assert str(found) == shown


@given(ANY_JSON)
def test_whatever_the_data_its_summary_is_bounded_and_survives_the_store(data: Any) -> None:
    found = summarize_data(json.dumps(data, ensure_ascii=False))
    assert len(found.sample) <= MOST_SAMPLE
    assert len(found.keys) <= MOST_KEYS
    assert found.size == len(json.dumps(data, ensure_ascii=False).encode(errors="replace"))
    event = CallEnded("main/1/1", Body("x"), summary=found)
    if found.sample.isprintable():  # lone surrogates are no text of the store
        assert decode_run_event(*encode_run_event(event)) == event


def test_an_event_of_before_has_no_summary_and_is_the_same() -> None:
    old = decode_run_event("call_ended", '{"call":"main/1/1","result":{"text":"42","size":2}}')
    assert old == CallEnded("main/1/1", Body("42", size=2))
    assert encode_run_event(old)[1] == '{"call":"main/1/1","result":{"text":"42","size":2}}'


def call(state: CallState, seconds: float) -> RunCall:
    return RunCall("k", ProposedCall("1", "calculate"), CallKind.LOCAL, state, seconds=seconds)


def test_the_numbers_of_a_run_are_those_of_its_steps() -> None:
    steps = (
        AgentStep(1, Body("a"), (call(CallState.DONE, 1.0), call(CallState.DONE, 3.0)), Amount(100), 1.0),
        AgentStep(2, Body("b"), (call(CallState.FAILED, 1.0),), Amount(50), 1.0),
        AgentStep(3, Body("c"), (call(CallState.REFUSED, 0.0),), Amount(50), 2.0),
        AgentStep(4, Body("d"), (), Amount(50), 2.0),
    )
    run = Run(
        "run-1", jobs={"main": Job(JobPlan("main", "", "m"), steps=steps)}, spent=Amount(250, Decimal(1)), worked=10
    )
    assert [(one.number, one.seconds, one.errors, one.is_parallel) for one in measure_steps(run)] == [
        (1, 4.0, 0, True),
        (2, 2.0, 1, False),
        (3, 2.0, 0, False),
        (4, 2.0, 0, False),
    ]
    found = measure_run(run, 0.0)
    assert (found.steps, found.calls, found.errors, found.refused) == (4, 4, 1, 1)
    assert (found.efficiency, found.parallel_efficiency) == (0.75, 0.25)
    assert (found.mean_step_seconds, found.steps_a_second, found.tokens_a_second) == (2.5, 0.4, 25.0)
    assert str(measure_run(Run("run-2"), 0.0)).startswith("0 steps of 0.0 s")
