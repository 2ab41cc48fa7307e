"""Events in an open transaction: appended, read, followed and verified; imported lazily, since it loads SQLAlchemy."""

from collections.abc import Generator
from contextlib import contextmanager

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
from stepwarden.storage.head_rows import insert_head, last_event, move_head
from stepwarden.storage.kept_rows import KeptRows
from stepwarden.storage.prepared import PreparedStatement
from stepwarden.storage.read_rows import fetch_rows, replacing_text
from stepwarden.storage.records import AcknowledgedHead, Append, NewEvent, PositionedEvent, StoredEvent
from stepwarden.storage.schema import RESTORED, events, heads

_EVENT_COLUMNS = tuple(events.c[name] for name in StoredEvent.__match_args__)
# Inline: what the database numbers itself is not asked for.
_INSERT = PreparedStatement(insert(events).inline(), StoredEvent.__match_args__)
_READ = (
    select(*_EVENT_COLUMNS)
    .where(events.c.stream == bindparam("this_stream"), events.c.seq > bindparam("after"))
    .order_by(events.c.seq)
)
_PAYLOADS = (
    select(events.c.kind, events.c.payload)
    .where(events.c.stream == bindparam("this_stream"), events.c.seq <= bindparam("last"))
    .order_by(events.c.seq)
)
_FOLLOW = (
    select(events.c.position, *_EVENT_COLUMNS)
    .where(events.c.position > bindparam("after"), events.c.position <= bindparam("settled"))
    .order_by(events.c.position)
    .limit(bindparam("at_most"))
)
_MOVED = (
    select(events.c.stream, func.max(events.c.seq))
    .where(events.c.position > bindparam("after"), events.c.position <= bindparam("settled"))
    .group_by(events.c.stream)
)
_WITHOUT_HEADS = (
    select(events.c.stream).distinct().where(events.c.stream.not_in(select(heads.c.stream))).order_by(events.c.stream)
)
_MOST = select(func.coalesce(func.max(events.c.position), 0))

# How followers of all streams miss nothing on PostgreSQL, where a greater position may be committed before a smaller
# one. Before an append takes its positions, it announces the last one that was taken: by a shared advisory lock, for
# which nobody waits, with that number in its key, held until its transaction has ended. A follower reads (1) the last
# position taken, (2) those announced, and then, in a transaction that begins after that, (3) the events up to the
# smallest of all these. The append of any event up to there took its position before (1), so it had announced a smaller
# one before (1); at (2) that announcement was gone, so its transaction had ended, and (3) sees what it recorded.
# SQLite has one writer at a time, so its positions are committed in their order.
_ANNOUNCE = """
    SELECT pg_advisory_xact_lock_shared(
        ('stepwarden_events'::regclass::oid::bigint << 32) | (last_value & 4294967295)
    ) FROM stepwarden_events_position_seq"""
