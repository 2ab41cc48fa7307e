"""A full disk, a held lock, and growth."""

import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
import pytest_asyncio
from store_steps import CHANGE, append, event

from stepwarden.errors import StoreBusy, StoreError, StoreUnreadable
from stepwarden.storage import Append, HeadQuery, Store
from tests.support.store import raw

pytestmark = pytest.mark.asyncio


@contextmanager
def files_limited_to(size_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest_asyncio.fixture
async def impatient(url: str) -> AsyncIterator[Store]:
    """A store that waits for another process a tenth of a second only."""
    opened = Store(url, busy_timeout_s=0.1)
    yield opened
    await opened.close()


async def append_until_refused(store: Store, recorded: int = 0) -> tuple[int, StoreError]:
    while True:
        try:
            await store.append(Append("debug-a", recorded, [event(recorded, size=20_000)], CHANGE))
        except StoreError as error:
            return recorded, error
        recorded += 1


async def test_a_full_disk_refuses_the_append_and_nothing_else_and_space_heals_it(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 500_000)
    store = Store(f"sqlite:///{small_disk}/state/store.db")
    recorded, error = await append_until_refused(store)
    assert not isinstance(error, StoreUnreadable | StoreBusy)
    assert "disk is full; nothing was recorded" in str(error)
    assert recorded > 3
    assert len(await store.read("debug-a")) == recorded
    with pytest.raises(StoreError, match="disk is full"):
        await store.append(Append("debug-a", recorded, [event(size=20_000)], CHANGE))

    ballast.unlink()
    assert (await append(store, "debug-a", 3))[-1].seq == recorded + 3
    assert await store.verify("debug-a") is None
    await store.close()


async def test_a_disk_that_was_full_from_the_start_heals_too(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (1 << 20))
    store = Store(f"sqlite:///{small_disk}/state/store.db")
    with pytest.raises(StoreError, match=r"(?i)nothing was recorded|no space"):
        await store.warm()
    ballast.unlink()
    assert await append(store, "debug-a", 1)
    await store.close()


async def test_a_write_that_the_system_refuses_leaves_what_was_recorded(store: Store) -> None:
    await append(store, "debug-a", 3)
    with files_limited_to(200_000):
        recorded, error = await append_until_refused(store, 3)
    assert not isinstance(error, StoreUnreadable | StoreBusy)
    assert "nothing was recorded" in str(error)
    assert len(await store.read("debug-a")) == recorded
    assert (await append(store, "debug-a", 1))[0].seq == recorded + 1
    assert await store.verify("debug-a") is None


async def test_a_held_store_is_busy_for_writers_and_then_fine(impatient: Store, path: Path) -> None:
    await append(impatient, "debug-a", 2)
    holder = raw(path)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy, match="send the same call again"):
        await impatient.append(Append("debug-a", 2, [event()], CHANGE))
    with pytest.raises(StoreBusy):
        await impatient.calibration.reset()
    holder.execute("ROLLBACK")
    assert (await append(impatient, "debug-a", 1))[0].seq == 3
    holder.close()


async def test_a_new_store_that_is_held_is_busy_and_then_fine(impatient: Store, path: Path) -> None:
    path.parent.mkdir()
    holder = raw(path)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy):
        await impatient.warm()
    holder.execute("ROLLBACK")
    holder.close()
    assert await append(impatient, "debug-a", 1)


async def test_readers_are_answered_while_a_writer_waits(store: Store, path: Path) -> None:
    await append(store, "debug-a", 2)
    holder = raw(path)
    holder.execute("BEGIN IMMEDIATE")
    ended: list[str] = []

    async def wait_for_the_lock() -> None:
        await store.append(Append("debug-a", 2, [event()], CHANGE))
        ended.append("writer")

    async with anyio.create_task_group() as group:
        group.start_soon(wait_for_the_lock)
        await anyio.lowlevel.checkpoint()
        for _ in range(10):
            assert len(await store.read("debug-a")) == 2
        ended.append("readers")
        holder.execute("ROLLBACK")
    assert ended == ["readers", "writer"]
    holder.close()


async def test_writers_that_wait_for_each_other_in_one_process_are_never_busy(store: Store) -> None:
    await store.warm()

    async def write(number: int) -> None:
        await append(store, f"debug-{number}", 20)

    async with anyio.create_task_group() as group:
        for number in range(16):
            group.start_soon(write, number)
    assert [head.version for head in await store.heads(HeadQuery("local"))] == [20] * 16


async def test_an_event_costs_the_same_room_at_two_hundred_and_at_two_thousand(url: str, path: Path) -> None:
    sizes: list[int] = []
    written: list[int] = []
    for target in (200, 400, 1_800, 2_000):
        store = Store(url)
        head = await store.head("debug-a")
        version = head.version if head else 0
        more = [event(size=2_000)] * (target - 50 - version)
        await store.append(Append("debug-a", version, more, CHANGE))
        await store.close()
        sizes.append(path.stat().st_size)
        written.append(await bytes_written_by_fifty(url, path))
    assert sizes[3] - sizes[2] == pytest.approx(sizes[1] - sizes[0], rel=0.1)
    assert written[3] == pytest.approx(written[0], rel=0.1)


async def bytes_written_by_fifty(url: str, path: Path) -> int:
    """The size of the log after fifty appends, or of the journals' share of it where there is no log: nothing."""
    store = Store(url)
    head = await store.head("debug-a")
    assert head
    for number in range(head.version, head.version + 50):
        await store.append(Append("debug-a", number, [event(size=2_000)], CHANGE))
    log = path.with_name(path.name + "-wal")
    size = log.stat().st_size if log.exists() else 0
    await store.close()
    return size
