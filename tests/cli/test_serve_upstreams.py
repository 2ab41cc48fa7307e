"""A server that ends leaves no command of an upstream behind."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.support.stdio_server import served

# It says its pid, ignores SIGTERM, and outlives its stdin: only SIGKILL ends it, and then `held` has no writer left.
STUBBORN = """
import os, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
held = os.open(sys.argv[1], os.O_WRONLY)
os.write(held, str(os.getpid()).encode() + b"\\n")
from mcp.server.mcpserver import MCPServer
mcp = MCPServer("stubborn", log_level="ERROR")
try:
    mcp.run()
finally:
    while True:
        signal.pause()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no process groups there")
@pytest.mark.parametrize("by", [None, signal.SIGTERM])
def test_a_command_that_does_not_want_to_end_is_ended_after_us(home: Path, by: signal.Signals | None) -> None:
    pipe = home / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    state = home / "state"
    state.mkdir()
    entry = {"command": sys.executable, "args": ["-c", STUBBORN, str(pipe)]}
    (state / "upstreams.json").write_text(json.dumps({"upstreams": {"stubborn": entry}}))
    with os.fdopen(reader, "rb") as held, served(state, directory=home) as (server,):
        server.call("upstream", {"action": "status", "upstream": "stubborn"})
        os.kill(int(held.readline()), 0)  # it is there
        server.end(by)
        assert held.read() == b"", "the pipe ends with the last process that holds it"
