"""A store that is put back, replaced, emptied or deleted while servers have it open: told, and never mixed."""

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from store_steps import CHANGE, append, event

from stepwarden.errors import StoreReplaced, StoreUnreadable
from stepwarden.storage import Append, HeadQuery, NewEvent, Store
from stepwarden.storage.acknowledged import AcknowledgedEvents
from stepwarden.storage.database import Transaction
from tests.support.postgres import NEEDS_POSTGRES
from tests.support.store import raw

# Events of 4 kB: the first stay in the log, the second are written to the file from time to time.
SMALL, LARGE = 3, 1_600


def copied(path: Path) -> Path:
    """A copy by SQLite's own way, page by page."""
    copy = path.with_name("copy.db")
    with closing(raw(path)) as source, closing(raw(copy)) as target:
        source.backup(target)
    return copy


def compacted(path: Path) -> Path:
    """A copy whose pages stand in another order."""
    copy = path.with_name("copy.db")
    with closing(raw(path)) as source:
        source.execute(f"VACUUM INTO '{copy}'")
    return copy


def overwrite(copy: Path, path: Path) -> None:
    with copy.open("rb") as source, path.open("r+b") as target:
        target.truncate(0)
        shutil.copyfileobj(source, target)


def overwrite_and_remove_log(copy: Path, path: Path) -> None:
    for left in ("-wal", "-shm"):
        path.with_name(path.name + left).unlink()
    overwrite(copy, path)


def replace(copy: Path, path: Path) -> None:
    Path(shutil.copy(copy, copy.with_name("second.db"))).replace(path)


def replace_and_remove_log(copy: Path, path: Path) -> None:
    for left in ("-wal", "-shm"):
        path.with_name(path.name + left).unlink()
    replace(copy, path)


async def length(store: Store, stream: str) -> int:
    head = await store.head(stream)
    return head.version if head is not None else 0


async def fill(store: Store, count: int) -> None:
    """Append `count` events of 4 kB one by one to debug-a."""
    head = await store.head("debug-a")
    version, last = (head.version, head.hash) if head else (0, None)
    for number in range(version, version + count):
        stored = await store.append(Append("debug-a", number, [event(number, 4_000)], CHANGE, previous=last))
        last = stored[0].hash


@pytest_asyncio.fixture
async def servers(url: str) -> AsyncIterator[tuple[Store, Store]]:
    """Two that have the store open."""
    stores = Store(url), Store(url)
    for store in stores:
        await store.warm()
    yield stores
    for store in stores:
        await store.close()


