"""A process that writes: says "ready", waits for a line, appends, and writes each number once it is acknowledged."""

import asyncio
import os
import sys

from store_steps import CHANGE, event

import stepwarden.storage.database
import stepwarden.storage.sqlite  # noqa: F401 - imported before "ready", so that all processes open at one moment
from stepwarden.storage import Append, Store


async def write(url: str, stream: str, count: int) -> None:
    store = Store(url)
    head = await store.head(stream)
    version = head.version if head else 0
    for number in range(version, version + count):
        stored = await store.append(Append(stream, number, [event(number, size=1_500)], CHANGE))
        os.write(1, f"{stored[-1].seq}\n".encode())
    await store.close()


os.write(1, b"ready\n")
sys.stdin.readline()
asyncio.run(write(sys.argv[1], sys.argv[2], int(sys.argv[3])))
