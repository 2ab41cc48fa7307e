"""What the store does to files: it makes private ones, opens its own, and leaves all others alone."""

import logging
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from store_steps import CHANGE, append, contents, event

from stepwarden.errors import SettingsError, StoreError, StoreReplaced, StoreUnreadable, VersionConflict
from stepwarden.storage import Append, HeadQuery, Store
from stepwarden.storage.migrations import SCHEMA_VERSION
from stepwarden.storage.sqlite import WAL_SAFE, newest_driver
from tests.support.store import raw


async def make_ours(path: Path) -> None:
    store = Store(f"sqlite:///{path}")
    await append(store, "debug-a", 40)
    await store.close()


def run_sql(path: Path, *statements: str) -> None:
    connection = raw(path)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def copy_while_open(path: Path, *statements: str) -> None:
    """Leave at `path` what a crash leaves: the file and its log or journal, with `statements` only in those."""
    original = path.with_name("original")
    shutil.copy(path, original)
    path.unlink()
    connection = raw(original)
    for statement in statements:
        connection.execute(statement)
    # Copied by another process: closing a descriptor in this one would drop the locks of `connection`.
    for suffix in ("", "-wal", "-journal"):
        if original.with_name(original.name + suffix).exists():
            subprocess.run(["cp", f"{original}{suffix}", f"{path}{suffix}"], check=True)
    connection.close()
    original.unlink()


def not_a_database(path: Path) -> None:
    path.write_bytes(b"These are my notes, not a database.\n" * 500)


def one_byte(path: Path) -> None:
    path.write_bytes(b"x")


def half_a_smallest_page(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:511])


def a_little_text(path: Path) -> None:
    path.write_bytes(b"x" * 512)


def foreign_database(path: Path) -> None:
    path.unlink()
    run_sql(path, "CREATE TABLE notes (text)", "INSERT INTO notes VALUES ('mine')")


def foreign_database_with_our_table_names(path: Path) -> None:
    run_sql(path, "PRAGMA application_id = 7")


def foreign_database_with_a_log(path: Path) -> None:
    foreign_database(path)
    run_sql(path, "PRAGMA journal_mode = WAL")


def foreign_database_after_a_crash(path: Path) -> None:
    foreign_database_with_a_log(path)
    copy_while_open(path, "INSERT INTO notes VALUES ('only in the log')")


def foreign_and_empty(path: Path) -> None:
    path.unlink()
    run_sql(path, "PRAGMA application_id = 7")


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 8192 * 4096])


def cut_after_its_first_page(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:4096])


def emptied_with_its_log_left(path: Path) -> None:
    path.write_bytes(b"")
    path.with_name(path.name + "-wal").write_bytes(b"x" * 5000)


def first_page_overwritten(path: Path) -> None:
    path.write_bytes(b"\0" * 4096 + path.read_bytes()[4096:])


def tables_overwritten(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))


def newer_schema(path: Path) -> None:
    run_sql(path, "UPDATE stepwarden_meta SET value = '99' WHERE key = 'schema_version'")


def newer_schema_in_the_log(path: Path) -> None:
    copy_while_open(path, "UPDATE stepwarden_meta SET value = '99' WHERE key = 'schema_version'")


def no_schema_number(path: Path) -> None:
    run_sql(path, "DELETE FROM stepwarden_meta WHERE key = 'schema_version'")


def a_table_gone(path: Path) -> None:
    run_sql(path, "DROP TABLE stepwarden_events")


def directory_in_its_place(path: Path) -> None:
    path.unlink()
    path.mkdir()


