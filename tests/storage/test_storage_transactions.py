"""Events that travel in somebody else's transaction."""

from pathlib import Path

import pytest
from store_steps import CHANGE, event

from stepwarden.storage import Store
from stepwarden.storage.event_rows import append_in
from stepwarden.storage.sqlite import open_sqlite


@pytest.mark.asyncio
async def test_events_appended_in_a_callers_transaction_share_its_fate(store: Store, path: Path) -> None:
    backend = open_sqlite(path, busy_timeout_s=5)
    with backend.writes.begin() as connection:
        append_in(connection, "run-a", 0, [event(1)], CHANGE, at=1.5)
        append_in(connection, "run-a", 1, [event(2)], CHANGE, at=2.5)
    with backend.writes.connect() as connection:
        append_in(connection, "run-a", 2, [event(3)], CHANGE, at=3.5)
        append_in(connection, "run-b", 0, [event(1)], CHANGE, at=3.5)
        connection.rollback()
    backend.writes.dispose()

    assert [stored.at for stored in await store.read("run-a")] == [1.5, 2.5]
    assert await store.verify("run-a") is None
    assert await store.head("run-b") is None
