"""Copies of a store: whole, checked, taken and put back while it is in use."""

import asyncio
import os
import stat
from contextlib import closing
from pathlib import Path

import pytest
from released_stores import RELEASED, put_released
from store_steps import CHANGE, append, event

from stepwarden.errors import StoreError, StoreReplaced
from stepwarden.storage import Append, HeadQuery, Store
from stepwarden.storage.backups import BackupRefused, put_back, take_backup
from tests.support.store import raw


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "copy.db"


@pytest.mark.asyncio
async def test_a_copy_that_is_taken_while_steps_are_recorded_is_whole_and_private(
    store: Store, path: Path, copy: Path
) -> None:
    await append(store, "debug-a", 3)
    writing = asyncio.create_task(append(store, "debug-a", 60))
    held = await take_backup(path, copy)
    await writing
    assert held.streams == 1
    assert 3 <= held.events <= 63
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert [file.name for file in copy.parent.iterdir() if file.is_file()] == ["copy.db"], "it is one file"
    taken = Store(f"sqlite:///{copy}")
    assert len(await taken.read("debug-a")) == held.events
    await taken.close()


@pytest.mark.asyncio
async def test_a_file_that_is_there_and_a_store_that_holds_something_are_not_overwritten_unasked(
    store: Store, path: Path, copy: Path
) -> None:
    await append(store, "debug-a", 1)
    await take_backup(path, copy)
    before = copy.read_bytes()
    with pytest.raises(BackupRefused, match="send --overwrite"):
        await take_backup(path, copy)
    assert copy.read_bytes() == before
    await append(store, "debug-a", 1)
    with pytest.raises(BackupRefused, match="send --replace"):
        await put_back(copy, path)
    assert len(await store.read("debug-a")) == 2
    assert (await take_backup(path, copy, overwrite=True)).events == 2


@pytest.mark.asyncio
@pytest.mark.parametrize("part", ["", "-wal", "-shm", "-journal"])
async def test_a_copy_is_never_written_over_a_file_of_the_store_itself_by_whatever_name(
    store: Store, path: Path, tmp_path: Path, part: str
) -> None:
    await append(store, "debug-a", 2)
    named = path.with_name(path.name + part)
    link, same = tmp_path / "link.db", tmp_path / "same.db"
    link.symlink_to(named)
    targets = [named, link]
    if named.exists():
        same.hardlink_to(named)
        targets.append(same)
    for target in targets:
        with pytest.raises(BackupRefused, match="belongs to the store itself"):
            await take_backup(path, target, overwrite=True)
    assert len(await store.read("debug-a")) == 2


@pytest.mark.asyncio
async def test_a_place_where_no_file_can_be_made_is_told_as_that(store: Store, path: Path, tmp_path: Path) -> None:
    await append(store, "debug-a", 2)
    (tmp_path / "file").touch()
    with pytest.raises(BackupRefused, match="cannot be written"):
        await take_backup(path, tmp_path / "file" / "copy.db")


@pytest.mark.asyncio
@pytest.mark.parametrize("statements", [(), ("CREATE TABLE a (b)", "DROP TABLE a")], ids=["no bytes", "no tables"])
async def test_an_empty_file_is_neither_put_back_nor_copied_over_a_good_copy(
    store: Store, path: Path, tmp_path: Path, copy: Path, statements: tuple[str, ...]
) -> None:
    await append(store, "debug-a", 2)
    empty = tmp_path / "empty.db"
    empty.touch()
    with closing(raw(empty)) as connection:
        for statement in statements:
            connection.execute(statement)
    with pytest.raises(BackupRefused, match="is empty: it holds no store"):
        await put_back(empty, path, replace=True)
    assert len(await store.read("debug-a")) == 2
    await take_backup(path, copy)
    before = copy.read_bytes()
    with pytest.raises(BackupRefused, match="is empty: it holds no store"):
        await take_backup(empty, copy, overwrite=True)
    assert copy.read_bytes() == before


@pytest.mark.asyncio
async def test_servers_that_have_the_store_open_are_told_of_a_copy_that_is_put_back(
    store: Store, url: str, path: Path, copy: Path
) -> None:
    other = Store(url)
    await append(store, "debug-a", 3)
    await append(other, "debug-b", 1)
    held = await take_backup(path, copy)
    await append(store, "debug-a", 2)
    restored, kept = await put_back(copy, path, replace=True)
    assert restored == held
    for server in (store, other):
        with pytest.raises(StoreReplaced):
            await server.head("debug-a")
        await append(server, "debug-a", 1)
        assert await server.verify("debug-a") is None
    assert len(await store.read("debug-a")) == 5
    assert kept is not None
    before = Store(f"sqlite:///{kept}")
    assert len(await before.read("debug-a")) == 5
    await before.close()
    await other.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("lost", ["deleted", "emptied", "overwritten"])
