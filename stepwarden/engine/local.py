"""The embedded dispatcher: one table of the store, leases, and locks of the operating system on one machine."""

import logging
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from stepwarden.engine.claim_loop import drive_claims
from stepwarden.engine.dispatcher import DEFAULT_TIMES, MOST_AT_ONCE, Drive, LeaseTimes
from stepwarden.engine.held_runs import HeldRuns
from stepwarden.engine.process_locks import DeadProcess, ProcessLocks, new_owner
from stepwarden.engine.run_offers import RunOffers
from stepwarden.storage import QueuedRun, RunClaim, RunsWanted, Store

logger = logging.getLogger(__name__)

POLL_S = 0.5
"""So often the table is looked at for what other processes offered or left; what this one offers is noticed at once."""


class LocalDispatcher:
    """Hands out the runs of `store` among the processes that share it; see `Dispatcher`.

    `locks` is the directory in which processes on this machine hold a lock each: it tells a dead one at the next look.
    Without that, as for a process of another machine or one that is stopped, its lease has to end first.
    """

    def __init__(self, store: Store, locks: Path, times: LeaseTimes = DEFAULT_TIMES, *, poll_s: float = POLL_S) -> None:
        self._queue = store.run_queue
        self._locks = ProcessLocks(locks)
        self._times = times
        self._poll_s = poll_s
        self._offers = RunOffers(store.run_queue)

    async def offer(self, run_id: str, *, priority: int = 0, needs: str = "") -> None:
        """Let somebody drive the run from now on; see `Dispatcher`."""
        await self._offers.offer(run_id, priority=priority, needs=needs)

    async def wake(self, run_id: str) -> bool:
        """Say that there is news for the run; return whether it was ever offered."""
        return await self._offers.wake(run_id)

    async def serve(
        self,
        drive: Drive,
        *,
        most_at_once: int = MOST_AT_ONCE,
        needs: Collection[str] = ("",),
        only: str | None = None,
    ) -> None:
        """Drive runs whose needs are among `needs`, or `only` one, until `close` or cancelled; then let go of them."""
        with self._offers.serving():
            async with self._presence() as owner:
                wanted = RunsWanted(owner, self._times.lease_s, most_at_once, tuple(needs), only)
                held = HeldRuns(self._queue, owner, drive, self._times)
                await drive_claims(held, self._offers, partial(self._claim, wanted), most_at_once, self._poll_s)

    async def close(self) -> None:
        """End `serve`: what this process drives is cancelled, and another one takes it over at once."""
        await self._offers.close()

    async def unserved(self) -> list[QueuedRun]:
        """Return the runs that have something to do now and that nobody drives."""
        await self._bury(await anyio.to_thread.run_sync(self._locks.seize_all))
        return await self._queue.unserved()

    async def owner(self, run_id: str) -> str | None:
        """Return the name of the process that drives the run now, or None."""
        run = await self._queue.find(run_id)
        if run is None or not run.is_driven(self._queue.now()):
            return None
        return None if await anyio.to_thread.run_sync(self._locks.is_dead, run.owner) else run.owner

    async def _claim(self, wanted: RunsWanted) -> list[RunClaim]:
        is_any, others = await self._queue.look(wanted)
        dead = await anyio.to_thread.run_sync(self._locks.seize, others) if others else []
        await self._bury(dead)
        return await self._queue.claim(wanted) if is_any or dead else []

    async def _bury(self, dead: Sequence[DeadProcess]) -> None:
        """Let what dead processes drove be due; raises StoreError."""
        try:
            for process in dead:
                if count := await self._queue.release(process.owner):
                    logger.warning("%s died; its runs (%d) go on elsewhere", process.owner, count)
                await anyio.to_thread.run_sync(self._locks.bury, process)
        finally:
            for process in dead:
                process.lock.release()

    @asynccontextmanager
    async def _presence(self) -> AsyncGenerator[str]:
        """Give this process a new name as a driver, with a lock under it, until the block is left."""
        owner = new_owner()
        try:
            lock = await anyio.to_thread.run_sync(self._locks.take, owner)
        except OSError as error:
            logger.warning("%s has no lock (%s): should it die, its leases have to end first", owner, error)
            lock = None
        try:
            yield owner
        finally:
            if lock is not None:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(self._locks.drop, owner, lock)
