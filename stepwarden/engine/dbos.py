"""The dispatcher for many machines: DBOS on PostgreSQL says which process drives a run.

The queue in the store says which runs have something to do, as with the embedded one, so that any process may offer and
wake without DBOS. Whoever serves sees that each of those has a workflow, under the run's id; the queues of DBOS hand
them out. Its open source does not notice a process that died: we do, by its lock, and resume what it had.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from stepwarden.engine.claim_loop import POLL_FAILED_S, drive_claims
from stepwarden.engine.dispatcher import DEFAULT_TIMES, MOST_AT_ONCE, Drive, LeaseTimes
from stepwarden.engine.held_runs import HeldRuns
from stepwarden.engine.process_locks import new_owner
from stepwarden.engine.run_offers import RunOffers
from stepwarden.engine.session_locks import SessionLocks
from stepwarden.errors import SettingsError, StoreError
from stepwarden.storage import QueuedRun, RunClaim, RunsWanted, Store

if TYPE_CHECKING:
    from stepwarden.engine.dbos_workflows import DbosWorkflows

logger = logging.getLogger(__name__)

SCHEMA = "stepwarden_dbos"
"""Where DBOS keeps its tables, in the database of the store."""

POLL_S = 2.0
_BROUGHT_UP_AT_ONCE = 100


class DbosDispatcher:
    """Hands out the runs of `store` among processes on any machines; see `Dispatcher`. One of a process may serve.

    `address` is the direct one of the PostgreSQL database: sessions are needed, which a pooler does not give.
    """

    def __init__(
        self,
        store: Store,
        address: str,
        times: LeaseTimes = DEFAULT_TIMES,
        *,
        schema: str = SCHEMA,
        poll_s: float = POLL_S,
    ) -> None:
        self._queue = store.run_queue
        self._address = address.replace("postgresql+psycopg://", "postgresql://", 1)
        self._times = times
        self._schema = schema
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
        """Drive runs whose needs are among `needs`, or `only` one, until `close` or cancelled; then let go of them.

        At most `most_at_once` for each of `needs`. One run is claimed without DBOS, unless another process has it.
        Raises SettingsError where the address or the packages do not do.
        """
        owner = new_owner()
        wanted = RunsWanted(owner, self._times.lease_s, len(needs) * most_at_once, tuple(needs), only)
        locks = SessionLocks(self._address, owner)
        held = HeldRuns(self._queue, owner, drive, self._times)
        with self._offers.serving():
            try:
                await anyio.to_thread.run_sync(locks.take)
                if only is not None:
                    await drive_claims(held, self._offers, partial(self._claim_one, wanted, locks), 1, self._poll_s)
                    return
                async with self._launched(held, wanted, most_at_once) as workflows:
                    await self._look_after(workflows, wanted, locks)
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(locks.close)

    async def close(self) -> None:
        """End `serve`: what this process drives is cancelled, and another one takes it over at once."""
        await self._offers.close()

    async def unserved(self) -> list[QueuedRun]:
        """Return the runs that have something to do now and that nobody drives.

        Of a process that died they are among them once another one noticed, or when its leases are over.
        """
        return await self._queue.unserved()

    async def owner(self, run_id: str) -> str | None:
        """Return the name of the process that drives the run now, or None."""
        run = await self._queue.find(run_id)
        return run.owner if run is not None and run.is_driven(self._queue.now()) else None

    async def _look_after(self, workflows: "DbosWorkflows", wanted: RunsWanted, locks: SessionLocks) -> None:
        while not self._offers.is_closed:
            pause = self._poll_s
            try:
                await self._look(workflows, wanted, locks)
            except StoreError as error:
                logger.warning("runs are not looked after now: %s", error)
                pause = POLL_FAILED_S
            await self._offers.wait_for_news(pause)

    async def _look(self, workflows: "DbosWorkflows", wanted: RunsWanted, locks: SessionLocks) -> None:
        """Let what dead processes drove be due, and see that what is due has a workflow; raises StoreError."""
        if not await self._is_any(wanted, locks):
            return
        due = [run for run in await self._queue.unserved() if run.needs in wanted.needs and run.owner != wanted.owner]
        await anyio.to_thread.run_sync(workflows.bring_up, due[:_BROUGHT_UP_AT_ONCE], locks.dead_among)

    async def _claim_one(self, wanted: RunsWanted, locks: SessionLocks) -> list[RunClaim]:
        return await self._queue.claim(wanted) if await self._is_any(wanted, locks) else []

    async def _is_any(self, wanted: RunsWanted, locks: SessionLocks) -> bool:
        """Return whether anything can be claimed, once what dead processes drove is due; raises StoreError."""
        is_any, others = await self._queue.look(wanted)
        for owner in await anyio.to_thread.run_sync(locks.dead_among, others):
            count = await self._queue.release(owner)
            logger.warning("%s died; its runs (%d) go on elsewhere", owner, count)
            is_any = is_any or count > 0
        return is_any

    @asynccontextmanager
    async def _launched(self, held: HeldRuns, wanted: RunsWanted, most_at_once: int) -> "AsyncGenerator[DbosWorkflows]":
        """Have DBOS drive runs in this event loop until the block is left; then nothing is driven any more."""
        try:
            from stepwarden.engine.dbos_workflows import DbosWorkflows
        except ModuleNotFoundError as error:
            if error.name != "dbos":
                raise
            raise SettingsError("Driving runs on PostgreSQL needs DBOS: install stepwarden[postgres].") from error
        loop = asyncio.get_running_loop()

        async def body(run_id: str) -> None:
            # DBOS has an event loop of its own; drivers belong to this one.
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._drive(held, wanted, run_id), loop))

        workflows = DbosWorkflows(self._address, self._schema, wanted.owner, body)
        try:
            await anyio.to_thread.run_sync(workflows.launch, wanted.needs, most_at_once, self._poll_s)
            yield workflows
        finally:
            with anyio.CancelScope(shield=True):
                await held.let_go()
                await anyio.to_thread.run_sync(workflows.end)

    async def _drive(self, held: HeldRuns, wanted: RunsWanted, run_id: str) -> None:
        """Drive one run, for as long as it is due: it may be woken while it is driven."""
        this = RunsWanted(wanted.owner, wanted.lease_s, wanted.most_at_once, wanted.needs, run_id)
        while not held.is_ended:
            try:
                claims = await self._queue.claim(this)
            except StoreError as error:
                logger.warning("%s cannot be claimed now: %s", run_id, error)
                return  # it is due still, and is brought up again
            if not claims:
                return
            await held.drive(claims[0])