_TAKEN = "SELECT last_value FROM stepwarden_events_position_seq"
_ANNOUNCED = """
    SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1
    AND classid = 'stepwarden_events'::regclass::oid
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
_KEY_BITS = 0xFFFF_FFFF  # what of a position fits in the key of its announcement
_ROWS_AT_ONCE = 500

# On SQLite, past SQLAlchemy: this is in every append.
_LAST_POSITION = "SELECT last_insert_rowid(), (SELECT value FROM stepwarden_meta WHERE key = ?)"

# SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE; PostgreSQL's unique_violation.
_DUPLICATE_CODES = (1555, 2067, "23505")


class EventRows:
    """The events of all streams, as the transaction of `connection` sees them; nothing here begins or commits one."""

    def __init__(self, connection: Connection) -> None:
        self.acknowledged: list[AcknowledgedHead] = []  # once the transaction is committed; on SQLite
        self._connection = connection
        self._on_postgres = connection.dialect.name == "postgresql"

    def append(self, append: Append, at: float) -> list[StoredEvent]:
        """Append events to their stream at `at` (unix seconds), and return them as stored.

        On SQLite the transaction has to be an immediate one. Raises VersionConflict when the stream stands elsewhere
        and UnknownStream when it belongs to another principal; after either the transaction holds nothing of this
        call, and on PostgreSQL may have to be rolled back.
        """
        previous = append.previous if append.previous is not None else self._previous(append)
        stored = chained(append, at, previous or GENESIS)
        with _duplicates_are_conflicts(append):
            if previous is None:
                insert_head(self._connection, append, at, stored[-1].hash)
            elif not move_head(self._connection, append, at, (previous, stored[-1].hash)):
                self._previous(append)  # says where it is another's
                raise _conflict(append)
            if self._on_postgres:
                self._connection.exec_driver_sql(_ANNOUNCE)
            _INSERT.run(self._connection, *map(_row_of, stored))
        if not self._on_postgres:
            self._note(append, stored[-1])
        KeptRows(self._connection).keep(append.stream, append.keep)
        return stored

    def _note(self, append: Append, last: StoredEvent) -> None:
        driver = self._connection.connection.driver_connection
        assert driver is not None
        position, origin = driver.execute(_LAST_POSITION, (RESTORED,)).fetchone()
        head = AcknowledgedHead(origin or "", position, last.seq, last.hash, last.stream, append.head.principal)
        self.acknowledged.append(head)

    def read(self, stream: str, after: int, limit: int | None) -> list[StoredEvent]:
        """Return the events of `stream` numbered above `after`, at most `limit`, in order."""
        statement = _READ if limit is None else _READ.limit(limit)
        rows = fetch_rows(self._connection, statement, {"this_stream": stream, "after": after})
        return [StoredEvent(*row) for row in rows]

    def payloads(self, stream: str, last: int) -> list[tuple[str, str]]:
        """Return kind and payload of the events of `stream` up to number `last`, in order."""
        rows = self._connection.execute(_PAYLOADS, {"this_stream": stream, "last": last})
        return [(kind, payload) for kind, payload in rows]

    def settled_position(self) -> int:
        """Return a position up to which no event is recorded any more after this transaction."""
        if not self._on_postgres:
            return self._connection.execute(_MOST).scalar_one()
        taken: int = self._connection.exec_driver_sql(_TAKEN).scalar_one()
        announced = self._connection.exec_driver_sql(_ANNOUNCED).scalars()
        return taken - max((taken - key & _KEY_BITS for key in announced), default=0)

    def follow(self, after: int, settled: int, limit: int) -> list[PositionedEvent]:
        """Return the events of all streams at positions above `after`, at most `limit`, in order.

        `settled` is what `settled_position` gave in an earlier transaction.
        """
        rows = self._connection.execute(_FOLLOW, {"after": after, "settled": settled, "at_most": limit})
        return [PositionedEvent(position, StoredEvent(*event)) for position, *event in rows]

    def moved(self, after: int, settled: int) -> dict[str, int]:
        """Return the last number of each stream with events at positions above `after`; `settled` as in `follow`."""
        rows = self._connection.execute(_MOVED, {"after": after, "settled": settled})
        return {row[0]: row[1] for row in rows}

    def first_misfit(self, stream: str) -> int | None:
        """Return the first number at which the stored chain does not fit, or None; raise UnknownStream for no rows."""
        with replacing_text(self._connection):  # what cannot be read does not fit
            return self._first_misfit(stream)

    def _first_misfit(self, stream: str) -> int | None:
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
            return min(seq, last.version) + 1 if isinstance(last.version, int) else max(seq, 1)
        return None if last.hash == previous else seq

    def without_heads(self) -> list[str]:
        """Return the streams that have events and no head, sorted."""
        return list(self._connection.execute(_WITHOUT_HEADS).scalars())

    def count(self) -> int:
        """Return how many events there are."""
        return self._connection.execute(select(func.count()).select_from(events)).scalar_one()

    def _previous(self, append: Append) -> str | None:
        """Return the hash that `append` goes on from, None for a new stream; raise for one that stands elsewhere."""
        last = last_event(self._connection, append.stream)
        if last is not None and last.principal != append.head.principal:
            raise UnknownStream(f"No thread has the id {append.stream}.")
        if append.expected != (last.version if last else 0):
            raise _conflict(append)
        return last.hash if last else None


def _row_of(event: StoredEvent) -> dict[str, object]:
    return {
        "stream": event.stream,
        "seq": event.seq,
        "at": event.at,
        "kind": event.kind,
        "payload": event.payload,
        "hash": event.hash,
    }


@contextmanager
def _duplicates_are_conflicts(append: Append) -> Generator[None]:
    """Raise VersionConflict where another transaction recorded the same number first."""
    try:
        yield
    except exc.IntegrityError as error:
        if _code_of(error) not in _DUPLICATE_CODES:
            raise
        raise _conflict(append) from error


def _conflict(append: Append) -> VersionConflict:
    text = f"{append.stream} moved on from version {append.expected}; nothing was recorded; read it again."
    return VersionConflict(text)


def _code_of(error: exc.IntegrityError) -> object:
    return getattr(error.orig, "sqlite_errorcode", None) or getattr(error.orig, "sqlstate", None)
