"""Worker processes: what they cost when they crash, hang or are left alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from git_driver import Made, until

from stepwarden.source.scan.entry import FileEntry
from stepwarden.source.scan.reader import Reader
from stepwarden.source.scan.workers import CRASHED, ParseJob, WorkerProcess, parse_all

HEAVY = ("mcp", "pydantic", "asyncio", "sqlalchemy", "multiprocessing")

# A worker that dies or hangs at files of certain names, and else answers as the real one.
ODD_WORKER = """
import os, sys, time
from stepwarden.source.scan.entry import read_entry
from stepwarden.source.scan.frames import StreamEnded, read_frame, write_result
while True:
    try:
        told, _ = read_frame(sys.stdin.buffer)
    except StreamEnded:
        break
    for name, _ in told["files"]:
        if "crash" in name:
            os.abort()
        if "hang" in name:
            time.sleep(1000)
        if "talk" in name:
            os.write(1, b"these are no lengths, but many words")
        write_result(sys.stdout.buffer, read_entry(told["root"], name, None), same=False)
"""


@pytest.fixture
def made(tmp_path: Path) -> Made:
    made = Made.at(tmp_path.resolve() / "work")
    for number in range(60):
        made.write(f"f{number:02}.py", f"def f{number}(): ...\n")
    return made


@pytest.mark.parametrize("trouble", ["crash", "hang", "talk"])
def test_a_file_that_kills_its_worker_is_the_only_one_lost(made: Made, tmp_path: Path, trouble: str) -> None:
    script = tmp_path / "odd.py"
    script.write_text(ODD_WORKER)
    names = [f"f{number:02}.py" for number in range(60)]
    names[20:20] = [made.write(f"{trouble}{number}.py", "").name for number in (1, 2)]
    given = dict(
        parse_all(
            ParseJob(str(made.top), names, {}),
            until=until(),
            stopped=lambda: False,
            process=WorkerProcess((sys.executable, str(script)), file_seconds=2.0),
        )
    )
    assert {name for name, result in given.items() if result == CRASHED} == {f"{trouble}1.py", f"{trouble}2.py"}
    assert sum(isinstance(result, FileEntry) for result in given.values()) == 60


def test_workers_that_cannot_start_lose_every_file_and_nothing_else(made: Made) -> None:
    names = [f"f{number:02}.py" for number in range(60)]
    failing = (sys.executable, "-c", "raise SystemExit(1)")
    job = ParseJob(str(made.top), names, {})
    given = dict(parse_all(job, until=until(), stopped=lambda: False, process=WorkerProcess(failing)))
    assert set(given.values()) == {CRASHED}


def test_a_scan_that_is_given_up_leaves_no_worker(made: Made, tmp_path: Path) -> None:
    script = tmp_path / "odd.py"
    script.write_text(ODD_WORKER)
    hanging = [made.write(f"hang{number}.py", "").name for number in range(40)]
    started = time.monotonic()
    given = list(
        parse_all(
            ParseJob(str(made.top), hanging, {}),
            until=time.monotonic() + 1.0,
            stopped=lambda: False,
            process=WorkerProcess((sys.executable, str(script))),
        )
    )
    assert given == []
    assert time.monotonic() - started < 20
    children = psutil.Process().children()
    assert not [child for child in children if str(script) in child.cmdline()]


def test_what_killed_a_worker_is_not_parsed_by_the_server_later(made: Made, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    reader = Reader(cache)
    scan = reader.scan(str(made.top), until=until())
    assert len(scan.outlines) == 60
    kept = reader._roots.get(str(made.top))  # pyright: ignore[reportPrivateUsage]
    path = made.top / "f00.py"
    old = path.stat().st_mtime_ns - 10**10
    os.utime(path, ns=(old, old))
    kept.entries["f00.py"] = FileEntry(path.stat().st_size, old, "", b"", CRASHED)
    made.write("f01.py", "def changed(): ...\n")
    for again in (reader, reader):
        scan = again.scan(str(made.top), until=until())
        assert "f00.py" not in scan.outlines
        assert [(part.why, part.examples) for part in scan.left_out] == [(CRASHED, ("f00.py",))]
    scan = Reader(cache).scan(str(made.top), until=until())
    assert "f00.py" not in scan.outlines


def test_a_worker_loads_nothing_heavy() -> None:
    code = f"import stepwarden.source.scan.worker, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


PARENT = """
import sys, time
import psutil
from stepwarden.source.scan.workers import ParseJob, parse_all
root, *names = sys.argv[1:]
results = parse_all(ParseJob(root, names * 40, {}), until=time.monotonic() + 60, stopped=lambda: False)
next(results)
print(*[child.pid for child in psutil.Process().children()], flush=True)
sys.stdin.read()
"""


def test_workers_die_with_the_server_and_never_have_its_pipes(made: Made, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    names = [f"f{number:02}.py" for number in range(60)]
    with subprocess.Popen(
        [sys.executable, str(script), str(made.top), *names], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert pids
        workers = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
        os.kill(parent.pid, signal.SIGKILL)
        assert parent.stdout.read() == ""  # so nobody else holds the server's stdout open
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive
