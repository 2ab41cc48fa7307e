"""Consultations of models in the background: claimed before they are sent, recorded before anybody uses them."""

import asyncio
import itertools
import logging
import secrets
from typing import Protocol

from stepwarden.consultation.lease import Lease
from stepwarden.consultation.outcomes import recorded_outcome, request_digest, timed_out
from stepwarden.consultation.structured_answers import complete_form
from stepwarden.models import ModelReply, ModelRequest
from stepwarden.storage import Claim, Consultation, Store

logger = logging.getLogger(__name__)

CALL_SECONDS = 45.0
"""One deadline a call, shared by everything in it (protocol, section 5)."""

LEASE_SECONDS = 10.0  # after a crash, this long nobody asks again
RENEW_SECONDS = 3.0  # two renewals may fail before another process takes over
POLL_SECONDS = (0.05, 1.0)  # the first and the longest pause between two looks at another process's consultation

_ABORT_SECONDS = 1.0  # for an aborted request to close its connection


def deadline(seconds: float = CALL_SECONDS) -> float:
    """Return the time, by the clock of the running event loop, that is `seconds` from now."""
    return asyncio.get_running_loop().time() + seconds


class AnswerSource(Protocol):
    """Whoever answers requests: the models."""

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return one answer. Raises ModelError."""
        ...


class _Run:
    """One consultation while this process has to do with it; `task` is the whole of it, `asking` the request."""

    task: asyncio.Task[None]

    def __init__(self, claim: asyncio.Task[Consultation], owner: str) -> None:
        self.claim = claim
        self.owner = owner
        self.asking: asyncio.Task[ModelReply] | None = None
        self.stopped = False

    @property
    def claimed(self) -> Consultation | None:
        """The claim, once the store has said that it is ours."""
        if not self.claim.done() or self.claim.cancelled() or self.claim.exception():
            return None
        found = self.claim.result()
        return found if found.owner == self.owner and not found.settled else None

    def stop(self) -> None:
        """Abort the request, or never send it; an answer that is there already is recorded all the same."""
        self.stopped = True
        if self.asking is not None:
            self.asking.cancel()


class BackgroundRequests:
    """Asks models in the background of one process; several processes on one store never ask the same at once.

    An answer is read in the form that its request names (`ModelRequest.form`) before it is recorded. An instance
    belongs to one event loop and knows a consultation only by its stream and key. A claim is a lease of `lease_s`
    seconds that is renewed every `renew_s`; who waits for another process looks at the store in pauses that grow from
    the first to the second number of `poll_s`. Any method but `close` may raise StoreError.
    """

    def __init__(
        self,
        store: Store,
        models: AnswerSource,
        *,
        lease_s: float = LEASE_SECONDS,
        renew_s: float = RENEW_SECONDS,
        poll_s: tuple[float, float] = POLL_SECONDS,
    ) -> None:
        self._store = store
        self._models = models
        self._lease_s = lease_s
        self._renew_s = renew_s
        self._poll_s = poll_s
        self._process = secrets.token_hex(8)
        self._claims = itertools.count(1)
        self._runs: dict[tuple[str, str], _Run] = {}
        self._closed = False

    async def start(self, stream: str, key: str, request: ModelRequest) -> None:
        """Ask in the background, unless somebody asks already or it is settled; returns once it is claimed.

        A call that is cancelled leaves it running. After `close` it does nothing.
        """
        run = self._runs.get((stream, key))
        if run is None and not self._closed:
            run = self._begin(stream, key, request)
        if run is not None:
            await asyncio.shield(run.claim)

    async def wait(self, stream: str, key: str, request: ModelRequest, *, until: float) -> Consultation | None:
        """Return the consultation once it is settled, or None when the time is up (or this was closed).

        Asks itself where nobody does, or whoever did has died. `until` is a time as `deadline` gives it; one that
        has passed still starts, and collects what is settled. A wait that is cancelled leaves it running.
        """
        pause, longest = self._poll_s
        while True:
            if run := self._runs.get((stream, key)):
                await asyncio.wait({run.task}, timeout=max(0.0, until - deadline(0)))
            found = await self._store.consultations.find(stream, key)
            if found is not None and found.settled:
                return found
            orphaned = (found is None or found.lapsed) and (stream, key) not in self._runs
            left = until - deadline(0)
            if self._closed or (left <= 0 and not orphaned):
                return None
            if orphaned:
                await self.start(stream, key, request)
            else:
                await asyncio.sleep(min(pause, left))
                pause = min(2 * pause, longest)

    async def give_up(self, stream: str, key: str) -> bool:
        """End a consultation that nobody waits for any more, and drop its answer; False when none is under way.

        The request is aborted at once where it runs here, and at its next renewal where another process runs it.
        """
        if run := self._runs.get((stream, key)):
            run.stop()
            await asyncio.wait({run.claim})
        return await self._store.consultations.give_up(stream, key)

    async def close(self) -> None:
        """Abort all requests and release their claims, so that the next process need not wait for the leases.

        Answers that are there are still recorded, for up to a lease's time.
        """
        self._closed = True
        runs = list(self._runs.values())
        for run in runs:
            run.stop()
        if runs:
            _, hanging = await asyncio.wait({run.task for run in runs}, timeout=self._lease_s)
            for task in hanging:
                task.cancel()
            await asyncio.gather(*hanging, return_exceptions=True)
        for run in runs:
            if run.claimed is not None:
                await Lease(self._store, run.claimed, self._lease_s).release()

    def _begin(self, stream: str, key: str, request: ModelRequest) -> _Run:
        owner = f"{self._process}.{next(self._claims)}"  # its own for each claim: see Consultations.claim
        digest = request_digest(request)
        wanted = Claim(stream, key, owner, self._lease_s, request.model, digest)
        run = _Run(asyncio.create_task(self._store.consultations.claim(wanted)), owner)
        run.task = asyncio.create_task(self._consult(run, request), name=f"consultation {key} of {stream}")
        self._runs[stream, key] = run
        run.task.add_done_callback(lambda _: self._runs.pop((stream, key)))
        return run

    async def _consult(self, run: _Run, request: ModelRequest) -> None:
        await asyncio.wait({run.claim})  # its error is told to whoever started it
        if run.claimed is None or run.stopped:
            return
        lease = Lease(self._store, run.claimed, self._lease_s)
        began = deadline(0)
        run.asking = asking = asyncio.create_task(self._asked(request))
        asking.add_done_callback(_look_at)
        try:
            await self._hold(run, asking, lease, ends=began + request.deadline_s)
        finally:
            asking.cancel()
        came = recorded_outcome(asking, request, duration_s=deadline(0) - began)
        if run.stopped and (came is None or came.state == "failed"):
            await asyncio.wait({asking}, timeout=_ABORT_SECONDS)
            return
        await lease.settle(came or timed_out(request))

    async def _asked(self, request: ModelRequest) -> ModelReply:
        return await complete_form(self._models.complete, request)  # whatever it raises is then the task's error

    async def _hold(self, run: _Run, asking: asyncio.Task[ModelReply], lease: Lease, *, ends: float) -> None:
        """Renew the lease until the request has ended, was aborted, or its time is up."""
        while not run.stopped and not asking.done() and deadline(0) < ends:
            await asyncio.wait({asking}, timeout=min(self._renew_s, ends - deadline(0)))
            if not asking.done() and not await lease.renew():
                logger.warning("%s was given up or taken over: aborted", lease.name)
                run.stop()


def _look_at(asking: asyncio.Task[ModelReply]) -> None:
    if not asking.cancelled():
        asking.exception()  # else asyncio would report that of an aborted request as forgotten
