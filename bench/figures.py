"""Measures what the server promises in figures, each beside a bare `MCPServer` in the same run.

    uv run python bench/figures.py [cold] [step] [long] [http]

Starts real servers on this machine, about two minutes in all. Calls of both servers take turns, so that whatever else
the machine does meets both; figures are ratios of medians. CPU is that of the server process alone, in all its threads.

The bare server echoes as many bytes as a step sends, and so answers with about as many. On a busy machine the wall
clock of either is mostly waiting for the CPU: run it several times, and look at the ratio of CPU as well. A part that
takes longer than its limit fails.
"""

import json
import os
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.long_thread import write_thread
from bench.servers import BARE, OURS, TINY_ECHO, HttpServer, Server, echo, step

STARTS = 7
PAIRS = 300
LONG = 10_000
SHORT = 10
RESTARTS = 3
HTTP_SECONDS = 1.5  # of one server's turn
HTTP_ROUNDS = 8
LIMIT_SECONDS = 300  # for one part; on an idle machine the longest takes a minute


def cold(home: str) -> dict[str, Any]:
    """Return what a start costs up to the first `tools/list`."""
    bare, ours = list[tuple[float, float]](), list[tuple[float, float]]()
    for place in range(STARTS + 1):
        for command, runs in ((BARE, bare), (OURS, ours)):
            start = time.perf_counter()
            with Server(command, home) as server:
                server.initialize()
                run = ((time.perf_counter() - start) * 1e3, server.cpu_ms())
            if place:  # the first start of each compiles and fills the page cache
                runs.append(run)
    wall, cpu = (_medians(bare, ours, column) for column in (0, 1))
    return {
        "start to first tools/list, ms: bare, ours, ratio": wall,
        "start to first tools/list, CPU ms: bare, ours, ratio (at most 1.2)": cpu,
    }


def _medians(bare: list[tuple[float, float]], ours: list[tuple[float, float]], column: int) -> list[float]:
    one, two = (statistics.median(run[column] for run in runs) for runs in (bare, ours))
    return [round(one), round(two), round(two / one, 2)]


class Fsyncs:
    """Times one fsync of a small append in the directory of the store."""

    def __init__(self, home: str) -> None:
        self._file = (Path(home) / "fsync").open("wb")
        self.times: list[float] = []

    def once(self) -> None:
        self._file.write(b"x" * 2_000)
        self._file.flush()
        start = time.perf_counter()
        os.fsync(self._file.fileno())
        self.times.append((time.perf_counter() - start) * 1e3)


def steps(home: str) -> dict[str, Any]:
    """Drive one debug thread beside a bare echo; times in milliseconds."""
    ours, bare, tiny, sizes = list[float](), list[float](), list[float](), dict[int, int]()
    over: list[int] = []
    thread, fsyncs, used = None, Fsyncs(home), (0.0, 0.0)
    with Server(OURS, home) as server, Server(BARE, home) as other, Server(BARE, home) as least:
        server.initialize().warm()
        other.initialize()
        least.initialize()
        for number in range(1, PAIRS + 11):
            if number == 11:
                used = (server.cpu_ms(), other.cpu_ms())
            arguments = step(number, thread)
            ms, result, size = server.call("debug", arguments)
            thread = result["structuredContent"]["continuation_id"]
            ours.append(ms)
            over.append(size - len(json.dumps(arguments)))
            bare.append(other.call("echo", echo(number))[0])
            tiny.append(least.call("echo", TINY_ECHO)[0])
            fsyncs.once()
            if number in {100, PAIRS}:
                sizes[number] = store_bytes(home)
        memory = server.memory_mb()
        cpu = [(server.cpu_ms() - used[0]) / PAIRS, (other.cpu_ms() - used[1]) / PAIRS]
    one, two, three, sync = (statistics.median(times[10:]) for times in (ours, bare, tiny, fsyncs.times))
    return {
        "step, ms: step, bare echo, bare echo of 5 bytes, one fsync": [round(ms, 2) for ms in (one, two, three, sync)],
        "step without its fsync / bare echo (at most 2.5)": round((one - sync) / two, 2),
        "step without its fsync / bare echo of 5 bytes": round((one - sync) / three, 2),
        "step, CPU ms: step, bare echo, ratio": [round(cpu[0], 2), round(cpu[1], 2), round(cpu[0] / cpu[1], 2)],
        "99th percentile, ms": round(statistics.quantiles(ours[1:], n=100)[98], 2),
        "reply beyond its request, bytes (median, max)": [statistics.median(over), max(over)],
        "memory after these steps, MB": round(memory, 1),
        "store, bytes per step": (sizes[PAIRS] - sizes[100]) // (PAIRS - 100),
    }


