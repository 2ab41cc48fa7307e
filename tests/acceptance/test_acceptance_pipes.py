"""What goes over the pipes: only JSON-RPC out, whatever comes in; cancelled calls; a quick and clean start."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.calls import Reply, step, text_of
from tests.support.processes import ROOT, SERVER, environment, run, unmeasured
from tests.support.stdio_server import StdioServer, message, opened, served, steps_recorded


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StdioServer]:
    """One server for many tests: each finds it as the one before left it."""
    with served(tmp_path_factory.mktemp("shared"), command=[str(SERVER)]) as (shared,):
        yield shared


def test_every_line_on_stdout_is_json_rpc_also_in_debug_and_with_calls_that_fail(home: Path) -> None:
    with served(home, STEPWARDEN_LOG_LEVEL="DEBUG") as (server,):
        assert server.request("tools/list")["result"]["tools"]
        thread = opened(server)
        for tool, arguments in (
            ("debug", {}),
            ("debug", {"step": 1}),
            ("debug", step(9, thread)),
            ("debug", step(2, thread, findings="x" * 1_000_000)),
            ("debug", step(2, thread, working_directory="/etc")),
            ("status", {"continuation_id": "\x00"}),
            ("no_such_tool", {}),
        ):
            assert server.call(tool, arguments)["isError"]
        for method, params in (
            ("resources/read", {"uri": "stepwarden://threads/none"}),
            ("resources/read", {"uri": "nonsense"}),
            ("prompts/get", {"name": "none", "arguments": {}}),
            ("no/such/method", {}),
            ("tools/call", {"name": "debug", "arguments": [1]}),
            ("tools/call", {}),
        ):
            assert "error" in server.request(method, **params), method
        assert server.call("debug", step(2, thread))["structuredContent"]["step_number"] == 2
        assert server.request("ping")["result"] == {}
        lines = [json.loads(line) for line in server.log().splitlines()]
        assert lines, "the log went to stderr"
        assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
        assert {"debug", "info"} <= {line["level"] for line in lines}


@pytest.mark.parametrize(
    "junk",
    [
        b'{"jsonrpc": "2.0", "id": 77, "method": "ping"\n',
        b"not json at all\n",
        b"\n",
        b'{"jsonrpc": "2.0", "id": 77, "method": "tools/call", "params": {"name": "\xff\xfe"}}\n',
        b"\xff\xfe\x00\x80\n",
        b"[]\n",
        b"[1, 2]\n",
        b"null\n",
        b'"text"\n',
        b"1e999\n",
        b"{}\n",
        b'{"jsonrpc": "1.0", "method": "ping", "id": 77}\n',
        b'{"jsonrpc": "2.0", "id": 990, "result": {}}\n',
        b'{"jsonrpc": "2.0", "id": null, "method": "ping"}\n',
        b"[" * 100_000 + b"\n",
        b'{"a":' * 50_000 + b"\n",
    ],
    ids=lambda junk: repr(junk[:48]),
)
def test_junk_on_stdin_does_not_end_the_connection(junk: bytes, server: StdioServer) -> None:
    server.write_bytes(junk)
    message_id = server.new_id()
    server.write("ping", message_id)
    answers = [server.read()]
    while answers[-1].get("id") != message_id:
        assert "error" in answers[-1] or answers[-1].get("id") in {77, None}, answers[-1]
        answers.append(server.read())
    assert answers[-1]["result"] == {}


def test_a_call_with_half_of_a_surrogate_pair_is_answered(server: StdioServer) -> None:
    thread = opened(server)
    asked = server.begin("debug", step(2, thread, findings="a\ud800b"))
    seen: dict[int, Reply] = {}
    for _ in range(3):  # whatever the server makes of it, it is done with it after the third question behind it
        ping = server.new_id()
        server.write("ping", ping)
        while ping not in seen:
            said = server.read()
            seen[said["id"]] = said
    assert asked in seen, "the host would wait for ever"
    assert "broken characters" in text_of(seen[asked]["result"])


def test_messages_cut_and_glued_anywhere_are_understood(server: StdioServer) -> None:
    ids = [server.new_id() for _ in range(3)]
    data = b"".join(message("ping", message_id) for message_id in ids)
    for place in range(0, len(data), 7):
        server.write_bytes(data[place : place + 7])
    assert {server.read()["id"] for _ in ids} == set(ids)


def test_a_line_of_a_megabyte_in_wide_characters_comes_through(server: StdioServer) -> None:
    thread = opened(server)
    wide = "語" * 80_000
    said = step(2, thread, step=wide, findings=wide[:-1], hypothesis=wide[:-2])
    assert server.call("debug", said)["structuredContent"]["step_number"] == 2


def test_a_cancel_before_its_call_changes_nothing(server: StdioServer) -> None:
    thread = opened(server)
    server.notify("notifications/cancelled", requestId=server.last_id + 1)
    result = server.call("debug", step(2, thread))
    assert result["structuredContent"]["step_number"] == 2
    server.notify("notifications/cancelled", requestId=9_999)
    server.notify("notifications/cancelled", requestId="nothing", reason="late")
    assert server.call("debug", step(3, thread))["structuredContent"]["step_number"] == 3


def test_a_late_cancel_changes_nothing(server: StdioServer) -> None:
    thread = opened(server)
    server.notify("notifications/cancelled", requestId=server.last_id, reason="done")
    for number in range(2, 8):
        said = step(number, thread, findings=f"finding {number}")
        result = server.call("debug", said)
        server.notify("notifications/cancelled", requestId=server.last_id, reason="as opencode does")
        assert result["structuredContent"]["step_number"] == number
        again = server.call("debug", said)
        server.notify("notifications/cancelled", requestId=server.last_id)
        assert again["structuredContent"] == result["structuredContent"]
    assert steps_recorded(server, thread) == 7


@pytest.mark.parametrize("between", [0, 1, 3, 10])
def test_a_call_that_is_cancelled_on_its_way_is_answered_when_it_is_sent_again(
    server: StdioServer, between: int
) -> None:
    thread = opened(server)
    for number in range(2, 12):
        said = step(number, thread, findings=f"finding {number}")
        message_id = server.begin("debug", said)
        pings = [server.new_id() for _ in range(between)]
        for ping in pings:
            server.write("ping", ping)
        server.notify("notifications/cancelled", requestId=message_id, reason="the user pressed escape")
        again = server.begin("debug", said)
        seen = server.read()
        while seen.get("id") != again:
            assert seen.get("id") in {message_id, *pings}
            seen = server.read()
        assert not seen["result"]["isError"], text_of(seen["result"])
        assert seen["result"]["structuredContent"]["step_number"] == number
    while server.request("ping").get("result") != {}:
        pass
    assert steps_recorded(server, thread) == 11


def test_the_end_of_stdin_in_mid_call_leaves_a_thread_that_goes_on(home: Path) -> None:
    with served(home) as (one,):
        thread = opened(one)
    leaving = StdioServer(home).greeted()
    message_id = leaving.begin("debug", step(2, thread))
    assert {answer["id"] for answer in leaving.end()} <= {message_id}
    leaving.bury()
    with served(home) as (two,):
        assert two.call("debug", step(2, thread))["structuredContent"]["step_number"] == 2
        assert steps_recorded(two, thread) == 2


def test_importing_the_server_loads_no_database_and_nothing_heavy_of_our_own(home: Path) -> None:
    code = (
        "import json, sys, mcp.server.mcpserver as m; m.MCPServer('x'); before = set(sys.modules); import server;"
        "print(json.dumps([sorted(sys.modules), sorted(set(sys.modules) - before)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=unmeasured(environment(home)), capture_output=True, check=True
    )
    loaded, ours = json.loads(done.stdout)
    top = {name.partition(".")[0] for name in loaded}
    assert not top & {"sqlalchemy", "pysqlite3", "sqlite3", "_sqlite3", "psycopg", "openai", "typer", "jinja2", "yaml"}
    third_party = {name for name in ours if "." not in name} - sys.stdlib_module_names
    assert third_party - {"server", "stepwarden", "tools", "prompts", "providers"} <= {"platformdirs"}
    assert not home.exists(), "importing opens nothing"


def test_a_setting_without_a_usable_value_is_told_on_stderr_and_nothing_is_served(home: Path) -> None:
    wrong = {"STEPWARDEN_TOOLS": "debugg", "STEPWARDEN_LOG_LEVEL": "INFO"}
    done = run([str(SERVER)], environment(home, **wrong), ROOT)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "did you mean debug" in done.stderr
    assert "Traceback" not in done.stderr
