"""Real workers drive real runs and are killed at random: every step once, and the same state as without."""

import asyncio
import json
import random
import subprocess
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from run_rig import starting

from stepwarden.agents.conversation import LAST_TURN
from stepwarden.agents.run_request import RunRequest
from stepwarden.agents.runs import Runs
from stepwarden.errors import StoreError
from stepwarden.runs.limits import DEFAULT_LIMITS
from stepwarden.runs.run import Run, RunStatus
from stepwarden.storage import HeadQuery, kinds
from stepwarden.threads.calls import LOCAL
from tests.support.postgres import NEEDS_POSTGRES, own_server
from tests.support.processes import SCRIPT, Process, ending, environment, start

pytestmark = pytest.mark.asyncio


def script(home: Path, steps: int) -> Path:
    """Let a model change the state in each answer, and write an answer when it is told to."""
    always: dict[str, Any] = {"times": None, "latency_s": 0.05}
    state = {"name": "update_state", "arguments": {"progress": 1 / steps, "data": {"phase": "at it"}}}
    sums = {"name": "calculate", "arguments": {"expression": "6*7"}}
    replies = [{"when": LAST_TURN, "text": "Done.", **always}, {"calls": [state, sums], "text": "Half.", **always}]
    path = home / "script.json"
    path.write_text(json.dumps({"replies": replies}))
    return path


@pytest.mark.parametrize(
    ("engine", "runs", "steps", "kills"),
    [
        ("local", 3, 5, 2),
        pytest.param("local", 24, 20, 12, marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
        pytest.param("dbos", 24, 20, 12, marks=[pytest.mark.slow, pytest.mark.timeout(900), NEEDS_POSTGRES]),
    ],
)
async def test_every_step_stands_once_and_the_state_is_the_same_whoever_is_killed(
    engine: str, runs: int, steps: int, kills: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL the database is killed once, too."""
    more = {"STEPWARDEN_SCRIPTED": str(script(tmp_path, steps))}
    with ExitStack() as opened:
        kill_database = None
        if engine == "dbos":
            more["STEPWARDEN_DATABASE_URL"], kill_database = opened.enter_context(own_server())
            monkeypatch.setenv("STEPWARDEN_DATABASE_URL", more["STEPWARDEN_DATABASE_URL"])

        def worker() -> Process:
            nothing = subprocess.DEVNULL
            process = start(
                [str(SCRIPT), "worker"], environment(tmp_path, **more), tmp_path, stdout=nothing, stderr=nothing
            )
            return opened.enter_context(ending(process))

        async with starting(tmp_path) as begin:
            here = await begin(["never"])
            limits = replace(DEFAULT_LIMITS, steps=steps)
            wanted = [RunRequest(f"run {n}", tools=["update_state", "calculate"], limits=limits) for n in range(runs)]
            made = [(await here.start(one, LOCAL, via="test")).id for one in wanted]
            chance, working = random.Random(18), [worker() for _ in range(3)]
            for kill in range(kills):
                await _until_steps(here, (kill + 1) * runs * steps // (kills + 2))
                working.pop(chance.randrange(3)).kill()
                working.append(worker())
                if kill == kills // 2 and kill_database is not None:
                    kill_database()
            await _until_steps(here, runs * steps, ended=runs)
            for run_id in made:
                await _check(here, run_id, steps, kills)


async def _until_steps(here: Runs, count: int, ended: int = 0) -> None:
    """Wait until so many steps are recorded, and so many runs are over; a time-out ends what waits for ever."""
    while True:
        try:
            heads = await here.journal.store.heads(HeadQuery(None, kind=kinds.RUN, limit=100))
            over = sum(RunStatus(head.state).is_end for head in heads)
            if sum(head.steps for head in heads) >= count and over >= ended:
                return
        except StoreError:
            pass  # the database was killed
        await asyncio.sleep(0.05)


async def _check(here: Runs, run_id: str, steps: int, kills: int) -> None:
    run: Run = await here.look(run_id, LOCAL)
    assert await here.journal.store.verify(run_id) is None
    assert (run.status, run.why, run.steps) == (RunStatus.STOPPED, f"steps: {steps} of {steps}", steps)
    assert run.answer.text == "Done."
    assert (round(run.state.progress, 6), run.state.data) == (1.0, {"phase": "at it"})
    rows = [(row.kind, json.loads(row.payload)) for row in await here.journal.store.read(run_id)]
    answered = [data["key"] for kind, data in rows if kind == "answered" and "failure" not in data]
    assert len(answered) == len(set(answered)) == steps + 1
    assert [kind for kind, _ in rows].count("state") == steps
    ended = [data["call"] for kind, data in rows if kind == "call_ended"]
    assert len(ended) == len(set(ended)) == 2 * steps
    assert [kind for kind, _ in rows].count("asked") <= steps + 1 + kills
