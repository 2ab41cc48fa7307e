"""Looking after a store: retention, checks, and what the manager learns from finished threads."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from stepwarden.storage.records import Head, KeptSize, RetentionRule
from stepwarden.storage.transactions import Transactions

if TYPE_CHECKING:
    from stepwarden.storage.database import Transaction

_STREAMS_PER_BATCH = 20


class Maintenance:
    """Retention and checks of a whole store."""

    def __init__(self, transactions: Transactions, clock: Callable[[], float]) -> None:
        self._transactions = transactions
        self._clock = clock

    async def prune(self, rules: Sequence[RetentionRule], *, dry_run: bool = False) -> list[Head]:
        """Delete the whole streams that any of `rules` takes, and return their heads as they were.

        `dry_run` only returns what would go. A stream that moves on meanwhile stays. Writers get their turn after
        every twenty streams.
        """
        now = float(self._clock())
        found = await self._transactions.read(lambda transaction: transaction.retention.stale(rules, now))
        if dry_run:
            return found
        deleted: list[Head] = []
        for start in range(0, len(found), _STREAMS_PER_BATCH):
            deleted += await self._delete(found[start : start + _STREAMS_PER_BATCH])
        return deleted

    async def prune_kept(self, rules: Sequence[RetentionRule], *, dry_run: bool = False) -> list[KeptSize]:
        """Delete what is kept beside the events of the streams that any of `rules` takes, and return what it was.

        The events stay, and so does their chain. `dry_run` only returns what would go. A stream that moves on meanwhile
        keeps what it has. Writers get their turn after every twenty streams.
        """
        now = float(self._clock())

        def sized(transaction: "Transaction") -> list[KeptSize]:
            found = [transaction.kept.size_of(head) for head in transaction.retention.stale(rules, now)]
            return [one for one in found if one.count]

        found = await self._transactions.read(sized)
        if dry_run:
            return found
        deleted: list[KeptSize] = []
        for start in range(0, len(found), _STREAMS_PER_BATCH):
            batch = found[start : start + _STREAMS_PER_BATCH]
            deleted += await self._transactions.write(
                lambda transaction, batch=batch: [one for one in batch if transaction.kept.delete(one.head)]
            )
        return deleted

    async def check(self) -> dict[str, str | int]:
        """Return what doctor and status show.

        `database`, `url` (without its password), `version`, `driver`, `schema_version`, `streams`, `events`,
        `bytes`, and for SQLite `path` and `journal_mode`. Counts all rows.
        """
        return await self._transactions.facts()

    async def _delete(self, batch: Sequence[Head]) -> list[Head]:
        return await self._transactions.write(lambda transaction: transaction.retention.delete(batch))


class Calibration:
    """How long the finished threads of each tool were; other kinds of streams do not count."""

    def __init__(self, transactions: Transactions, clock: Callable[[], float]) -> None:
        self._transactions = transactions
        self._clock = clock

    async def steps_of_finished(self, tool: str, *, limit: int = 200) -> list[int]:
        """Return how many live steps each done thread of `tool` has, the newest completion first.

        Leaves out what was completed before the last `reset`.
        """
        return await self._transactions.read(lambda transaction: transaction.calibration.finished_steps(tool, limit))

    async def reset(self) -> None:
        """Let `steps_of_finished` start from nothing again."""
        at = float(self._clock())
        await self._transactions.write(lambda transaction: transaction.calibration.reset(at))
