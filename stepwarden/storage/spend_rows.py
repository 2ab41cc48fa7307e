"""What models cost, kept for budgets; imported only from inside functions, since it loads SQLAlchemy."""

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


def spend(connection: Connection, day: str, thread: str, tally: Tally) -> None:
    """Add what one call cost; what no thread spent on earlier days is forgotten."""
    connection.execute(delete(spending).where(spending.c.thread == "", spending.c.day < day))
    dollars = None if tally.unpriced_calls else str(tally.dollars)
    row = {"day": day, "thread": thread, "tokens": tally.tokens, "dollars": dollars}
    connection.execute(insert(spending).values(row))


def spent(connection: Connection, day: str, thread: str) -> tuple[Tally, Tally]:
    """Return what was spent on `day` by all threads, and on `thread` ever ("" for nothing)."""
    of_thread = _sum(connection, spending.c.thread == thread) if thread else Tally()
    return _sum(connection, spending.c.day == day), of_thread


def _sum(connection: Connection, which: ColumnElement[bool]) -> Tally:
    tokens, dollars, unpriced = 0, Decimal(), 0
    for of_call, cost in connection.execute(select(spending.c.tokens, spending.c.dollars).where(which)):
        tokens += of_call
        dollars += Decimal(cost or 0)
        unpriced += cost is None
    return Tally(tokens, dollars, unpriced)
