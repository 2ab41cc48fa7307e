"""PostgreSQL behind the store: how it is opened, and what its failures mean.

It may stand behind a pooler in transaction mode such as pgbouncer, which gives every transaction another session. What
is set there has to be set in each transaction, and no statement can be left prepared. Such a connection is told by its
number: the one that it was given when it was opened is not that of the session behind it.
"""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from sqlalchemy import (  # noqa: TID253 - this module is itself imported lazily
    Connection,
    Engine,
    create_engine,
    event,
    exc,
    func,
    inspect,
    make_url,
    select,
)

from stepwarden.errors import SettingsError, StoreBusy, StoreError, StoreUnreadable
from stepwarden.storage.migrations import (
    SCHEMA_VERSION,
    migrate_step,
    misfit_of_version,
    missing_tables,
    stored_version,
)
from stepwarden.storage.records import AcknowledgedHead, LostHead
from stepwarden.storage.schema import APPLICATION_ID, create_schema, meta, metadata

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_BUSY_STATES = {"40001", "40P01", "55P03", "57014"}
_FULL_STATE = "53100"
_DAMAGED_STATES = {"XX001", "XX002"}
# What a server says when it takes no connection, and how that is told: its own words name the host and the user.
_REFUSED = {
    "password authentication failed": "it refuses the user or the password",
    "no pg_hba.conf entry": "it takes no connection from this machine by this user",
    "does not exist": "it has no such database or user",
    "too many": "it has too many connections",
    "no more connections": "it has too many connections",
    "Connection refused": "nothing listens there",
    "resolve": "its host's name is not known",
    "resolution": "its host's name is not known",
    "timeout": "it does not answer",
    "starting up": "it is starting",
    "shutting down": "it is shutting down",
}
_POOLED = "stepwarden_pooled"

_logger = logging.getLogger(__name__)

_NEWER_STATES = {"42703", "42P01"}  # a column or table is gone: a migration by another process, under our connection


def open_postgres(url: str, *, busy_timeout_s: float) -> "PostgresBackend":
    """Open the store in the database at `url`, creating its tables; raise `StoreUnreadable` for what is not ours."""
    try:
        backend = PostgresBackend(url, busy_timeout_s)
    except exc.ArgumentError as error:
        raise SettingsError(
            "The database address is not a PostgreSQL one: postgresql://user:password@host/name."
        ) from error
    except ModuleNotFoundError as error:
        raise SettingsError("PostgreSQL needs its driver: install stepwarden[postgres].") from error
    with ExitStack() as on_failure:
        on_failure.callback(backend.writes.dispose)
        try:
            backend.prepare()
        except exc.SQLAlchemyError as error:
            raise backend.failure(error) from error
        on_failure.pop_all()
    return backend


