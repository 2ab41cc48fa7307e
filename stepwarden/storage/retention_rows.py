"""What retention deletes and what calibration counts, in an open transaction; imported lazily: it loads SQLAlchemy."""

from collections.abc import Sequence

from sqlalchemy import (  # noqa: TID253 - this module is itself imported lazily
    ColumnElement,
    Connection,
    and_,
    delete,
    false,
    insert,
    or_,
    select,
    update,
)

from stepwarden.storage.kinds import THREAD
from stepwarden.storage.read_rows import fetch_rows, read_head
from stepwarden.storage.records import Head, RetentionRule
from stepwarden.storage.schema import (
    CALIBRATION_RESET,
    DELETIONS,
    HEAD_COLUMNS,
    consultations,
    events,
    heads,
    kept,
    meta,
    runs,
    spending,
)

_BELONGING = (events.c.stream, consultations.c.stream, kept.c.stream, runs.c.stream, spending.c.thread)
_DELETIONS = select(meta.c.value).where(meta.c.key == DELETIONS)


class RetentionRows:
    """Whole streams, as the transaction of `connection` sees them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def stale(self, rules: Sequence[RetentionRule], at: float) -> list[Head]:
        """Return the heads of the streams that any of `rules` takes at `at` (unix seconds), the longest idle first."""
        wanted = or_(false(), *(_taken_by(rule, at) for rule in rules))
        statement = select(*HEAD_COLUMNS).where(wanted).order_by(heads.c.updated)
        return [read_head(row) for row in fetch_rows(self._connection, statement)]

    def delete(self, batch: Sequence[Head]) -> list[Head]:
        """Delete these streams with all that belongs to them, except those that moved on; return what was deleted."""
        deleted: list[Head] = []
        for head in batch:
            same = (heads.c.stream == head.stream, heads.c.version == head.version)
            if self._connection.execute(delete(heads).where(*same)).rowcount:
                for column in (
                    events.c.stream,
                    consultations.c.stream,
                    kept.c.stream,
                    spending.c.thread,
                    runs.c.stream,
                ):
                    self._connection.execute(delete(column.table).where(column == head.stream))
                deleted.append(head)
        if deleted:
            self._count_deletion()
        return deleted

    def deletions(self) -> str:
        """Return a word that is another one after each deletion of streams."""
        return self._connection.execute(_DELETIONS).scalar_one_or_none() or ""

    def _count_deletion(self) -> None:
        counted = str(int(self.deletions() or 0) + 1)
        counting = update(meta).where(meta.c.key == DELETIONS).values(value=counted)
        if not self._connection.execute(counting).rowcount:
            self._connection.execute(insert(meta).values(key=DELETIONS, value=counted))


class CalibrationRows:
    """How long finished threads were, as the transaction of `connection` sees them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def finished_steps(self, tool: str, limit: int) -> list[int]:
        """Return the live steps of the done threads of `tool` since the last reset, the newest completion first."""
        reset = self._connection.execute(select(meta.c.value).where(meta.c.key == CALIBRATION_RESET)).scalar_one()
        statement = (
            select(heads.c.steps)
            .where(
                heads.c.tool == tool,
                heads.c.kind == THREAD.name,
                heads.c.state == "done",
                heads.c.finished > float(reset),
            )
            .order_by(heads.c.finished.desc())
            .limit(limit)
        )
        steps = self._connection.execute(statement).scalars()
        return [count for count in steps if isinstance(count, int)]  # of what others wrote there nothing is learned

    def reset(self, at: float) -> None:
        """Leave out of `finished_steps` what finished up to `at` (unix seconds)."""
        self._connection.execute(update(meta).where(meta.c.key == CALIBRATION_RESET).values(value=repr(at)))


def _taken_by(rule: RetentionRule, at: float) -> ColumnElement[bool]:
    wanted = [heads.c.kind == rule.kind.name, heads.c.updated < at - rule.idle_s]
    if rule.states is not None:
        wanted.append(heads.c.state.in_(rule.states))
    if rule.most_steps is not None:
        wanted.append(heads.c.most_steps <= rule.most_steps)
    return and_(*wanted)
