"""Several processes that write to one store at once: no checkpoint of one is taken for somebody else's writing."""

import subprocess
import sys
from pathlib import Path

import pytest
from store_steps import append

from stepwarden.storage import Store

EVENTS = 150
WRITER = """
import asyncio, sys
from store_steps import CHANGE, event
from stepwarden.storage import Append, Store

async def write(url, stream, count):
    store, last = Store(url), None
    for number in range(count):  # of 15 pages each: a checkpoint every 60 or so
        last = (await store.append(Append(stream, number, [event(number, 60_000)], CHANGE, previous=last)))[0].hash
    await store.close()

asyncio.run(write(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


# Who reads for a while keeps a checkpoint from writing all of the log, which leaves the file by itself no state at all.
READER = """
import sqlite3, sys, time
with sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None) as reader:
    while True:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM stepwarden_heads").fetchone()
        time.sleep(0.02)
        reader.execute("COMMIT")
        reader.execute("PRAGMA wal_checkpoint(PASSIVE)")
"""


@pytest.mark.asyncio
async def test_checkpoints_of_other_processes_are_no_change_of_the_store_and_lose_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'stepwarden.db'}"
    store = Store(url)
    await append(store, "debug-own", 1)
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, url, f"debug-{name}", str(EVENTS)], cwd=Path(__file__).parent)
        for name in range(4)
    ]
    reader = subprocess.Popen([sys.executable, "-c", READER, str(tmp_path / "stepwarden.db")])
    try:
        while any(writer.poll() is None for writer in writers):
            await append(store, "debug-own", 1)
    finally:
        reader.kill()
        codes = [process.wait() for process in (*writers, reader)]
    assert codes[:-1] == [0] * 4
    for name in range(4):
        assert len(await store.read(f"debug-{name}")) == EVENTS
        assert await store.verify(f"debug-{name}") is None
    assert await store.verify("debug-own") is None
    await store.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stepwarden.db", "stepwarden.db-acknowledged"]
