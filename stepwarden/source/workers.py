"""A scan's worker processes: started for it, watched file by file, gone with it."""

import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

from stepwarden.source.entry import FileEntry
from stepwarden.source.frames import StreamEnded, read_result, write_frame
from stepwarden.source.hardened import end
from stepwarden.source.worker import FILE_SECONDS

MOST = 4
BATCH = 16  # files told to a worker at once
_GRACE_S = 5.0  # over what a worker gives itself for a file
_PULSE_S = 0.1
_HOME = str(Path(__file__).parents[2])  # where the package lies, installed or not
# Isolated: no variable, no directory of somebody's says what is imported.
_COMMAND = ("-I", "-c", "import sys; sys.path.append(sys.argv[1]); from stepwarden.source.worker import main; main()")

CRASHED = "the parser crashed or hung on it"
Result = tuple[str, FileEntry | str]


def worker_count() -> int:
    """Return how many workers a scan starts: one for each core it may use, four at the most."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(MOST, usable))


def parse_all(
    root: str,
    names: Sequence[str],
    known: Mapping[str, FileEntry],
    *,
    until: float,
    stopped: Callable[[], bool],
    command: Sequence[str] = (sys.executable, *_COMMAND, _HOME),
    file_seconds: float = FILE_SECONDS + _GRACE_S,
) -> Iterator[Result]:
    """Read and parse files in worker processes and give what came of each, in no order.

    Ends at `until`, or when `stopped` says so, with some not given; no process is left behind. One that needs longer
    than `file_seconds` for a file is ended, and the file given up.
    """
    crew = _Crew(root, names, known, command, file_seconds)
    try:
        yield from crew.results(until, stopped)
    finally:
        crew.close()


class _Worker:
    """One process, and the thread that talks with it."""

    def __init__(self, crew: "_Crew") -> None:
        self.deadline = time.monotonic() + crew.file_seconds
        self._crew = crew
        self._process: subprocess.Popen[bytes] | None = None
        self.thread = threading.Thread(target=self._talk, name="outlines", daemon=True)
        self.thread.start()

    def kill(self) -> None:
        """End the process; the thread finds that out by itself."""
        process = self._process
        if process is not None:
            with suppress(ProcessLookupError):
                end(process)

    def _talk(self) -> None:
        crew = self._crew
        try:
            while (batch := crew.next_batch()) is not None:
                self._ask(batch)
        finally:
            self._stop()
            crew.given.put(None)

    def _ask(self, batch: Sequence[str]) -> None:
        """Have a batch parsed; the file at which the process dies is given up, the rest is asked of another."""
        crew, left = self._crew, list(batch)
        while left and not crew.ending.is_set():
            sending, receiving = self._pipes()
            try:
                files = [(name, crew.sha256_of(name)) for name in left]
                write_frame(sending, {"root": crew.root, "files": files})
                while left:
                    self.deadline = time.monotonic() + crew.file_seconds
                    result = read_result(receiving, crew.known.get(left[0]))
                    crew.given.put((left.pop(0), result))
            except (StreamEnded, OSError, ValueError):
                self._stop()
                if not crew.ending.is_set():
                    crew.given.put((left.pop(0), CRASHED))

    def _pipes(self) -> tuple[BinaryIO, BinaryIO]:
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                list(self._crew.command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            self.deadline = time.monotonic() + self._crew.file_seconds
            if self._crew.ending.is_set():
                end(self._process)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return cast("BinaryIO", self._process.stdin), cast("BinaryIO", self._process.stdout)

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        end(process)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        process.wait()


class _Crew:
    """The workers of one scan and the files that wait for them."""

    def __init__(
        self,
        root: str,
        names: Sequence[str],
        known: Mapping[str, FileEntry],
        command: Sequence[str],
        file_seconds: float,
    ) -> None:
        self.root = root
        self.known = known
        self.command = command
        self.file_seconds = file_seconds
        self.given: queue.SimpleQueue[Result | None] = queue.SimpleQueue()
        self.ending = threading.Event()
        self._batches: queue.SimpleQueue[Sequence[str]] = queue.SimpleQueue()
        batches = [names[start : start + BATCH] for start in range(0, len(names), BATCH)]
        for batch in batches:
            self._batches.put(batch)
        self._workers = [_Worker(self) for _ in range(min(worker_count(), len(batches)))]

    def next_batch(self) -> Sequence[str] | None:
        """Return files that no worker has yet, None where there are none or the scan is over."""
        if self.ending.is_set():
            return None
        try:
            return self._batches.get_nowait()
        except queue.Empty:
            return None

    def sha256_of(self, name: str) -> str:
        """Return the hash of what is known of a file, "" for nothing."""
        known = self.known.get(name)
        return known.sha256 if known is not None else ""

    def results(self, until: float, stopped: Callable[[], bool]) -> Iterator[Result]:
        """Return results as they come, and end what overruns its time."""
        busy = len(self._workers)
        while busy:
            if time.monotonic() >= until or stopped():
                return
            with suppress(queue.Empty):
                result = self.given.get(timeout=_PULSE_S)
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
        """End every process and wait for the threads."""
        self.ending.set()
        for worker in self._workers:
            worker.kill()
        for worker in self._workers:
            worker.thread.join()
