"""Several processes that drive runs of one database, and such as die, are stopped, or lose the database."""

import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from driving_processes import Workers, end, stop
from engines import KINDS, Engine, open_dispatcher, start_run, steps_of

from stepwarden.storage import HeadQuery, Store
from tests.support.postgres import own_server

pytestmark = pytest.mark.asyncio


@pytest.fixture
def workers(engine: Engine, tmp_path: Path) -> Workers:
    return Workers(engine, tmp_path / "log")


@pytest_asyncio.fixture
async def store(engine: Engine) -> AsyncIterator[Store]:  # hides the one with a clock of the tests
    opened = Store(engine.url)
    yield opened
    await opened.close()


async def offer(engine: Engine, store: Store, count: int) -> list[str]:
    """Start runs and offer them, as a process that drives none."""
    dispatcher = open_dispatcher(engine, store)
    names = [f"run-{number}" for number in range(count)]
    for name in names:
        await start_run(store, name)
        await dispatcher.offer(name)
    await dispatcher.close()
    return names


async def test_the_runs_of_a_killed_process_go_on_in_another_before_its_lease_ends(
    engine: Engine, store: Store, workers: Workers
) -> None:
    workers.lease_s = 100_000.0
    with workers.running(2) as (first, second):
        await offer(engine, store, 6)
        await workers.until(lambda: {pid for *_, pid in workers.notes("effect")} == {first.pid, second.pid})
        first.kill()
        await workers.until_done(store, 6)
    await assert_whole(store, 6, 20)


async def test_a_process_that_ends_leaves_its_runs_to_another(engine: Engine, store: Store, workers: Workers) -> None:
    workers.lease_s = 100_000.0
    with workers.running(2) as (first, second):
        await offer(engine, store, 6)
        await workers.until(lambda: bool(workers.notes("effect")))  # whoever was there first may have taken all of them
        ending = first if workers.notes("effect")[0][-1] == first.pid else second
        assert ending.stdin is not None
        ending.stdin.close()
        ending.wait()
        await workers.until_done(store, 6)
    await assert_whole(store, 6, 20)


async def test_a_stopped_process_loses_its_runs_and_does_no_more_of_them(
    engine: Engine, store: Store, workers: Workers
) -> None:
    workers.lease_s, workers.step_s = 0.5, 0.05
    with workers.running(1) as (zombie,):
        await offer(engine, store, 3)
        await workers.until(lambda: len(workers.notes("effect")) > 6)
        stop(zombie, engine)
        with workers.running(1) as (other,):
            await workers.until(lambda: len({run for run, _, pid in workers.notes("effect") if pid == other.pid}) == 3)
            zombie.send_signal(signal.SIGCONT)
            await workers.until_done(store, 3)
            driven_by = {run: pid for run, number, pid in workers.notes("effect") if number == 19}
            assert set(driven_by.values()) == {other.pid}
    assert max(Counter((run, number) for run, number, _ in workers.notes("effect")).values()) == 1
    await assert_whole(store, 3, 20)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
async def test_runs_survive_twelve_kills_at_random(kind: str, tmp_path: Path) -> None:
    """On PostgreSQL the database is killed once, too."""
    with ExitStack() as servers:
        kill_database = None
        url = f"sqlite:///{tmp_path}/store.db"
        if kind != "local":
            url, kill_database = servers.enter_context(own_server())
        engine = Engine(kind.partition("-")[0], url, tmp_path / "drivers")
        workers = Workers(engine, tmp_path / "log", most_at_once=8, step_s=0.15)
        store = Store(url)
        await survive(workers, store, kill_database)
        assert max(Counter((run, number) for run, number, _ in workers.notes("effect")).values()) == 1
        await assert_whole(store, 24, 20)
        await store.close()


async def survive(workers: Workers, store: Store, kill_database: Callable[[], str] | None) -> None:
    """Have three processes drive 24 runs, of which twelve are killed."""
    chance = random.Random(18)
    running = [workers.start() for _ in range(3)]
    try:
        await offer(workers.engine, store, 24)
        for kill in range(12):
            await workers.until(lambda at_least=(kill + 1) * 30: len(workers.notes("effect")) >= at_least)
            end(running.pop(chance.randrange(3)))
            running.append(workers.start())
            if kill == 6 and kill_database is not None:
                kill_database()
        await workers.until_done(store, 24)
    finally:
        for process in running:
            end(process)


async def assert_whole(store: Store, runs: int, steps: int) -> None:
    """Check that every run ended, each step stands in its history once, and the chains are whole."""
    heads = await store.heads(HeadQuery(None))
    assert [head.state for head in heads] == ["done"] * runs
    for head in heads:
        assert await steps_of(store, head.stream) == list(range(steps))
        assert await store.verify(head.stream) is None
