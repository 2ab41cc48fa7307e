"""Head rows in an open transaction; imported lazily, since it loads SQLAlchemy."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (  # noqa: TID253 - this module is itself imported lazily
    ColumnElement,
    Connection,
    Integer,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from stepwarden.storage.prepared import PreparedStatement
from stepwarden.storage.read_rows import fetch_rows, read_head
from stepwarden.storage.records import TITLE_CHARS, AcknowledgedHead, Append, EventText, Head, HeadQuery, LostHead
from stepwarden.storage.schema import HEAD_COLUMNS, RESTORED, events, heads, runs

_columns = heads.c
_THIS = _columns.stream == bindparam("this_stream")
_HEAD = select(*HEAD_COLUMNS).where(_THIS)
_MOST_STEPS = select(_columns.most_steps).where(_THIS)
_LAST = select(_columns.version, _columns.hash, _columns.principal).where(_THIS)
_ORIGIN_AND_LAST = (
    "SELECT (SELECT value FROM stepwarden_meta WHERE key = ?), "
    "(SELECT seq FROM sqlite_sequence WHERE name = 'stepwarden_events')"
)
_INSERT = insert(heads)
_CHANGED = ("directory", "title", "version", "state", "steps", "total_steps", "updated", "hash")
_NEW_STEPS = bindparam("new_steps", type_=Integer)
_MOVE = (
    update(heads)
    .where(
        _THIS,
        _columns.version == bindparam("read_version"),
        _columns.hash == bindparam("read_hash"),
        _columns.principal == bindparam("read_principal"),
    )
    .values(most_steps=case((_columns.most_steps > _NEW_STEPS, _columns.most_steps), else_=_NEW_STEPS))
)
# A completion stays in the head when nothing new completes the stream.
_MOVES = {False: PreparedStatement(_MOVE, _CHANGED), True: PreparedStatement(_MOVE, [*_CHANGED, "finished"])}


class LastEvent(NamedTuple):
    """What the head knows of the last event of its stream."""

    version: Any  # a count, but for what others wrote there
    hash: str
    principal: str


class HeadRows:
    """The head rows, as the transaction of `connection` sees them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, stream: str) -> Head | None:
        """Return the head of `stream`, or None."""
        rows = fetch_rows(self._connection, _HEAD, {"this_stream": stream})
        return read_head(rows[0]) if rows else None

    def most_steps(self, stream: str) -> object:
        """Return the most live steps that the head of `stream` says there ever were, whatever stands there."""
        return self._connection.execute(_MOST_STEPS, {"this_stream": stream}).scalar_one_or_none()

    def matching(self, query: HeadQuery) -> list[Head]:
        """Return the heads that `query` asks for: those of its directory first, then the last updated first."""
        wanted = {
            _columns.principal: query.principal,
            _columns.kind: query.kind and query.kind.name,
            _columns.state: query.state,
            _columns.tool: query.tool,
            _columns.origin: query.origin,
        }
        statement = select(*HEAD_COLUMNS).where(
            *(column == value for column, value in wanted.items() if value is not None)
        )
        if query.prefix is not None:
            # Not LIKE: SQLite folds case there and PostgreSQL does not.
            statement = statement.where(func.substr(_columns.stream, 1, len(query.prefix)) == query.prefix)
        statement = statement.where(*_searched(query))
        if query.directory_first is not None:
            statement = statement.order_by(case((_columns.directory == query.directory_first, 0), else_=1))
        statement = statement.order_by(_columns.updated.desc(), _columns.stream.desc())
        return [
            read_head(row) for row in fetch_rows(self._connection, statement.limit(query.limit).offset(query.offset))
        ]

    def count(self) -> int:
        """Return how many streams there are."""
        return self._connection.execute(select(func.count()).select_from(heads)).scalar_one()


def _searched(query: HeadQuery) -> Iterator[ColumnElement[bool]]:
    """Yield what a query says beside what stands in a column as it is."""
    if query.since is not None:
        yield _columns.updated >= query.since
    if query.until is not None:
        yield _columns.created < query.until
    yield from map(_has_event, query.having)
    if query.is_parked:
        parked = and_(runs.c.state == "parked", runs.c.wake_at.is_(None))
        yield exists().where(runs.c.stream == _columns.stream, parked)
    if query.after is not None:
        updated, stream = query.after
        yield or_(_columns.updated < updated, and_(_columns.updated == updated, _columns.stream < stream))


def _has_event(wanted: EventText) -> ColumnElement[bool]:
    """Return whether a head's stream has such an event: its own events are looked at, and no others."""
    found = (events.c.stream == _columns.stream, events.c.kind.in_(wanted.kinds))
    return exists().where(*found, events.c.payload.icontains(wanted.text, autoescape=True))


def last_event(connection: Connection, stream: str) -> LastEvent | None:
    """Return what the head of `stream` knows of its last event, or None."""
    row = connection.execute(_LAST, {"this_stream": stream}).one_or_none()
    return LastEvent(*row) if row else None


def find_lost(connection: Connection, acknowledged: Sequence[AcknowledgedHead]) -> list[LostHead]:
    """Return which of these heads a SQLite store lost, in the transaction of `connection`."""
    driver = connection.connection.driver_connection
    assert driver is not None
    origin, last = driver.execute(_ORIGIN_AND_LAST, (RESTORED,)).fetchone()
    lost: list[LostHead] = []
    for head in acknowledged:
        if head.origin != (origin or ""):
            continue
        there = driver.execute("SELECT hash FROM stepwarden_events WHERE position = ?", (head.position,)).fetchone()
        if head.position > (last or 0) or (there is not None and there[0] != head.hash):
            count = "SELECT COUNT(*) FROM stepwarden_events WHERE stream = ?"
            lost.append(LostHead(head, driver.execute(count, (head.stream,)).fetchone()[0]))
    return lost


def insert_head(connection: Connection, append: Append, at: float, last_hash: str) -> None:
    """Make the head of a new stream; raise IntegrityError where another transaction was first."""
    fixed = {
        "stream": append.stream,
        "kind": append.head.kind.name,
        "tool": append.head.tool,
        "principal": append.head.principal,
        "origin": append.head.origin,
        "created": at,
        "finished": at if append.head.completed else None,
        "most_steps": append.head.steps,
    }
    connection.execute(_INSERT, fixed | _changed(append, at, last_hash))


def move_head(connection: Connection, append: Append, at: float, hashes: tuple[str, str]) -> bool:
    """Move the head of a stream on; return whether it stood where `append` expects it, and is the caller's.

    `hashes` are those of the event that it stood at and of the last one now.
    """
    before, after = hashes
    stood = {
        "this_stream": append.stream,
        "read_version": append.expected,
        "read_hash": before,
        "read_principal": append.head.principal,
        "new_steps": append.head.steps,
    }
    change = _changed(append, at, after)
    if append.head.completed:
        change["finished"] = at
    return _MOVES[append.head.completed].run(connection, stood | change).rowcount == 1


def _changed(append: Append, at: float, last_hash: str) -> dict[str, object]:
    change = append.head
    return {
        "directory": change.directory,
        "title": change.title[:TITLE_CHARS],
        "version": append.expected + len(append.events),
        "state": change.state,
        "steps": change.steps,
        "total_steps": change.total_steps,
        "updated": at,
        "hash": last_hash,
    }
