"""PostgreSQL behind the store: how it is opened, and what its failures mean."""

from contextlib import ExitStack

from sqlalchemy import (  # noqa: TID253 - this module is itself imported lazily
    Connection,
    Engine,
    create_engine,
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
from stepwarden.storage.schema import APPLICATION_ID, create_schema, meta, metadata

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_BUSY_STATES = {"40001", "40P01", "55P03", "57014"}
_FULL_STATE = "53100"
_DAMAGED_STATES = {"XX001", "XX002"}
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
        own_options = self._url.query.get("options", "")
        self.writes: Engine = create_engine(
            self._url,
            pool_pre_ping=True,
            connect_args={"options": f"{own_options} -c lock_timeout={int(busy_timeout_s * 1000)}"},
        )
        self.reads: Engine = self.writes.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

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

    def in_place(self) -> bool:
        """Return whether the connections lead to the database at the address: each is tried when it is taken."""
        return True

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
        return StoreError(f"The store {self._shown} failed ({_first_line(error)}); send the same call again.")

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

    def _unreadable(self, found: str, advice: str) -> StoreUnreadable:
        return StoreUnreadable(f"The store {self._shown} {found}; it was left untouched; {advice}.")


def _first_line(error: exc.SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).partition("\n")[0]
