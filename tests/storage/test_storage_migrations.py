"""Stores of every released schema open, keep all they hold, and are the same as new ones."""

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from released_stores import RELEASED, put_released, rows
from store_steps import ORPHANS, append, kept

from stepwarden.errors import StoreUnreadable
from stepwarden.storage import HeadQuery, Store, kinds
from stepwarden.storage.migrations import SCHEMA_VERSION, migrate_step
from stepwarden.storage.sqlite import SqliteBackend, newest_driver

if TYPE_CHECKING:
    from sqlalchemy import Engine

pytestmark = pytest.mark.asyncio

EVENTS = "SELECT stream, seq, at, kind, payload, hash FROM stepwarden_events ORDER BY stream, seq"
LATER = 4e9  # when everything released has been idle for long
VERSION = "SELECT value FROM stepwarden_meta WHERE key = 'schema_version'"


@pytest.fixture(params=RELEASED)
def released_url(request: pytest.FixtureRequest, any_url: str) -> str:
    put_released(request.param, any_url)
    return any_url


async def test_a_released_store_keeps_every_event_and_its_chains(released_url: str) -> None:
    before = rows(released_url, EVENTS)
    store = Store(released_url)
    heads = await store.heads(HeadQuery(None))
    assert len(heads) >= 8
    for head in heads:
        assert await store.verify(head.stream) is None
        appended = await append(store, head.stream, 1)
        assert appended[0].seq == head.version + 1
        assert await store.verify(head.stream) is None
    await store.close()
    assert [row for row in rows(released_url, EVENTS) if row in before] == before
    assert rows(released_url, VERSION) == [(str(SCHEMA_VERSION),)]


async def test_heads_of_a_released_store_stand_in_the_states_of_their_kinds(released_url: str) -> None:
    store = Store(released_url, clock=lambda: LATER)
    states = {kind.name: set(kind.states) for kind in (kinds.THREAD, kinds.CHAT, kinds.SESSION)}
    heads = await store.heads(HeadQuery(None))
    assert {head.kind for head in heads} >= {"thread", "chat"}
    for head in heads:
        assert head.state in states[head.kind]
        assert (head.finished is not None) == (head.state == "done")
        assert (head.total_steps > 0) == (head.kind == "thread")
    assert {head.state for head in heads if head.kind == "thread"} == {"open", "done", "abandoned"}
    assert [head.tool for head in await store.maintenance.prune([ORPHANS], dry_run=True)] == ["planner"]
    assert await store.calibration.steps_of_finished("debug") == [4, 4]
    assert await store.calibration.steps_of_finished("chat") == []
    assert await store.calibration.steps_of_finished("upstream") == []
    await store.close()


async def test_old_events_have_positions_in_their_order_and_new_ones_follow(released_url: str) -> None:
    store = Store(released_url)
    followed = await store.follow(limit=10_000)
    assert {(it.event.stream, it.event.seq) for it in followed} == {row[:2] for row in rows(released_url, EVENTS)}
    assert [it.position for it in followed] == list(range(1, len(followed) + 1))
    for stream in {it.event.stream for it in followed}:
        numbers = [it.event.seq for it in followed if it.event.stream == stream]
        assert numbers == list(range(1, len(numbers) + 1))
    await append(store, "debug-new", 1)
    assert [it.event.stream for it in await store.follow(followed[-1].position)] == ["debug-new"]
    await store.close()


async def test_what_belongs_to_the_streams_of_a_released_store_is_still_there(released_url: str) -> None:
    store = Store(released_url)
    (consensus,) = await store.heads(HeadQuery(None, tool="consensus"))
    answers = await store.consultations.of_stream(consensus.stream)
    assert [(row.state, row.model) for row in answers] == [("done", "wise-1"), ("done", "wise-2")]
    for docgen in await store.heads(HeadQuery(None, tool="docgen")):
        assert len(await kept(store, docgen.stream)) > 0
    await store.close()


async def test_many_that_open_an_old_store_at_once_bring_it_up_once(released_url: str) -> None:
    count = len(rows(released_url, EVENTS))
    stores = [Store(released_url) for _ in range(4)]
    await asyncio.gather(*(store.warm() for store in stores))
    found = await asyncio.gather(*(store.follow(limit=10_000) for store in stores))
    assert [len(followed) for followed in found] == [count] * 4
    for store in stores:
        await store.close()


async def test_a_migration_that_is_not_committed_leaves_the_store_as_it_was(released_url: str) -> None:
    """As after the death of a process in the middle of it."""
    before, (version,) = rows(released_url, EVENTS), rows(released_url, VERSION)
    engine = engine_of(released_url)
    with engine.connect() as connection:
        while migrate_step(connection):
            pass
        connection.rollback()
    engine.dispose()
    assert rows(released_url, VERSION) == [version]
    assert rows(released_url, EVENTS) == before
    store = Store(released_url)
    assert len(await store.follow(limit=10_000)) == len(before)
    await store.close()


def engine_of(url: str) -> "Engine":
    """Connections to a database that is not brought up, each transaction immediate on SQLite."""
    from sqlalchemy import create_engine

    if not url.startswith("sqlite"):
        return create_engine(url.replace("postgresql", "postgresql+psycopg"))
    return SqliteBackend(Path(url.removeprefix("sqlite:///")), newest_driver(), 5).writes


async def test_an_open_store_that_a_newer_version_brought_up_says_so_in_a_line(any_url: str) -> None:
    store = Store(any_url)
    await append(store, "debug-a", 1)
    rows(any_url, "ALTER TABLE stepwarden_heads RENAME COLUMN state TO condition")
    for call in (append(store, "debug-a", 1), store.heads(HeadQuery(None))):
        with pytest.raises(StoreUnreadable, match=r"was changed by a newer stepwarden .*; restart this one") as refused:
            await call
        assert "\n" not in str(refused.value)
    await store.close()


async def test_a_store_of_a_newer_schema_is_refused_in_one_line(any_url: str) -> None:
    store = Store(any_url)
    await append(store, "debug-a", 1)
    await store.close()
    rows(any_url, "UPDATE stepwarden_meta SET value = '99' WHERE key = 'schema_version'")
    store = Store(any_url)
    with pytest.raises(StoreUnreadable, match=r"has schema 99 and .*install a newer stepwarden") as refused:
        await store.head("debug-a")
    assert "\n" not in str(refused.value)
    await store.close()


async def test_a_store_that_was_brought_up_has_the_tables_of_a_new_one(released_url: str, fresh_url: str) -> None:
    for url in (released_url, fresh_url):
        store = Store(url)
        await store.warm()
        await store.close()
    assert tables(released_url) == tables(fresh_url)


def tables(url: str) -> list[tuple[str, ...]]:
    """All that the database says of its tables: columns, constraints and indexes."""
    if url.startswith("sqlite"):
        found = rows(url, "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name")
        return [tuple(re.sub(r'[\s"]+', "", str(item)) for item in row) for row in found]
    columns = """
        SELECT table_name, column_name, data_type, is_nullable, column_default, is_identity
        FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY 1, 2"""
    constraints = """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = current_schema()::regnamespace ORDER BY 1, 2"""
    indexes = "SELECT tablename, indexname FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1, 2"
    found = [row for sql in (columns, constraints, indexes) for row in rows(url, sql)]
    return [tuple(map(str, row)) for row in found]