class PostgresBackend:
    """One PostgreSQL database; see `database.Backend`. Its connections use the psycopg 3 driver."""

    def __init__(self, url: str, busy_timeout_s: float) -> None:
        self._url = make_url(url).set(drivername="postgresql+psycopg")
        lock_ms = int(busy_timeout_s * 1000)
        # A process that is stopped in the middle of a transaction would keep its rows from all others.
        self._limits = {"lock_timeout": lock_ms, "idle_in_transaction_session_timeout": max(1, lock_ms // 2)}
        self.writes: Engine = create_engine(self._url, pool_pre_ping=True)
        self.reads: Engine = self.writes.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        event.listen(self.writes, "connect", self._set_up)
        event.listen(self.writes, "begin", self._begin)

    def prepare(self) -> None:
        """Create the schema where it is not, and bring an older one up."""
        while self._migrated():
            pass

    def _migrated(self) -> bool:
        """Create the schema, or bring an older one up by one; return whether there was an older one."""
        with self.writes.begin() as connection:
            # Under a lock of the whole database, so that of several processes only the first acts.
            connection.execute(select(func.pg_advisory_xact_lock(APPLICATION_ID)))
            found = set(inspect(connection).get_table_names()) & metadata.tables.keys()
            if not found:
                create_schema(connection, SCHEMA_VERSION)
                return False
            version = stored_version(connection) if meta.name in found else None
            if missing := missing_tables(found, version):
                raise self._unreadable(f"lacks {', '.join(missing)}", "restore it from a backup")
            if misfit := misfit_of_version(version):
                raise self._unreadable(*misfit)
            return migrate_step(connection)

    @property
    def lost(self) -> Sequence[LostHead]:
        """Return nothing: PostgreSQL looks after its log itself, on a machine of its own maybe."""
        return ()

    def acknowledge(self, heads: Sequence[AcknowledgedHead]) -> None:
        """Note nothing."""

    def forget(self, lost: Sequence[LostHead]) -> None:
        """Forget nothing."""

    def settle_change(self) -> str | None:
        """Return None: connections are tried when they are taken, and lead to the database at the address."""
        return None

    def end(self) -> None:
        """See `database.Backend`."""
        self.writes.dispose()

    def failure(self, error: exc.SQLAlchemyError) -> StoreError:
        """Return the error to raise for `error`."""
        state = getattr(getattr(error, "orig", None), "sqlstate", None)
        if state in _BUSY_STATES:
            return StoreBusy("Another process holds the store; nothing was recorded; send the same call again.")
        if state == _FULL_STATE:
            return StoreError("The disk is full; nothing was recorded; free space and send the same call again.")
        if state in _DAMAGED_STATES:
            return self._unreadable(f"is damaged ({_first_line(error)})", "restore it from a backup")
        if state in _NEWER_STATES:
            found = f"was changed by a newer stepwarden ({_first_line(error)})"
            return self._unreadable(found, "restart this one as the newer one")
        if state is None and isinstance(error, exc.OperationalError):
            return self._unreachable(_first_line(error))
        return StoreError(f"The PostgreSQL store failed ({_first_line(error)}); send the same call again.")

    def facts(self, connection: Connection) -> dict[str, str | int]:
        """Return address, version and size of the tables in bytes (indexes included)."""
        sizes = [func.pg_total_relation_size(table) for table in metadata.tables]
        return {
            "database": "postgresql",
            "url": self._shown,
            "version": str(connection.exec_driver_sql("SHOW server_version").scalar_one()),
            "driver": "psycopg",
            "bytes": sum(connection.execute(select(*sizes)).one()),
        }

    @property
    def _shown(self) -> str:
        return self._url.render_as_string(hide_password=True)

    def _set_up(self, connection: Any, record: Any) -> None:
        """Set up a new connection of psycopg; `record` is what the pool keeps of it."""
        session = connection.execute("SELECT pg_backend_pid()").fetchone()[0]
        if session == connection.info.backend_pid:
            for name, most_ms in self._limits.items():
                connection.execute(f"SET {name} = {most_ms}")
        else:
            record.info[_POOLED] = True
            connection.prepare_threshold = None
        connection.commit()

    def _begin(self, connection: Connection) -> None:
        if connection.info.get(_POOLED) and not connection.get_execution_options().get("postgresql_readonly"):
            for name, most_ms in self._limits.items():
                connection.exec_driver_sql(f"SET LOCAL {name} = {most_ms}")

    def _unreachable(self, said: str) -> StoreError:
        """Return the error for a connection that failed; where it leads is told in the log alone."""
        _logger.warning("the store %s cannot be reached: %s", self._shown, said)
        why = next((words for part, words in _REFUSED.items() if part in said), "the connection failed")
        return StoreError(
            f"The PostgreSQL store cannot be reached ({why}); nothing was recorded; its owner finds the address in the "
            "log. Send the same call again."
        )

    def _unreadable(self, found: str, advice: str) -> StoreUnreadable:
        return StoreUnreadable(f"The PostgreSQL store {found}; it was left untouched; {advice}.")


def _first_line(error: exc.SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).partition("\n")[0]
