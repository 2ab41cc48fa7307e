"""Tampering with what is stored shows."""

from pathlib import Path

import pytest
from store_steps import CHANGE, append, event

from stepwarden.storage import GENESIS, Append, NewEvent, Store, event_hash
from tests.support.store import raw

E = "stepwarden_events"
H = "stepwarden_heads"
COLUMNS = "stream, at, kind, payload, hash"
EVENT = NewEvent("k", "{}")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("tampering", "misfit"),
    [
        (f"UPDATE {E} SET payload = replace(payload, '1', '2') WHERE seq = 2", 2),
        (f"UPDATE {E} SET payload = x'00' WHERE seq = 2", 2),
        (f"UPDATE {E} SET at = at + 1 WHERE seq = 3", 3),
        (f"UPDATE {E} SET kind = 'other' WHERE seq = 5", 5),
        (f"UPDATE {E} SET hash = '{'0' * 64}' WHERE seq = 1", 1),
        (f"DELETE FROM {E} WHERE seq = 1", 1),
        (f"DELETE FROM {E} WHERE seq = 3", 3),
        (f"DELETE FROM {E} WHERE seq = 3; UPDATE {E} SET seq = seq - 1 WHERE seq > 3", 3),
        (f"DELETE FROM {E} WHERE seq = 5", 5),
        (f"DELETE FROM {E} WHERE seq > 2", 3),
        (f"DELETE FROM {E}", 1),
        (f"DELETE FROM {E} WHERE seq = 5; UPDATE {H} SET version = 4", 4),
        (f"UPDATE {H} SET version = 4", 5),
        (f"DELETE FROM {H}", 1),
        (f"INSERT INTO {E} (seq, {COLUMNS}) SELECT 6, {COLUMNS} FROM {E} WHERE seq = 5", 6),
        (f"UPDATE {E} SET seq = 9 WHERE seq = 2; UPDATE {E} SET seq = 2 WHERE seq = 3", 2),
    ],
)
async def test_tampering_is_found_at_its_number(store: Store, path: Path, tampering: str, misfit: int) -> None:
    await append(store, "debug-a", 5)
    assert await store.verify("debug-a") is None
    connection = raw(path)
    for statement in tampering.split("; "):
        connection.execute(statement)
    connection.close()
    assert await store.verify("debug-a") == misfit


@pytest.mark.asyncio
async def test_a_last_event_rewritten_with_a_right_hash_does_not_fit_its_head(store: Store, path: Path) -> None:
    stored = await append(store, "debug-a", 3)
    forged = event_hash(stored[1].hash, "debug-a", 3, stored[2].at, NewEvent("step", "{}"))
    connection = raw(path)
    connection.execute(f"UPDATE {E} SET payload = '{{}}', hash = '{forged}' WHERE seq = 3")
    connection.close()
    assert await store.verify("debug-a") == 3


@pytest.mark.asyncio
async def test_an_event_moved_to_another_stream_does_not_fit_there(store: Store, path: Path) -> None:
    await append(store, "debug-a", 1)
    await append(store, "debug-b", 1)
    connection = raw(path)
    connection.execute(f"DELETE FROM {E} WHERE stream = 'debug-b'")
    connection.execute(f"UPDATE {E} SET stream = 'debug-b'")
    connection.close()
    assert await store.verify("debug-b") == 1


@pytest.mark.asyncio
async def test_a_long_chain_is_verified_to_its_end(store: Store, path: Path) -> None:
    await store.append(Append("debug-a", 0, [event(number) for number in range(1_200)], CHANGE))
    assert await store.verify("debug-a") is None
    connection = raw(path)
    connection.execute(f"UPDATE {E} SET at = 1 WHERE seq = 1199")
    connection.close()
    assert await store.verify("debug-a") == 1199


def test_the_first_hash_of_every_stream_is_its_own() -> None:
    assert event_hash(GENESIS, "a", 1, 1.0, EVENT) != event_hash(GENESIS, "b", 1, 1.0, EVENT)