UNREADABLE: list[tuple[Callable[[Path], None], str]] = [
    (not_a_database, "is not a SQLite database"),
    (one_byte, "is not a SQLite database"),
    (half_a_smallest_page, "is not a SQLite database"),
    (a_little_text, "is not a SQLite database"),
    (foreign_database, "of another program"),
    (foreign_database_with_our_table_names, "of another program"),
    (foreign_database_with_a_log, "of another program"),
    (foreign_database_after_a_crash, "of another program"),
    (foreign_and_empty, "of another program"),
    (cut_in_half, "is damaged"),
    (cut_after_its_first_page, "is damaged"),
    (emptied_with_its_log_left, "is empty and has a log"),
    (first_page_overwritten, "is not a SQLite database"),
    (tables_overwritten, "is damaged"),
    (newer_schema, "install a newer stepwarden"),
    (newer_schema_in_the_log, "install a newer stepwarden"),
    (no_schema_number, "restore it from a backup"),
    (a_table_gone, "lacks stepwarden_events"),
    (directory_in_its_place, "is not a file"),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(("spoil", "found"), UNREADABLE, ids=[spoil.__name__ for spoil, _ in UNREADABLE])
async def test_what_is_not_ours_is_refused_by_every_call_and_left_as_it_was(
    path: Path, spoil: Callable[[Path], None], found: str
) -> None:
    await make_ours(path)
    spoil(path)
    before = {} if path.is_dir() else contents(path.parent)
    store = Store(f"sqlite:///{path}")
    with pytest.raises(StoreUnreadable) as refused:
        await store.append(Append("debug-a", 0, [event()], CHANGE))
    with pytest.raises(StoreUnreadable):
        await store.heads(HeadQuery(None))
    with pytest.raises(StoreUnreadable):
        await store.warm()
    await store.close()

    text = str(refused.value)
    assert found in text
    assert str(path) in text
    assert "left untouched" in text
    assert "\n" not in text
    after = {} if path.is_dir() else contents(path.parent)
    after.pop("store.db-shm", None)  # the index of a log, which holds nothing of its own
    assert after == before


@pytest.mark.asyncio
async def test_an_unreadable_store_is_looked_at_anew_by_the_next_call(store: Store, path: Path) -> None:
    await make_ours(path)
    newer_schema(path)
    with pytest.raises(StoreUnreadable):
        await store.read("debug-a")
    run_sql(path, f"UPDATE stepwarden_meta SET value = '{SCHEMA_VERSION}' WHERE key = 'schema_version'")
    assert len(await store.read("debug-a")) == 40


@pytest.mark.asyncio
async def test_damage_that_shows_only_later_is_named_and_not_taken_for_an_empty_stream(path: Path) -> None:
    await make_ours(path)
    connection = raw(path)
    root = connection.execute(
        "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_stepwarden_events_1'"
    ).fetchone()[0]
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.close()
    content = path.read_bytes()
    path.write_bytes(content[: (root - 1) * size] + b"\xff" * size + content[root * size :])
    store = Store(f"sqlite:///{path}")
    with pytest.raises(StoreUnreadable, match="is damaged"):
        await store.read("debug-a")
    await store.close()


@pytest.mark.asyncio
async def test_a_transaction_that_a_crash_left_half_done_is_undone(path: Path) -> None:
    await make_ours(path)
    run_sql(path, "PRAGMA journal_mode = DELETE")
    copy_while_open(
        path, "PRAGMA cache_size = 1", "BEGIN IMMEDIATE", "UPDATE stepwarden_events SET payload = hex(randomblob(3000))"
    )
    assert path.with_name("store.db-journal").stat().st_size
    store = Store(f"sqlite:///{path}")
    assert await store.verify("debug-a") is None
    assert (await append(store, "debug-a", 1))[0].seq == 41
    await store.close()


@pytest.mark.asyncio
async def test_directory_and_files_are_private(store: Store, path: Path) -> None:
    await append(store, "debug-a", 1)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


@pytest.mark.asyncio
async def test_a_file_of_ours_that_others_may_read_is_made_private_and_a_directory_of_others_is_not(
    path: Path,
) -> None:
    await make_ours(path)
    path.chmod(0o644)
    path.parent.chmod(0o755)
    store = Store(f"sqlite:///{path}")
    await store.warm()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o755
    await store.close()


@pytest.mark.asyncio
async def test_an_empty_file_is_a_new_store(store: Store, path: Path) -> None:
    path.parent.mkdir()
    path.touch(mode=0o644)
    await append(store, "debug-a", 1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.asyncio
async def test_a_store_that_cannot_be_made_says_why(path: Path) -> None:
    path.parent.write_text("a file where the directory should be")
    store = Store(f"sqlite:///{path}")
    with pytest.raises(StoreError, match="store"):
        await store.warm()
    path.parent.unlink()
    await store.warm()
    await store.close()


@pytest.mark.asyncio
async def test_nothing_is_written_into_a_store_that_was_deleted_or_replaced(store: Store, path: Path) -> None:
    await append(store, "debug-a", 3)
    shutil.rmtree(path.parent)
    with pytest.raises(StoreReplaced, match="no longer has debug-a"):
        await store.append(Append("debug-a", 3, [event()], CHANGE))
    with pytest.raises(VersionConflict):
        await store.append(Append("debug-a", 3, [event()], CHANGE))
    await append(store, "debug-b", 1)
    await store.close()
    again = Store(f"sqlite:///{path}")
    assert [head.stream for head in await again.heads(HeadQuery(None))] == ["debug-b"]
    await again.close()


@pytest.mark.asyncio
async def test_a_path_with_signs_that_mean_something_in_addresses_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a b?c=d%20#e&ü.db"
    await make_ours(path)
    await make_ours(path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [path.name, f"{path.name}-acknowledged"]


@pytest.mark.parametrize("url", ["mysql://root:secret@host/db", "sqlite://", "sqlite:///:memory:", "", "store.db"])
def test_an_address_of_no_known_kind_is_refused_without_showing_a_password(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Store(url)
    assert "secret" not in str(refused.value)


@pytest.mark.asyncio
async def test_the_journal_mode_follows_the_version_of_sqlite(store: Store) -> None:
    facts = await store.maintenance.check()
    expected = "wal" if newest_driver().sqlite_version_info >= WAL_SAFE else "truncate"
    assert facts["journal_mode"] == expected


STDLIB = """
import asyncio, logging, sys
sys.modules["pysqlite3"] = None  # as if it were not installed
from store_steps import append
from stepwarden.storage import Store
async def main():
    logging.basicConfig()
    store = Store(sys.argv[1])
    await append(store, "debug-a", 3)
    assert await store.verify("debug-a") is None
    sys.stdout.write((await store.maintenance.check())["journal_mode"])
    await store.close()
asyncio.run(main())
"""


def run_with_stdlib(url: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", STDLIB, url],
        env={"PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        check=True,
    )


def test_an_old_sqlite_keeps_a_rollback_journal(url: str) -> None:
    expected = "wal" if sqlite3.sqlite_version_info >= WAL_SAFE else "truncate"
    ran = run_with_stdlib(url)
    assert (ran.stdout, ran.stderr) == (expected, "")


@pytest.mark.asyncio
@pytest.mark.skipif(sqlite3.sqlite_version_info >= WAL_SAFE, reason="the SQLite of this Python is not an old one")
async def test_an_old_sqlite_leaves_a_log_that_is_there_and_warns(url: str, path: Path) -> None:
    await make_ours(path)
    run_sql(path, "PRAGMA journal_mode = WAL")
    ran = run_with_stdlib(url)
    assert ran.stdout == "wal"
    assert ran.stderr.count("uses a write-ahead log") == 1


@pytest.mark.asyncio
async def test_a_store_of_an_old_sqlite_gets_its_log_under_a_new_one(
    url: str, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    run_with_stdlib(url)
    with caplog.at_level(logging.WARNING):
        assert len(await store.read("debug-a")) == 3
    assert caplog.records == []
    await test_the_journal_mode_follows_the_version_of_sqlite(store)


@pytest.mark.asyncio
async def test_a_store_of_this_schema_that_lost_an_added_table_is_refused(path: Path) -> None:
    await make_ours(path)
    run_sql(path, "DROP TABLE stepwarden_kept")
    store = Store(f"sqlite:///{path}")
    with pytest.raises(StoreUnreadable, match="lacks stepwarden_kept"):
        await store.warm()
    await store.close()
