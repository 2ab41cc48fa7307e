"""`stepwarden demo run`: everything it shows holds, whatever the person says, and nothing is left behind."""

import os
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.processes import run
from tests.support.terminal import TerminalProcess

COMMAND = [sys.executable, "-P", "-c", "from stepwarden.cli import main; raise SystemExit(main())", "demo", "run"]
SECTIONS = (
    "A request with its limits",
    "A worker drives it",
    "A write waits for a person",
    "kill -9, the order written",
    "Another process goes on",
    "The condition ends it",
    "The history, and the report",
)


def alone(directory: Path, **more: str) -> dict[str, str]:
    """Return the environment of a user without a key, whose temporary files are in `directory`."""
    measured = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
    return measured | {"PATH": "/usr/bin:/bin", "HOME": str(directory), "TMPDIR": str(directory), **more}


def left_behind(directory: Path) -> list[str]:
    """Return the files and processes that name this directory."""
    commands = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    ours = [command for command in commands if "stepwarden-demo-" in command and str(directory) in command]
    return [*ours, *(path.name for path in directory.iterdir() if path.name != ".cache")]


def test_the_demo_of_a_run_holds_without_a_terminal_a_key_or_anything_left_behind(tmp_path: Path) -> None:
    done = run(COMMAND, alone(tmp_path, PYTHONIOENCODING="ascii", COLUMNS="60"), tmp_path, fresh=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    words = " ".join(done.stdout.split())
    summary = words[words.index("What was expected") :]
    assert [section for section in SECTIONS if section not in summary] == []
    assert "All of it held" in summary
    assert words.count("The demo's own person") == 2  # who allowed the order, and looked whether it was carried out
    assert "nobody knows what became of write stock/order_part" in words
    assert "the order was sent once" in words
    assert "DONE: state" in words
    assert "\x1b" not in done.stdout  # no terminal, no colours
    lines = [line for line in done.stdout.splitlines() if "  stepwarden run" not in line]
    assert [line for line in lines if len(line) > 60] == []
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(
    ("answers", "orders"),
    [(("n",), 0), (("", "n"), 2)],
    ids=["the order refused", "sent again after a look that was wrong"],
)
def test_whatever_the_person_at_the_terminal_says_is_done(
    tmp_path: Path, answers: tuple[str, ...], orders: int
) -> None:
    terminal = TerminalProcess(COMMAND, alone(tmp_path), tmp_path)
    for question, answer in zip(("[Y/n]", "[Y/n]"), answers, strict=False):
        terminal.until(question)
        terminal.type(f"{answer}\n")
    code = terminal.end()
    assert code == 0, terminal.shown
    assert f"orders in the book: {orders}" in terminal.shown
    assert "The demo's own person" not in terminal.shown
    assert left_behind(tmp_path) == []


def test_ctrl_c_at_a_question_of_the_demo_leaves_nothing_behind(tmp_path: Path) -> None:
    terminal = TerminalProcess(COMMAND, alone(tmp_path), tmp_path)
    terminal.until("[Y/n]")
    terminal.interrupt()
    assert terminal.end() != 0
    assert "Traceback" not in terminal.shown
    assert left_behind(tmp_path) == []
