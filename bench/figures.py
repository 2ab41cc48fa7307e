"""Measures what the server promises in figures: cold start, memory, size of the tool list, latency and bytes of a step.

    uv run python bench/figures.py

Starts real servers over stdio on this machine, about a minute in all. Machines are noisy: medians, with the spread.
"""

import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BARE = (
    "from mcp.server.mcpserver import MCPServer\nm = MCPServer('bare')\n"
    "@m.tool()\ndef echo(text: str) -> str:\n    return text\nm.run()\n"
)
STEPS = 1_000


@dataclass
class Server:
    """One server process over stdio, driven by lines of JSON-RPC."""

    command: list[str]
    home: str
    last_id: int = 0
    process: "subprocess.Popen[bytes]" = field(init=False)

    def __enter__(self) -> "Server":
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env={**os.environ, "STEPWARDEN_HOME": self.home},
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)

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

    def _write(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def initialize(self) -> None:
        """Shake hands as a host of 2025 does."""
        info = {"name": "bench", "version": "1"}
        self.ask("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info})
        self._write({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def memory_mb(self) -> float:
        """Return the resident memory (Linux)."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text("utf-8").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def first_list_ms(command: list[str], home: str) -> float:
    """Return the time from the spawn to the first `tools/list`, in milliseconds."""
    start = time.perf_counter()
    with Server(command, home) as server:
        server.initialize()
        server.ask("tools/list", {})
        return (time.perf_counter() - start) * 1e3


def fsync_ms(home: str) -> float:
    """Return the median time of one fsync of a small append, in milliseconds."""
    times: list[float] = []
    with (Path(home) / "fsync").open("wb") as file:
        for _ in range(100):
            file.write(b"x" * 2_000)
            file.flush()
            start = time.perf_counter()
            os.fsync(file.fileno())
            times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def step(number: int, thread: str | None) -> dict[str, Any]:
    """Return the arguments of one step of a debug thread, about 400 bytes."""
    words = "We looked at module alpha and saw that the retry loop swallows the exception. "
    arguments: dict[str, Any] = {
        "step": f"Step {number}: look for the lost counter. {words}",
        "step_number": number,
        "next_step_required": True,
        "findings": f"Finding {number}. {words}",
        "files_checked": [f"x/f{number}.py"],
        "hypothesis": f"H{number}",
        "confidence": "low",
    }
    return arguments | ({"continuation_id": thread} if thread else {})


def steps(command: list[str], home: str) -> dict[str, Any]:
    """Drive one thread of 1,000 steps; times in milliseconds."""
    times: list[float] = []
    over: list[int] = []
    sizes: dict[int, int] = {}
    with Server(command, home) as server:
        server.initialize()
        server.ask("tools/list", {})
        thread, memory = None, 0.0
        for number in range(1, STEPS + 1):
            arguments = step(number, thread)
            start = time.perf_counter()
            result, size = server.ask("tools/call", {"name": "debug", "arguments": arguments})
            times.append((time.perf_counter() - start) * 1e3)
            over.append(size - len(json.dumps(arguments)))
            thread = result["structuredContent"]["continuation_id"]
            if number == 100:
                memory = server.memory_mb()
            if number in {100, 550, STEPS}:
                sizes[number] = store_bytes(home)
    early, late = statistics.median(times[5:25]), statistics.median(times[-100:])
    return {
        "step at length 10, ms (median of 20)": round(early, 2),
        "step at length 1,000, ms (median of 100)": round(late, 2),
        "ratio": round(late / early, 2),
        "99th percentile, ms": round(statistics.quantiles(times[1:], n=100)[98], 2),
        "reply beyond its request, bytes (median, max)": [statistics.median(over), max(over)],
        "memory after 100 steps, MB": round(memory, 1),
        "store, bytes per step (100-550, 550-1,000)": [
            (sizes[550] - sizes[100]) // 450,
            (sizes[STEPS] - sizes[550]) // 450,
        ],
    }


def store_bytes(home: str) -> int:
    """Return the bytes of all payloads in the store."""
    with sqlite3.connect(f"file:{home}/stepwarden.db?mode=ro", uri=True) as connection:
        return connection.execute("SELECT SUM(LENGTH(payload)) FROM stepwarden_events").fetchone()[0]


def main() -> None:
    """Print all figures as JSON."""
    ours, bare = [sys.executable, "server.py"], [sys.executable, "-c", BARE]
    with tempfile.TemporaryDirectory() as home:
        pairs = [(first_list_ms(bare, home), first_list_ms(ours, home)) for _ in range(8)][1:]
        one, two = (statistics.median(column) for column in zip(*pairs, strict=True))
        with Server(ours, home) as server:
            server.initialize()
            _, size = server.ask("tools/list", {})
        figures = {
            "spawn to first tools/list, ms: bare, ours, ratio": [round(one), round(two), round(two / one, 2)],
            "tools/list, bytes": size,
            "one fsync, ms": round(fsync_ms(home), 3),
            **steps(ours, home),
        }
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
