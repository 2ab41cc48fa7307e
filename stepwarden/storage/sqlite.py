"""SQLite behind the store: how a file is opened, and what its failures mean; imported lazily: it loads SQLAlchemy."""

import contextlib
import importlib
import logging
import os
import sqlite3
import stat
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from sqlalchemy import (  # noqa: TID253 - this module is itself imported lazily
    URL,
    Connection,
    Engine,
    create_engine,
    event,
    exc,
)

from stepwarden.errors import StoreError
from stepwarden.storage.database import Backend
from stepwarden.storage.file_watch import FileWatch, StoreFileChange
from stepwarden.storage.head_file import HeadFile
from stepwarden.storage.head_rows import find_lost
from stepwarden.storage.migrations import SCHEMA_VERSION, migrate_step
from stepwarden.storage.records import AcknowledgedHead, LostHead
from stepwarden.storage.schema import APPLICATION_ID, create_schema
from stepwarden.storage.sqlite_file import (
    DriverConnection,
    create_file,
    failure_of,
    is_blank,
    is_there,
    mark_restored,
    new_name_beside,
    primary_code,
    refuse_foreign,
    size_of,
    unreadable,
)
from stepwarden.storage.sqlite_read_only import BARRED, ReadOnlyBackend, connect_to_read

WAL_SAFE = (3, 51, 3)
"""The first SQLite whose write-ahead log is safe with several processes: https://sqlite.org/wal.html, WAL-reset bug."""


_PAUSE_S = 0.01  # between two tries of what SQLite itself does not wait for

_logger = logging.getLogger(__name__)


def newest_driver() -> ModuleType:
    """Return the DBAPI module with the newer SQLite: pysqlite3's where it is installed and newer, else Python's."""
    with contextlib.suppress(ImportError):
        driver = importlib.import_module("pysqlite3.dbapi2")
        if driver.sqlite_version_info > sqlite3.sqlite_version_info:
            return driver
    return sqlite3


def open_sqlite(path: Path, *, busy_timeout_s: float) -> Backend:
    """Open or create the store at `path`, only to be read where it cannot be written.

    Raises `StoreUnreadable` for what is not ours, leaving it untouched.
    """
    driver = newest_driver()
    try:
        if not is_there(path) or os.access(path, os.W_OK):
            return _open_writable(path, driver, busy_timeout_s)
    except (driver.Error, exc.SQLAlchemyError) as error:
        cause = error.orig if isinstance(error, exc.DBAPIError) else error
        if primary_code(cause) not in BARRED or not is_there(path):
            raise failure_of(path, cause) from error
    except OSError as error:
        raise StoreError(f"The store {path} cannot be made: {error.strerror}.") from error
    try:
        backend = ReadOnlyBackend(path, driver, connect_to_read(path, driver, prepare_copy))
    except OSError as error:
        raise unreadable(path, f"cannot be read ({error.strerror})", "make it readable") from error
    except driver.Error as error:
        raise failure_of(path, error) from error
    _logger.info("%s can only be read", path)
    return backend


def _open_writable(path: Path, driver: ModuleType, busy_timeout_s: float) -> "SqliteBackend":
    backend = SqliteBackend(path, driver, busy_timeout_s)
    with contextlib.ExitStack() as on_failure:
        on_failure.callback(backend.writes.dispose)
        if not is_there(path):
            create_file(path)
        else:
            refuse_foreign(path, driver, busy_timeout_s)
        backend.prepare()
        on_failure.pop_all()
    return backend


def prepare_copy(path: Path) -> None:
    """Bring a copy of a store, which nobody else has open, to this schema, in one file."""
    _open_writable(path, newest_driver(), 1.0).end()


