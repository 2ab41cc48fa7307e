"""A store that lost what was acknowledged is told once, to whom it was acknowledged; whatever else happens is not."""

import os
import random
import shutil
import stat
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from store_steps import CHANGE, ORPHANS, append, event
from test_storage_processes import NEVER_ENDING, let_go, next_line, rest_of, start

from stepwarden.errors import StoreError, StoreReplaced
from stepwarden.storage import Append, Store
from stepwarden.storage.backups import put_back, take_backup
from stepwarden.storage.head_file import SUFFIX
from stepwarden.storage.sqlite import WAL_SAFE, newest_driver
from tests.support.store import raw

NEEDS_LOG = pytest.mark.skipif(
    newest_driver().sqlite_version_info < WAL_SAFE, reason="this SQLite keeps no log that could be lost"
)
PARTS = ("", "-wal", SUFFIX)


def beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


async def killed(store: Store, path: Path, target: Path) -> Path:
    """Return the path of what a kill of all its processes leaves of a store that is open."""
    assert await append(store, "debug-a", 2)
    left = target / path.name
    target.mkdir()
    for part in PARTS:
        os.system(f"cp '{beside(path, part)}' '{beside(left, part)}'")
    return left


def deleted(log: Path) -> None:
    log.unlink()


def emptied(log: Path) -> None:
    log.write_bytes(b"")


def cut(log: Path) -> None:
    log.write_bytes(log.read_bytes()[:-5_000])


def damaged(log: Path) -> None:
    content = bytearray(log.read_bytes())
    content[-2_000] ^= 0xFF
    log.write_bytes(content)


async def told(store: Store, stream: str) -> str:
    with pytest.raises(StoreReplaced) as raised:
        await store.head(stream)
    return str(raised.value)


@NEEDS_LOG
@pytest.mark.asyncio
@pytest.mark.parametrize("lose", [deleted, emptied, cut, damaged])
async def test_a_log_that_was_lost_is_told_once_with_the_threads_and_what_to_do(
    store: Store, path: Path, tmp_path: Path, lose: Callable[[Path], None]
) -> None:
    await append(store, "debug-a", 3)
    left = await killed(store, path, tmp_path / "left")
    lose(beside(left, "-wal"))
    after = Store(f"sqlite:///{left}")
    await after.warm()
    text = await told(after, "debug-a")
    assert "\n" not in text
    assert text.startswith("The store lost entries that were recorded before: debug-a (")
    assert " of 5 left)" in text
    assert "`stepwarden restore`" in text
    head = await after.head("debug-a")
    assert (head.version if head else 0) < 5
    assert (await append(after, "debug-a", 3))[-1].seq == (head.version if head else 0) + 3
    await after.close()
    later = Store(f"sqlite:///{left}")
    await append(later, "debug-a", 1)
    assert await later.verify("debug-a") is None
    assert later.lost_of(None) == []
    await later.close()


@NEEDS_LOG
@pytest.mark.asyncio
async def test_an_older_copy_in_its_place_is_told_each_principal_and_nobody_of_anothers(
    store: Store, url: str, path: Path, tmp_path: Path
) -> None:
    await append(store, "debug-a", 1)
    copy = tmp_path / "copy.db"
    await take_backup(path, copy)
    await append(store, "debug-a", 1)
    await append(store, "debug-eve", 2, replace(CHANGE, principal="eve"))
    await store.close()
    shutil.copy(copy, path)
    after = Store(url)
    new = Append("debug-new", 0, [event()], replace(CHANGE, principal="eve"))
    with pytest.raises(StoreReplaced) as raised:
        await after.append(new)
    assert "debug-eve (0 of 2 left)" in str(raised.value)
    assert "debug-a" not in str(raised.value)
    assert [each.head.stream for each in after.lost_of(None)] == ["debug-a"]
    assert await after.append(new)
    assert "debug-a (1 of 2 left)" in await told(after, "debug-a")
    await append(after, "debug-a", 1)
    await after.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("spoiled", ["garbage", "directory", "link", "hard link", "gone", "cut"])
