"""The queue of runs: which have something to do, and who drives each of them under a lease."""

from collections.abc import Callable

from stepwarden.storage.records import QueuedCounts, QueuedRun, RunClaim, RunState, RunsWanted
from stepwarden.storage.transactions import Transactions


class RunQueue:
    """The runs of a store with their drivers, for any number of processes; a lease begins when the write lock is ours.

    Nothing in it says what a run is. A lease that is wrong costs the effect in flight: whoever lost a run cannot append
    to its stream any more.
    """

    def __init__(self, transactions: Transactions, clock: Callable[[], float]) -> None:
        self._transactions = transactions
        self._clock = clock

    def now(self) -> float:
        """Return the time by the clock of the store, in unix seconds."""
        return float(self._clock())

    async def offer(self, stream: str, *, priority: int = 0, needs: str = "") -> None:
        """Let a run be due now; to offer it in the transaction that starts it, see `RunRows.offer`."""
        await self._transactions.write(
            lambda transaction: transaction.runs.offer(stream, priority=priority, needs=needs, at=self.now())
        )

    async def wake(self, stream: str) -> bool:
        """Let a run be due now, or as soon as its driver settles it; False where it was never offered."""
        return await self._transactions.write(lambda transaction: transaction.runs.wake(stream, at=self.now()))

    async def look(self, wanted: RunsWanted) -> tuple[bool, list[str]]:
        """Return whether anything can be claimed now, and who else drives runs; takes no write lock."""
        return await self._transactions.read(
            lambda transaction: (
                transaction.runs.is_any_claimable(wanted, at=self.now()),
                transaction.runs.other_owners(wanted.owner),
            )
        )

    async def claim(self, wanted: RunsWanted) -> list[RunClaim]:
        """Claim what is due now, at most up to what the owner may drive."""
        return await self._transactions.write(lambda transaction: transaction.runs.claim(wanted, at=self.now()))

    def renew_blocking(self, owner: str, lease_s: float) -> list[RunClaim]:
        """Renew all leases of `owner`, and return what it still drives; for a thread, which waits for it.

        A lease that is over may still be renewed, as long as nobody else claimed the run.
        """
        return self._transactions.write_blocking(
            lambda transaction: transaction.runs.renew(owner, lease_until=self.now() + lease_s)
        )

    async def settle(self, claim: RunClaim, state: RunState, wake_at: float | None) -> bool:
        """End a claim: the run is in `state` until `wake_at`, or due now if it was woken meanwhile.

        Returns whether it was held still.
        """
        return await self._transactions.write(lambda transaction: transaction.runs.settle(claim, state, wake_at))

    async def release(self, owner: str) -> int:
        """Let all that `owner` drives be due now: it ended, or it lets go; return how many there were."""
        return await self._transactions.write(lambda transaction: transaction.runs.release(owner, at=self.now()))

    async def find(self, stream: str) -> QueuedRun | None:
        """Return one run of the queue, or None where it was never offered."""
        return await self._transactions.read(lambda transaction: transaction.runs.find(stream))

    async def counts(self, state: str) -> QueuedCounts:
        """Return how many runs have a head in `state`, and how many of these wait until they are woken."""
        return await self._transactions.read(lambda transaction: transaction.runs.counts(state))

    async def unserved(self) -> list[QueuedRun]:
        """Return the runs that have something to do now and that nobody drives, the first claimed first."""
        return await self._transactions.read(lambda transaction: transaction.runs.unserved(at=self.now()))
