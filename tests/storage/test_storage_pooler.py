"""PostgreSQL behind a stock pgbouncer in transaction mode, where every transaction may meet another session."""

import asyncio
from collections.abc import Iterator

import psycopg
import pytest
from store_steps import CHANGE, append, event

from stepwarden.errors import StoreBusy
from stepwarden.storage import Append, Store
from tests.support.postgres import NEEDS_POOLER, NEEDS_POSTGRES, pooler

pytestmark = [NEEDS_POSTGRES, NEEDS_POOLER]


@pytest.fixture
def pooled_url() -> Iterator[str]:
    """The address of an empty database behind a pooler; it takes no settings of a session by `options`."""
    with pooler() as (_, pooled):
        yield pooled


@pytest.mark.asyncio
async def test_everything_works_behind_a_pooler_whichever_session_a_transaction_meets(pooled_url: str) -> None:
    stores = [Store(pooled_url) for _ in range(3)]
    names = [f"debug-{number}" for number in range(6)]
    await asyncio.gather(*(append(stores[place % 3], name, 12) for place, name in enumerate(names)))
    for store in stores:
        followed = await store.follow()
        assert sorted(item.event.stream for item in followed) == sorted(names * 12)
        assert [await store.verify(name) for name in names] == [None] * 6
    for store in stores:
        await store.close()


@pytest.mark.asyncio
async def test_a_lock_is_not_waited_for_without_an_end_behind_a_pooler(pooled_url: str) -> None:
    store = Store(pooled_url, busy_timeout_s=0.3)
    await append(store, "debug-a", 1)
    with psycopg.connect(pooled_url, prepare_threshold=None) as other:
        other.execute("SELECT * FROM stepwarden_heads FOR UPDATE")
        with pytest.raises(StoreBusy):
            await store.append(Append("debug-a", 1, [event(1)], CHANGE))
    await append(store, "debug-a", 1)
    await store.close()