async def sound(url: str, path: Path) -> list[tuple[str, int]]:
    """The streams of the store with their lengths, as a new process reads it, which has to find nothing wrong."""
    store = Store(url)
    heads = await store.heads(HeadQuery(None))
    assert [await store.verify(head.stream) for head in heads] == [None] * len(heads)
    await store.close()
    with closing(raw(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return [(head.stream, head.version) for head in heads]


@pytest.mark.asyncio
@pytest.mark.parametrize("put", [overwrite, overwrite_and_remove_log, replace, replace_and_remove_log])
@pytest.mark.parametrize("copy_of", [copied, compacted])
@pytest.mark.parametrize("count", [SMALL, LARGE])
async def test_a_copy_that_is_put_over_an_open_store_is_what_counts_from_then_on(
    servers: tuple[Store, Store],
    url: str,
    path: Path,
    count: int,
    copy_of: Callable[[Path], Path],
    put: Callable[[Path, Path], None],
) -> None:
    one, two = servers
    await fill(one, count)
    copy = copy_of(path)
    await fill(one, count)
    await append(two, "debug-b", 2)
    put(copy, path)
    for store in servers:
        with pytest.raises(StoreReplaced) as told:
            await store.append(Append("debug-a", 2 * count, [event()], CHANGE))
        assert "\n" not in str(told.value)
        assert await length(store, "debug-a") == count, "it is told once"
    await append(one, "debug-a", 1)
    await append(two, "debug-a", 1)
    assert await sound(url, path) == [("debug-a", count + 2)]
    for store in servers:
        await store.close()
    assert await sound(url, path) == [("debug-a", count + 2)]


@pytest.mark.asyncio
async def test_a_store_that_goes_back_and_on_to_the_same_number_is_known_by_its_hash(
    servers: tuple[Store, Store], url: str, path: Path
) -> None:
    await append(servers[0], "debug-a", 2)
    await servers[1].head("debug-a")
    copy = copied(path)
    stored = await append(servers[0], "debug-a", 2)
    overwrite(copy, path)
    other = Store(url)
    await other.warm()
    with pytest.raises(StoreReplaced):
        await servers[1].head("debug-a")
    for number in (2, 3):
        await servers[1].append(Append("debug-a", number, [NewEvent("step", '{"others": 1}')], CHANGE))
    late = Append("debug-a", 4, [event(4)], CHANGE, previous=stored[-1].hash)
    with pytest.raises(StoreReplaced):
        await servers[0].append(late)
    await other.close()
    assert [row.payload for row in await servers[0].read("debug-a", after=2)] == ['{"others": 1}'] * 2


@pytest.mark.asyncio
@pytest.mark.parametrize("removed", [False, True], ids=["emptied", "deleted"])
async def test_an_open_store_that_is_emptied_or_deleted_begins_anew_and_says_so(
    servers: tuple[Store, Store], url: str, path: Path, removed: bool
) -> None:
    await append(servers[0], "debug-a", 3)
    path.unlink() if removed else path.write_bytes(b"")
    for store, name in zip(servers, ("debug-b", "debug-c"), strict=True):
        with pytest.raises(StoreReplaced, match="while it was in use"):
            await store.append(Append(name, 0, [event()], CHANGE))
        await append(store, name, 1)
    with pytest.raises(StoreReplaced, match="no longer has debug-a"):
        await servers[0].head("debug-a")
    assert await length(servers[0], "debug-a") == 0
    assert sorted(await sound(url, path)) == [("debug-b", 1), ("debug-c", 1)]
    assert [file.name for file in path.parent.iterdir() if ".db-wal." in file.name], "the log of the old one is kept"


@pytest.mark.asyncio
async def test_a_log_that_is_deleted_under_an_open_store_takes_nothing_with_it(
    store: Store, url: str, path: Path
) -> None:
    await append(store, "debug-a", 3)
    path.with_name(path.name + "-wal").unlink()
    await append(store, "debug-a", 2)
    await store.close()
    assert await sound(url, path) == [("debug-a", 5)]


@pytest.mark.asyncio
@pytest.mark.parametrize("parts", [["-wal"], ["-wal", "-shm"]])
@pytest.mark.parametrize("first", [0, 1])
async def test_a_log_that_is_deleted_under_several_servers_takes_nothing_with_it_whoever_comes_first(
    servers: tuple[Store, Store], url: str, path: Path, parts: list[str], first: int
) -> None:
    await append(servers[0], "debug-a", 2)
    await append(servers[1], "debug-b", 2)
    with closing(raw(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # which the first server has not looked at
    await append(servers[1], "debug-b", 2)
    for part in parts:
        path.with_name(path.name + part).unlink()
    for _ in range(3):  # while the other one does nothing
        await append(servers[first], "debug-c", 1)
    with pytest.raises(StoreReplaced):
        await servers[1 - first].head("debug-c")
    assert await length(servers[1 - first], "debug-b") == 4
    assert sorted(await sound(url, path)) == [("debug-a", 2), ("debug-b", 4), ("debug-c", 3)]


@pytest.mark.asyncio
async def test_what_others_do_to_the_file_without_changing_the_store_is_not_told(
    servers: tuple[Store, Store], path: Path
) -> None:
    for statement in ("PRAGMA wal_checkpoint", "PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "PRAGMA wal_checkpoint"):
        await append(servers[0], "debug-a", 1)
        with closing(raw(path)) as connection:
            connection.execute(statement)
        path.touch()
        await append(servers[1], "debug-a", 1)
    assert await length(servers[0], "debug-a") == 8


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "change",
    [
        "VACUUM",
        "ANALYZE",
        "CREATE INDEX others ON stepwarden_heads (title)",
        "ALTER TABLE stepwarden_heads ADD more TEXT",
    ],
)
async def test_a_change_of_the_tables_that_is_only_in_the_log_is_not_taken_for_another_store(
    servers: tuple[Store, Store], url: str, path: Path, change: str
) -> None:
    await append(servers[0], "debug-a", 2)
    await append(servers[1], "debug-b", 2)
    with closing(raw(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute(change)
        await append(servers[1], "debug-b", 2)
        assert await length(servers[0], "debug-b") == 4
        await append(servers[0], "debug-a", 2)
    assert not list(path.parent.glob("*before*"))
    assert sorted(await sound(url, path)) == [("debug-a", 4), ("debug-b", 4)]


@pytest.mark.asyncio
async def test_checkpoints_of_others_are_no_change(servers: tuple[Store, Store]) -> None:
    for _ in range(4):
        for store in servers:
            await fill(store, LARGE // 2)
    assert await length(servers[0], "debug-a") == 4 * LARGE


@pytest.mark.asyncio
@NEEDS_POSTGRES
@pytest.mark.parametrize("emptied", [False, True])
async def test_a_postgres_store_that_went_back_is_told(postgres_url: str, emptied: bool) -> None:
    store = Store(postgres_url)
    await append(store, "debug-a", 2)
    with psycopg.connect(postgres_url) as connection:
        before = connection.execute("SELECT hash FROM stepwarden_events WHERE seq = 2").fetchone()
        connection.commit()
        await append(store, "debug-a", 1)
        connection.execute("DELETE FROM stepwarden_events WHERE seq > %s", (0 if emptied else 2,))
        if emptied:
            connection.execute("DELETE FROM stepwarden_heads")
        else:
            connection.execute("UPDATE stepwarden_heads SET version = 2, hash = %s", before)
    with pytest.raises(StoreReplaced):
        await store.head("debug-a")
    assert await length(store, "debug-a") == (0 if emptied else 2)
    await store.close()


@pytest.mark.asyncio
async def test_what_cannot_be_taken_over_is_told_with_advice_and_what_was_there_is_kept_once(
    store: Store, path: Path, tmp_path: Path
) -> None:
    foreign = tmp_path / "foreign.db"
    with closing(raw(foreign)) as other:
        other.execute("CREATE TABLE users (name)")
    await append(store, "debug-a", 3)
    log = path.with_name(path.name + "-wal").read_bytes()
    overwrite(foreign, path)
    for _ in range(3):
        with pytest.raises(StoreUnreadable, match=r"of another program.*; move it away"):
            await store.head("debug-a")
    ours = {path.name, *(f"{path.name}-{part}" for part in ("wal", "shm", "acknowledged"))}
    kept = [file for file in path.parent.iterdir() if file.name not in ours]
    assert [file.read_bytes() for file in kept] == [log]


@pytest.mark.asyncio
async def test_a_file_that_is_cut_while_it_is_open_is_told_as_damaged_and_its_log_is_kept_once(
    url: str, path: Path
) -> None:
    before = Store(url)
    await append(before, "debug-a", 3)
    await before.close()  # which writes its log to the file
    store = Store(url)
    await append(store, "debug-a", 2)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2 // 4096 * 4096)
    for _ in range(2):
        with pytest.raises(StoreUnreadable, match=r"is damaged .*restore it from a backup"):
            await store.head("debug-a")
    await store.close()
    assert len(list(path.parent.glob("store.db-wal.*"))) == 1


@pytest.mark.asyncio
async def test_a_look_that_began_before_an_append_is_not_taken_for_a_store_that_went_back(store: Store) -> None:
    acknowledged, looked, appended = AcknowledgedEvents(), threading.Event(), threading.Event()
    acknowledged.note_stored(await append(store, "debug-a", 1))
    known = acknowledged.known("debug-a")

    def look(transaction: Transaction) -> int:
        head = transaction.heads.find("debug-a")
        assert head is not None
        looked.set()
        assert appended.wait(30)
        acknowledged.check(transaction, "debug-a", head, known)
        return head.version

    looking = asyncio.create_task(store.transactions.read(look))
    assert await asyncio.to_thread(looked.wait, 30)
    acknowledged.note_stored(await append(store, "debug-a", 1))
    appended.set()
    assert await looking == 1
    assert (await store.head("debug-a") or pytest.fail("gone")).version == 2
