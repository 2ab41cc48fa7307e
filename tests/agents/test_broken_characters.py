"""Halves of characters, as JSON brings them where a text was cut: a run goes on, and its history can be read."""

from pathlib import Path

import pytest
from run_rig import Start, calls, ended

from stepwarden.agents.run_report import run_as_html, run_as_json
from stepwarden.agents.run_request import RunRequest
from stepwarden.runs.run import RunStatus
from stepwarden.runs.run_calls import CallState
from stepwarden.threads.calls import LOCAL

pytestmark = pytest.mark.asyncio
HALF, OTHER_HALF = "\ud83d", "\ude00"


async def test_what_models_and_tools_say_in_halves_of_characters_is_recorded(started: Start, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    state = ("update_state", {"phase": f"cut {HALF}", "data": {OTHER_HALF: f"{HALF}{OTHER_HALF}"}})
    runs = await started([calls(state, ("list_files", {"folder": f"x{HALF}"}), text=f"so {HALF}"), f"done {HALF}"])
    run = await ended(runs, RunRequest("go", directory=str(work)))
    assert (run.status, run.why, run.answer.text) == (RunStatus.COMPLETED, "", "done \ufffd")
    step = run.jobs["main"].steps[0]
    assert (step.text.text, step.calls[0].state) == ("so \ufffd", CallState.DONE)
    assert run.state.phase.startswith("cut ")
    assert list(run.state.data.values()) == ["\U0001f600"]
    found = await runs.whole(run.id, LOCAL)
    assert all(make(found).encode() for make in (run_as_json, run_as_html))
