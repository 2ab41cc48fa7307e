"""A process that drives runs: each step is recorded, then its effect is done, which is a line in a log.

`engine_worker.py KIND URL LOCKS LOG MOST_AT_ONCE STEPS STEP_S LEASE_S`; it says "ready", and ends when
its input does.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import NamedTuple

from engines import Engine, open_dispatcher, record_step, steps_of

from stepwarden.engine import LeaseTimes
from stepwarden.errors import VersionConflict
from stepwarden.storage import Store


class Work(NamedTuple):
    """How many runs at once, what each is made of, and the lease."""

    most_at_once: int
    steps: int
    step_s: float
    lease_s: float


async def main(engine: Engine, log: int, work: Work) -> None:
    store = Store(engine.url)
    await store.warm()
    dispatcher = open_dispatcher(engine, store, LeaseTimes(work.lease_s, work.lease_s / 5))

    def note(*words: object) -> None:
        os.write(log, (" ".join(map(str, (*words, os.getpid()))) + "\n").encode())

    async def drive(run_id: str) -> None:
        done = len(await steps_of(store, run_id))
        note("begun", run_id, done)
        for number in range(done, work.steps):
            try:
                await record_step(store, run_id, number, is_last=number == work.steps - 1)
            except VersionConflict:
                note("fenced", run_id, number)
                raise
            note("effect", run_id, number)
            await asyncio.sleep(work.step_s)

    serving = asyncio.create_task(dispatcher.serve(drive, most_at_once=work.most_at_once))
    os.write(1, b"ready\n")
    await asyncio.to_thread(sys.stdin.read)
    await dispatcher.close()
    await serving
    await store.close()


if __name__ == "__main__":
    kind, url, locks, log_path, most, count, *seconds = sys.argv[1:]
    opened = os.open(log_path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
    asyncio.run(main(Engine(kind, url, Path(locks)), opened, Work(int(most), int(count), *map(float, seconds))))
