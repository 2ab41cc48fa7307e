"""Events in an open transaction: appended, read, followed and verified; imported lazily, since it loads SQLAlchemy."""

from sqlalchemy import (  # noqa: TID253 - this module is itself imported lazily
    Connection,
    bindparam,
    exc,
    func,
    insert,
    select,
)

from stepwarden.errors import UnknownStream, VersionConflict
from stepwarden.storage.chain import GENESIS, chained, event_hash
from stepwarden.storage.head_rows import LastEvent, insert_head, last_event, move_head
from stepwarden.storage.records import Append, NewEvent, PositionedEvent, StoredEvent
from stepwarden.storage.schema import APPLICATION_ID, events, kept

_EVENT_COLUMNS = tuple(events.c[name] for name in StoredEvent.__match_args__)
_INSERT = insert(events)
_READ = (
    select(*_EVENT_COLUMNS)
    .where(events.c.stream == bindparam("this_stream"), events.c.seq > bindparam("after"))
    .order_by(events.c.seq)
)
_FOLLOW = (
    select(events.c.position, *_EVENT_COLUMNS)
    .where(events.c.position > bindparam("after"))
    .order_by(events.c.position)
    .limit(bindparam("at_most"))
)
_LOCK_POSITIONS = select(func.pg_advisory_xact_lock(APPLICATION_ID + 1))
_ROWS_AT_ONCE = 500

# SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE; PostgreSQL's unique_violation.
_DUPLICATE_CODES = (1555, 2067, "23505")


class EventRows:
    """The events of all streams, as the transaction of `connection` sees them; nothing here begins or commits one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, append: Append) -> list[StoredEvent]:
        """Append events to their stream, and return them as stored.

        On SQLite the transaction has to be an immediate one. Raises VersionConflict when the stream stands elsewhere
        and UnknownStream when it belongs to another principal; after either the transaction holds nothing of this
        call, and on PostgreSQL may have to be rolled back. There, a transaction that appends to several streams keeps
        other appends waiting from its first one on, and may be chosen to end a deadlock (StoreBusy).
        """
        last = last_event(self._connection, append.stream)
        if last is not None and last.principal != append.head.principal:
            raise UnknownStream(f"No thread has the id {append.stream}.")
        if append.expected != (last.version if last else 0):
            raise _conflict(append)
        stored = chained(append, last.hash if last else GENESIS)
        try:
            self._record(append, stored, last)
        except exc.IntegrityError as error:
            if _code_of(error) not in _DUPLICATE_CODES:
                raise
            raise _conflict(append) from error
        if append.keep:
            self._keep(append)
        return stored

    def read(self, stream: str, after: int, limit: int | None) -> list[StoredEvent]:
        """Return the events of `stream` numbered above `after`, at most `limit`, in order."""
        statement = _READ if limit is None else _READ.limit(limit)
        rows = self._connection.execute(statement, {"this_stream": stream, "after": after})
        return [StoredEvent(*row) for row in rows]

    def follow(self, after: int, limit: int) -> list[PositionedEvent]:
        """Return the events of all streams at positions above `after`, at most `limit`, in order."""
        rows = self._connection.execute(_FOLLOW, {"after": after, "at_most": limit})
        return [PositionedEvent(position, StoredEvent(*event)) for position, *event in rows]

    def kept(self, stream: str) -> dict[str, bytes]:
        """Return what is kept with `stream`, by name."""
        rows = self._connection.execute(select(kept.c.name, kept.c.data).where(kept.c.stream == stream))
        return {name: bytes(data) for name, data in rows}

    def first_misfit(self, stream: str) -> int | None:
        """Return the first number at which the stored chain does not fit, or None; raise UnknownStream for no rows."""
        last = last_event(self._connection, stream)
        previous, seq = GENESIS, 0
        rows = self._connection.execute(
            _READ, {"this_stream": stream, "after": 0}, execution_options={"yield_per": _ROWS_AT_ONCE}
        )
        for row in rows:
            seq += 1
            previous = event_hash(previous, stream, seq, row.at, NewEvent(row.kind, row.payload))
            if row.seq != seq or row.hash != previous:
                return seq
        if last is None:
            if seq == 0:
                raise UnknownStream(f"No thread has the id {stream}.")
            return 1
        if seq != last.version:
            return min(seq, last.version) + 1
        return None if last.hash == previous else seq

    def count(self) -> int:
        """Return how many events there are."""
        return self._connection.execute(select(func.count()).select_from(events)).scalar_one()

    def _record(self, append: Append, stored: list[StoredEvent], last: LastEvent | None) -> None:
        moved = True
        if last is None:
            insert_head(self._connection, append, stored[-1].hash)
        else:
            moved = move_head(self._connection, append, stored[-1].hash, last)
        if not moved:
            raise _conflict(append)
        if self._connection.dialect.name == "postgresql":
            # Who follows all streams must never see a position while a smaller one may still be committed, or it
            # would be missed. Positions come from a sequence, so they are given under a lock that goes with the end
            # of the transaction: whoever gets the next one begins after this one is visible, or gone. SQLite has one
            # writer at a time anyway. The lock comes last, so that it is held for one statement and the commit.
            self._connection.execute(_LOCK_POSITIONS)
        self._connection.execute(_INSERT, [_row_of(event) for event in stored])

    def _keep(self, append: Append) -> None:
        known = set(self._connection.execute(select(kept.c.name).where(kept.c.stream == append.stream)).scalars())
        rows = [
            {"stream": append.stream, "name": name, "data": data}
            for name, data in append.keep.items()
            if name not in known
        ]
        if rows:
            self._connection.execute(insert(kept), rows)


def _row_of(event: StoredEvent) -> dict[str, object]:
    return {
        "stream": event.stream,
        "seq": event.seq,
        "at": event.at,
        "kind": event.kind,
        "payload": event.payload,
        "hash": event.hash,
    }


def _conflict(append: Append) -> VersionConflict:
    text = f"{append.stream} moved on from version {append.expected}; nothing was recorded; read it again."
    return VersionConflict(text)


def _code_of(error: exc.IntegrityError) -> object:
    return getattr(error.orig, "sqlite_errorcode", None) or getattr(error.orig, "sqlstate", None)
