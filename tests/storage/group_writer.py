"""A process that appends to many streams at once, and writes "stream number" once an event is acknowledged."""

import asyncio
import os
import sys

from store_steps import CHANGE, event

import stepwarden.storage.database
import stepwarden.storage.sqlite  # noqa: F401 - imported before "ready", so that all processes open at one moment
from stepwarden.storage import Append, Store


async def write(url: str, streams: list[str]) -> None:
    store = Store(url)

    async def one(stream: str) -> None:
        head = await store.head(stream)
        number = head.version if head else 0
        while True:
            number = (await store.append(Append(stream, number, [event(number, size=500)], CHANGE)))[-1].seq
            os.write(1, f"{stream} {number}\n".encode())

    await asyncio.gather(*map(one, streams))


os.write(1, b"ready\n")
sys.stdin.readline()
asyncio.run(write(sys.argv[1], sys.argv[2].split(",")))
