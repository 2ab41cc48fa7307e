"""A SQLite store that can be read and not written; imported lazily: it loads SQLAlchemy.

With a write-ahead log SQLite makes an index beside the file even to read it. Where it cannot, a file without a log is
read as one that nobody changes, and opened anew once it was; a file with a log, or of an older schema, is read from a
copy in memory.
"""

import contextlib
import os
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

from sqlalchemy import (  # noqa: TID253 - this module is itself imported lazily
    Connection,
    Engine,
    QueuePool,
    create_engine,
    event,
    exc,
)

from stepwarden.errors import StoreError, StoreReadOnly
from stepwarden.storage.migrations import SCHEMA_VERSION
from stepwarden.storage.records import AcknowledgedHead, LostHead
from stepwarden.storage.sqlite_file import (
    DriverConnection,
    failure_of,
    is_blank,
    primary_code,
    schema_number,
    size_of,
)

BARRED = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN})
"""Codes of the errors that a store raises where it cannot be written, or no file can be made beside it."""

Prepare = Callable[[Path], None]
"""Brings a copy of a store, which may be of an older schema or have a log, to one file of this schema."""


def connect_to_read(path: Path, driver: ModuleType, prepare: Prepare) -> Callable[[], DriverConnection]:
    """Return what connects to a store that cannot be written; raises the driver's errors, and StoreUnreadable."""
    address = path.as_uri()
    has_log = size_of(path.with_name(path.name + "-wal")) > 0
    for options in ("mode=ro",) if has_log else ("mode=ro", "mode=ro&immutable=1"):
        connect = _connector(driver, f"{address}?{options}")
        try:
            with contextlib.closing(connect()) as connection:
                if not is_blank(connection, path) and schema_number(connection) == str(SCHEMA_VERSION):
                    connection.execute("SELECT 1 FROM stepwarden_heads LIMIT 1").fetchone()
                    return connect
                break
        except driver.OperationalError as error:
            if primary_code(error) not in BARRED:
                raise
    return _copied(path, driver, prepare)


def _connector(driver: ModuleType, address: str) -> Callable[[], DriverConnection]:
    return lambda: driver.connect(address, uri=True, isolation_level=None, check_same_thread=False)


def _copied(path: Path, driver: ModuleType, prepare: Prepare) -> Callable[[], DriverConnection]:
    connect = _connector(driver, f"file:stepwarden-{secrets.token_hex(8)}?mode=memory&cache=shared")
    keeper = connect()  # it is there as long as anything is connected to it
    with tempfile.TemporaryDirectory(prefix="stepwarden-") as place:
        copy = Path(place) / path.name
        for part in ("", "-wal", "-journal"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(path.with_name(path.name + part), copy.with_name(copy.name + part))
        prepare(copy)
        with contextlib.closing(driver.connect(str(copy), isolation_level=None)) as source:
            source.backup(keeper)

    def connected() -> DriverConnection:
        assert keeper is not None
        return connect()

    return connected


class ReadOnlyBackend:
    """One SQLite file that is only read; see `database.Backend`."""

    lost: Sequence[LostHead] = ()

    def __init__(self, path: Path, driver: ModuleType, connect: Callable[[], DriverConnection]) -> None:
        self._path = path
        self._driver = driver
        self._seen = self._look()
        self.reads: Engine = create_engine("sqlite://", module=driver, creator=connect, poolclass=QueuePool)
        self.writes: Engine = self.reads.execution_options(stepwarden_writes=True)
        event.listen(self.reads, "begin", self._begin)

    def settle_change(self) -> str | None:
        """Return "" where the files changed, or may be written by now: then the store is opened anew."""
        return None if self._look() == self._seen else ""

    def end(self) -> None:
        """See `database.Backend`."""
        self.writes.dispose()

    def failure(self, error: exc.SQLAlchemyError) -> StoreError:
        """Return the error to raise for `error`."""
        return failure_of(self._path, error.orig if isinstance(error, exc.DBAPIError) else error)

    def acknowledge(self, heads: Sequence[AcknowledgedHead]) -> None:
        """Note nothing: nothing is recorded."""

    def forget(self, lost: Sequence[LostHead]) -> None:
        """Forget nothing."""

    def facts(self, connection: Connection) -> dict[str, str | int]:
        """Return path, versions and size in bytes (log included)."""
        connection.exec_driver_sql("SELECT 1")
        return {
            "database": "sqlite",
            "path": str(self._path),
            "url": f"sqlite:///{self._path}",
            "version": self._driver.sqlite_version,
            "driver": self._driver.__name__.partition(".")[0],
            "journal_mode": "can only be read",
            "bytes": size_of(self._path) + size_of(self._path.with_name(self._path.name + "-wal")),
        }

    def _begin(self, connection: Connection) -> None:
        if connection.get_execution_options().get("stepwarden_writes", False):
            raise StoreReadOnly(read_only_text(self._path))
        connection.exec_driver_sql("BEGIN")

    def _look(self) -> tuple[object, ...]:
        log = self._path.with_name(self._path.name + "-wal")
        return (*map(_stamp, (self._path, log)), os.access(self._path, os.W_OK), os.access(self._path.parent, os.W_OK))


def read_only_text(path: Path) -> str:
    """Return in a line why nothing was recorded in a store that can only be read, and what to do."""
    return (
        f"The store {path} can only be read here; nothing was recorded. Make it and its directory writable for this "
        "user and send the same call again, or set STEPWARDEN_HOME to a directory that is. What is stored can be read: "
        "by status, the resources and `stepwarden threads`."
    )


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
