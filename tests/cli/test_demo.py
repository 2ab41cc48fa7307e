"""`stepwarden demo`: everything it shows holds, and where it does not, its exit code says so."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from stepwarden.cli import demo
from stepwarden.cli.demo.sample import copy_sample

TIMEOUT_S = 20.0  # what the demo may take on the slowest of machines; a few seconds are usual

SCENES = (
    "A real program with a real bug",
    "the work is sized",
    "An empty step is refused",
    "A skipped step is refused",
    "its quote is refuted",
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


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the demo makes its own directory, here and in a subprocess."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def played(directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-c", "from stepwarden.cli import main; raise SystemExit(main())", "demo"],
        env={"PATH": "/usr/bin:/bin", "HOME": str(directory), "TMPDIR": str(directory), **environment},
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def test_the_demo_shows_every_scene_and_exits_with_0(directory: Path) -> None:
    done = played(directory)
    assert (done.returncode, done.stderr) == (0, "")
    summary = done.stdout[done.stdout.index("What was expected") :]
    assert [scene for scene in SCENES if scene not in summary] == []
    assert "All of it held" in summary
    assert "\x1b" not in done.stdout  # no terminal, no colours


def test_what_it_says_is_left_behind_is_there(directory: Path) -> None:
    done = played(directory)
    (made,) = directory.glob("stepwarden-demo-*")
    assert {path.name for path in made.iterdir()} == {"home", "program", "server.log", "thread.json", "thread.md"}
    assert (made / "server.log").read_text() == ""
    assert f"STEPWARDEN_HOME={made / 'home'} stepwarden threads show debug-" in done.stdout


def test_a_narrow_terminal_without_unicode_is_enough(directory: Path) -> None:
    done = played(directory, PYTHONIOENCODING="ascii", COLUMNS="60")
    assert (done.returncode, done.stderr) == (0, "")
    commands = [line for line in done.stdout.splitlines() if "STEPWARDEN_HOME=" in line]
    assert all(len(line) <= 60 for line in done.stdout.splitlines() if line not in commands)
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
    sample.mend("outbox.py", sample.find("outbox.py", BUG), BUG, FIX)
    assert sample.run().output == "received 24 of 24 readings"
    assert sample.run().code == 0


def test_what_the_agent_misreads_is_not_in_the_file(tmp_path: Path) -> None:
    from stepwarden.cli.demo.scenario import LOOP, MISREAD

    sample = copy_sample(tmp_path / "program")
    line = sample.line("retry.py", sample.find("retry.py", LOOP))
    assert line.startswith(LOOP)
    assert MISREAD not in line
