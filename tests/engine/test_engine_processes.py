"""Several processes that drive runs of one database, and such as die, are stopped, or lose the database."""

import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from driving_processes import Workers, end
from engines import Engine, open_dispatcher, start_run, steps_of

from stepwarden.storage import HeadQuery, Store

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
        await workers.until(lambda: {pid for *_, pid in workers.notes("effect")} == {first.pid, second.pid})
        assert first.stdin is not None
        first.stdin.close()
        first.wait()
        await workers.until_done(store, 6)
        assert list(engine.locks.iterdir()) != []
    await assert_whole(store, 6, 20)


async def test_a_stopped_process_loses_its_runs_and_does_no_more_of_them(
    engine: Engine, store: Store, workers: Workers
) -> None:
    workers.lease_s, workers.step_s = 0.5, 0.05
    with workers.running(1) as (zombie,):
        await offer(engine, store, 3)
        await workers.until(lambda: len(workers.notes("effect")) > 6)
        zombie.send_signal(signal.SIGSTOP)
        with workers.running(1) as (other,):
            await workers.until(lambda: len({run for run, _, pid in workers.notes("effect") if pid == other.pid}) == 3)
            zombie.send_signal(signal.SIGCONT)
            await workers.until_done(store, 3)
            driven_by = {run: pid for run, number, pid in workers.notes("effect") if number == 19}
            assert set(driven_by.values()) == {other.pid}
    assert max(Counter((run, number) for run, number, _ in workers.notes("effect")).values()) == 1
    await assert_whole(store, 3, 20)


@pytest.mark.slow
async def test_runs_survive_twelve_kills_at_random(engine: Engine, store: Store, workers: Workers) -> None:
    workers.step_s, workers.most_at_once = 0.15, 8
    chance = random.Random(18)
    running = [workers.start() for _ in range(3)]
    try:
        await offer(engine, store, 24)
        for kill in range(12):
            await workers.until(lambda at_least=(kill + 1) * 30: len(workers.notes("effect")) >= at_least)
            victim = running.pop(chance.randrange(3))
            end(victim)
            running.append(workers.start())
        await workers.until_done(store, 24)
    finally:
        for process in running:
            end(process)
    assert max(Counter((run, number) for run, number, _ in workers.notes("effect")).values()) == 1
    await assert_whole(store, 24, 20)


async def assert_whole(store: Store, runs: int, steps: int) -> None:
    """Check that every run ended, each step stands in its history once, and the chains are whole."""
    heads = await store.heads(HeadQuery(None))
    assert [head.state for head in heads] == ["done"] * runs
    for head in heads:
        assert await steps_of(store, head.stream) == list(range(steps))
        assert await store.verify(head.stream) is None
