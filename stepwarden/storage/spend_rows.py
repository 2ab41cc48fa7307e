"""What models cost, kept for budgets; imported lazily, since it loads SQLAlchemy."""

from decimal import Decimal

from sqlalchemy import (  # noqa: TID253 - this module is itself imported lazily
    ColumnElement,
    Connection,
    delete,
    insert,
    select,
)

from stepwarden.storage.records import Tally
from stepwarden.storage.schema import spending


class SpendRows:
    """What was spent, as the transaction of `connection` sees it; "" is the thread of a call that belongs to none."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def spend(self, day: str, thread: str, tally: Tally) -> None:
        """Add what one call cost; what no thread spent on earlier days is forgotten."""
        self._connection.execute(delete(spending).where(spending.c.thread == "", spending.c.day < day))
        dollars = None if tally.unpriced_calls else str(tally.dollars)
        row = {"day": day, "thread": thread, "tokens": tally.tokens, "dollars": dollars}
        self._connection.execute(insert(spending).values(row))

    def spent(self, day: str, thread: str) -> tuple[Tally, Tally]:
        """Return what was spent on `day` by all threads, and on `thread` ever ("" for nothing)."""
        of_thread = self._sum(spending.c.thread == thread) if thread else Tally()
        return self._sum(spending.c.day == day), of_thread

    def _sum(self, which: ColumnElement[bool]) -> Tally:
        tokens, dollars, unpriced = 0, Decimal(), 0
        statement = select(spending.c.tokens, spending.c.dollars).where(which)
        for of_call, cost in self._connection.execute(statement):
            tokens += of_call
            dollars += Decimal(cost or 0)
            unpriced += cost is None
        return Tally(tokens, dollars, unpriced)
