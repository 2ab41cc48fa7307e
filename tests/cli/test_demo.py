"""`stepwarden demo`: everything it shows holds, and where it does not, its exit code says so."""

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from stepwarden.cli import demo
from stepwarden.cli.demo.sample import copy_sample
from tests.support.processes import Ended, run

SCENES = (
    "A real program with a real bug",
    "the work is planned",
    "An empty step is refused",
    "A skipped step is refused",
    "A false quote is refuted",
    "Backtrack",
    "Resize",
    "kill -9",
    "A new process",
    "ends nothing",
    "The early end",
    "The line it names is the bug",
    "Where the history lies",
)

# A server with no rules: every step is taken, nothing is looked at.
LAX_SERVER = """
from mcp.server.mcpserver import MCPServer
from mcp.types import CallToolResult, TextContent

mcp = MCPServer("lax")


@mcp.tool(structured_output=False)
def debug(step_number: int) -> CallToolResult:
    said = {"status": "pause_for_debug", "continuation_id": "debug-lax", "step_number": step_number}
    return CallToolResult(content=[TextContent(type="text", text="Fine!")], structured_content=said)


mcp.run()
"""


@dataclass(frozen=True)
class Played:
    """A demo that ran to its end, and the directory in which it made its own."""

    directory: Path
    done: Ended


def play(directory: Path, **more: str) -> Played:
    command = [sys.executable, "-P", "-c", "from stepwarden.cli import main; raise SystemExit(main())", "demo"]
    measured = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
    environment = measured | {"PATH": "/usr/bin:/bin", "HOME": str(directory), "TMPDIR": str(directory), **more}
    return Played(directory, run(command, environment, directory, fresh=True))


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The demo on the narrowest of terminals, without unicode."""
    return play(tmp_path_factory.mktemp("narrow"), PYTHONIOENCODING="ascii", COLUMNS="60")


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the demo makes its own directory."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_the_demo_shows_every_scene_and_exits_with_0(narrow: Played) -> None:
    done = narrow.done
    assert (done.returncode, done.stderr) == (0, "")
    summary = " ".join(done.stdout[done.stdout.index("What was expected") :].split())
    assert [scene for scene in SCENES if scene not in summary] == []
    assert "All of it held" in summary
    assert "\x1b" not in done.stdout  # no terminal, no colours


def test_what_it_says_is_left_behind_is_there(narrow: Played) -> None:
    (made,) = narrow.directory.glob("stepwarden-demo-*")
    assert {path.name for path in made.iterdir()} == {"home", "program", "server.log", "thread.json", "thread.md"}
    assert (made / "server.log").read_text() == ""
    assert f"STEPWARDEN_HOME={made / 'home'} stepwarden threads show debug-" in narrow.done.stdout


def test_a_narrow_terminal_without_unicode_is_enough(narrow: Played) -> None:
    lines = narrow.done.stdout.splitlines()
    commands = [line for line in lines if "STEPWARDEN_HOME=" in line]
    assert all(len(line) <= 60 for line in lines if line not in commands)
    assert len(commands) == 2  # to be copied: not wrapped


def test_a_server_that_cannot_be_started_ends_the_demo_with_one_clear_line(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo.run([str(directory / "no-such-server")]) == 1
    shown = capsys.readouterr().out
    assert "The demo broke off: FileNotFoundError" in shown
    assert "Traceback" not in shown


def test_the_last_words_of_a_server_that_dies_are_told(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.run([sys.executable, "-c", "raise SystemExit('the wheel has come off')"]) == 1
    shown = capsys.readouterr().out
    assert "The demo broke off: MCPError: Connection closed" in shown
    assert "The server's last words: the wheel has come off" in shown
    assert "NOT all of it held" in shown


def test_a_server_that_takes_every_step_is_found_out(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.run([sys.executable, "-c", LAX_SERVER]) == 1
    shown = capsys.readouterr().out
    assert "status is a refusal - expected 'debug_refused', got 'pause_for_debug'" in " ".join(shown.split())
    assert "The demo broke off: LookupError: the server's store has no thread debug-lax" in shown
    assert "NOT all of it held" in shown


def test_the_sample_program_has_one_bug_and_one_line_mends_it(tmp_path: Path) -> None:
    from stepwarden.cli.demo.scenario import BUG, FIX

    sample = copy_sample(tmp_path / "program")
    assert sample.run().code == 1
    sample.fix("outbox.py", sample.find("outbox.py", BUG), BUG, FIX)
    assert sample.run().output == "received 24 of 24 readings"
    assert sample.run().code == 0


def test_what_the_agent_misreads_is_not_in_the_file(tmp_path: Path) -> None:
    from stepwarden.cli.demo.scenario import LOOP, MISREAD

    sample = copy_sample(tmp_path / "program")
    line = sample.line("retry.py", sample.find("retry.py", LOOP))
    assert line.startswith(LOOP)
    assert MISREAD not in line