class SqliteBackend:
    """One SQLite file, opened; see `database.Backend`."""

    def __init__(self, path: Path, driver: ModuleType, busy_timeout_s: float) -> None:
        self._path = path
        self._driver = driver
        self._busy_timeout_s = busy_timeout_s
        self._watch: FileWatch | None = None
        self._kept: str | None = None
        self._head_file = HeadFile(path)
        self.lost: Sequence[LostHead] = ()
        self.reads: Engine = create_engine(
            URL.create("sqlite+pysqlite", database=str(path)),
            module=driver,
            connect_args={"timeout": busy_timeout_s},
        )
        self.writes: Engine = self.reads.execution_options(stepwarden_writes=True)
        event.listen(self.reads, "connect", self._set_up)
        event.listen(self.reads, "begin", _begin)

    @property
    def _wal_is_safe(self) -> bool:
        return self._driver.sqlite_version_info >= WAL_SAFE

    def prepare(self) -> None:
        """Create the schema in a blank file, settle the journal mode, and make the file private."""
        while self._migrated():
            pass
        with contextlib.closing(self.reads.raw_connection()) as pooled:
            assert pooled.driver_connection is not None
            self._settle_journal_mode(pooled.driver_connection)
            has_log = _journal_mode(pooled.driver_connection) == "wal"
            pooled.driver_connection.execute("SELECT 1 FROM sqlite_master").fetchone()  # the first read makes the log
        if stat.S_IMODE(self._path.stat().st_mode) & 0o077:
            with contextlib.suppress(PermissionError):  # of another user, who lets us write
                self._path.chmod(0o600)
        self._watch = FileWatch(self._path, self._driver, has_log=has_log)
        acknowledged = self._head_file.read()  # before the store is: by then it has all of them
        with self.reads.begin() as connection:
            self.lost = find_lost(connection, acknowledged)

    def end(self) -> None:
        """See `database.Backend`."""
        self.writes.dispose()
        if self._watch is not None:
            self._watch.end()
            self._watch = None

    def acknowledge(self, heads: Sequence[AcknowledgedHead]) -> None:
        """See `database.Backend`."""
        if heads:
            self._head_file.note(heads)

    def forget(self, lost: Sequence[LostHead]) -> None:
        """See `database.Backend`."""
        self._head_file.forget([each.head for each in lost])

    def _migrated(self) -> bool:
        """Create the schema, or bring an older one up by one; return whether there was an older one."""
        with self.writes.begin() as connection:
            # Under the write lock, so that of several processes that see a blank or an old file only the first acts.
            if not is_blank(_driver_connection(connection), self._path):
                return migrate_step(connection)
            create_schema(connection, SCHEMA_VERSION)
            mark_restored(_driver_connection(connection))
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
            return False

    def settle_change(self) -> str | None:
        """Return what became of the file since the last look, "" for what nobody has to know, None for nothing.

        After a change nothing of what is open may be used any more; it can be closed without harm. Raises StoreError
        where that could not be brought about.
        """
        if self._watch is None:
            return None
        try:
            change = self._watch.change()
            return None if change is StoreFileChange.NONE else self._settled(self._watch, change)
        except OSError as error:
            raise StoreError(f"The store {self._path} was changed and cannot be used: {error.strerror}.") from error
        except self._driver.Error as error:
            raise failure_of(self._path, error) from error

    def _settled(self, watch: FileWatch, change: StoreFileChange) -> str:
        """See that closing what is open writes nothing of it into what is at the path now.

        SQLite writes the log to the file when the last connection closes, but not where another file is at its path.
        """
        overwritten = (
            "was overwritten while it was in use; what is in the file now counts, and nothing was mixed with it"
        )
        if change is StoreFileChange.LOG_GONE:
            return overwritten if self._renew_without_log(watch) else ""
        if change is StoreFileChange.RESTORED:
            return "was put back from a copy while it was in use; what is in it now counts"
        if change is StoreFileChange.OVERWRITTEN:
            # Once: what is in the file now may not be ours to take over, and each call finds it again.
            self._kept = self._kept if self._kept is not None else self._keep(watch)
            self._take_over(watch)
            return overwritten + self._kept
        if change is StoreFileChange.EMPTIED:
            blank = new_name_beside(self._path)
            create_file(blank)
            blank.replace(self._path)
        aside = watch.set_log_aside()
        kept = f"; the log of the old one was set aside as {aside.name}" if aside else ""
        if change is StoreFileChange.EMPTIED or not self._path.exists():
            what = "emptied" if change is StoreFileChange.EMPTIED else "deleted"
            return f"was {what} while it was in use; a new one begins{kept}"
        return f"was replaced by another file while it was in use, which counts from now on{kept}"

    def _keep(self, watch: FileWatch) -> str:
        """Keep what an overwritten file and its log made, or else the log alone; return how that is told."""
        before = new_name_beside(self._path, "before-")
        create_file(before)
        if watch.keep_sound(before):
            return f"; what was there before is kept as {before.name}"
        before.unlink()
        log = watch.copy_log()
        return f"; the log of the old one is kept as {log.name}" if log else ""

    def _renew_without_log(self, watch: FileWatch) -> bool:
        """Go on without the log that is gone; return whether the file was overwritten, too."""
        with contextlib.closing(self.writes.raw_connection()) as pooled:
            assert pooled.driver_connection is not None
            if watch.is_unchanged(pooled.driver_connection):
                self._renew(pooled.driver_connection)  # which still reads the log
                return False
        with contextlib.closing(watch.bare()) as bare:
            self._renew(bare, restored=True)
        return True

    def _renew(self, source: DriverConnection, *, restored: bool = False) -> None:
        """Put a new file with what `source` reads at the path: those who have the old one without its log notice it."""
        new = new_name_beside(self._path)
        create_file(new)
        with contextlib.closing(self._driver.connect(str(new), isolation_level=None)) as target:
            source.backup(target)
            if restored and not is_blank(target, self._path):
                mark_restored(target)
        # The index is of the log that is gone: over a new log each read of it would fail until nobody has it open.
        self._path.with_name(self._path.name + "-shm").unlink(missing_ok=True)
        new.replace(self._path)

    def _take_over(self, watch: FileWatch) -> None:
        """Make the content of the file, without its log, what every process that has it open sees."""
        copy: DriverConnection = self._driver.connect("", isolation_level=None)  # a temporary file
        with contextlib.closing(copy), contextlib.closing(self.writes.raw_connection()) as pooled:
            with contextlib.closing(watch.bare()) as bare:
                bare.backup(copy)  # to the side first: the log may be written to the file by what follows
            if not is_blank(copy, self._path):
                mark_restored(copy)
            copy.backup(pooled.driver_connection)

    def failure(self, error: exc.SQLAlchemyError) -> StoreError:
        """Return the error to raise for `error`."""
        return failure_of(self._path, error.orig if isinstance(error, exc.DBAPIError) else error)

    def facts(self, connection: Connection) -> dict[str, str | int]:
        """Return path, versions, journal mode and size in bytes (log included)."""
        return {
            "database": "sqlite",
            "path": str(self._path),
            "url": f"sqlite:///{self._path}",
            "version": self._driver.sqlite_version,
            "driver": self._driver.__name__.partition(".")[0],
            "journal_mode": connection.exec_driver_sql("PRAGMA journal_mode").scalar_one(),
            "bytes": size_of(self._path) + size_of(self._path.with_name(self._path.name + "-wal")),
        }

    def _set_up(self, connection: DriverConnection, _record: object) -> None:
        # Without this the driver begins transactions by itself, deferred ones, which fail at once when they write.
        setattr(connection, "isolation_level", None)  # noqa: B010 - not in the protocol, which is for reading
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA mmap_size = 0")
        if not self._wal_is_safe and _journal_mode(connection) != "wal":
            connection.execute("PRAGMA journal_mode = TRUNCATE")

    def _settle_journal_mode(self, connection: DriverConnection) -> None:
        mode = _journal_mode(connection)
        if self._wal_is_safe and mode != "wal":
            self._turn_to_wal(connection)
        elif mode == "wal" and not self._wal_is_safe:
            _logger.warning(
                "%s uses a write-ahead log, which SQLite %s does not handle safely with several processes: "
                "install pysqlite3, or a Python with SQLite 3.51.3 or newer",
                self._path,
                self._driver.sqlite_version,
            )

    def _turn_to_wal(self, connection: DriverConnection) -> None:
        """Turn the file to a write-ahead log, for which SQLite does not wait itself while another process is in it."""
        deadline = time.monotonic() + self._busy_timeout_s
        while _journal_mode(connection) != "wal":  # another process may have been first
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except self._driver.OperationalError as error:
                if primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE_S)


def _journal_mode(connection: DriverConnection) -> str:
    return connection.execute("PRAGMA journal_mode").fetchone()[0]


def _driver_connection(connection: Connection) -> DriverConnection:
    found = connection.connection.driver_connection
    assert found is not None
    return found


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("stepwarden_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
