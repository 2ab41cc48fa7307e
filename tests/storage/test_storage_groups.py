"""Appends that wait for their turn together share a transaction, and nothing else: no failure, no cancellation."""

import asyncio
import os
import random
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_steps import CHANGE, event
from test_storage_processes import let_go, next_line

from stepwarden.errors import StoreBusy, StoreError, UnknownStream, VersionConflict
from stepwarden.storage import Append, HeadChange, NewEvent, Store, StoredEvent
from stepwarden.storage.database import Transaction
from tests.support import processes
from tests.support.examples import examples
from tests.support.postgres import NEEDS_POSTGRES
from tests.support.store import locked, raw

EVES = HeadChange(tool="debug", principal="eve", title="mine", state="open", steps=1, total_steps=3)
BROKEN = NewEvent("step", '{"text": "\ud800"}')
WRITER = Path(__file__).with_name("group_writer.py")


class Turnstile:
    """Holds the writer's place while calls gather behind it, and counts the transactions after that."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held, self._go = threading.Event(), threading.Event()

    async def while_held(self, *calls: Coroutine[Any, Any, Any]) -> list[Any]:
        """Start all calls while another write has its turn; return what came of each."""
        first = asyncio.create_task(self._store.transactions.write(self._hold))
        await asyncio.to_thread(self._held.wait)
        started = [asyncio.create_task(call) for call in calls]
        for _ in range(20):
            await asyncio.sleep(0)
        self._go.set()
        await first
        return await asyncio.gather(*started, return_exceptions=True)

    def _hold(self, _: Transaction) -> None:
        self._held.set()
        self._go.wait()


def counting(store: Store) -> Callable[[], int]:
    """Return what counts the transactions that were begun to write, from now on."""
    begun = Counter[str]()
    begin = store.transactions._database().writing

    def counted() -> Any:
        begun["writes"] += 1
        return begin()

    store.transactions._database().writing = counted  # type: ignore[method-assign]
    return lambda: begun["writes"]


@pytest.mark.asyncio
async def test_appends_that_wait_together_are_recorded_by_one_transaction(any_store: Store) -> None:
    await any_store.warm()
    gate, writes = Turnstile(any_store), counting(any_store)
    done = await gate.while_held(*(any_store.append(Append(f"s{n}", 0, [event(n)], CHANGE)) for n in range(9)))
    assert [stored[0].stream for stored in done] == [f"s{n}" for n in range(9)]
    assert writes() == 2  # the one that held the place, and the nine
    for n in range(9):
        assert await any_store.read(f"s{n}") == done[n]
        assert await any_store.verify(f"s{n}") is None


@pytest.mark.asyncio
async def test_one_that_fails_takes_no_other_along(any_store: Store) -> None:
    await any_store.append(Append("old", 0, [event(1)], CHANGE))
    done = await Turnstile(any_store).while_held(
        any_store.append(Append("a", 0, [event(1)], CHANGE)),
        any_store.append(Append("old", 0, [event(2)], CHANGE)),
        any_store.append(Append("old", 1, [event(3)], EVES)),
        any_store.append(Append("b", 0, [BROKEN], CHANGE)),
        any_store.append(Append("old", 1, [event(4)], CHANGE)),
        any_store.append(Append("old", 2, [event(5)], CHANGE)),
        any_store.append(Append("c", 0, [event(6)], CHANGE)),
    )
    assert [type(each) for each in done] == [list, VersionConflict, UnknownStream, StoreError, list, list, list]
    assert [len(await any_store.read(stream)) for stream in ("a", "old", "b", "c")] == [1, 3, 0, 1]
    assert [await any_store.verify(stream) for stream in ("a", "old", "c")] == [None] * 3
    assert await any_store.head("b") is None


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "failure", [OverflowError("too large"), KeyError("a mistake of ours"), MemoryError()], ids=repr
)
async def test_one_that_fails_in_a_way_nobody_foresaw_takes_no_other_along(
    any_store: Store, failure: Exception
) -> None:
    await any_store.warm()

    def fail(transaction: Transaction) -> None:
        raise failure

    done = await Turnstile(any_store).while_held(
        any_store.append(Append("a", 0, [event(1)], CHANGE)),
        any_store.transactions.write_in_group("b", fail),
        any_store.append(Append("c", 0, [event(2)], CHANGE)),
    )
    assert [type(each) for each in done] == [list, type(failure), list]
    assert [len(await any_store.read(stream)) for stream in ("a", "c")] == [1, 1]


@pytest.mark.asyncio
async def test_where_a_reader_bars_the_commit_nobody_waits_in_line_for_it(
    url: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As with a SQLite that has no safe write-ahead log: there a commit waits for readers.
    monkeypatch.setattr("stepwarden.storage.sqlite.WAL_SAFE", (99,))
    store = Store(url, busy_timeout_s=0.05)
    await store.append(Append("s0", 0, [event(0)], CHANGE))
    reader, writes, go = raw(path), counting(store), threading.Event()
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM stepwarden_events").fetchone()
    first = asyncio.create_task(store.transactions._writer.run(go.wait))
    calls = [asyncio.create_task(store.append(Append(f"s{n}", 0, [event(n)], CHANGE))) for n in range(1, 9)]
    await asyncio.sleep(0)
    go.set()
    done = await asyncio.gather(*calls, return_exceptions=True)
    await first
    assert {type(each) for each in done} == {StoreBusy}
    assert writes() == 1
    reader.execute("ROLLBACK")
    reader.close()
    assert (await store.append(Append("s1", 0, [event(1)], CHANGE)))[0].seq == 1
    await store.close()


@NEEDS_POSTGRES
@pytest.mark.asyncio
async def test_a_commit_that_may_have_taken_place_is_not_repeated(postgres_url: str) -> None:
    store = Store(postgres_url)
    await store.warm()
    runs = Counter[str]()

    def append(transaction: Transaction) -> None:
        runs["append"] += 1
        transaction.events.append(Append("a", 0, [event(1)], CHANGE), 1.0)

    def hang_up(transaction: Transaction) -> None:
        runs["hang up"] += 1
        backend = transaction.connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])

    done = await Turnstile(store).while_held(
        store.transactions.write_in_group("a", append), store.transactions.write_in_group("b", hang_up)
    )
    assert [type(each) for each in done] == [StoreError, StoreError]
    assert runs == {"append": 1, "hang up": 1}
    assert (await store.append(Append("a", 0, [event(1)], CHANGE)))[0].seq == 1
    await store.close()


@pytest.mark.asyncio
async def test_where_another_process_holds_the_store_nobody_waits_in_line_for_it(url: str, path: Path) -> None:
    store = Store(url, busy_timeout_s=0.05)
    await store.warm()
    writes = counting(store)
    with locked(path):
        go = threading.Event()
        first = asyncio.create_task(store.transactions._writer.run(go.wait))
        calls = [asyncio.create_task(store.append(Append(f"s{n}", 0, [event(n)], CHANGE))) for n in range(9)]
        await asyncio.sleep(0)
        go.set()
        done = await asyncio.gather(*calls, return_exceptions=True)
        await first
    assert {type(each) for each in done} == {StoreBusy}
    assert writes() == 1
    assert (await store.append(Append("s1", 0, [event(1)], CHANGE)))[0].seq == 1
    await store.close()


@NEEDS_POSTGRES
@pytest.mark.asyncio
async def test_one_stream_that_another_process_holds_keeps_no_other_waiting_in_vain(postgres_url: str) -> None:
    store = Store(postgres_url, busy_timeout_s=0.1)
    await store.append(Append("held", 0, [event(1)], CHANGE))
    with psycopg.connect(postgres_url) as other:
        other.execute("SELECT 1 FROM stepwarden_heads WHERE stream = 'held' FOR UPDATE")
        done = await Turnstile(store).while_held(
            store.append(Append("a", 0, [event(2)], CHANGE)),
            store.append(Append("held", 1, [event(3)], CHANGE)),
            store.append(Append("z", 0, [event(4)], CHANGE)),
        )
    assert [type(each) for each in done] == [list, StoreBusy, list]
    await store.close()


@pytest.mark.asyncio
async def test_a_call_that_is_cancelled_before_its_turn_writes_nothing(any_store: Store) -> None:
    await any_store.warm()
    gate = Turnstile(any_store)

    async def cancelled() -> None:
        task = asyncio.create_task(any_store.append(Append("gone", 0, [event(1)], CHANGE)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    done = await gate.while_held(cancelled(), any_store.append(Append("kept", 0, [event(2)], CHANGE)))
    assert done[0] is None
    assert (await any_store.read("gone"), len(await any_store.read("kept"))) == ([], 1)


@pytest.mark.asyncio
@pytest.mark.parametrize("which", [0, 1, 2])
async def test_one_that_is_cancelled_in_the_middle_of_its_transaction_ends_with_it(
    any_store: Store, which: int
) -> None:
    await any_store.warm()
    entered, go = threading.Event(), threading.Event()

    def slow(transaction: Transaction) -> None:
        entered.set()
        go.wait()

    tasks: list[asyncio.Task[Any]] = []

    async def together(stream: str) -> Any:
        task = asyncio.create_task(any_store.append(Append(stream, 0, [event(1)], CHANGE)))
        tasks.append(task)
        return await task

    waiting = asyncio.create_task(
        Turnstile(any_store).while_held(
            any_store.transactions.write_in_group("0", slow), *(together(f"s{n}") for n in range(3))
        )
    )
    await asyncio.to_thread(entered.wait)
    tasks[which].cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not tasks[which].done()
    go.set()
    done = await waiting
    assert isinstance(done[which + 1], asyncio.CancelledError)
    assert [len(await any_store.read(f"s{n}")) for n in range(3)] == [1, 1, 1]


@settings(max_examples=examples(15))
@given(calls=st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 1), st.booleans()), min_size=1, max_size=25))
def test_whatever_waits_together_each_is_told_what_came_of_it(
    calls: list[tuple[int, int, bool]], tmp_path_factory: Any
) -> None:
    asyncio.run(_at_random(tmp_path_factory.mktemp("groups"), calls))


async def _at_random(home: Path, calls: list[tuple[int, int, bool]]) -> None:
    """Append at right and wrong versions, as the owner and as somebody else; tell naively what each has to come to."""
    store = Store(f"sqlite:///{home / 'store.db'}")
    await store.warm()
    lengths: Counter[str] = Counter()
    expected: list[type[object]] = []
    asked: list[Coroutine[Any, Any, list[StoredEvent]]] = []
    # A group goes by its streams, and in each by the order in which the calls came.
    for number, (stream, off, is_owner) in enumerate(calls):
        name = f"s{stream}"
        version = max(0, lengths[name] + off)
        asked.append(
            store.append(Append(name, version, [event(number)], CHANGE if is_owner or not lengths[name] else EVES))
        )
        if lengths[name] and not is_owner:
            expected.append(UnknownStream)
        elif version != lengths[name]:
            expected.append(VersionConflict)
        else:
            expected.append(list)
            lengths[name] += 1
    done = await Turnstile(store).while_held(*asked)
    assert [type(each) for each in done] == expected
    for name, length in lengths.items():
        stored = await store.read(name)
        assert stored == [each[0] for each in done if isinstance(each, list) and each[0].stream == name]
        assert len(stored) == length
        assert await store.verify(name) is None if length else True
    await store.close()


async def _kill_and_look(url: str, kills: int, seed: int) -> None:
    """Kill a process that appends to sixteen streams at once, after a random number of acknowledgements."""
    chance, streams = random.Random(seed), [f"debug-{n}" for n in range(16)]
    acknowledged: Counter[str] = Counter()
    for _ in range(kills):
        command = [str(WRITER), url, ",".join(streams)]
        writer = processes.start(command, os.environ, WRITER.parent, stderr=subprocess.DEVNULL)
        let_go([writer])
        for _ in range(chance.randrange(1, 300)):
            _note(acknowledged, next_line(writer))
        writer.kill()
        assert writer.stdin
        assert writer.stdout
        for line in writer.stdout.read().splitlines(keepends=True):
            _note(acknowledged, line)
        writer.wait()
        writer.stdin.close()
        writer.stdout.close()
        store = Store(url)
        for stream in streams:
            # The one append that was under way may be there, with nobody told.
            assert len(await store.read(stream)) - acknowledged[stream] in {0, 1}
            acknowledged[stream] = len(await store.read(stream))
            assert not acknowledged[stream] or await store.verify(stream) is None
        await store.close()


def _note(acknowledged: Counter[str], line: bytes) -> None:
    if line.endswith(b"\n"):
        stream, number = line.split()
        acknowledged[stream.decode()] = int(number)


@pytest.mark.asyncio
async def test_no_acknowledged_event_is_lost_when_a_process_is_killed_in_the_middle_of_a_group(url: str) -> None:
    await _kill_and_look(url, kills=4, seed=3)


@pytest.mark.asyncio
@pytest.mark.slow
async def test_no_acknowledged_event_is_lost_in_many_kills_of_groups(url: str) -> None:
    await _kill_and_look(url, kills=30, seed=4)
