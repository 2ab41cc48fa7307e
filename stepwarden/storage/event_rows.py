"""Recording events in an open transaction; imported only from inside functions, since it loads SQLAlchemy."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from sqlalchemy import (  # noqa: TID253 - this module is itself imported lazily
    Connection,
    bindparam,
    exc,
    insert,
    select,
    update,
)

from stepwarden.errors import UnknownStream, VersionConflict
from stepwarden.storage.chain import GENESIS, chained
from stepwarden.storage.records import TITLE_CHARS, HeadChange, NewEvent, StoredEvent
from stepwarden.storage.schema import events as events_table
from stepwarden.storage.schema import heads, kept

NOTHING: Mapping[str, bytes] = MappingProxyType({})

_columns = heads.c
_SELECT_HEAD = select(
    _columns.version, _columns.hash, _columns.principal, _columns.finished, _columns.most_steps
).where(_columns.stream == bindparam("this_stream"))
_INSERT_EVENT = insert(events_table)
_INSERT_HEAD = insert(heads)
_UPDATE_HEAD = update(heads).where(
    _columns.stream == bindparam("this_stream"), _columns.version == bindparam("read_version")
)

# SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE; PostgreSQL's unique_violation.
_DUPLICATE_CODES = (1555, 2067, "23505")


def append_in(
    connection: Connection,
    stream: str,
    expected: int,
    events: Sequence[NewEvent],
    change: HeadChange,
    *,
    at: float,
    keep: Mapping[str, bytes] = NOTHING,
) -> list[StoredEvent]:
    """Append `events` to `stream` inside the transaction that `connection` has open, and return them as stored.

    Begins and commits nothing. `expected` is the version that the caller read, 0 for a new stream; `at` is the time
    of the events in unix seconds. `keep` goes with the stream by name, where no such name is kept yet. On SQLite
    the transaction has to be an immediate one. Raises `VersionConflict` when the stream stands elsewhere and
    `UnknownStream` when it belongs to another principal; after either the transaction holds nothing of this call, and
    on PostgreSQL may have to be rolled back.
    """
    row = connection.execute(_SELECT_HEAD, {"this_stream": stream}).one_or_none()
    version, previous, principal, finished, most_steps = row or (0, GENESIS, change.principal, None, 0)
    if principal != change.principal:
        raise UnknownStream(f"No thread has the id {stream}.")
    if version != expected:
        raise _conflict(stream, expected)
    stored = chained(stream, version, previous, events, at)
    columns: dict[str, object] = {
        "directory": change.directory,
        "title": change.title[:TITLE_CHARS],
        "version": stored[-1].seq,
        "outcome": change.outcome,
        "steps": change.steps,
        "total_steps": change.total_steps,
        "updated": at,
        "finished": at if change.completed else finished,
        "hash": stored[-1].hash,
        "most_steps": max(most_steps, change.steps),
    }
    try:
        if row:
            _move_head(connection, stream, expected, columns)
        else:
            _insert_head(connection, stream, change, columns)
        connection.execute(_INSERT_EVENT, [_event_row(event) for event in stored])
    except exc.IntegrityError as error:
        if _code_of(error) not in _DUPLICATE_CODES:
            raise
        raise _conflict(stream, expected) from error
    if keep:
        known = set(connection.execute(select(kept.c.name).where(kept.c.stream == stream)).scalars())
        rows = [{"stream": stream, "name": name, "data": data} for name, data in keep.items() if name not in known]
        if rows:
            connection.execute(insert(kept), rows)
    return stored


def _move_head(connection: Connection, stream: str, expected: int, columns: dict[str, object]) -> None:
    moved = connection.execute(_UPDATE_HEAD, columns | {"this_stream": stream, "read_version": expected})
    if moved.rowcount != 1:
        raise _conflict(stream, expected)


def _insert_head(connection: Connection, stream: str, change: HeadChange, columns: dict[str, object]) -> None:
    fixed = {
        "stream": stream,
        "kind": change.kind,
        "tool": change.tool,
        "principal": change.principal,
        "created": columns["updated"],
        "origin": change.origin,
    }
    connection.execute(_INSERT_HEAD, columns | fixed)


def _event_row(event: StoredEvent) -> dict[str, object]:
    return {
        "stream": event.stream,
        "seq": event.seq,
        "at": event.at,
        "kind": event.kind,
        "payload": event.payload,
        "hash": event.hash,
    }


def _conflict(stream: str, expected: int) -> VersionConflict:
    return VersionConflict(f"{stream} moved on from version {expected}; nothing was recorded; read it again.")


def _code_of(error: exc.IntegrityError) -> object:
    return getattr(error.orig, "sqlite_errorcode", None) or getattr(error.orig, "sqlstate", None)
