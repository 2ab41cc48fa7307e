"""Worker processes: what they cost when they crash, hang or are left alone."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from git_driver import Made, until

from stepwarden.source.scan import workers
from stepwarden.source.scan.entry import FileEntry, Stamp
from stepwarden.source.scan.reader import Reader
from stepwarden.source.scan.workers import BATCH, CRASHED, ParseJob, WorkerProcess, parse_all
from tests.support.processes import unmeasured

NAMES = [f"f{number:02}.py" for number in range(2 * BATCH)]  # for two workers
HEAVY = ("mcp", "pydantic", "asyncio", "sqlalchemy", "multiprocessing")

# A worker that dies or hangs at files of certain names, and else answers as the real one.
ODD_WORKER = """
import os, signal, sys
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
            with open(os.path.join(sys.argv[1], "hangs-" + name), "w") as file:
                file.write(str(os.getpid()))
            signal.pause()
        if "talk" in name:
            os.write(1, b"these are no lengths, but many words")
        write_result(sys.stdout.buffer, read_entry(told["root"], name, None), same=False)
"""


@pytest.fixture
def made(tmp_path: Path) -> Made:
    made = Made.at(tmp_path.resolve() / "work")
    for name in NAMES:
        made.write(name, f"def {name[:3]}(): ...\n")
    return made


@pytest.fixture
def odd_worker(tmp_path: Path) -> tuple[str, ...]:
    """Return the command of the odd worker, whose hanging is seen by a file in `tmp_path`."""
    script = tmp_path / "odd.py"
    script.write_text(ODD_WORKER)
    return sys.executable, str(script), str(tmp_path)


def is_hanging(folder: Path) -> bool:
    """Return whether a worker hangs at a file now."""
    pids = [path.read_text() for path in folder.glob("hangs-*")]
    return any(psutil.pid_exists(int(pid)) for pid in pids if pid)


class HurryingClock:
    """A clock that stands, and goes on by an hour at each look while a worker hangs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._now = 0.0

    def monotonic(self) -> float:
        self._now += 3_600.0 * is_hanging(self._folder)
        return self._now


@pytest.mark.parametrize("trouble", ["crash", "talk"])
def test_a_file_that_kills_its_worker_is_the_only_one_lost(
    made: Made, odd_worker: tuple[str, ...], trouble: str
) -> None:
    bad = [made.write(f"{trouble}{number}.py", "").name for number in (1, 2)]
    names = [*NAMES[:4], *bad, *NAMES[4:]]
    process = WorkerProcess(odd_worker, file_seconds=3_600.0)
    job = ParseJob(str(made.top), names, {})
    given = dict(parse_all(job, until=until(), stopped=lambda: False, process=process))
    assert {name for name, result in given.items() if result == CRASHED} == set(bad)
    assert sum(isinstance(result, FileEntry) for result in given.values()) == len(NAMES)


def test_a_file_that_a_worker_hangs_at_is_the_only_one_lost(
    made: Made, tmp_path: Path, odd_worker: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One worker, that the clock hurries for whenever it hangs."""
    monkeypatch.setattr(workers, "time", HurryingClock(tmp_path))
    bad = [made.write(f"hang{number}.py", "").name for number in (1, 2)]
    names = [*NAMES[:4], *bad, *NAMES[4:8]]
    job = ParseJob(str(made.top), names, {})
    given = dict(parse_all(job, until=1e12, stopped=lambda: False, process=WorkerProcess(odd_worker)))
    assert {name for name, result in given.items() if result == CRASHED} == set(bad)
    assert sum(isinstance(result, FileEntry) for result in given.values()) == 8


def test_workers_that_cannot_start_lose_every_file_and_nothing_else(made: Made) -> None:
    failing = (sys.executable, "-I", "-S", "-c", "raise SystemExit(1)")
    job = ParseJob(str(made.top), NAMES, {})
    given = dict(parse_all(job, until=until(), stopped=lambda: False, process=WorkerProcess(failing)))
    assert set(given.values()) == {CRASHED}


@pytest.mark.parametrize("by_time", [True, False])
def test_a_scan_that_is_given_up_leaves_no_worker(
    made: Made, tmp_path: Path, odd_worker: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, by_time: bool
) -> None:
    """The workers hang, and never come to an end by themselves."""

    def hangs() -> bool:
        return is_hanging(tmp_path)

    if by_time:
        monkeypatch.setattr(workers, "time", HurryingClock(tmp_path))
    names = [made.write(f"hang{number}.py", "").name for number in range(40)]
    ends, stopped = (1.0, lambda: False) if by_time else (until(), hangs)
    job = ParseJob(str(made.top), names, {})
    given = list(parse_all(job, until=ends, stopped=stopped, process=WorkerProcess(odd_worker, file_seconds=1e12)))
    assert given == []
    children = psutil.Process().children()
    assert not [child for child in children if odd_worker[1] in child.cmdline()]


def test_what_killed_a_worker_is_not_parsed_by_the_server_later(made: Made, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    reader = Reader(cache)
    scan = reader.scan(str(made.top), until=until())
    assert len(scan.outlines) == len(NAMES)
    kept = reader._roots.get(str(made.top))  # pyright: ignore[reportPrivateUsage]
    path = made.top / "f00.py"
    old = path.stat().st_mtime_ns - 10**10
    os.utime(path, ns=(old, old))
    kept.entries["f00.py"] = FileEntry(Stamp.of(path.stat()), "", why=CRASHED)
    made.write("f01.py", "def changed(): ...\n")
    for again in (reader, reader):
        scan = again.scan(str(made.top), until=until())
        assert "f00.py" not in scan.outlines
        assert [(part.why, part.examples) for part in scan.left_out] == [(CRASHED, ("f00.py",))]
    scan = Reader(cache).scan(str(made.top), until=until())
    assert "f00.py" not in scan.outlines


def test_a_worker_loads_nothing_heavy() -> None:
    code = f"import stepwarden.source.scan.worker, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], env=unmeasured(), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


PARENT = """
import sys, time
import psutil
from stepwarden.source.scan.workers import ParseJob, parse_all
root, *names = sys.argv[1:]
results = parse_all(ParseJob(root, names * 40, {}), until=time.monotonic() + 3_600, stopped=lambda: False)
next(results)
print(*[child.pid for child in psutil.Process().children()], flush=True)
sys.stdin.read()
"""


def test_workers_die_with_the_server_and_never_have_its_pipes(made: Made, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    with subprocess.Popen(
        [sys.executable, str(script), str(made.top), *NAMES], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert pids
        orphans = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
        os.kill(parent.pid, signal.SIGKILL)
        assert parent.stdout.read() == ""  # so nobody else holds the server's stdout open
    psutil.wait_procs(orphans)  # for ever, where they live on
