"""Following all streams of a store from a cursor: whoever appends meanwhile, no event is missed or comes twice."""

import anyio
import pytest
from store_steps import CHANGE, ORPHANS, append, event

from stepwarden.storage import PositionedEvent, Store
from stepwarden.storage.database import Transaction
from stepwarden.storage.postgres import open_postgres
from stepwarden.storage.records import Append
from tests.support.clocks import Clock
from tests.support.postgres import NEEDS_POSTGRES

pytestmark = pytest.mark.asyncio


class Follower:
    """Somebody who follows a store, a page at a time."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.seen: list[PositionedEvent] = []

    @property
    def cursor(self) -> int:
        return self.seen[-1].position if self.seen else 0

    async def catch_up(self, limit: int = 3) -> None:
        while page := await self.store.follow(self.cursor, limit=limit):
            self.seen += page


async def test_a_follower_gets_the_events_of_all_streams_as_they_were_appended(any_store: Store) -> None:
    follower = Follower(any_store)
    stored = [
        *await any_store.append(Append("debug-a", 0, [event(1), event(2)], CHANGE)),
        *await append(any_store, "debug-b", 1),
        *await append(any_store, "debug-a", 1),
    ]
    await follower.catch_up(limit=2)
    assert [item.event for item in follower.seen] == stored
    stored += await append(any_store, "debug-b", 1)
    await follower.catch_up()
    assert [item.event for item in follower.seen] == stored
    assert [item.position for item in follower.seen] == sorted({item.position for item in follower.seen})


async def test_a_position_is_not_given_again_after_retention(any_store: Store, clock: Clock) -> None:
    await append(any_store, "debug-a", 2)
    follower = Follower(any_store)
    await follower.catch_up()
    clock.now += 8 * 86_400
    assert await any_store.maintenance.prune([ORPHANS])
    assert await any_store.follow() == []
    await append(any_store, "debug-b", 1)
    await follower.catch_up()
    assert [item.event.stream for item in follower.seen] == ["debug-a", "debug-a", "debug-b"]


async def test_while_many_append_a_follower_misses_no_event(any_url: str) -> None:
    stores = [Store(any_url) for _ in range(4)]
    follower = Follower(Store(any_url))
    await follower.store.warm()

    writing = len(stores)

    async def write(number: int) -> None:
        nonlocal writing
        await append(stores[number], f"debug-{number}", 15)
        writing -= 1

    async with anyio.create_task_group() as group:
        for number in range(len(stores)):
            group.start_soon(write, number)
        while writing:
            await follower.catch_up()
    await follower.catch_up()
    for number in range(len(stores)):
        seen = [item.event.seq for item in follower.seen if item.event.stream == f"debug-{number}"]
        assert seen == list(range(1, 16))
    for store in [*stores, follower.store]:
        await store.close()


@NEEDS_POSTGRES
@pytest.mark.parametrize("end", ["commit", "rollback"])
async def test_of_transactions_that_would_commit_in_reverse_order_a_follower_misses_none(
    postgres_url: str, end: str
) -> None:
    """The first to take a position ends last; what was recorded meanwhile above it waits for it."""
    follower = Follower(Store(postgres_url))
    backend = open_postgres(postgres_url, busy_timeout_s=60)
    later = Store(postgres_url)
    done = anyio.Event()

    async def append_later() -> None:
        await append(later, "debug-later", 1)
        done.set()

    with backend.writes.connect() as first:
        Transaction(first).events.append(Append("debug-first", 0, [event()], CHANGE), at=1.0)
        async with anyio.create_task_group() as group:
            group.start_soon(append_later)
            await done.wait()  # nobody waits for the first
            await follower.catch_up()
            assert follower.seen == []
            getattr(first, end)()
    await follower.catch_up()
    expected = {"debug-first", "debug-later"} if end == "commit" else {"debug-later"}
    assert {item.event.stream for item in follower.seen} == expected
    backend.writes.dispose()
    for store in (follower.store, later):
        await store.close()
