"""Head rows in an open transaction; imported lazily, since it loads SQLAlchemy."""

from typing import NamedTuple

from sqlalchemy import (  # noqa: TID253 - this module is itself imported lazily
    Connection,
    Integer,
    bindparam,
    case,
    func,
    insert,
    select,
    update,
)

from stepwarden.storage.records import TITLE_CHARS, Append, Head, HeadQuery
from stepwarden.storage.schema import HEAD_COLUMNS, heads

_columns = heads.c
_THIS = _columns.stream == bindparam("this_stream")
_HEAD = select(*HEAD_COLUMNS).where(_THIS)
_LAST = select(_columns.version, _columns.hash, _columns.principal, _columns.finished, _columns.most_steps).where(_THIS)
_INSERT = insert(heads)
_MOVE = update(heads).where(_THIS, _columns.version == bindparam("read_version"))
_NEW_STEPS = bindparam("new_steps", type_=Integer)
_MOST_STEPS = case((_columns.most_steps > _NEW_STEPS, _columns.most_steps), else_=_NEW_STEPS)
_MOVE_ON = _MOVE.where(
    _columns.hash == bindparam("read_hash"), _columns.principal == bindparam("read_principal")
).values(most_steps=_MOST_STEPS)


class LastEvent(NamedTuple):
    """What the head knows of the last event of its stream, and what the next append goes on from."""

    version: int
    hash: str
    principal: str
    finished: float | None
    most_steps: int


class HeadRows:
    """The head rows, as the transaction of `connection` sees them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, stream: str) -> Head | None:
        """Return the head of `stream`, or None."""
        row = self._connection.execute(_HEAD, {"this_stream": stream}).one_or_none()
        return Head(*row) if row else None

    def matching(self, query: HeadQuery) -> list[Head]:
        """Return the heads that `query` asks for: those of its directory first, then the last updated first."""
        wanted = {
            _columns.principal: query.principal,
            _columns.kind: query.kind and query.kind.name,
            _columns.state: query.state,
            _columns.tool: query.tool,
        }
        statement = select(*HEAD_COLUMNS).where(
            *(column == value for column, value in wanted.items() if value is not None)
        )
        if query.prefix is not None:
            # Not LIKE: SQLite folds case there and PostgreSQL does not.
            statement = statement.where(func.substr(_columns.stream, 1, len(query.prefix)) == query.prefix)
        if query.directory_first is not None:
            statement = statement.order_by(case((_columns.directory == query.directory_first, 0), else_=1))
        statement = statement.order_by(_columns.updated.desc(), _columns.stream.desc())
        return [Head(*row) for row in self._connection.execute(statement.limit(query.limit).offset(query.offset))]

    def count(self) -> int:
        """Return how many streams there are."""
        return self._connection.execute(select(func.count()).select_from(heads)).scalar_one()


def last_event(connection: Connection, stream: str) -> LastEvent | None:
    """Return what the head of `stream` knows of its last event, or None."""
    row = connection.execute(_LAST, {"this_stream": stream}).one_or_none()
    return LastEvent(*row) if row else None


def insert_head(connection: Connection, append: Append, last_hash: str) -> None:
    """Make the head of a new stream; raise IntegrityError where another transaction was first."""
    fixed = {
        "stream": append.stream,
        "kind": append.head.kind.name,
        "tool": append.head.tool,
        "principal": append.head.principal,
        "origin": append.head.origin,
        "created": append.at,
    }
    connection.execute(_INSERT, fixed | _changed(append, last_hash, None))


def move_head(connection: Connection, append: Append, last_hash: str, last: LastEvent) -> bool:
    """Move a head from `last` to what `append` says; return whether it still stood there."""
    this = {"this_stream": append.stream, "read_version": last.version}
    return connection.execute(_MOVE, this | _changed(append, last_hash, last)).rowcount == 1


def move_known_head(connection: Connection, append: Append, last_hash: str) -> bool:
    """Move a head whose hash is known to what `append` says, unread; return whether it stood there and is the caller's.

    A completion is kept when nothing new completes the stream.
    """
    change = _changed(append, last_hash, None)
    del change["most_steps"]
    if not append.head.completed:
        del change["finished"]
    this = {"this_stream": append.stream, "read_version": append.expected, "read_hash": append.previous}
    owner = {"read_principal": append.head.principal, "new_steps": append.head.steps}
    return connection.execute(_MOVE_ON, this | owner | change).rowcount == 1


def _changed(append: Append, last_hash: str, last: LastEvent | None) -> dict[str, object]:
    change = append.head
    return {
        "directory": change.directory,
        "title": change.title[:TITLE_CHARS],
        "version": append.expected + len(append.events),
        "state": change.state,
        "steps": change.steps,
        "total_steps": change.total_steps,
        "updated": append.at,
        "finished": append.at if change.completed else last and last.finished,
        "hash": last_hash,
        "most_steps": max(last.most_steps if last else 0, change.steps),
    }
