"""The installed command, as a host or a person starts it."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SCRIPT = Path(sys.executable).with_name("stepwarden")
DEADLINE_S = 20.0


def environment(home: Path, **more: str) -> dict[str, str]:
    """A user of our own, of whom nothing is set but what is given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STEPWARDEN_", "XDG_"))}
    return kept | {"HOME": str(home), "STEPWARDEN_HOME": str(home / "state"), "PYTHONWARNINGS": "error"} | more


def run(home: Path, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(SCRIPT), *arguments],
        env=environment(home, **more),
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


def step(number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "step": f"Look into part {number} of the failing parser",
        "step_number": number,
        "next_step_required": True,
        "findings": f"Part {number} reads one byte too many.",
    } | more


class Host:
    """A 2025-era host on stdio that keeps every line it was sent."""

    def __init__(self, home: Path, command: list[str] | None = None, cwd: Path | None = None, **more: str) -> None:
        self.lines: list[bytes] = []
        self._rest = b""
        self._id = 0
        self.process = subprocess.Popen(
            command or [str(SCRIPT), "serve"],
            env=environment(home, **more),
            cwd=cwd or home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )

    def __enter__(self) -> "Host":
        hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        assert "result" in self.ask("initialize", hello)
        self.send({"method": "notifications/initialized"})
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe
            pipe.close()

    def write(self, line: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(line + b"\n")

    def send(self, message: dict[str, Any]) -> None:
        self.write(json.dumps({"jsonrpc": "2.0"} | message).encode())

    def begin(self, method: str, params: dict[str, Any]) -> int:
        self._id += 1
        self.send({"id": self._id, "method": method, "params": params})
        return self._id

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        wanted = self.begin(method, params)
        while True:
            message = json.loads(self._line())
            if message.get("id") == wanted:
                return message

    def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return self.ask("tools/call", {"name": tool, "arguments": arguments})["result"]

    def _line(self) -> bytes:
        assert self.process.stdout
        deadline = time.monotonic() + DEADLINE_S
        while b"\n" not in self._rest:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, "no answer in time"
            read = os.read(self.process.stdout.fileno(), 65536)
            assert read, "stdout ended"
            self._rest += read
        line, _, self._rest = self._rest.partition(b"\n")
        self.lines.append(line)
        return line

    def end(self, by: signal.Signals | None = None) -> float:
        """End it by a signal, or by closing its stdin; gives how many seconds it took."""
        began = time.monotonic()
        if by is None:
            assert self.process.stdin
            self.process.stdin.close()
        else:
            self.process.send_signal(by)
        self.process.wait(DEADLINE_S)
        return time.monotonic() - began

    def everything(self) -> tuple[list[bytes], list[bytes]]:
        """All lines that it wrote on stdout and on stderr; after its end."""
        assert self.process.stdout
        assert self.process.stderr
        left = self._rest + self.process.stdout.read()
        return self.lines + left.splitlines(), self.process.stderr.read().splitlines()
