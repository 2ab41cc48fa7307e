"""Processes that drive runs, and what they noted."""

import asyncio
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from engines import Engine

from stepwarden.storage import HeadQuery, Store
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
        while [head.state for head in await store.heads(HeadQuery(None))] != ["done"] * runs:
            await moment()


async def moment() -> None:
    """Leave the machine to the processes for a moment."""
    await asyncio.to_thread(Event().wait, 0.05)


def end(process: Process) -> None:
    """Kill a process, and close its pipes."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
