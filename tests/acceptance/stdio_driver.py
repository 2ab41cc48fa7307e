"""A host over real pipes: one server process, its exact lines, and nothing that hides a late or a wrong one."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
Reply = dict[str, Any]


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a server of ours: nothing of the developer's own settings in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STEPWARDEN_")}
    return kept | {"STEPWARDEN_HOME": str(home)} | more


class Server:
    """One server process on stdio. Every line it ever wrote to stdout was read as JSON-RPC."""

    def __init__(
        self,
        home: Path,
        *,
        command: Sequence[str] = (sys.executable, "server.py"),
        directory: Path = ROOT,
        **environment: str,
    ) -> None:
        # stderr goes to a file: a pipe that nobody empties would stop the server
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process is buried
        self.process = subprocess.Popen(
            command,
            cwd=directory,
            env=clean_environment(home, **environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
        )
        self._last_id = 0
        self.write("initialize", self.new_id(), **HELLO)

    def greeted(self) -> "Server":
        """Wait for the answer to the greeting that was sent at the start, and end the handshake."""
        assert self.answer_to(1)["result"]["serverInfo"]["name"] == "stepwarden"
        self.notify("notifications/initialized")
        return self

    def new_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def write_bytes(self, data: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def write(self, method: str, message_id: int | None = None, /, **params: Any) -> None:
        self.write_bytes(message(method, message_id, **params))

    def notify(self, method: str, /, **params: Any) -> None:
        self.write(method, None, **params)

    def read(self) -> Reply:
        """The next message; EOFError where the server has gone, also in the middle of a line."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line.endswith(b"\n"):
            raise EOFError(self.log())
        said = json.loads(line.decode("utf-8"))
        assert said["jsonrpc"] == "2.0", line
        assert ("method" in said) != ("result" in said or "error" in said), line
        return said

    def answer_to(self, message_id: int) -> Reply:
        while (said := self.read()).get("id") != message_id:
            assert "method" in said, f"an answer that nobody waits for: {said}"
        return said

    def request(self, method: str, /, **params: Any) -> Reply:
        message_id = self.new_id()
        self.write(method, message_id, **params)
        return self.answer_to(message_id)

    def begin(self, tool: str, arguments: Mapping[str, Any]) -> int:
        """Send a call and give its id, without waiting."""
        message_id = self.new_id()
        self.write("tools/call", message_id, name=tool, arguments=dict(arguments))
        return message_id

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Reply:
        """Return the result of one call."""
        return self.answer_to(self.begin(tool, arguments))["result"]

    def kill(self) -> None:
        self.process.kill()

    def bury(self) -> None:
        """Wait until a killed process is gone, and let its pipes go."""
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe
            with suppress(BrokenPipeError):
                pipe.close()
        self.errors.close()

    def end(self) -> list[Reply]:
        """Close stdin as hosts do, and give what the server still said before it went."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        rest = [json.loads(line) for line in self.process.stdout]
        self.process.wait()
        return rest

    def log(self) -> str:
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")


HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test host", "version": "1"}}


def message(method: str, message_id: int | None, /, **params: Any) -> bytes:
    said: Reply = {"jsonrpc": "2.0", "method": method, "params": params}
    if message_id is not None:
        said["id"] = message_id
    # half of a surrogate pair goes as the escape that JSON has for it, all else as it is
    return json.dumps(said, ensure_ascii=False).encode(errors="backslashreplace") + b"\n"


@contextmanager
def served(home: Path, count: int = 1, **options: Any) -> Iterator[list[Server]]:
    """Start servers at once on one home and, in the end, see them go in peace."""
    servers: list[Server] = []
    try:
        servers += [Server(home, **options) for _ in range(count)]
        yield [server.greeted() for server in servers]
        for server in servers:
            assert server.end() == []
            assert server.process.returncode == 0, server.log()
    finally:
        for server in servers:
            server.kill()
            server.bury()


def step(number: int, thread: str | None = None, **fields: Any) -> dict[str, Any]:
    """The arguments of step `number`."""
    said: dict[str, Any] = {"step": f"Step {number}", "step_number": number, "next_step_required": True}
    return said | ({"continuation_id": thread} if thread else {}) | fields


def text_of(result: Reply) -> str:
    return result["content"][0]["text"]


def opened(server: Server, tool: str = "debug", **fields: Any) -> str:
    """Open a thread and give its id."""
    result = server.call(tool, step(1, **fields))
    assert not result["isError"], text_of(result)
    return result["structuredContent"]["continuation_id"]


def history(server: Server, thread: str) -> list[Reply]:
    """Every row of a thread's history."""
    rows: list[Reply] = []
    after: int | None = 0
    while after is not None:
        page = server.call("status", {"continuation_id": thread, "after": after})["structuredContent"]
        rows += page["history"]
        after = page.get("after")
    return rows


def steps_recorded(server: Server, thread: str) -> int:
    return sum(row["event"].startswith("step ") for row in history(server, thread))
