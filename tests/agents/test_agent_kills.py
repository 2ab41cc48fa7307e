"""Whoever drives runs is killed at many points: another process goes on, and the notes tell what was written."""

import asyncio
import json
import random
import select
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from run_rig import notes_upstream, starting

from stepwarden.runs.run import Run, RunStatus
from stepwarden.storage import StoredEvent
from stepwarden.threads.calls import LOCAL
from tests.support.calls import Reply
from tests.support.processes import SCRIPT, ending, environment, start
from tests.support.stdio_server import StdioServer

MANY = 30
MODEL_S = 0.1  # that an answer of the model takes
LATEST_KILL_S = 1.2  # after the request, which is past its first write


@dataclass
class Owner:
    """Somebody whose runs add a note each, and who allows what waits, after a look at the notes where it is in doubt.

    The model says which note from what the request says: `round 7` adds `note 7`.
    """

    home: Path
    rounds: int

    def setup(self) -> None:
        self.book = notes_upstream(self.home)
        self.script = self.home / "script.json"
        replies: list[dict[str, Any]] = []
        for number in range(self.rounds):
            add = {"name": "notes/add_note", "arguments": {"text": f"note {number}."}}
            state = {"name": "update_state", "arguments": {"progress": 0.5, "data": {"at": number}}}
            always = {"times": None, "latency_s": MODEL_S}
            replies.append({"when": f"added note {number}.", "text": f"added {number}", **always})
            replies.append({"when": f"carried out: note {number}.", "text": f"added {number}", **always})
            replies.append({"when": f"round {number}.", "calls": [add, state], **always})
        replies.append({"text": "lost", "times": None})
        self.script.write_text(json.dumps({"replies": replies}))

    def host(self) -> StdioServer:
        return StdioServer(self.home, STEPWARDEN_SCRIPTED=str(self.script)).greeted()

    def noted(self, number: int) -> int:
        return self.book.read_text().splitlines().count(f"note {number}.") if self.book.exists() else 0

    def word(self, told: Reply, number: int) -> dict[str, Any]:
        """Return what this person says to a run that waits, or that it is waited for."""
        known = {"run_id": told["run_id"], "wait_s": 5}
        waiting = told.get("waiting", [])
        if told["status"] != "running" or not waiting or not told["verdict"].startswith("WAITING"):
            return {"action": "wait", **known}
        call = waiting[0]
        if not call.get("in_doubt"):
            return {"action": "approve", "call": call["call"], "confirm": call["confirm"], **known}
        verdict, reason = ("done", f"note {number}.") if self.noted(number) else ("not_done", "")
        return {"action": "resolve", "call": call["call"], "verdict": verdict, "reason": reason, **known}


def told_of(result: Reply) -> Reply:
    assert not result["isError"], result
    return result["structuredContent"]


def killed_with(host: StdioServer, words: tuple[str, dict[str, Any]], after_s: float) -> Reply | None:
    """Send a call and kill the host so many seconds later; return what it answered, None where it did not."""
    number = host.begin(*words)
    select.select([host.stdout], [], [], after_s)
    host.kill()
    try:
        return told_of(host.answer_to(number)["result"])
    except EOFError:
        return None
    finally:
        host.bury()


def carried_out(owner: Owner, number: int, chance: random.Random) -> tuple[str, int]:
    """Carry one request out, its host killed at some point of it; return its run, and how often one was killed."""
    host = owner.host()
    request = {"request": f"round {number}.", "mode": "agent", "wait_s": 0}
    run_id = told_of(host.call("execute", request))["run_id"]
    told = killed_with(host, ("run", {"action": "wait", "run_id": run_id}), chance.uniform(0, LATEST_KILL_S / 2))
    kills = 1
    host = owner.host()
    while told is None or told["status"] == "running":
        said = {"action": "wait", "run_id": run_id, "wait_s": 5} if told is None else owner.word(told, number)
        if said["action"] == "approve" and kills == 1:
            kills += 1
            told = killed_with(host, ("run", said), chance.uniform(0, LATEST_KILL_S / 4))
            host = owner.host()
            continue
        told = told_of(host.call("run", said))
    host.end()
    host.bury()
    assert (told["status"], told["answer"]) == ("completed", f"added {number}")
    return run_id, kills


async def seen(home: Path, run_ids: list[str]) -> list[tuple[Run, list[StoredEvent]]]:
    """Return each run and its history, whose chain holds."""
    async with starting(home) as begin:
        runs = await begin(["never"])
        for run_id in run_ids:
            assert await runs.journal.store.verify(run_id) is None
        return [(await runs.look(one, LOCAL), list(await runs.journal.store.read(one))) for one in run_ids]


@pytest.mark.parametrize(
    "rounds", [2, pytest.param(MANY // 2, marks=[pytest.mark.slow, pytest.mark.timeout(600)])], ids=["few", "many"]
)
def test_a_killed_hosts_run_goes_on_with_another_and_nothing_is_written_or_asked_twice(
    tmp_path: Path, rounds: int
) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    owner = Owner(tmp_path, rounds)
    owner.setup()
    made = [carried_out(owner, number, chance) for number in range(rounds)]
    assert [owner.noted(number) for number in range(rounds)] == [1] * rounds, seed
    for (run, events), (_, kills) in zip(asyncio.run(seen(tmp_path, [one for one, _ in made])), made, strict=True):
        kinds = [event.kind for event in events]
        assert kinds.count("asked") <= 2 + kills, seed
        assert run.steps == 2, seed
        assert run.state.progress == 0.5, seed


def test_a_worker_goes_on_with_what_a_killed_host_left_and_an_approval_outlives_both(tmp_path: Path) -> None:
    owner = Owner(tmp_path, 1)
    owner.setup()
    host = owner.host()
    told = told_of(host.call("execute", {"request": "round 0.", "mode": "agent", "wait_s": 20}))
    before = owner.word(told, 0)
    assert before["action"] == "approve"
    host.kill()
    host.bury()
    host = owner.host()
    after = owner.word(told_of(host.call("run", {"action": "look", "run_id": told["run_id"]})), 0)
    assert after == before
    killed_with(host, ("run", {**before, "wait_s": 0}), 0.0)
    words = environment(tmp_path, STEPWARDEN_SCRIPTED=str(owner.script))
    command = [str(SCRIPT), "worker"]
    with ending(start(command, words, tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)):
        (run, _), *_ = asyncio.run(_settled(tmp_path, told["run_id"], before))
    assert (run.status, owner.noted(0)) == (RunStatus.COMPLETED, 1)


async def _settled(home: Path, run_id: str, word: dict[str, Any]) -> list[tuple[Run, list[StoredEvent]]]:
    """Look at a run that others drive until it ends; allow what waits where the word did not arrive."""
    from stepwarden.runs.run_commands import RunCommand, RunCommandKind

    async with starting(home) as begin:
        runs = await begin(["never"])
        while not (run := await runs.look(run_id, LOCAL)).status.is_end:
            call = next((one for one in run.open_calls if one.state == "waiting"), None)
            if call is not None:
                said = {"call": word["call"], "about": word["confirm"]}
                await runs.tell(run_id, RunCommand("word", RunCommandKind.APPROVE, "user", "test", said), LOCAL)
            await asyncio.sleep(0.05)
    return await seen(home, [run_id])
