"""Several processes on one store, and processes that die in the middle of it."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from store_steps import append

from stepwarden.storage import Store
from tests.support import processes
from tests.support.processes import Process, unmeasured

WRITER = Path(__file__).with_name("store_writer.py")
NEVER_ENDING = 10**9


def start(url: str, stream: str, count: int) -> Process:
    return processes.start([str(WRITER), url, stream, str(count)], os.environ, WRITER.parent, stderr=subprocess.DEVNULL)


def let_go(writers: list[Process]) -> None:
    """Wait until each has its imports behind it, then let all open the store at one moment."""
    for writer in writers:
        assert next_line(writer) == b"ready\n"
    for writer in writers:
        assert writer.stdin
        writer.stdin.write(b"go\n")


def next_line(writer: Process) -> bytes:
    assert writer.stdout
    return writer.stdout.readline()


def rest_of(writer: Process) -> list[int]:
    """Return what it acknowledged and nobody read yet; waits for its end."""
    assert writer.stdin
    assert writer.stdout
    rest = [int(line) for line in writer.stdout.read().split()]
    writer.wait()
    writer.stdin.close()
    writer.stdout.close()
    return rest


@pytest.mark.asyncio
async def test_eight_processes_that_open_a_new_store_at_once_all_record(store: Store, url: str) -> None:
    writers = [start(url, f"debug-{number}", 5) for number in range(8)]
    let_go(writers)
    for writer in writers:
        assert rest_of(writer) == [1, 2, 3, 4, 5]
        assert writer.returncode == 0
    for number in range(8):
        assert len(await store.read(f"debug-{number}")) == 5
        assert await store.verify(f"debug-{number}") is None


async def kill_and_look(url: str, kills: int, seed: int) -> None:
    """Kill two writers at a time, each after a random number of acknowledgements, wherever it is by then."""
    random_numbers = random.Random(seed)
    expected = {"debug-0": 0, "debug-1": 0}
    for _ in range(kills // 2):
        writers = {stream: start(url, stream, NEVER_ENDING) for stream in expected}
        let_go(list(writers.values()))
        for stream, writer in writers.items():
            for _ in range(random_numbers.randrange(80)):
                expected[stream] = int(next_line(writer))
            writer.kill()
            expected[stream] = max([expected[stream], *rest_of(writer)])
        store = Store(url)
        await store.warm()
        assert store.lost_of(None) == []
        for stream, acknowledged_events in expected.items():
            recorded = len(await store.read(stream))
            # The one append that was under way may be there, with nobody told.
            assert recorded in {acknowledged_events, acknowledged_events + 1}
            if recorded:
                assert await store.verify(stream) is None
        await store.close()


@pytest.mark.asyncio
async def test_no_acknowledged_event_is_lost_when_writers_are_killed(url: str) -> None:
    await kill_and_look(url, kills=8, seed=1)


@pytest.mark.slow
@pytest.mark.asyncio
async def test_no_acknowledged_event_is_lost_in_many_kills(url: str) -> None:
    await kill_and_look(url, kills=40, seed=2)


@pytest.mark.asyncio
async def test_a_store_that_was_killed_over_its_log_is_opened_and_goes_on(url: str) -> None:
    writer = start(url, "debug-0", NEVER_ENDING)
    let_go([writer])
    assert next_line(writer) == b"1\n"
    writer.kill()
    rest_of(writer)
    store = Store(url)
    recorded = len(await store.read("debug-0"))
    assert (await append(store, "debug-0", 1))[0].seq == recorded + 1
    assert await store.verify("debug-0") is None
    await store.close()


def test_importing_the_package_and_making_a_store_loads_no_database_library() -> None:
    code = (
        "import sys, stepwarden.storage as s; s.Store('sqlite:////nowhere/x.db');"
        "sys.exit(bool({'sqlalchemy', 'pysqlite3', 'sqlite3', 'psycopg'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], env=unmeasured(), check=False).returncode == 0
