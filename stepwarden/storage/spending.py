"""What models cost: the ledger behind budgets that hold for all processes of a store."""

from stepwarden.storage.records import Tally
from stepwarden.storage.transactions import Transactions


class SpendingLedger:
    """What calls of models cost, by day and by thread."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def spend(self, day: str, thread: str, tally: Tally) -> None:
        """Record what a call of a model cost on `day` (ISO 8601) for `thread`, "" for none."""
        await self._transactions.write(lambda transaction: transaction.spending.spend(day, thread, tally))

    async def spent(self, day: str, thread: str) -> tuple[Tally, Tally]:
        """Return what all processes spent on `day`, and on `thread` on any day ("": nothing)."""
        return await self._transactions.read(lambda transaction: transaction.spending.spent(day, thread))
