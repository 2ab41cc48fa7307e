"""What a run took, in figures: they agree with a count of what is on disk, whatever happened to the run."""

import json
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from run_player import Player

from stepwarden.runs.run_events import RunEvent, encode_run_event
from stepwarden.runs.run_metrics import RunMetrics, metrics_of

Row = tuple[str, Any]


def rows_of(log: Sequence[tuple[RunEvent, float]]) -> list[Row]:
    """Return kind and payload of each event as it is on disk."""
    return [(kind, json.loads(payload)) for kind, payload in (encode_run_event(event) for event, _ in log)]


@given(st.integers(0, 10**6), st.integers(0, 60))
def test_they_agree_with_a_count_of_what_is_on_disk(seed: int, moves: int) -> None:
    world = Player(seed).play(moves)
    metrics = metrics_of(world.log)
    rows = rows_of(world.log)
    kinds = Counter(kind for kind, _ in rows)
    assert (metrics.events, metrics.drivers, metrics.commands) == (len(rows), kinds["attached"], kinds["commanded"])
    assert metrics.seconds == world.log[-1][1] - world.log[0][1]
    assert metrics.worked <= metrics.seconds + 1e-6
    answers = [data for kind, data in rows if kind == "answered"]
    assert metrics.steps == sum("failure" not in data for data in answers)
    assert metrics.spent == world.run.spent
    _check_models(metrics, rows, answers)
    _check_tools(metrics, rows, answers)


def _check_models(metrics: RunMetrics, rows: list[Row], answers: list[Any]) -> None:
    models = metrics.models.values()
    assert sum(model.asked for model in models) == sum(kind == "asked" for kind, _ in rows)
    failures = [data["failure"]["kind"] for data in answers if "failure" in data]
    assert sum(model.failed for model in models) == sum(kind != "cancelled" for kind in failures)
    again = sum(kind == "asked" and data.get("attempt", 1) > 1 for kind, data in rows)
    assert sum(model.cut_off for model in models) == failures.count("cancelled") + again
    assert sum((model.spent.dollars for model in models), Decimal()) == metrics.spent.dollars
    assert sum(model.spent.tokens for model in models) == metrics.spent.tokens
    assert sum(model.seconds for model in models) == sum(data.get("seconds", 0.0) for data in answers)


def _found_out(rows: list[Row]) -> Counter[str]:
    """Return what looks told of calls in doubt, but for those of which a person said it first."""
    found, doubted, sent = Counter[str](), set[str](), set[str]()
    for kind, data in rows:
        if kind == "sent":
            sent.add(data["call"])
        elif kind == "in_doubt" and data["call"] in sent:
            doubted.add(data["call"])
        elif kind == "commanded" and data["kind"] == "resolve" and data.get("accepted", True):
            doubted.discard(data["arguments"]["call"])
            sent.discard(data["arguments"]["call"])
        elif kind == "resolved" and data["call"] in doubted:
            found[data["verdict"]] += 1
            doubted.discard(data["call"])
            sent.discard(data["call"])
    return found


def _check_tools(metrics: RunMetrics, rows: list[Row], answers: list[Any]) -> None:
    asked = Counter(call["tool"] for data in answers for call in data.get("calls", ()))
    assert {name: tool.calls for name, tool in metrics.tools.items()} == asked
    ended = [data for kind, data in rows if kind == "call_ended"]
    said = Counter(data["kind"] for kind, data in rows if kind == "commanded" and data.get("accepted", True))
    resolved = [
        data["arguments"]["verdict"]
        for kind, data in rows
        if kind == "commanded" and data["kind"] == "resolve" and data.get("accepted", True)
    ]
    tools = metrics.tools.values()
    assert sum(tool.refused for tool in tools) == sum("refused" in data for data in ended) + said["refuse"]
    found = _found_out(rows)
    failed = sum("failed" in data and "refused" not in data for data in ended) + found["given_up"]
    assert sum(tool.failed for tool in tools) == failed
    well = sum("failed" not in data and "refused" not in data for data in ended)
    assert sum(tool.done for tool in tools) == well + resolved.count("done") + found["done"]
    assert all(tool.calls == tool.done + tool.failed + tool.refused + tool.open for tool in tools)
    assert max((tool.longest for tool in tools), default=0.0) == max(
        (d.get("seconds", 0.0) for d in ended), default=0.0
    )


def test_of_nothing_there_is_nothing() -> None:
    assert metrics_of([]) == RunMetrics()
