"""How soon the run of a killed process goes on elsewhere, and what a process costs that waits for runs.

`uv run python bench/engine.py [DATABASE_URL]`; without one, in a SQLite file of its own.
"""

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from stepwarden.engine.choice import build_dispatcher
from stepwarden.settings import Settings, load_settings
from stepwarden.storage import Store

KILLS = 20
IDLE_S = 20.0
PARKED = 200


def settings_of(url: str) -> Settings:
    return load_settings(database_url=url)


async def work(url: str) -> None:
    """Drive runs: say which, again and again, until killed."""
    settings = settings_of(url)
    store = Store(settings.store_url)

    async def drive(run_id: str) -> None:
        while run_id.startswith("run-busy"):
            os.write(1, f"{run_id} {time.monotonic()}\n".encode())
            await asyncio.sleep(0.02)

    await build_dispatcher(settings, store).serve(drive)


class Worker:
    """A process that drives runs, and what it says."""

    def __init__(self, url: str) -> None:
        self.process = subprocess.Popen([sys.executable, __file__, url, "work"], stdout=subprocess.PIPE)

    def first_word(self) -> float:
        """Return when it first drove something, by the clock that all processes share; waits for that."""
        assert self.process.stdout is not None
        return float(self.process.stdout.readline().split()[1])

    def kill(self) -> float:
        self.process.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        self.process.wait()
        return killed


async def measure(url: str) -> None:
    settings = settings_of(url)
    store = Store(settings.store_url)
    dispatcher = build_dispatcher(settings, store)
    for number in range(PARKED):
        await dispatcher.offer(f"run-{number}")
    driving = Worker(url)
    while await dispatcher.unserved():  # noqa: ASYNC110 - of another process there is no event
        await asyncio.sleep(0.2)
    await asyncio.sleep(3)
    watched = psutil.Process(driving.process.pid)
    before = watched.cpu_times()
    await asyncio.sleep(IDLE_S)
    after = watched.cpu_times()
    used = after.user + after.system - before.user - before.system
    print(f"idle, {PARKED} runs parked: {used / IDLE_S:.2%} of a core, {watched.memory_info().rss / 1e6:.0f} MB")
    await dispatcher.offer("run-busy")
    driving.first_word()
    waits: list[float] = []
    for _ in range(KILLS):
        heir = Worker(url)
        await asyncio.sleep(4)  # it is up, and looks at the queue
        killed = driving.kill()
        waits.append(heir.first_word() - killed)
        driving = heir
    driving.kill()
    print(
        f"a killed process's run goes on after: median {statistics.median(waits):.2f} s, "
        f"{min(waits):.2f} to {max(waits):.2f} s, of {KILLS}"
    )
    await store.close()


if __name__ == "__main__":
    if sys.argv[2:] == ["work"]:
        asyncio.run(work(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as directory:
            asyncio.run(measure(sys.argv[1] if sys.argv[1:] else f"sqlite:///{Path(directory)}/store.db"))