def long_thread(home: str) -> dict[str, Any]:
    """Return what a step costs on a thread of 10,000 steps, and the first one after a restart."""
    thread, firsts, echoes, number = write_thread(home, LONG), list[float](), list[float](), LONG
    for _ in range(RESTARTS):
        with Server(OURS, home) as server, Server(BARE, home) as other:
            server.initialize().warm()
            other.initialize()
            number += 1
            firsts.append(server.call("debug", step(number, thread))[0])
            echoes += [other.call("echo", echo(place))[0] for place in range(100)]
    late, early = list[float](), list[float]()
    with Server(OURS, home) as server:
        server.initialize().warm()
        number += 1
        server.call("debug", step(number, thread))
        while len(late) < PAIRS // 2:
            short, ms = None, 0.0
            for place in range(1, SHORT + 1):
                ms, result, _ = server.call("debug", step(place, short))
                short = result["structuredContent"]["continuation_id"]
                if place > SHORT // 2:
                    number += 1
                    early.append(ms)
                    late.append(server.call("debug", step(number, thread))[0])
    one, two, bare = statistics.median(early), statistics.median(late), statistics.median(echoes)
    first = statistics.median(firsts)
    return {
        "step at length 10 and 10,000, ms, ratio (at most 1.25)": [round(one, 2), round(two, 2), round(two / one, 2)],
        "first step after a restart, ms, bare echo, ms, ratio (at most 400)": [
            round(first),
            round(bare, 2),
            round(first / bare),
        ],
    }


def http(home: str) -> dict[str, Any]:
    """Return the calls a second of sixteen clients at once: durable steps here, echoes at the bare server."""
    with HttpServer(False, home, _free_port()) as bare, HttpServer(True, home, _free_port()) as ours:
        command = [sys.executable, "-m", "bench.http_load", str(bare.port), str(ours.port)]
        command += [str(HTTP_SECONDS), str(HTTP_ROUNDS)]
        done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=LIMIT_SECONDS)
    rounds: list[tuple[float, float]] = json.loads(done.stdout)
    one, two = (statistics.median(rates) for rates in zip(*rounds, strict=True))
    ratio = statistics.median(each[1] / each[0] for each in rounds)
    return {"16 HTTP clients, calls/s: bare, ours, ratio (at least 0.5)": [round(one), round(two), round(ratio, 2)]}


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def store_bytes(home: str) -> int:
    """Return the bytes of all payloads in the store."""
    with sqlite3.connect(f"file:{home}/stepwarden.db?mode=ro", uri=True) as connection:
        return connection.execute("SELECT SUM(LENGTH(payload)) FROM stepwarden_events").fetchone()[0]


PARTS = {"cold": cold, "step": steps, "long": long_thread, "http": http}


def _end_part(_number: int, _frame: object) -> None:
    raise TimeoutError(f"this part took longer than {LIMIT_SECONDS} s")


def main() -> None:
    """Print the figures that are asked for, all of them by default, as JSON."""
    signal.signal(signal.SIGALRM, _end_part)
    figures: dict[str, Any] = {"load before": os.getloadavg()[0]}
    for part in sys.argv[1:] or PARTS:
        with tempfile.TemporaryDirectory() as home:
            signal.alarm(LIMIT_SECONDS)
            figures |= PARTS[part](home)
            signal.alarm(0)
    figures["load after"] = os.getloadavg()[0]
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
