"""Every query that only reads; imported only from inside functions, since it loads SQLAlchemy."""

from sqlalchemy import (  # noqa: TID253 - this module is itself imported lazily
    Connection,
    Select,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
)

from stepwarden.errors import UnknownStream
from stepwarden.storage.chain import GENESIS, event_hash
from stepwarden.storage.records import Head, HeadQuery, Staleness, StoredEvent
from stepwarden.storage.schema import CALIBRATION_RESET, HEAD_COLUMNS, events, heads, kept, meta

_READ = (
    select(events)
    .where(events.c.stream == bindparam("this_stream"), events.c.seq > bindparam("after"))
    .order_by(events.c.seq)
)
_HEAD = select(*HEAD_COLUMNS).where(heads.c.stream == bindparam("this_stream"))
_LAST = select(heads.c.version, heads.c.hash).where(heads.c.stream == bindparam("this_stream"))
_ROWS_AT_ONCE = 500


def read_events(connection: Connection, stream: str, after: int, limit: int | None) -> list[StoredEvent]:
    """Return the events of `stream` numbered above `after`, at most `limit`, in order."""
    statement = _READ if limit is None else _READ.limit(limit)
    rows = connection.execute(statement, {"this_stream": stream, "after": after})
    return [StoredEvent(*row) for row in rows]


def read_kept(connection: Connection, stream: str) -> dict[str, bytes]:
    """Return what is kept with `stream`, by name."""
    rows = connection.execute(select(kept.c.name, kept.c.data).where(kept.c.stream == stream))
    return {name: bytes(data) for name, data in rows}


def read_head(connection: Connection, stream: str) -> Head | None:
    """Return the head of `stream`, or None."""
    row = connection.execute(_HEAD, {"this_stream": stream}).one_or_none()
    return Head(*row) if row else None


def list_heads(connection: Connection, query: HeadQuery) -> list[Head]:
    """Return the heads that `query` asks for: those of its directory first, then the newest first."""
    statement = select(*HEAD_COLUMNS)
    if query.principal is not None:
        statement = statement.where(heads.c.principal == query.principal)
    if query.tool is not None:
        statement = statement.where(heads.c.tool == query.tool)
    if query.outcome is not None:
        statement = statement.where(heads.c.outcome == query.outcome)
    if query.prefix is not None:
        # Not LIKE: SQLite folds case there and PostgreSQL does not.
        statement = statement.where(func.substr(heads.c.stream, 1, len(query.prefix)) == query.prefix)
    if query.directory_first is not None:
        statement = statement.order_by(case((heads.c.directory == query.directory_first, 0), else_=1))
    statement = statement.order_by(heads.c.updated.desc(), heads.c.stream.desc())
    return [Head(*row) for row in connection.execute(statement.limit(query.limit).offset(query.offset))]


def first_misfit(connection: Connection, stream: str) -> int | None:
    """Return the first number at which the stored chain does not fit, or None; raise `UnknownStream` for no rows."""
    last = connection.execute(_LAST, {"this_stream": stream}).one_or_none()
    previous, seq = GENESIS, 0
    rows = connection.execute(
        _READ, {"this_stream": stream, "after": 0}, execution_options={"yield_per": _ROWS_AT_ONCE}
    )
    for row in rows:
        seq += 1
        previous = event_hash(previous, stream, seq, row.at, row.kind, row.payload)
        if row.seq != seq or row.hash != previous:
            return seq
    if last is None:
        if seq == 0:
            raise UnknownStream(f"No thread has the id {stream}.")
        return 1
    if seq != last.version:
        return min(seq, last.version) + 1
    return None if last.hash == previous else seq


def finished_steps(connection: Connection, tool: str, limit: int) -> list[int]:
    """Return the live steps of the done streams of `tool` since the last calibration reset, newest first."""
    reset = connection.execute(select(meta.c.value).where(meta.c.key == CALIBRATION_RESET)).scalar_one()
    statement = (
        select(heads.c.steps)
        .where(heads.c.tool == tool, heads.c.outcome == "done", heads.c.finished > float(reset))
        .order_by(heads.c.finished.desc())
        .limit(limit)
    )
    return list(connection.execute(statement).scalars())


def stale_heads(connection: Connection, stale: Staleness) -> list[Head]:
    """Return the heads of the streams that retention may take, the longest idle first."""
    statement: Select[tuple[object, ...]] = select(*HEAD_COLUMNS)
    wanted = and_(heads.c.outcome == "open", heads.c.most_steps <= 1, heads.c.updated < stale.orphans_before)
    if stale.finished_before is not None:
        finished = and_(heads.c.outcome.in_(stale.outcomes), heads.c.updated < stale.finished_before)
        wanted = or_(wanted, finished)
    return [Head(*row) for row in connection.execute(statement.where(wanted).order_by(heads.c.updated))]


def counts(connection: Connection) -> dict[str, int]:
    """Return how many streams and events there are."""
    return {
        "streams": connection.execute(select(func.count()).select_from(heads)).scalar_one(),
        "events": connection.execute(select(func.count()).select_from(events)).scalar_one(),
    }
