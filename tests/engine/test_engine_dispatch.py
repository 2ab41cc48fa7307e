"""What every dispatcher promises to those who offer, wake and drive runs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from engines import RUN, Engine, open_dispatcher, start_run

from stepwarden.engine import Dispatcher
from stepwarden.storage import RetentionRule, RunClaim, RunsWanted, Store
from tests.support.clocks import Clock

if TYPE_CHECKING:
    from stepwarden.storage.database import Transaction

pytestmark = pytest.mark.asyncio


@dataclass
class Drives:
    """A driver that tells which runs it was given, and does with each what the test says."""

    wake_at: float | None = None
    body: Callable[[str], Coroutine[None, None, None]] | None = None
    begun: list[str] = field(default_factory=list[str])
    ended: list[str] = field(default_factory=list[str])
    _told: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def __call__(self, run_id: str) -> float | None:
        await self._note(self.begun, run_id)
        try:
            if self.body is not None:
                await self.body(run_id)
        except asyncio.CancelledError:
            await self._note(self.ended, f"{run_id} cancelled")
            raise
        await self._note(self.ended, run_id)
        return self.wake_at

    async def _note(self, notes: list[str], text: str) -> None:
        async with self._told:
            notes.append(text)
            self._told.notify_all()

    async def until(self, is_reached: Callable[[], bool]) -> None:
        """Wait until what the driver was given is as wanted; a test that waits for ever is ended by its time-out."""
        async with self._told:
            await self._told.wait_for(is_reached)


@asynccontextmanager
async def serving(dispatcher: Dispatcher, drives: Drives, most_at_once: int = 4) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(dispatcher.serve(drives, most_at_once=most_at_once, needs=("", "jira")))
    try:
        yield task
    finally:
        await dispatcher.close()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()


async def parked(dispatcher: Dispatcher, run_id: str) -> None:
    """Wait until nobody drives a run."""
    while await dispatcher.owner(run_id) is not None:
        await asyncio.sleep(0)


async def test_an_offered_run_is_driven_once_and_then_only_when_it_is_woken(dispatcher: Dispatcher) -> None:
    drives = Drives()
    async with serving(dispatcher, drives):
        await dispatcher.offer("run-a")
        await drives.until(lambda: drives.ended == ["run-a"])
        await parked(dispatcher, "run-a")
        await dispatcher.offer("run-b")
        await drives.until(lambda: drives.ended == ["run-a", "run-b"])
        assert await dispatcher.wake("run-a")
        await drives.until(lambda: drives.ended == ["run-a", "run-b", "run-a"])
    assert not await dispatcher.wake("run-c")


async def test_a_run_offered_before_anybody_serves_is_driven_and_is_unserved_until_then(dispatcher: Dispatcher) -> None:
    await dispatcher.offer("run-a")
    assert [run.stream for run in await dispatcher.unserved()] == ["run-a"]
    assert await dispatcher.owner("run-a") is None
    hold = asyncio.Event()
    drives = Drives(body=lambda _: _wait(hold))
    async with serving(dispatcher, drives):
        await drives.until(lambda: drives.begun == ["run-a"])
        assert await dispatcher.unserved() == []
        assert await dispatcher.owner("run-a") is not None
        hold.set()
        await drives.until(lambda: drives.ended == ["run-a"])
        await parked(dispatcher, "run-a")
    assert await dispatcher.unserved() == []  # it waits for somebody's word, and for no driver


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def test_a_run_woken_while_it_is_driven_is_driven_once_more(dispatcher: Dispatcher) -> None:
    hold = asyncio.Event()
    drives = Drives(body=lambda _: _wait(hold))
    async with serving(dispatcher, drives):
        await dispatcher.offer("run-a")
        await drives.until(lambda: drives.begun == ["run-a"])
        await dispatcher.wake("run-a")
        await dispatcher.wake("run-a")
        assert drives.begun == ["run-a"]
        hold.set()
        await drives.until(lambda: drives.ended == ["run-a", "run-a"])
        await parked(dispatcher, "run-a")
    assert drives.begun == ["run-a", "run-a"]


async def test_a_run_is_driven_again_when_its_time_has_come_and_not_before(
    dispatcher: Dispatcher, clock: Clock
) -> None:
    drives = Drives(wake_at=clock.now + 60)
    async with serving(dispatcher, drives):
        await dispatcher.offer("run-a")
        await drives.until(lambda: drives.ended == ["run-a"])
        await parked(dispatcher, "run-a")
        clock.now += 59
        assert await dispatcher.unserved() == []
        await dispatcher.offer("run-b")
        await drives.until(lambda: drives.ended == ["run-a", "run-b"])
        drives.wake_at = None
        clock.now += 1
        await drives.until(lambda: len(drives.ended) == 4)
        assert sorted(drives.ended[2:]) == ["run-a", "run-b"]


async def test_a_driver_that_fails_is_asked_again_later_and_takes_no_other_run_along(
    dispatcher: Dispatcher, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(run_id: str) -> None:
        if run_id == "run-bad" and drives.begun.count(run_id) == 1:
            raise ZeroDivisionError("a bug")

    drives = Drives(body=fail)
    async with serving(dispatcher, drives):
        await dispatcher.offer("run-bad")
        await drives.until(lambda: drives.begun == ["run-bad"])
        await parked(dispatcher, "run-bad")
        await dispatcher.offer("run-good")
        await drives.until(lambda: drives.ended == ["run-good"])
        clock.now += 1
        await drives.until(lambda: drives.ended == ["run-good", "run-bad"])
    assert "driving run-bad failed" in caplog.text
    assert "a bug" in caplog.text


async def test_runs_of_greater_priority_come_first_and_no_more_than_allowed_at_once(dispatcher: Dispatcher) -> None:
    for number, priority in enumerate((0, 5, 9, 5)):
        await dispatcher.offer(f"run-{number}", priority=priority)
    at_once = 0

    async def count(_: str) -> None:
        nonlocal at_once
        at_once += 1
        assert at_once == 1
        await asyncio.sleep(0)
        at_once -= 1

    drives = Drives(body=count)
    async with serving(dispatcher, drives, most_at_once=1):
        await drives.until(lambda: len(drives.ended) == 4)
    assert drives.begun == ["run-2", "run-1", "run-3", "run-0"]


async def test_a_run_whose_needs_nobody_meets_stays_unserved(dispatcher: Dispatcher) -> None:
    drives = Drives()
    async with serving(dispatcher, drives):
        await dispatcher.offer("run-other", needs="github")
        await dispatcher.offer("run-ours", needs="jira")
        await drives.until(lambda: drives.ended == ["run-ours"])
        await parked(dispatcher, "run-ours")
        assert [(run.stream, run.needs) for run in await dispatcher.unserved()] == [("run-other", "github")]


async def test_one_run_alone_is_driven_where_it_was_asked_for_and_no_other(dispatcher: Dispatcher) -> None:
    drives = Drives()
    for name in ("run-a", "run-b"):
        await dispatcher.offer(name)
    task = asyncio.create_task(dispatcher.serve(drives, only="run-b"))
    await drives.until(lambda: drives.ended == ["run-b"])
    await parked(dispatcher, "run-b")
    await dispatcher.wake("run-b")
    await drives.until(lambda: drives.ended == ["run-b", "run-b"])
    await parked(dispatcher, "run-b")
    await dispatcher.close()
    await task
    assert [run.stream for run in await dispatcher.unserved()] == ["run-a"]


async def test_closing_ends_what_is_driven_and_leaves_it_to_whoever_serves_next(
    engine: Engine, store: Store, dispatcher: Dispatcher
) -> None:
    drives = Drives(body=lambda _: _wait(asyncio.Event()))
    async with serving(dispatcher, drives):
        for number in range(3):
            await dispatcher.offer(f"run-{number}")
        await drives.until(lambda: len(drives.begun) == 3)
    assert sorted(drives.ended) == [f"run-{number} cancelled" for number in range(3)]
    next_one = open_dispatcher(engine, store)
    assert len(await next_one.unserved()) == 3  # at once: the clock of the store stands still
    drives = Drives()
    async with serving(next_one, drives):
        await drives.until(lambda: len(drives.ended) == 3)


async def test_a_server_that_is_cancelled_lets_go_too(dispatcher: Dispatcher) -> None:
    drives = Drives(body=lambda _: _wait(asyncio.Event()))
    async with serving(dispatcher, drives) as task:
        await dispatcher.offer("run-a")
        await drives.until(lambda: drives.begun == ["run-a"])
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert [run.stream for run in await dispatcher.unserved()] == ["run-a"]
        async with serving(dispatcher, drives):
            await drives.until(lambda: drives.begun == ["run-a", "run-a"])


async def test_a_run_that_another_process_took_over_is_cancelled_here_and_stays_its_own(
    dispatcher: Dispatcher, store: Store
) -> None:
    drives = Drives(body=lambda _: _wait(asyncio.Event()))
    async with serving(dispatcher, drives):
        await dispatcher.offer("run-a")
        await drives.until(lambda: drives.begun == ["run-a"])
        rival = await take_over(store, "run-a")
        await drives.until(lambda: drives.ended == ["run-a cancelled"])
    run = await store.run_queue.find("run-a")
    assert run is not None
    assert (run.owner, run.state, run.attempt) == (rival, "driven", 2)


async def take_over(store: Store, run_id: str) -> str:
    """Take a run from whoever drives it, as where its lease had ended."""
    rival = RunsWanted("rival", 1e6, 1, [""], run_id)
    found = await store.run_queue.find(run_id)
    assert found is not None

    def take(transaction: "Transaction") -> list[RunClaim]:
        return transaction.runs.claim(rival, at=found.lease_until)

    (claim,) = await store.transactions.write(take)
    return claim.owner


async def test_an_event_loop_that_is_held_up_loses_no_lease(dispatcher: Dispatcher, store: Store, clock: Clock) -> None:
    def lease_until() -> float:
        run = store.transactions.write_blocking(lambda transaction: transaction.runs.find("run-a"))
        assert run is not None
        return run.lease_until

    async def hold_up(_: str) -> None:
        clock.now += 10
        while lease_until() != clock.now + 15:
            pass  # nothing of this event loop goes on meanwhile

    drives = Drives(body=hold_up)
    async with serving(dispatcher, drives):
        await dispatcher.offer("run-a")
        await drives.until(lambda: drives.ended == ["run-a"])


async def test_a_deleted_run_is_gone_from_the_queue(dispatcher: Dispatcher, store: Store, clock: Clock) -> None:
    await start_run(store, "run-a")
    await dispatcher.offer("run-a")
    clock.now += 100
    assert len(await store.maintenance.prune([RetentionRule(RUN, 10)])) == 1
    assert await dispatcher.unserved() == []
    assert not await dispatcher.wake("run-a")
