"""Processes that drive runs, and what they noted."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from engines import Engine

from stepwarden.errors import StoreError
from stepwarden.storage import HeadQuery, Store
from stepwarden.storage.sqlite import newest_driver
from tests.support import processes
from tests.support.processes import Process

WORKER = Path(__file__).with_name("engine_worker.py")


@dataclass
class Workers:
    """Processes that drive the runs of one database; `steps` and the rest are what the runs are made of."""

    engine: Engine
    log: Path
    most_at_once: int = 4
    steps: int = 20
    step_s: float = 0.02
    lease_s: float = 15.0

    @contextmanager
    def running(self, count: int) -> Iterator[list[Process]]:
        """Start some, and kill those that are left in the end."""
        started = [self.start() for _ in range(count)]
        try:
            yield started
        finally:
            for process in started:
                end(process)

    def start(self) -> Process:
        """Start one; it may already drive when this returns."""
        work = (self.log, self.most_at_once, self.steps, self.step_s, self.lease_s)
        words = [str(WORKER), *self.engine.words(), *map(str, work)]
        process = processes.start(words, os.environ, WORKER.parent, stderr=subprocess.DEVNULL)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        return process

    def notes(self, word: str) -> list[tuple[str, int, int]]:
        """Return run, number and process of each note of this kind, in their order."""
        if not self.log.exists():
            return []
        found = [line.split() for line in self.log.read_text().splitlines()]
        return [(run_id, int(number), int(pid)) for kind, run_id, number, pid in found if kind == word]

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until what was noted is so; a test that waits for ever is ended by its time-out."""
        while not is_so():
            await moment()

    async def until_done(self, store: Store, runs: int) -> None:
        """Wait until so many runs are done, by their heads."""
        while await _states(store) != ["done"] * runs:
            await moment()


async def _states(store: Store) -> list[str]:
    try:
        return [head.state for head in await store.heads(HeadQuery(None))]
    except StoreError:  # a test may have killed the database
        return []


async def moment() -> None:
    """Leave the machine to the processes for a moment."""
    await asyncio.to_thread(Event().wait, 0.05)


def stop(process: Process, engine: Engine) -> None:
    """Stop a process at a moment at which it does not hold the write lock of a SQLite file: nobody could go on.

    On PostgreSQL the server ends the transaction of a session that stays idle in it.
    """
    process.send_signal(signal.SIGSTOP)
    while engine.url.startswith("sqlite") and is_locked(Path(engine.url.removeprefix("sqlite:///"))):
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGSTOP)


def is_locked(path: Path) -> bool:
    driver = newest_driver()
    with contextlib.closing(driver.connect(str(path), isolation_level=None, timeout=0.2)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except driver.OperationalError:
            return True
        connection.execute("ROLLBACK")
    return False


def end(process: Process) -> None:
    """Kill a process, and close its pipes."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
