"""`python -m bench.source.looks ROOT`: what a look at a whole code base costs a server, and who waits for it.

A real server over stdio is asked for step 1 of `analyze` (or `--tool`), and pinged meanwhile, one ping after another.
cold: nothing is kept. again: the same server, a second thread. changed: ten files have a new time. warm: another server
that finds the kept files. `cpu` is that of the server with its workers and git (user and system), of which a busy
machine takes nothing. `wait` is the longest that a ping took, `net` the same without the time that a thread of the
server was ready and the machine ran another process; `idle` is the longest wait of the same server while it does
nothing, for as long as the look took: what the machine's other load costs. `peak` and `held` are the server's resident
memory, at most and five seconds after; `total` is the most that it had together with its workers (proportional set
size, sampled).
"""

import argparse
import json
import os
import select
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from bench.servers import ROOT, Server
from bench.source.memory import PeakMemory

PING_S = 0.002  # between the answer to a ping and the next
SAMPLE_S = 0.05
SETTLE_S = 5.0
CHANGED = 10
_SERVER = [sys.executable, "-c", "from stepwarden.cli import main; main(['serve'])"]
_TICKS = os.sysconf("SC_CLK_TCK")
_COLUMNS = ("seconds", "cpu_s", "wait_ms", "net_ms", "idle_ms", "peak_mb", "held_mb", "total_mb")


class Line:
    """The pipes of a server, with several requests in flight."""

    def __init__(self, server: Server) -> None:
        self.server = server
        assert server.process.stdin is not None
        assert server.process.stdout is not None
        self._stdin, self._stdout = server.process.stdin, server.process.stdout
        self._answers: dict[int, dict[str, Any]] = {}
        self._rest = b""
        self._last = 1_000_000

    def send(self, method: str, params: dict[str, Any]) -> int:
        self._last += 1
        message = {"jsonrpc": "2.0", "id": self._last, "method": method, "params": params}
        self._stdin.write(json.dumps(message).encode() + b"\n")
        self._stdin.flush()
        return self._last

    def answer(self, number: int, timeout: float | None = None) -> dict[str, Any] | None:
        """Return the answer to a request, None where it does not come in time."""
        until = None if timeout is None else time.monotonic() + timeout
        while number not in self._answers:
            left = None if until is None else max(0.0, until - time.monotonic())
            ready, _, _ = select.select([self._stdout], [], [], left)
            if not ready:
                return None
            data = os.read(self._stdout.fileno(), 1 << 16)
            if not data:
                raise EOFError("the server ended")
            *lines, self._rest = (self._rest + data).split(b"\n")
            for message in map(json.loads, filter(None, lines)):
                if "id" in message and "method" not in message:
                    self._answers[message["id"]] = message
        return self._answers.pop(number)

    def ping_while(self, goes_on: Callable[[], bool]) -> tuple[float, float]:
        """Ping one time after another; return the longest wait, and the longest without that for a core (ms)."""
        most = net = 0.0
        while goes_on():
            waited = _queued_ms(self.server.process.pid)
            start = time.perf_counter()
            self.answer(self.send("ping", {}))
            took = 1000 * (time.perf_counter() - start)
            most = max(most, took)
            if took > net:
                net = max(net, took - max(0.0, _queued_ms(self.server.process.pid) - waited))
            time.sleep(PING_S)
        return most, net


def _queued_ms(pid: int) -> float:
    """Return how long the threads of a process were ready and had no core (Linux)."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):
            total += int((task / "schedstat").read_text("utf-8").split()[1])
    return total / 1e6


def _cpu_s(pid: int) -> float:
    """Return the CPU time of a process and of its children that ended (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def _status_mb(pid: int, name: str) -> float:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024


def look(line: Line, root: str, tool: str, more: dict[str, Any]) -> dict[str, Any]:
    """Measure one look."""
    pid = line.server.process.pid
    with suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5", "utf-8")  # the peak starts anew
    memory = PeakMemory(pid, SAMPLE_S)
    cpu, start = _cpu_s(pid), time.perf_counter()
    number = line.send("tools/call", {"name": tool, "arguments": _step(root) | more})
    found: list[dict[str, Any]] = []

    def goes_on() -> bool:
        answer = line.answer(number, 0)
        found.extend([] if answer is None else [answer])
        return not found

    with memory.watched():
        wait, net = line.ping_while(goes_on)
    seconds, cpu = time.perf_counter() - start, _cpu_s(pid) - cpu
    peak = _status_mb(pid, "VmHWM")
    until = time.monotonic() + max(SETTLE_S, seconds)
    idle, _ = line.ping_while(lambda: time.monotonic() < until)
    values = (seconds, cpu, wait, net, idle, peak, _status_mb(pid, "VmRSS"), memory.most / 1024**2)
    facts = found[0].get("result", found[0]).get("structuredContent", found[0])
    return {**dict(zip(_COLUMNS, values, strict=True)), "facts": facts.get("facts", facts)}


def _step(root: str) -> dict[str, Any]:
    return {
        "step": "How is this code base built, and what is its centre?",
        "step_number": 1,
        "next_step_required": True,
        "findings": "Nothing yet.",
        "working_directory": root,
    }


def run_once(root: str, tool: str, more: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Measure the looks of two servers, the second of which finds what the first kept."""
    runs: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as home:
        with Server(_SERVER, home) as server:
            line = Line(server.initialize().warm())
            runs["cold"] = look(line, root, tool, more)
            runs["again"] = look(line, root, tool, more)
            for path in sorted(Path(root).rglob("*.py"))[:CHANGED] or sorted(Path(root).rglob("*.*"))[:CHANGED]:
                path.touch()
            runs["changed"] = look(line, root, tool, more)
        with Server(_SERVER, home) as server:
            runs["warm"] = look(Line(server.initialize().warm()), root, tool, more)
    return runs


def main() -> int:
    """Run the bench and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", help="directory of a code base; ten of its files get a new time")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--tool", default="analyze")
    parser.add_argument("--more", default="{}", type=json.loads, help="further fields of the step, as JSON")
    options = parser.parse_args()
    root = str(Path(options.root).resolve())
    runs = [run_once(root, options.tool, options.more) for _ in range(options.runs)]
    load = os.getloadavg()[0]
    sys.stdout.write(f"{options.tool}, {options.runs} runs, load {load:.1f} on {os.cpu_count()} cores, {ROOT.name}\n")
    sys.stdout.write(f"{json.dumps(runs[0]['cold']['facts'])[:160]}\n")
    sys.stdout.write("        " + " ".join(name.rjust(20) for name in _COLUMNS) + "\n")
    for name in runs[0]:
        cells = [f"{name:8}"]
        for column in _COLUMNS:
            values = sorted(run[name][column] for run in runs)
            form = "{:.2f}" if column in {"seconds", "cpu_s"} else "{:.0f}"
            middle, low, high = statistics.median(values), values[0], values[-1]
            cells.append(f"{form.format(middle)} ({form.format(low)}-{form.format(high)})".rjust(20))
        sys.stdout.write(" ".join(cells) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
