"""Small things that the tests of the store share."""

import json
from pathlib import Path

from stepwarden.storage import Append, HeadChange, NewEvent, RetentionRule, Store, StoredEvent, kinds

CHANGE = HeadChange(tool="debug", principal="local", title="find it", state="open", steps=1, total_steps=3)
ORPHANS = RetentionRule(kinds.THREAD, 7 * 86_400.0, states=("open",), most_steps=1)


def event(number: int = 0, size: int = 20) -> NewEvent:
    return NewEvent("step", json.dumps({"n": number, "text": "x" * size}))


async def append(store: Store, stream: str, count: int, change: HeadChange = CHANGE) -> list[StoredEvent]:
    """Append `count` events one by one after those that are there."""
    head = await store.head(stream)
    version = head.version if head else 0
    stored: list[StoredEvent] = []
    for number in range(version, version + count):
        stored += await store.append(Append(stream, number, [event(number)], change))
    return stored


async def kept(store: Store, stream: str) -> dict[str, bytes]:
    """What is kept with a stream."""
    return await store.transactions.read(lambda transaction: transaction.kept.of_stream(stream))


def contents(directory: Path) -> dict[str, bytes]:
    """Every file of `directory` that holds something; no store may have any of them open in this process."""
    return {file.name: file.read_bytes() for file in directory.iterdir() if file.stat().st_size}
