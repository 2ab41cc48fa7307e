"""A server on stdio, from its start to whatever ends it."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from cli_process import DEADLINE_S, SCRIPT, Host, environment, step

REPOSITORY = Path(__file__).parents[2]
WAYS = pytest.mark.parametrize("by", [None, signal.SIGINT, signal.SIGTERM], ids=["eof", "sigint", "sigterm"])

AT_ONCE_S = 1.5  # a second, and what a busy machine adds
Lock = Callable[[], AbstractContextManager[None]]


def messages(lines: list[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines]


def test_stdout_holds_nothing_but_json_rpc_whatever_goes_wrong(home: Path) -> None:
    with Host(home, STEPWARDEN_LOG_LEVEL="DEBUG") as host:
        assert not host.call("debug", step()).get("isError")
        assert host.call("debug", step(colour="red"))["isError"]
        assert host.call("nothing", {})["isError"]
        assert "error" in host.ask("prompts/get", {"name": "nothing"})
        assert "error" in host.ask("resources/read", {"uri": "stepwarden://threads/nothing"})
        host.write(b"this is no JSON")
        host.send({"method": "notifications/unheard-of"})
        host.ask("ping", {})
        assert host.end() < AT_ONCE_S
        on_stdout, on_stderr = host.everything()
    assert all(message["jsonrpc"] == "2.0" for message in messages(on_stdout))
    assert {"debug", "info"} <= {message["level"] for message in messages(on_stderr)}


@pytest.mark.parametrize(
    ("command", "by"),
    [
        (["stepwarden", "serve"], None),
        (["stepwarden", "serve"], signal.SIGINT),
        (["stepwarden", "serve"], signal.SIGTERM),
        (["python", "server.py"], None),
        (["python", "server.py"], signal.SIGTERM),
    ],
)
def test_an_idle_server_ends_at_once_and_well(home: Path, command: list[str], by: signal.Signals | None) -> None:
    whole = {"stepwarden": str(SCRIPT), "python": sys.executable, "server.py": str(REPOSITORY / "server.py")}
    with Host(home, [whole.get(word, word) for word in command]) as host:
        assert host.end(by) < AT_ONCE_S
        assert host.process.returncode == 0
        on_stdout, on_stderr = host.everything()
    assert len(on_stdout) == 1
    assert on_stderr == []


@WAYS
def test_a_server_ends_as_fast_with_a_call_in_flight(
    home: Path, thread: Callable[[], str], locked: Lock, by: signal.Signals | None
) -> None:
    name = thread()
    with Host(home) as host, locked():
        host.begin("tools/call", {"name": "debug", "arguments": step(2, continuation_id=name)})
        host.ask("ping", {})
        assert host.end(by) < AT_ONCE_S
        assert host.process.returncode == 0
        on_stdout, _ = host.everything()
    assert all(message["jsonrpc"] == "2.0" for message in messages(on_stdout))
    with Host(home) as host:
        assert "ACCEPTED 2/" in host.call("debug", step(2, continuation_id=name))["content"][0]["text"]
        host.end()


def test_a_server_whose_host_stopped_listening_ends_without_complaint(home: Path) -> None:
    with Host(home) as host:
        assert host.process.stdout
        assert host.process.stderr
        host.process.stdout.close()
        host.begin("tools/list", {})
        host.process.wait(DEADLINE_S)
        assert host.process.returncode == 0
        assert host.process.stderr.read() == b""


def test_a_directory_with_packages_of_our_names_does_not_get_in_the_way(home: Path) -> None:
    for name in ("tools", "prompts", "stepwarden"):
        (home / name).mkdir()
        (home / name / "__init__.py").write_text("raise SystemExit('the wrong one')\n")
    (home / "server.py").write_text("raise SystemExit('the wrong one')\n")
    with Host(home) as host:
        assert len(host.ask("tools/list", {})["result"]["tools"]) > 1
        host.end()


def test_serving_loads_neither_typer_nor_the_database() -> None:
    code = (
        "import sys; from stepwarden.cli import main; import stepwarden.cli.serve, server;"
        "sys.exit(bool({'typer', 'sqlalchemy', 'rich.table'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_wrong_settings_are_told_in_a_line_each_and_nothing_is_served(home: Path) -> None:
    wrong = {"STEPWARDEN_PORT": "many", "STEPWARDEN_LOG_LEVEL": "loud"}
    ended = subprocess.run(
        [str(SCRIPT), "serve"], env=environment(home, **wrong), capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert sorted(line.partition(":")[0] for line in ended.stderr.splitlines()) == sorted(wrong)


def test_a_tool_that_does_not_exist_is_told_in_one_line(home: Path) -> None:
    ended = subprocess.run(
        [str(SCRIPT), "serve"],
        env=environment(home, STEPWARDEN_TOOLS="debgu"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("STEPWARDEN_TOOLS: no tool 'debgu'; did you mean debug")
    assert len(ended.stderr.splitlines()) == 1
