"""What a host is told while its call waits for a run: by the SDK's client, in both eras."""

import json
import os
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread
from host_rig import call, serving, told
from mcp import Client, StdioServerParameters
from run_rig import calls

from providers.scripted import ScriptedReply
from stepwarden.runs.run import Run
from tests.support.host import MODES
from tests.support.processes import SCRIPT, environment
from tools.shared.run_progress import BEAT_S, EVERY_S, RunProgress

pytestmark = pytest.mark.asyncio

KEY = "sk-proj-" + "a1B2c3D4" * 6
TALE = f"Once upon a time there was a key, {KEY}, and nobody knew of it. " + "They lived happily. " * 40
TELLING = [calls(("calculate", {"expression": "6*7"}), text=TALE, piece_s=0.01), ScriptedReply(text="The end.")]


class Notes:
    """The progress of a call, and what came after its reply."""

    def __init__(self) -> None:
        self.numbers: list[float] = []
        self.totals: list[float | None] = []
        self.words: list[str] = []
        self.is_over = False

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        assert not self.is_over
        self.numbers.append(progress)
        self.totals.append(total)
        self.words.append(message or "")


@pytest.mark.parametrize("mode", MODES)
async def test_a_host_reads_on_what_its_run_does_and_what_the_model_writes(tmp_path: Path, mode: str) -> None:
    notes, script = Notes(), tmp_path / "script.json"
    script.write_text(json.dumps({"replies": [reply.model_dump() for reply in TELLING]}))
    around = environment(tmp_path, STEPWARDEN_SCRIPTED=str(script))
    server = StdioServerParameters(command=str(SCRIPT), args=["serve"], env=around, cwd=tmp_path)
    async with Client(server, mode=mode) as client:
        done = told(await client.call_tool("execute", {"request": "tell"}, progress_callback=notes))
        notes.is_over = True
        looked = told(await call(client, "run", action="look", run_id=done["run_id"]))
    assert (done["verdict"], looked["verdict"]) == ("DONE", "DONE")
    assert notes.numbers == sorted(set(notes.numbers))
    assert set(notes.totals) == {16.0}
    assert max(notes.numbers) < 16
    assert notes.words[0] == "RUNNING: step 1 of at most 15"
    assert any("it writes: " in words for words in notes.words)
    assert not any(KEY[:20] in words for words in notes.words)
    assert max(map(len, notes.words)) < 300


async def test_a_host_that_asks_for_no_progress_is_told_nothing(tmp_path: Path) -> None:
    heard = list[Any]()

    async def note(message: Any) -> None:
        heard.append(message)

    async with (
        serving(tmp_path / "home", TELLING) as (server, _),
        Client(server, mode="legacy", message_handler=note) as client,
    ):
        assert told(await call(client, "execute", request="tell"))["verdict"] == "DONE"
    assert heard == []


def telling() -> tuple[RunProgress, list[tuple[float, str]], Callable[..., Any]]:
    said = list[tuple[float, str]]()

    async def note(number: float, total: float | None, words: str) -> None:
        del total
        said.append((number, words))

    return RunProgress(), said, note


async def test_notes_are_a_few_a_second_and_never_far_apart(tmp_path: Path) -> None:
    del tmp_path
    progress, said, note = telling()
    run = Run("run-a")
    for hundredth in range(1_000):
        await progress.tell(note, run, hundredth / 100)
    assert len(said) == 2  # nothing new: a sign of life each few seconds
    for hundredth in range(1_000, 2_000):
        progress.hear("main", f"word {hundredth} ")
        await progress.tell(note, run, hundredth / 100)
    assert len(said) <= 2 + 10 / EVERY_S + 1
    assert [number for number, _ in said] == sorted({number for number, _ in said})
    assert BEAT_S > EVERY_S


async def test_a_step_that_lasts_long_never_reaches_the_next() -> None:
    progress, said, note = telling()
    for second in range(0, 100_000, 5):
        await progress.tell(note, Run("run-a"), float(second))
    assert len({number for number, _ in said}) == len(said) == 20_000
    assert all(0 < number < 1 for number, _ in said)


def on_a_terminal(home: Path, *words: str, **more: str) -> tuple[int, str]:
    """Return the exit code of a command whose output is a terminal, and what it showed there."""
    ours, theirs = os.openpty()
    around, shown = environment(home, **more), bytearray()
    with subprocess.Popen((SCRIPT, *words), stdin=theirs, stdout=theirs, stderr=theirs, env=around) as process:
        os.close(theirs)
        with suppress(OSError), os.fdopen(ours, "rb", buffering=0) as screen:  # it ends so, on Linux
            while data := screen.read(65_536):
                shown += data
    return process.returncode, shown.decode().replace("\r\n", "\n")


async def test_a_terminal_shows_the_text_while_it_is_written(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"replies": [reply.model_dump() for reply in TELLING]}))
    code, shown = await to_thread.run_sync(
        lambda: on_a_terminal(tmp_path, "run", "tell", STEPWARDEN_SCRIPTED=str(script))
    )
    assert code == 0
    assert KEY[:20] not in shown
    assert "lived happily" in shown[: shown.index("1. Once upon")]
    assert shown.index("1. Once upon") < shown.index("2. The end.") < shown.index("\nDONE\n")
