"""The tables as they are now, and their creation; imported only inside functions, since it loads SQLAlchemy.

A change here needs a migration: see `migrations.py`.
"""

from sqlalchemy import (  # noqa: TID253 - this module is itself imported lazily
    BigInteger,
    Column,
    Connection,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    insert,
)

APPLICATION_ID = 0x57504152
"""Marks a SQLite file as ours (`PRAGMA application_id`) and names our advisory lock on PostgreSQL."""

CALIBRATION_RESET = "calibration_reset"

RESTORED = "restored"
"""The row of `meta` that a restore changes: a word of its own, by which whoever has the store open knows of it."""

DELETIONS = "deletions"
"""The row of `meta` that counts how often streams were deleted: one that is gone without it was not deleted by us."""

metadata = MetaData()

# The names carry our own prefix: on PostgreSQL the database may be shared with others.
meta = Table("stepwarden_meta", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

events = Table(
    "stepwarden_events",
    metadata,
    # Taken from the database; see `event_rows` for how it is followed. On SQLite it is the rowid, so that no index more
    # is written for it, with AUTOINCREMENT, so that no position is given again after retention.
    Column("position", BigInteger().with_variant(Integer, "sqlite"), Identity()),
    Column("stream", Text, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("at", Double, nullable=False),
    Column("kind", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("hash", Text, nullable=False),
    PrimaryKeyConstraint("position", name="stepwarden_events_position"),
    UniqueConstraint("stream", "seq", name="stepwarden_events_place"),
    sqlite_autoincrement=True,
    implicit_returning=False,
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
    Column("state", Text, nullable=False),
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

# One row a call, where a budget of a day or a thread is set. `thread` is the stream that it was made for, "" for none;
# `dollars` is a decimal number's text, NULL for a model without a known price.
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

# Who drives a run, and which ones have something to do. Nothing about a run is true here: what it is stands in its
# stream. A row is due when `wake_at` (unix seconds) is past, unless somebody drives it under a lease.
runs = Table(
    "stepwarden_runs",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("wake_at", Double),
    Column("priority", Integer, nullable=False),
    Column("needs", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("lease_until", Double, nullable=False),
    Column("attempt", Integer, nullable=False),
    Index("stepwarden_runs_due", "state", "wake_at"),
)

HEAD_COLUMNS = tuple(column for column in heads.c if column.name != "most_steps")
"""The columns of `Head`, in its order."""


def create_schema(connection: Connection, version: int) -> None:
    """Create every table and the rows of `meta`; the caller holds the lock under which it saw that none is there."""
    metadata.create_all(connection, checkfirst=False)
    rows = {"application": "stepwarden", "schema_version": str(version), CALIBRATION_RESET: "0"}
    connection.execute(insert(meta), [{"key": key, "value": value} for key, value in rows.items()])
