"""Events that travel in somebody else's transaction."""

from pathlib import Path

import pytest
from store_steps import CHANGE, event

from stepwarden.storage import Store
from stepwarden.storage.database import Transaction
from stepwarden.storage.records import Append, Claim
from stepwarden.storage.sqlite import open_sqlite


@pytest.mark.asyncio
async def test_events_appended_in_a_callers_transaction_share_its_fate(store: Store, path: Path) -> None:
    backend = open_sqlite(path, busy_timeout_s=5)
    with backend.writes.begin() as connection:
        rows = Transaction(connection).events
        rows.append(Append("run-a", 0, [event(1)], CHANGE), at=1.5)
        rows.append(Append("run-a", 1, [event(2)], CHANGE), at=2.5)
    with backend.writes.connect() as connection:
        rows = Transaction(connection).events
        rows.append(Append("run-a", 2, [event(3)], CHANGE), at=3.5)
        rows.append(Append("run-b", 0, [event(1)], CHANGE), at=3.5)
        connection.rollback()
    backend.writes.dispose()

    assert [stored.at for stored in await store.read("run-a")] == [1.5, 2.5]
    assert await store.verify("run-a") is None
    assert await store.head("run-b") is None


@pytest.mark.asyncio
async def test_an_append_and_a_claim_in_one_transaction_are_recorded_together_or_not_at_all(any_store: Store) -> None:
    def both(transaction: Transaction, *, fails: bool = False) -> None:
        transaction.consultations.claim(Claim("run-a", "k", "me", 10, "m", "d"), at=1.0)
        transaction.events.append(Append("run-a", 0, [event(1)], CHANGE), at=1.0)
        if fails:
            raise LookupError

    with pytest.raises(LookupError):
        await any_store.transactions.write(lambda transaction: both(transaction, fails=True))
    assert (await any_store.consultations.find("run-a", "k"), await any_store.head("run-a")) == (None, None)
    await any_store.transactions.write(both)
    assert await any_store.consultations.find("run-a", "k")
    assert await any_store.head("run-a")
