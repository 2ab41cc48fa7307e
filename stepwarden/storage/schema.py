"""The tables, their creation and their version; imported only from inside functions, since it loads SQLAlchemy."""

from collections.abc import Mapping, Set

from sqlalchemy import (  # noqa: TID253 - this module is itself imported lazily
    Column,
    Connection,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    insert,
    select,
    update,
)

SCHEMA_VERSION = 2
"""Raised with each table that is added; see `ADDED`."""

APPLICATION_ID = 0x57504152
"""Marks a SQLite file as ours (`PRAGMA application_id`) and names our advisory lock on PostgreSQL."""

CALIBRATION_RESET = "calibration_reset"

metadata = MetaData()

# The names carry our own prefix: on PostgreSQL the database may be shared with others.
meta = Table("stepwarden_meta", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

events = Table(
    "stepwarden_events",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("kind", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

heads = Table(
    "stepwarden_heads",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("tool", Text, nullable=False),
    Column("principal", Text, nullable=False),
    Column("directory", Text),
    Column("title", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("steps", Integer, nullable=False),
    Column("total_steps", Integer, nullable=False),
    Column("created", Double, nullable=False),
    Column("updated", Double, nullable=False),
    Column("finished", Double),
    Column("origin", Text),
    # Not shown: the hash of the last event, and the most live steps there ever were, which tells a stream that never
    # got past its first step from one that went back to it.
    Column("hash", Text, nullable=False),
    Column("most_steps", Integer, nullable=False),
    Index("stepwarden_heads_listed", "principal", "updated"),
    Index("stepwarden_heads_finished", "tool", "finished"),
)

consultations = Table(
    "stepwarden_consultations",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("owner", Text, nullable=False),
    Column("lease_until", Double, nullable=False),
    Column("requested_at", Double, nullable=False),
    Column("finished_at", Double),
    Column("model", Text, nullable=False),
    # What was asked is not kept: only that two requests were the same.
    Column("request_digest", Text, nullable=False),
    Column("payload", Text),
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    # US dollars as a decimal number's text, for a sum without rounding.
    Column("cost", Text),
)

# What a tool keeps with its thread and shows to nobody, compressed: texts of files as they were when it first looked.
kept = Table(
    "stepwarden_kept",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

# One row a call, where a budget of a day or a thread is set. `thread` is "" for a call that belongs to none; `dollars`
# is a decimal number's text, NULL for a model that nobody has a price for.
spending = Table(
    "stepwarden_spending",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("day", Text, nullable=False),
    Column("thread", Text, nullable=False),
    Column("tokens", Integer, nullable=False),
    Column("dollars", Text),
    Index("stepwarden_spending_day", "day"),
    Index("stepwarden_spending_thread", "thread"),
)

ADDED: Mapping[int, tuple[Table, ...]] = {2: (kept, spending)}
"""The tables that each schema after the first added: a database of an older one is brought up by creating them."""

HEAD_COLUMNS = tuple(column for column in heads.c if column.name not in {"hash", "most_steps"})
"""The columns of `Head`, in its order."""


def create_schema(connection: Connection) -> None:
    """Create every table and the rows of `meta`; the caller holds the lock under which it saw that none is there."""
    metadata.create_all(connection, checkfirst=False)
    rows = {"application": "stepwarden", "schema_version": str(SCHEMA_VERSION), CALIBRATION_RESET: "0"}
    connection.execute(insert(meta), [{"key": key, "value": value} for key, value in rows.items()])


def stored_version(connection: Connection) -> str | None:
    """Return the schema version that `meta` names, as its text, or None without such a row."""
    return connection.execute(select(meta.c.value).where(meta.c.key == "schema_version")).scalar_one_or_none()


def missing_tables(there: Set[str], found: str | None) -> list[str]:
    """Name the tables that a database of schema version `found` has lost, `there` being those it has."""
    version = int(found) if found is not None and found.isdecimal() else SCHEMA_VERSION
    later = {table.name for added, tables in ADDED.items() if added > version for table in tables}
    return sorted(metadata.tables.keys() - later - there)


def upgrade_schema(connection: Connection) -> None:
    """Bring a database of an older schema up to this one; the caller holds the lock and knows that it fits."""
    found = int(stored_version(connection) or SCHEMA_VERSION)
    if found >= SCHEMA_VERSION:
        return
    for version, tables in ADDED.items():
        if version > found:
            metadata.create_all(connection, tables=tables)
    connection.execute(update(meta).where(meta.c.key == "schema_version").values(value=str(SCHEMA_VERSION)))


def misfit_of_version(found: str | None) -> tuple[str, str] | None:
    """Return why a database with this schema version is not for us and what to do, or None when it fits."""
    if found is not None and found.isdecimal() and 1 <= int(found) <= SCHEMA_VERSION:
        return None
    if found is not None and found.isdecimal() and int(found) > SCHEMA_VERSION:
        return (f"has schema {found} and this stepwarden reads schema {SCHEMA_VERSION}", "install a newer stepwarden")
    return (f"has no schema number that was ever ours ({found!r})", "restore it from a backup, or move it away")