async def test_what_is_wrong_with_the_file_of_heads_keeps_nobody_from_the_store(
    url: str, path: Path, tmp_path: Path, spoiled: str
) -> None:
    before = Store(url)
    await append(before, "debug-a", 2)
    await before.close()
    file, other = beside(path, SUFFIX), tmp_path / "other"
    other.write_text("somebody's")
    content = file.read_bytes()
    file.unlink()
    match spoiled:
        case "garbage":
            file.write_bytes(random.Random(1).randbytes(50_000))
        case "directory":
            file.mkdir()
        case "link":
            file.symlink_to(other)
        case "hard link":
            file.hardlink_to(other)
        case "cut":
            file.write_bytes(content[: len(content) - 300])
        case _:
            pass
    store = Store(url)
    await append(store, "debug-a", 2)
    assert len(await store.read("debug-a")) == 4
    assert store.lost_of(None) == []
    await store.close()
    assert other.read_text() == "somebody's"


@pytest.mark.asyncio
async def test_the_file_is_private_and_does_not_grow_with_streams(store: Store, path: Path) -> None:
    for number in range(30):
        await append(store, f"debug-{number}", 1)
    file = beside(path, SUFFIX)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.stat().st_size <= 2_048 * 512
    file.chmod(0o644)
    await append(store, "debug-0", 1)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def write_and_kill(url: str, path: Path, numbers: random.Random) -> None:
    writers = [start(url, f"debug-{numbers.randrange(4)}-{number}", NEVER_ENDING) for number in range(3)]
    let_go(writers)
    for writer in writers:
        for _ in range(numbers.randrange(1, 20)):
            next_line(writer)
    for writer in writers:
        writer.kill()
    for writer in writers:
        rest_of(writer)


async def restore(url: str, path: Path, numbers: random.Random) -> None:
    copies = sorted(path.parent.parent.glob("copy-*.db"))
    if copies:
        await put_back(numbers.choice(copies), path, replace=True)


async def back_up(url: str, path: Path, numbers: random.Random) -> None:
    if path.exists():
        await take_backup(path, path.parent.parent / f"copy-{numbers.randrange(10**9)}.db")


async def prune(url: str, path: Path, numbers: random.Random) -> None:
    store = Store(url, clock=lambda: 10**10)
    with suppress(StoreError):
        await store.maintenance.prune([ORPHANS])
    await store.close()


async def delete(url: str, path: Path, numbers: random.Random) -> None:
    for part in ("", "-wal", "-shm", "-journal"):
        beside(path, part).unlink(missing_ok=True)


async def vacuum(url: str, path: Path, numbers: random.Random) -> None:
    if path.exists():
        with closing(raw(path)) as connection:
            connection.execute("VACUUM")


ACTIONS = [write_and_kill, write_and_kill, write_and_kill, restore, back_up, prune, delete, vacuum]


@pytest.mark.asyncio
@pytest.mark.parametrize("seed", range(4))
async def test_no_history_of_kills_copies_and_deletions_is_taken_for_a_loss(url: str, path: Path, seed: int) -> None:
    await no_loss_is_told(url, path, seed, actions=8)


@pytest.mark.slow
@pytest.mark.asyncio
@pytest.mark.parametrize("seed", range(100, 110))
async def test_no_long_history_is_taken_for_a_loss(url: str, path: Path, seed: int) -> None:
    await no_loss_is_told(url, path, seed, actions=40)


async def no_loss_is_told(url: str, path: Path, seed: int, *, actions: int) -> None:
    numbers = random.Random(seed)
    history = list[str]()
    for _ in range(actions):
        action = numbers.choice(ACTIONS)
        history.append(action.__name__)
        await action(url, path, numbers)
        store = Store(url)
        await append(store, f"debug-{numbers.randrange(3)}", 1)
        assert store.lost_of(None) == [], history
        await store.close()
