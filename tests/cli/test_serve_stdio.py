"""A server on stdio, from its start to whatever ends it."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_process import run

from tests.support.calls import step, text_of
from tests.support.processes import SCRIPT, SERVER, environment, unmeasured
from tests.support.stdio_server import HELLO, message, served
from tests.support.store import locked

WAYS = pytest.mark.parametrize("by", [None, signal.SIGINT, signal.SIGTERM], ids=["eof", "sigint", "sigterm"])
STEPWARDEN = [str(SCRIPT), "serve"]
SERVER_PY = [str(SERVER)]


@pytest.mark.parametrize(
    ("command", "by", "fresh"),
    [
        (STEPWARDEN, None, True),
        (STEPWARDEN, signal.SIGINT, False),
        (STEPWARDEN, signal.SIGTERM, False),
        (SERVER_PY, None, False),
        (SERVER_PY, signal.SIGTERM, True),
    ],
)
def test_an_idle_server_ends_at_once_and_well(
    home: Path, command: list[str], by: signal.Signals | None, fresh: bool
) -> None:
    began = time.monotonic()
    with served(home / "state", command=command, directory=home, fresh=fresh) as (server,):
        greeted = time.monotonic()
        assert server.end(by) == []
        ended = time.monotonic()
        assert server.process.returncode == 0
        assert server.log() == ""
    if fresh:
        assert ended - greeted < greeted - began, "it takes less than its own start did"


@WAYS
def test_a_server_does_not_wait_for_a_call_in_flight(
    home: Path, store_file: Path, thread: Callable[[], str], by: signal.Signals | None
) -> None:
    name = thread()
    with served(home / "state", directory=home) as (server,), locked(store_file):
        server.begin("debug", step(2, name))
        assert server.request("ping")["result"] == {}
        assert server.end(by) == [], "it is gone, and the call would still wait for the store"
    with served(home / "state") as (server,):
        assert "ACCEPTED 2/" in text_of(server.call("debug", step(2, name)))


def test_a_server_whose_host_stopped_listening_ends_without_complaint(home: Path) -> None:
    with served(home / "state") as (server,):
        server.stdout.close()
        server.begin("tools/list", {})
        assert server.process.wait() == 0
        assert server.log() == ""


def test_requests_from_a_file_are_all_answered_though_the_input_ends_behind_them(home: Path) -> None:
    asked, told = home / "asked", home / "told"
    calls = [message("tools/call", number, name="debug", arguments=step(1)) for number in range(2, 40)]
    asked.write_bytes(b"".join([message("initialize", 1, **HELLO), *calls]).rstrip())
    with asked.open("rb") as stdin, told.open("wb") as stdout:
        ended = subprocess.run(STEPWARDEN, stdin=stdin, stdout=stdout, env=environment(home / "state"), check=True)
    assert ended.returncode == 0
    answers = {said["id"]: said for said in map(json.loads, told.read_text().splitlines())}
    assert sorted(answers) == list(range(1, 40))
    threads = {answers[number]["result"]["structuredContent"]["continuation_id"] for number in range(2, 40)}
    assert len(threads) == 38


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_a_server_started_without_a_standard_descriptor_ends_with_its_input(home: Path, closed: str) -> None:
    command = ["sh", "-c", f'exec "$0" serve {closed}', str(SCRIPT)]
    hello = message("initialize", 1, **HELLO)
    ended = subprocess.run(command, input=hello, capture_output=True, env=environment(home / "state"), check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert bool(ended.stdout) == (closed == "2>&-")


def test_a_host_is_answered_whatever_it_writes(home: Path) -> None:
    with served(home / "state") as (server,):
        server.write_bytes(b"nonsense\n5\n" + b'{"jsonrpc": "2.0", "id": null, "method": "ping"}\n')
        assert [server.read()["error"]["code"] for _ in range(3)] == [-32700, -32600, -32600]
        for line in (b'"id": "\\ud800", "method": "ping"', b'"id": 9, "method": "\\ud800"'):
            server.write_bytes(b'{"jsonrpc": "2.0", ' + line + b"}\n")
        assert [server.read()["id"] for _ in range(2)] == ["\ud800", 9]
        assert server.request("ping")["result"] == {}
        assert server.log().count("is no message and was ignored") == 1


NESTED = '{"a":' * 300 + "1" + "}" * 300
CALLS = [
    ('"step_number": ' + "9" * 5_000, "step_number: send a smaller number"),
    ('"step_number": 1, "total_steps": ' + "9" * 5_000, "total_steps: send a smaller number"),
    ('"step_number": 1, "evidence": ' + "[" * 200 + "]" * 200, r"evidence[0]: send an object"),
    ('"step_number": 1, "relevant_context": ' + "[" * 200 + "]" * 200, "ACCEPTED 1/"),
    ('"step_number": 1, "relevant_context": ' + NESTED, "...: is nested too deeply; send it flat"),
    ('"step_number": 1, "continuation_id": "debug-\\u0000"', "continuation_id: holds NUL bytes"),
]


def test_a_call_is_answered_whatever_its_values(home: Path) -> None:
    with served(home / "state") as (server,):
        for number, (fields, told) in enumerate(CALLS, 50):
            arguments = '{"step": "x", "next_step_required": true, ' + fields + "}"
            params = '{"name": "debug", "arguments": ' + arguments + "}"
            head = f'{{"jsonrpc": "2.0", "id": {number}, "method": "tools/call", "params": '
            server.write_bytes(f"{head}{params}}}\n".encode())
            answer = server.read()
            assert answer["id"] == number
            text = answer["result"]["content"][0]["text"]
            assert told in text
            assert len(text) < 1_500


def test_a_directory_with_packages_of_our_names_does_not_get_in_the_way(home: Path) -> None:
    for name in ("tools", "prompts", "stepwarden"):
        (home / name).mkdir()
        (home / name / "__init__.py").write_text("raise SystemExit('the wrong one')\n")
    (home / "server.py").write_text("raise SystemExit('the wrong one')\n")
    with served(home / "state", directory=home, fresh=True) as (server,):
        assert len(server.request("tools/list")["result"]["tools"]) > 1


def test_serving_loads_neither_typer_nor_the_database() -> None:
    code = (
        "import sys; from stepwarden.cli import main; import stepwarden.cli.serve, server;"
        "sys.exit(bool({'typer', 'sqlalchemy', 'rich.table'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], env=unmeasured(), check=False).returncode == 0


def test_wrong_settings_are_told_in_a_line_each_and_nothing_is_served(home: Path) -> None:
    ended = run(home, "serve", STEPWARDEN_PORT="many", STEPWARDEN_LOG_LEVEL="loud")
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert sorted(line.partition(":")[0] for line in ended.stderr.splitlines()) == [
        "STEPWARDEN_LOG_LEVEL",
        "STEPWARDEN_PORT",
    ]


def test_a_tool_that_does_not_exist_is_told_in_one_line(home: Path) -> None:
    ended = run(home, "serve", STEPWARDEN_TOOLS="debgu")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("STEPWARDEN_TOOLS: no tool 'debgu'; did you mean debug")
    assert len(ended.stderr.splitlines()) == 1
