"""The runs that this process drives: each is a task, their leases are renewed in a thread, and all can be let go."""

import asyncio
import logging
import threading
from collections.abc import Collection
from functools import partial

import anyio

from stepwarden.engine.dispatcher import Drive, LeaseTimes
from stepwarden.errors import StoreError
from stepwarden.storage import RunClaim
from stepwarden.storage.records import RunState
from stepwarden.storage.run_queue import RunQueue

logger = logging.getLogger(__name__)

_SETTLE_PAUSES_S = (0.05, 3.0)  # the first one, doubled up to the last
_RETRY_PAUSES_S = (1.0, 60.0)  # the same, before a run whose driver failed is driven again


class HeldRuns:
    """What `owner` drives with `drive`, of the runs in `queue`. It belongs to the event loop that it was made in.

    The leases are renewed by a thread of its own, so that an event loop that is held up for a while loses nothing.
    """

    def __init__(self, queue: RunQueue, owner: str, drive: Drive, times: LeaseTimes) -> None:
        self._queue = queue
        self._owner = owner
        self._drive = drive
        self._times = times
        self._loop = asyncio.get_running_loop()
        self._driving: dict[RunClaim, asyncio.Task[float | None]] = {}
        self._failures: dict[str, int] = {}
        self._lost: set[RunClaim] = set()
        self._ended = asyncio.Event()
        self._idle = asyncio.Event()
        self._stop = threading.Event()
        self._renewing: threading.Thread | None = None

    @property
    def is_ended(self) -> bool:
        """Whether all is let go, or about to be."""
        return self._ended.is_set()

    async def drive(self, claim: RunClaim) -> None:
        """Drive a run that was claimed until its driver is done with it, and settle it; raises when cancelled alone."""
        if self._ended.is_set():
            await self._give_back(claim)
            return
        self._idle.clear()
        self._renew_from_now_on()
        task = self._loop.create_task(_driven(self._drive, claim.stream), name=f"drive {claim.stream}")
        self._driving[claim] = task
        try:
            await asyncio.wait([task])
            await self._settle_end(claim, task)
        except asyncio.CancelledError:
            task.cancel()
            with anyio.CancelScope(shield=True):
                await asyncio.wait([task])
                await self._settle(claim, "offered", self._queue.now())
            raise
        finally:
            del self._driving[claim]
            self._lost.discard(claim)
            if not self._driving:
                self._idle.set()

    async def let_go(self) -> None:
        """Cancel all that is driven and, once it has ended, leave it to whoever is next; nothing is driven any more."""
        self._ended.set()
        self._stop.set()
        for task in self._driving.values():
            task.cancel()
        if self._driving:
            await self._idle.wait()
        try:
            await self._queue.release(self._owner)
        except StoreError as error:
            logger.warning("the runs of %s stay with it until their leases are over: %s", self._owner, error)

    async def _give_back(self, claim: RunClaim) -> None:
        """Let a run be due that was claimed while all was let go."""
        try:
            await self._queue.settle(claim, "offered", self._queue.now())
        except StoreError as error:
            logger.warning("%s is taken over when its lease is over: %s", claim.stream, error)

    async def _settle_end(self, claim: RunClaim, task: asyncio.Task[float | None]) -> None:
        if not task.cancelled() and task.exception() is None:
            self._failures.pop(claim.stream, None)
            await self._settle(claim, "parked", task.result())
            return
        if not task.cancelled():
            _log_failure(claim, task.exception())
        first, most = _RETRY_PAUSES_S
        failures = self._failures.get(claim.stream, 0)
        self._failures[claim.stream] = failures + 1
        await self._settle(claim, "offered", self._queue.now() + min(first * 2**failures, most))

    async def _settle(self, claim: RunClaim, state: RunState, wake_at: float | None) -> None:
        """Settle a claim, however long the store cannot be written, unless it is lost or let go meanwhile."""
        pause, most = _SETTLE_PAUSES_S
        while not self._ended.is_set() and claim not in self._lost:
            try:
                if not await self._queue.settle(claim, state, wake_at):
                    logger.warning("%s was taken over before it was settled", claim.stream)
            except StoreError as error:
                logger.warning("%s is not settled yet: %s", claim.stream, error)
            else:
                return
            with anyio.move_on_after(pause):
                await self._ended.wait()
            pause = min(2 * pause, most)

    # -- leases

    def _renew_from_now_on(self) -> None:
        if self._renewing is None:
            self._renewing = threading.Thread(target=self._renew, name="stepwarden-leases", daemon=True)
            self._renewing.start()

    def _renew(self) -> None:
        """Renew the leases until `let_go`, in the thread."""
        while not self._stop.wait(self._times.renew_s):
            before = tuple(self._driving)  # claimed before they are renewed
            if not before:
                continue
            try:
                held = self._queue.renew_blocking(self._owner, self._times.lease_s)
            except StoreError as error:
                logger.warning("the leases of %s were not renewed: %s", self._owner, error)
                continue  # nobody has said that they are not ours
            if lost := set(before).difference(held):
                self._tell_loop(lost)

    def _tell_loop(self, lost: Collection[RunClaim]) -> None:
        try:
            self._loop.call_soon_threadsafe(partial(self._lose, lost))
        except RuntimeError:
            return  # the loop was closed, and with it all that it drove

    def _lose(self, lost: Collection[RunClaim]) -> None:
        for claim in lost:
            task = self._driving.get(claim)
            if task is not None and not task.done():
                logger.warning("%s was taken over by another process", claim.stream)
                self._lost.add(claim)
                task.cancel()


async def _driven(drive: Drive, run_id: str) -> float | None:
    return await drive(run_id)


def _log_failure(claim: RunClaim, failure: BaseException | None) -> None:
    if isinstance(failure, StoreError):
        logger.warning("%s is driven again later: %s", claim.stream, failure)
    else:
        logger.error("driving %s failed; it is driven again later", claim.stream, exc_info=failure)
