"""The servers that the figures are taken of: ours, and a bare `MCPServer` with one echo, over stdio and HTTP."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError

ROOT = Path(__file__).resolve().parent.parent
_BARE = (
    "import sys\nfrom mcp.server.mcpserver import MCPServer\nm = MCPServer('bare')\n"
    "@m.tool()\ndef echo(text: str) -> str:\n    return text\n"
)
BARE = [sys.executable, "-c", f"{_BARE}m.run()\n"]
OURS = [sys.executable, "server.py"]
START_SECONDS = 30.0  # until a server has to listen
END_SECONDS = 10.0  # until one that should end is killed
WORDS = "We looked at module alpha and saw that the retry loop swallows the exception. "


def step(number: int, thread: str | None) -> dict[str, Any]:
    """Return the arguments of one step of a debug thread, about 400 bytes."""
    arguments: dict[str, Any] = {
        "step": f"Step {number}: look for the lost counter. {WORDS}",
        "step_number": number,
        "next_step_required": True,
        "findings": f"Finding {number}. {WORDS}",
        "files_checked": [f"x/f{number}.py"],
        "hypothesis": f"H{number}",
        "confidence": "low",
    }
    return arguments | ({"continuation_id": thread} if thread else {})


def echo(number: int) -> dict[str, Any]:
    """Return the arguments of an echo with as many bytes, whose answer has about as many as that of the step.

    It is the fair one to compare with: what a message of that size costs over any server is no cost of ours.
    """
    return {"text": json.dumps(step(number, "debug-" + "a" * 26))[:-12]}


TINY_ECHO = {"text": "hello"}
"""The least that a call can say: shown beside the other, so that nobody has to trust its size."""


@dataclass
class Server:
    """One server process over stdio, driven by lines of JSON-RPC."""

    command: list[str]
    home: str
    last_id: int = 0
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    process: "subprocess.Popen[bytes]" = field(init=False)

    def __enter__(self) -> "Server":
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env={**os.environ, **self.settings, "STEPWARDEN_HOME": self.home},
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def ask(self, method: str, params: dict[str, Any]) -> tuple[dict[str, Any], int]:
        """Return the answer to one request, and its bytes."""
        self.last_id += 1
        self._write({"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params})
        assert self.process.stdout is not None
        while True:
            line = self.process.stdout.readline()
            answer = json.loads(line)
            if answer.get("id") == self.last_id:
                return answer["result"], len(line)

    def call(self, tool: str, arguments: dict[str, Any]) -> tuple[float, dict[str, Any], int]:
        """Return the milliseconds of a call of a tool, its result, and the bytes of the answer."""
        start = time.perf_counter()
        result, size = self.ask("tools/call", {"name": tool, "arguments": arguments})
        return (time.perf_counter() - start) * 1e3, result, size

    def _write(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def initialize(self) -> "Server":
        """Shake hands as a host of 2025 does, and list the tools."""
        info = {"name": "bench", "version": "1"}
        self.ask("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info})
        self._write({"jsonrpc": "2.0", "method": "notifications/initialized"})
        self.ask("tools/list", {})
        return self

    def warm(self) -> "Server":
        """Wait for what goes on in the background after the first list."""
        cpu = -1.0
        while (now := self.cpu_ms()) > cpu + 1:
            cpu = now
            time.sleep(0.5)
        return self

    def cpu_ms(self) -> float:
        """Return the milliseconds of CPU that the process has used (Linux)."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text("utf-8").split()[0]) for task in tasks) / 1e6

    def memory_mb(self) -> float:
        """Return the resident memory (Linux)."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text("utf-8").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@dataclass
class HttpServer:
    """One server process over HTTP on loopback."""

    ours: bool
    home: str
    port: int
    process: "subprocess.Popen[bytes]" = field(init=False)

    def __enter__(self) -> "HttpServer":
        serve = ["stepwarden", "serve", "--transport", "http", "--port", str(self.port)]
        ours = [sys.executable, "-c", f"import sys\nfrom stepwarden.cli import main\nsys.exit(main({serve[1:]!r}))"]
        bare = [sys.executable, "-c", f"{_BARE}m.run(transport='streamable-http', port={self.port})\n"]
        self.process = subprocess.Popen(
            ours if self.ours else bare,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env={**os.environ, "STEPWARDEN_HOME": self.home},
        )
        self._wait_until_it_listens()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def _wait_until_it_listens(self) -> None:
        limit = time.monotonic() + START_SECONDS
        while self.process.poll() is None and time.monotonic() < limit:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5)
            except URLError as error:
                if hasattr(error, "code"):
                    return  # the bare one has no such page, and says so
                time.sleep(0.05)
            else:
                return
        self.process.kill()
        raise RuntimeError(f"{self.process.args} does not listen; it ended with {self.process.wait()}")
