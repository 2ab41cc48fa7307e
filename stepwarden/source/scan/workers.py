"""The worker processes of a scan: started for it, watched file by file, ended with it."""

import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from stepwarden.source.processes import kill_session
from stepwarden.source.scan.entry import FileEntry
from stepwarden.source.scan.frames import StreamEnded, read_result, write_frame
from stepwarden.source.scan.worker import FILE_SECONDS

MOST_WORKERS = 4
BATCH = 16  # files sent to a worker at once
_GRACE_S = 5.0  # beyond what a worker allows itself for a file
_POLL_S = 0.1
_PACKAGE_PARENT = str(Path(__file__).parents[3])  # installed or not
# Isolated (-I): neither variables nor the working directory change what is imported.
_MAIN = "import sys; sys.path.append(sys.argv[1]); from stepwarden.source.scan.worker import main; main()"

CRASHED = "the parser crashed or hung on it"
Result = tuple[str, FileEntry | str]


@dataclass(frozen=True, slots=True)
class ParseJob:
    """The files `names` of `root` to read and parse; `known` is what is kept of them from earlier scans."""

    root: str
    names: Sequence[str]
    known: Mapping[str, FileEntry]

    def batches(self) -> list[Sequence[str]]:
        """Return the names in batches of BATCH."""
        return [self.names[start : start + BATCH] for start in range(0, len(self.names), BATCH)]

    def described(self, names: Sequence[str]) -> list[tuple[str, str]]:
        """Return names with the hashes of what is known of them, "" for nothing."""
        return [(name, self.known[name].sha256 if name in self.known else "") for name in names]


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """How a worker is started, and the seconds it has for one file before it is killed."""

    command: Sequence[str] = (sys.executable, "-I", "-c", _MAIN, _PACKAGE_PARENT)
    file_seconds: float = FILE_SECONDS + _GRACE_S


def worker_count() -> int:
    """Return how many workers a scan starts: one for each usable core, at most MOST_WORKERS."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(MOST_WORKERS, usable))


def parse_all(
    job: ParseJob,
    *,
    until: float,
    stopped: Callable[[], bool],
    process: WorkerProcess | None = None,
) -> Iterator[Result]:
    """Read and parse files in worker processes; yield the result of each, in no order.

    Ends at `until`, or when `stopped` returns True, without the results of the rest; no process is left behind.
    """
    pool = _WorkerPool(job, process or WorkerProcess())
    try:
        yield from pool.results(until, stopped)
    finally:
        pool.close()


class _WorkerPool:
    """The workers of one job, and the files that wait for them."""

    def __init__(self, job: ParseJob, process: WorkerProcess) -> None:
        self.job = job
        self.process = process
        self.done: queue.SimpleQueue[Result | None] = queue.SimpleQueue()  # None: a worker has finished
        self.ending = threading.Event()
        self._waiting: queue.SimpleQueue[Sequence[str]] = queue.SimpleQueue()
        batches = job.batches()
        for batch in batches:
            self._waiting.put(batch)
        self._workers = [_Worker(self) for _ in range(min(worker_count(), len(batches)))]

    def next_batch(self) -> Sequence[str] | None:
        """Return files that no worker has yet, None where there are none or the job ends."""
        if self.ending.is_set():
            return None
        try:
            return self._waiting.get_nowait()
        except queue.Empty:
            return None

    def results(self, until: float, stopped: Callable[[], bool]) -> Iterator[Result]:
        """Yield results as they come, and kill workers that take too long for a file."""
        busy = len(self._workers)
        while busy:
            if time.monotonic() >= until or stopped():
                return
            with suppress(queue.Empty):
                result = self.done.get(timeout=_POLL_S)
                if result is None:
                    busy -= 1
                else:
                    yield result
            self._kill_overdue()

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for worker in self._workers:
            if worker.deadline < now:
                worker.kill()

    def close(self) -> None:
        """Kill every process and wait for the threads."""
        self.ending.set()
        for worker in self._workers:
            worker.kill()
        for worker in self._workers:
            worker.thread.join()


class _Worker:
    """One process, and the thread that talks to it."""

    def __init__(self, pool: _WorkerPool) -> None:
        self.deadline = time.monotonic() + pool.process.file_seconds
        self._pool = pool
        self._process: subprocess.Popen[bytes] | None = None
        self.thread = threading.Thread(target=self._parse_batches, name="outlines", daemon=True)
        self.thread.start()

    def kill(self) -> None:
        """Kill the process; the thread notices by itself."""
        process = self._process
        if process is not None:
            with suppress(ProcessLookupError):
                kill_session(process)

    def _parse_batches(self) -> None:
        pool = self._pool
        try:
            while (batch := pool.next_batch()) is not None:
                self._parse_batch(batch)
        finally:
            self._end_process()
            pool.done.put(None)

    def _parse_batch(self, batch: Sequence[str]) -> None:
        """Have a batch parsed; a file at which the process dies is given up, the rest goes to a new process."""
        pool, left = self._pool, list(batch)
        while left and not pool.ending.is_set():
            sending, receiving = self._pipes()
            try:
                write_frame(sending, {"root": pool.job.root, "files": pool.job.described(left)})
                while left:
                    self._extend_deadline()
                    result = read_result(receiving, pool.job.known.get(left[0]))
                    pool.done.put((left.pop(0), result))
            except (StreamEnded, OSError, ValueError):
                self._end_process()
                if not pool.ending.is_set():
                    pool.done.put((left.pop(0), CRASHED))

    def _extend_deadline(self) -> None:
        self.deadline = time.monotonic() + self._pool.process.file_seconds

    def _pipes(self) -> tuple[BinaryIO, BinaryIO]:
        """Return the pipes to and from the process, which is started where there is none."""
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                list(self._pool.process.command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            self._extend_deadline()
            if self._pool.ending.is_set():
                kill_session(self._process)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return cast("BinaryIO", self._process.stdin), cast("BinaryIO", self._process.stdout)

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        kill_session(process)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        process.wait()
