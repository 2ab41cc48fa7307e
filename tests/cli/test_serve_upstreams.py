"""A server that ends leaves no command of an upstream behind."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from cli_process import Host

STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], "w").write(str(os.getpid()))
from mcp.server.mcpserver import MCPServer
mcp = MCPServer("stubborn", log_level="ERROR")
try:
    mcp.run()
finally:
    time.sleep(600)
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")  # a zombie is at its end, and only waits for whoever started it
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no process groups there")
@pytest.mark.parametrize("by", [None, signal.SIGTERM])
def test_a_command_that_does_not_want_to_end_is_ended_after_us(home: Path, by: signal.Signals | None) -> None:
    note = home / "pid"
    state = home / "state"
    state.mkdir()
    entry = {"command": sys.executable, "args": ["-c", STUBBORN, str(note)]}
    (state / "upstreams.json").write_text(json.dumps({"upstreams": {"stubborn": entry}}))
    with Host(home) as host:
        host.call("upstream", {"action": "status", "upstream": "stubborn"})
        pid = int(note.read_text())
        assert alive(pid)
        assert host.end(by) < 1.5
    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(pid)
