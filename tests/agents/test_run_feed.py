"""Followers of runs: each event once and in order, however late it is read and whoever recorded it."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from stepwarden.agents.run_feed import MOST_QUEUED, RunFeed, RunFollower
from stepwarden.storage import Append, HeadChange, NewEvent, Store, kinds

pytestmark = pytest.mark.asyncio
RUN = "run-1"
CHANGE = HeadChange("run", "ana", "a run", "running", 0, kind=kinds.RUN)


@dataclass
class Recorder:
    """Appends to runs in this process, which is told at once, or as another process would."""

    here: Store
    there: Store
    feed: RunFeed
    versions: dict[str, int]

    async def record(self, count: int, *, here: bool, run: str = RUN) -> None:
        before = self.versions.get(run, 0)
        events = [NewEvent("state", f"{before + number}") for number in range(1, count + 1)]
        store = self.here if here else self.there
        stored = await store.append(Append(run, before, events, CHANGE))
        self.versions[run] = before + count
        if here:
            self.feed.publish(stored)


@pytest_asyncio.fixture
async def recorder(tmp_path: Path) -> AsyncIterator[Recorder]:
    here, there = (Store(f"sqlite:///{tmp_path / 'runs.db'}") for _ in range(2))
    yield Recorder(here, there, RunFeed(here), {})
    for store in (here, there):
        await store.close()


async def read_to(follower: RunFollower, last: int) -> list[int]:
    """Return the numbers of what a follower gives until event `last`."""
    seen: list[int] = []
    while follower.cursor < last:
        seen += [event.seq for event in await follower.next()]
    return seen


@pytest.mark.parametrize("seed", range(6))
async def test_a_follower_gives_each_event_once_whoever_records_it_and_however_late_it_is_read(
    recorder: Recorder, seed: int
) -> None:
    chance = random.Random(seed)
    parts = [(chance.choice([1, 2, 7, 60, 130]), chance.random() < 0.6) for _ in range(12)]
    total = sum(count for count, _ in parts)
    begin = chance.choice([0, 3])
    await recorder.record(5, here=False)
    with recorder.feed.following(RUN, begin) as follower:
        reading = asyncio.create_task(read_to(follower, total + 5))
        for count, here in parts:
            await recorder.record(count, here=here)
            assert follower.queued <= MOST_QUEUED
            await asyncio.sleep(0 if chance.random() < 0.7 else 0.01)
        assert await reading == list(range(begin + 1, total + 6))


async def test_who_never_reads_is_waited_for_by_nobody_and_misses_nothing_later(recorder: Recorder) -> None:
    await recorder.record(1, here=True)
    with ExitStack() as stack:
        followers = [stack.enter_context(recorder.feed.following(RUN, 0)) for _ in range(1_000)]
        reader, sleepers = followers[0], followers[1:]
        for follower in sleepers:
            assert [event.seq for event in await follower.next()] == [1]
        for _ in range(30):
            await recorder.record(10, here=True)
        assert await read_to(reader, 301) == list(range(1, 302))
        assert max(follower.queued for follower in sleepers) <= MOST_QUEUED
        assert await read_to(sleepers[-1], 301) == list(range(2, 302))


async def test_the_store_is_looked_at_once_for_all_who_follow(recorder: Recorder) -> None:
    await recorder.record(1, here=False)
    await recorder.record(1, here=False, run="run-2")
    with ExitStack() as stack:
        followers = [stack.enter_context(recorder.feed.following(RUN, 0)) for _ in range(300)]
        other = stack.enter_context(recorder.feed.following("run-2", 0))
        assert await read_to(other, 1) == [1]
        for last in (2, 3):
            await recorder.record(1, here=False)
            seen = await asyncio.gather(*(read_to(follower, last) for follower in followers))
            assert all(numbers[-1] == last for numbers in seen)
        assert recorder.feed.looks < 300
        assert other.cursor == 1


async def test_a_run_that_nobody_follows_is_not_looked_for(recorder: Recorder) -> None:
    await recorder.record(1, here=True)
    with recorder.feed.following(RUN, 0) as follower:
        assert await read_to(follower, 1) == [1]
    looks = recorder.feed.looks
    await asyncio.sleep(0)
    with recorder.feed.following(RUN, 1) as follower:
        await recorder.record(2, here=True)
        assert await read_to(follower, 3) == [2, 3]
    assert recorder.feed.looks <= looks + 1
