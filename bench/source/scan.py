"""`python -m bench.source.scan ROOT`: how long the facts of a code base take, and what memory.

Each run is a process of its own. cold: nothing is kept. warm: another process kept its outlines on disk. again: the
same process asks once more. changed: ten files are newer than what is kept. `read` is the time to read all outlines
from their bytes, as a tool does that goes over all definitions. `cpu` is the CPU time of the first scan with its
workers and git, of which a busy machine takes nothing. Memory is the most that the process and its workers had
together (proportional set size, sampled); `lag` the longest that the event loop had to wait meanwhile.
"""

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.source.memory import PeakMemory
from stepwarden.source.scan.reader import Reader
from stepwarden.source.scan.result import Scan

SAMPLE_S = 0.02
TICK_S = 0.005
CHANGED = 10


async def timed_scan(reader: Reader, root: str) -> tuple[Scan, float]:
    """Scan in a thread, as the server does; return the scan and the longest lag of the loop in seconds."""
    lag = 0.0
    task = asyncio.create_task(asyncio.to_thread(reader.scan, root, until=time.monotonic() + 600))
    while not task.done():
        before = time.perf_counter()
        await asyncio.sleep(TICK_S)
        lag = max(lag, time.perf_counter() - before - TICK_S)
    return await task, lag


def run_once(root: str, cache: Path) -> dict[str, float]:
    """Measure one process: a scan, reading all of it, and a scan again."""
    memory = PeakMemory(os.getpid(), SAMPLE_S)
    reader = Reader(cache)
    with memory.watched():
        cpu, started = _cpu_s(), time.perf_counter()
        scan, lag = asyncio.run(timed_scan(reader, root))
        cpu, scanned = _cpu_s() - cpu, time.perf_counter()
        definitions = sum(len(outline.definitions) for outline in scan.outlines.values())
        read = time.perf_counter()
        asyncio.run(timed_scan(reader, root))
        again = time.perf_counter()
    reader.close()
    return {
        "files": len(scan.outlines) + len(scan.others),
        "outlines": len(scan.outlines),
        "definitions": definitions,
        "left_out": sum(part.count for part in scan.left_out),
        "scan_s": scanned - started,
        "read_s": read - scanned,
        "again_s": again - read,
        "cpu_s": cpu,
        "lag_ms": 1000 * lag,
        "memory_mb": memory.most / 1024**2,
        "workers": memory.children,
    }


def _cpu_s() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


def _in_process(root: str, cache: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.source.scan", root, "--once", str(cache)], check=True, capture_output=True
    )
    return json.loads(done.stdout)


def _row(name: str, runs: list[dict[str, float]]) -> str:
    cells: list[str] = [f"{name:8}"]
    for key in ("scan_s", "cpu_s", "read_s", "again_s", "lag_ms"):
        form = "{:.0f}" if key == "lag_ms" else "{:.2f}"
        values = sorted(run[key] for run in runs)
        low, middle, high = values[0], statistics.median(values), values[-1]
        cells.append(f"{form.format(middle)} ({form.format(low)}-{form.format(high)})".rjust(20))
    cells.append(f"{max(run['memory_mb'] for run in runs):.0f}".rjust(8))
    return " ".join(cells)


def main() -> int:
    """Run the bench and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", help="directory of a code base; ten of its files get a new time")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--once", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    root = str(Path(options.root).resolve())
    if options.once:
        sys.stdout.write(json.dumps(run_once(root, options.once)))
        return 0
    cold: list[dict[str, float]] = []
    warm: list[dict[str, float]] = []
    changed: list[dict[str, float]] = []
    kept = 0
    for _ in range(options.runs):
        with tempfile.TemporaryDirectory() as directory:
            cache = Path(directory) / "cache"
            cold.append(_in_process(root, cache))
            warm.append(_in_process(root, cache))
            for path in sorted(Path(root).rglob("*.py"))[:CHANGED] or sorted(Path(root).rglob("*.java"))[:CHANGED]:
                path.touch()
            changed.append(_in_process(root, cache))
            kept = sum(path.stat().st_size for path in cache.iterdir())
    first = cold[0]
    counts = f"{first['files']:.0f} files, {first['outlines']:.0f} outlines, {first['definitions']:.0f} definitions"
    sys.stdout.write(f"{counts}; {kept / 1024**2:.1f} MB kept on disk; {first['workers']:.0f} workers\n")
    heads = ("scan s", "cpu s", "read s", "again s", "lag ms")
    sys.stdout.write("        " + " ".join(head.rjust(20) for head in heads) + "       MB\n")
    for name, runs in (("cold", cold), ("warm", warm), ("changed", changed)):
        sys.stdout.write(_row(name, runs) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
