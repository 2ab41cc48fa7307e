"""A host over real pipes: one server process, its exact lines, and nothing that hides a late or a wrong one."""

import json
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support.calls import Reply, step, text_of
from tests.support.processes import ROOT, SCRIPT, Process, environment, start

HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test host", "version": "1"}}


def message(method: str, message_id: int | None, /, **params: Any) -> bytes:
    said: Reply = {"jsonrpc": "2.0", "method": method, "params": params}
    if message_id is not None:
        said["id"] = message_id
    # half of a surrogate pair goes as the escape that JSON has for it, all else as it is
    return json.dumps(said, ensure_ascii=False).encode(errors="backslashreplace") + b"\n"


class StdioServer:
    """One server process on stdio, greeted at its start. Every line that it ever wrote to stdout was read as JSON-RPC.

    A `fresh` one starts with an interpreter of its own, as hosts start it; others are forked.
    """

    def __init__(
        self,
        state: Path,
        *,
        command: Sequence[str] = (str(SCRIPT), "serve"),
        directory: Path = ROOT,
        fresh: bool = False,
        **more: str,
    ) -> None:
        # stderr goes to a file: a pipe that nobody empties would stop the server
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process is buried
        self.process: Process = start(command, environment(state, **more), directory, fresh=fresh, stderr=self._errors)
        assert self.process.stdin
        assert self.process.stdout
        self.stdin, self.stdout = self.process.stdin, self.process.stdout
        self._rest = b""
        self.last_id = 0
        self.write("initialize", self.new_id(), **HELLO)

    def greeted(self) -> "StdioServer":
        """Wait for the answer to the greeting that was sent at the start, and end the handshake."""
        assert self.answer_to(1)["result"]["serverInfo"]["name"] == "stepwarden"
        self.notify("notifications/initialized")
        return self

    def new_id(self) -> int:
        self.last_id += 1
        return self.last_id

    def write_bytes(self, data: bytes) -> None:
        while data:  # an unbuffered pipe takes what fits
            data = data[self.stdin.write(data) :]

    def write(self, method: str, message_id: int | None = None, /, **params: Any) -> None:
        self.write_bytes(message(method, message_id, **params))

    def notify(self, method: str, /, **params: Any) -> None:
        self.write(method, None, **params)

    def read(self) -> Reply:
        """Return the next message; raise EOFError where the server has gone, also in the middle of a line."""
        while b"\n" not in self._rest:
            read = self.stdout.read(65_536)
            if not read:
                raise EOFError(self.log())
            self._rest += read
        line, _, self._rest = self._rest.partition(b"\n")
        return _checked(line)

    def answer_to(self, message_id: int) -> Reply:
        while (said := self.read()).get("id") != message_id:
            assert "method" in said, f"an answer that nobody waits for: {said}"
        return said

    def request(self, method: str, /, **params: Any) -> Reply:
        message_id = self.new_id()
        self.write(method, message_id, **params)
        return self.answer_to(message_id)

    def begin(self, tool: str, arguments: Mapping[str, Any]) -> int:
        """Send a call and return its id, without waiting."""
        message_id = self.new_id()
        self.write("tools/call", message_id, name=tool, arguments=dict(arguments))
        return message_id

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Reply:
        """Return the result of one call."""
        return self.answer_to(self.begin(tool, arguments))["result"]

    def kill(self) -> None:
        self.process.kill()

    def bury(self) -> None:
        """Wait until a process is gone, and let its pipes go."""
        self.process.wait()
        for pipe in (self.stdin, self.stdout):
            with suppress(BrokenPipeError):
                pipe.close()
        self._errors.close()

    def end(self, by: signal.Signals | None = None) -> list[Reply]:
        """End it by a signal, or as hosts do by closing its stdin; return what it still said before it went."""
        if by is None:
            self.stdin.close()
        else:
            self.process.send_signal(by)
        rest = self._rest + self.stdout.read()
        self._rest = b""
        self.process.wait()
        return [_checked(line) for line in rest.splitlines()]

    def log(self) -> str:
        """Return what it wrote on stderr so far."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")


def _checked(line: bytes) -> Reply:
    said = json.loads(line.decode("utf-8"))
    assert said["jsonrpc"] == "2.0", line
    assert ("method" in said) != ("result" in said or "error" in said), line
    return said


@contextmanager
def served(state: Path, count: int = 1, **options: Any) -> Iterator[list[StdioServer]]:
    """Start servers at once on one directory of state and, in the end, see them go in peace."""
    servers: list[StdioServer] = []
    try:
        servers += [StdioServer(state, **options) for _ in range(count)]
        yield [server.greeted() for server in servers]
        for server in servers:
            if server.process.returncode is None:
                assert server.end() == []
            assert server.process.returncode == 0, server.log()
    finally:
        for server in servers:
            server.kill()
            server.bury()


def opened(server: StdioServer, tool: str = "debug", **fields: Any) -> str:
    """Open a thread and return its id."""
    result = server.call(tool, step(1, **fields))
    assert not result["isError"], text_of(result)
    return result["structuredContent"]["continuation_id"]


def history(server: StdioServer, thread: str) -> list[Reply]:
    """Return every row of a thread's history."""
    rows: list[Reply] = []
    after: int | None = 0
    while after is not None:
        page = server.call("status", {"continuation_id": thread, "after": after})["structuredContent"]
        rows += page["history"]
        after = page.get("after")
    return rows


def steps_recorded(server: StdioServer, thread: str) -> int:
    return sum(row["event"].startswith("step ") for row in history(server, thread))