async def test_a_store_that_was_lost_is_put_back(url: str, path: Path, copy: Path, lost: str) -> None:
    store = Store(url)
    await append(store, "debug-a", 3)
    await take_backup(path, copy)
    await store.close()
    if lost == "deleted":
        path.unlink()
    else:
        path.write_bytes(b"" if lost == "emptied" else b"not a database, whatever it was" * 100)
    _, kept = await put_back(copy, path, replace=lost == "overwritten")
    assert (kept is not None) == (lost == "overwritten")
    again = Store(url)
    assert len(await again.read("debug-a")) == 3
    await again.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("fault", ["no file", "no database", "another program's", "a changed event", "the store"])
async def test_what_is_no_whole_store_of_ours_is_not_put_back(store: Store, path: Path, copy: Path, fault: str) -> None:
    await append(store, "debug-a", 3)
    await take_backup(path, copy)
    await append(store, "debug-a", 1)
    if fault == "no file":
        copy.unlink()
    elif fault == "no database":
        copy.write_bytes(b"text" * 1_000)
    elif fault != "the store":
        with closing(raw(copy)) as connection:
            ours = fault == "a changed event"
            connection.execute(
                "UPDATE stepwarden_events SET at = 1 WHERE seq = 2" if ours else "PRAGMA application_id = 7"
            )
    with pytest.raises(StoreError) as refused:
        await put_back(path if fault == "the store" else copy, path, replace=True)
    assert "\n" not in str(refused.value)
    assert len(await store.read("debug-a")) == 4
    assert sorted(file.name for file in path.parent.iterdir() if ".db-" not in file.name) == [path.name]
    assert await store.verify("debug-a") is None


@pytest.mark.asyncio
@pytest.mark.parametrize("name", RELEASED)
async def test_a_copy_of_an_older_release_is_put_back_and_brought_up(name: str, path: Path, copy: Path) -> None:
    put_released(name, f"sqlite:///{copy}")
    path.parent.mkdir()
    held, kept = await put_back(copy, path)
    assert held.streams > 3
    assert kept is None
    store = Store(f"sqlite:///{path}")
    assert (await store.maintenance.check())["events"] == held.events
    await store.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("served", [True, False], ids=["served", "alone"])
@pytest.mark.parametrize("free_kib", [0, 60, 140, 160, 200, 260, 280, 320, 360, 400, 440, 600])
async def test_a_disk_that_is_full_at_any_moment_of_a_restore_loses_nothing(
    small_disk: Path, tmp_path: Path, free_kib: int, served: bool
) -> None:
    path, other, copy = small_disk / "store.db", tmp_path / "other.db", tmp_path / "copy.db"
    await write_once(path, "debug-old", 3)
    await write_once(other, "debug-new", 6)
    await take_backup(other, copy)
    server = Store(f"sqlite:///{path}")
    if served:
        await server.head("debug-old")
    disk = os.statvfs(small_disk)
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * max(0, disk.f_bavail * disk.f_frsize - free_kib * 1024))
    told, kept = await told_or_kept(copy, path)
    done = not told
    assert done or (("full" in told or "disk I/O error" in told) and "\n" not in told)
    left = {file.name for file in small_disk.iterdir() if ".db-" not in file.name}
    assert left == {"store.db", "ballast"} | ({kept.name} if kept is not None else set())
    ballast.unlink()
    await server.close()
    again = Store(f"sqlite:///{path}")
    assert {head.stream for head in await again.heads(HeadQuery(None))} == {"debug-new" if done else "debug-old"}
    assert await again.verify("debug-new" if done else "debug-old") is None
    await again.close()
    if kept is not None:
        before = Store(f"sqlite:///{kept}")
        assert len(await before.read("debug-old")) == 3
        await before.close()


async def told_or_kept(copy: Path, path: Path) -> tuple[str, Path | None]:
    try:
        return "", (await put_back(copy, path, replace=True))[1]
    except StoreError as error:
        return str(error), None


async def write_once(path: Path, stream: str, count: int) -> None:
    store = Store(f"sqlite:///{path}")
    await store.append(Append(stream, 0, [event(size=15_000)] * count, CHANGE))
    await store.close()
