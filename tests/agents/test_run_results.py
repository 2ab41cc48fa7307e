"""What a run's model reads of calls whose result is no text, or that name no tool."""

import json
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio
from run_rig import Start, calls, ended, notes_upstream, starting

from stepwarden.agents.run_request import RunRequest
from stepwarden.runs.run_calls import CallState
from stepwarden.upstream.calls.result_text import unfenced

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def started(tmp_path: Path) -> AsyncGenerator[Start]:
    async with starting(tmp_path / "home") as start:
        yield start


async def test_a_picture_that_a_runs_model_cannot_see_is_named(started: Start, tmp_path: Path) -> None:
    server = {"command": sys.executable, "args": [str(Path(__file__).parent / "pictures_server.py")]}
    (tmp_path / "home/upstreams.json").write_text(json.dumps({"upstreams": {"pictures": server}}))
    runs = await started([calls(("pictures/take_screenshot", {}), ("pictures/explain_picture", {})), "Done."])
    run = await ended(runs, RunRequest("look", tools=["pictures/*"]))
    alone, beside = run.jobs["main"].steps[0].calls
    left_out = "[image/png of 300 bytes left out: a run reads text alone]"
    assert (alone.state, unfenced(alone.result.text)) == (CallState.DONE, left_out)
    assert unfenced(beside.result.text) == f"The image below is the logo.\n{left_out}"


async def test_a_tool_there_is_not_is_told_with_the_one_that_is_meant(started: Start, tmp_path: Path) -> None:
    notes_upstream(tmp_path / "home")
    named = ["notes/read-notes", "add_note", "clear_notes_now", "zzz"]
    runs = await started([calls(*((name, {}) for name in named)), "Done."])
    run = await ended(runs, RunRequest("look", tools=["notes/*"]))
    assert [call.result.text for call in run.jobs["main"].steps[0].calls] == [
        "There is no tool 'notes/read-notes'; did you mean notes/read_notes?",
        "There is no tool 'add_note'; did you mean notes/add_note?",
        "There is no tool 'clear_notes_now'; did you mean notes/clear_notes?",
        "There is no tool 'zzz'.",
    ]
