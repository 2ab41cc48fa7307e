"""The file of a SQLite store, before it is opened: whether it is there, whether it is ours; imported lazily.

POSIX drops every lock that a process has on a file when it closes any descriptor of it that SQLite does not know of.
So nothing here reads the file's bytes itself, and nobody else in the process may open it, except through the same
SQLite library.
"""

import contextlib
import os
import re
import secrets
import sqlite3
import stat
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from stepwarden.errors import StoreBusy, StoreError, StoreReadOnly, StoreUnreadable
from stepwarden.storage.migrations import misfit_of_version, missing_tables
from stepwarden.storage.schema import APPLICATION_ID, RESTORED, metadata

# What is shorter than the smallest page of its format, SQLite takes for an empty database and writes over.
_SMALLEST_BYTES = 512


_MALFORMED = "database disk image is malformed"
_NEWER = re.compile("no such (table|column)|has no column")  # a migration by another process, under our connection


class DriverConnection(Protocol):
    """The part of a DBAPI connection of SQLite that we use."""

    def execute(self, sql: str, parameters: Sequence[object] = ..., /) -> sqlite3.Cursor:
        """Run one statement."""
        ...

    def backup(self, target: Any) -> None:
        """Make the database behind `target` what this one is, in one transaction."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


def is_there(path: Path) -> bool:
    """Return whether there is a file with content at `path`; raise StoreUnreadable for what is not a database."""
    # The log first: a process that creates the store at this moment makes the log only after the file has content.
    left_log = size_of(path.with_name(path.name + "-wal"))
    try:
        found = path.stat()
    except FileNotFoundError:
        if left_log:
            missing, advice = "is gone, and its log is still there", "put it back, or move the log away"
            raise unreadable(path, missing, advice) from None
        return False
    except OSError as error:
        raise unreadable(path, f"cannot be read ({error.strerror})", "make it readable") from error
    if not stat.S_ISREG(found.st_mode):
        raise unreadable(path, "is not a file", "move it away")
    if 0 < found.st_size < _SMALLEST_BYTES:
        raise unreadable(path, "is not a SQLite database", "move it away")
    if found.st_size == 0 and left_log:
        raise unreadable(path, "is empty and has a log beside it", "restore it from a backup, or move both away")
    return found.st_size > 0


def size_of(path: Path) -> int:
    """Return the size of a file in bytes, 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def new_name_beside(path: Path, word: str = "") -> Path:
    """Return a path beside `path` at which nothing is yet: its name, `word`, and the time."""
    return path.with_name(f"{path.name}.{word}{time.time_ns()}")


def create_file(path: Path) -> None:
    """Make an empty private file, in a private directory where there is none."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        # The log and its index take over these permissions from the file.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def refuse_foreign(path: Path, driver: ModuleType, busy_timeout_s: float) -> None:
    """Look at the file without changing a byte of it.

    Reading over a non-empty log or journal, a connection that may write would fold it into the file when it closes,
    so that one is read-only; over none, a read-only one would leave an empty log beside the file, and the other not.
    """
    unfinished = size_of(path.with_name(path.name + "-wal")) or size_of(path.with_name(path.name + "-journal"))
    if unfinished:
        try:
            return _look(path, driver, busy_timeout_s, mode="ro")
        except driver.OperationalError as error:
            # A crash left a journal or log that only a writing connection can bring in order, as is SQLite's rule.
            if primary_code(error) not in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}:
                raise
    return _look(path, driver, busy_timeout_s, mode="rw")


def _look(path: Path, driver: ModuleType, busy_timeout_s: float, *, mode: str) -> None:
    uri = f"{path.as_uri()}?mode={mode}"
    with contextlib.closing(driver.connect(uri, uri=True, timeout=busy_timeout_s, isolation_level=None)) as connection:
        if not is_blank(connection, path):
            if misfit := misfit_of_version(schema_number(connection)):
                raise unreadable(path, *misfit)
            setattr(connection, "text_factory", bytes)  # noqa: B010 - text that is none is no reason to refuse all
            for table in metadata.tables.keys() & _tables(connection):
                connection.execute(f"SELECT * FROM {table} LIMIT 1").fetchone()  # noqa: S608 - a constant of ours


def is_blank(connection: DriverConnection, path: Path) -> bool:
    """Return a database of ours (False) from one without anything in it (True); refuse any other."""
    tables = _tables(connection)
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if not tables and application == 0:
        return True
    if application != APPLICATION_ID:
        raise unreadable(path, "is a SQLite database of another program", "move it away")
    version = schema_number(connection) if "stepwarden_meta" in tables else None
    if missing := missing_tables(tables, version):
        raise unreadable(path, f"lacks {', '.join(missing)}", "restore it from a backup, or move it away")
    return False


def mark_restored(connection: DriverConnection) -> None:
    """Make a copy of a store another one than that which it was copied from, for whoever has the store open."""
    connection.execute("INSERT OR REPLACE INTO stepwarden_meta VALUES (?, ?)", (RESTORED, secrets.token_hex(8)))


def _tables(connection: DriverConnection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def schema_number(connection: DriverConnection) -> str | None:
    """Return the number of the schema of a database of ours, as its text."""
    found = connection.execute("SELECT value FROM stepwarden_meta WHERE key = 'schema_version'").fetchone()
    return found and found[0]


def primary_code(error: BaseException | None) -> int:
    """Return the code of an error of SQLite without its extension, 0 for any other error."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def unreadable(path: Path, found: str, advice: str) -> StoreUnreadable:
    """Return the error for a store that is not ours to open as it is."""
    return StoreUnreadable(f"The store {path} {found}; it was left untouched; {advice}.")


def failure_of(path: Path, error: BaseException | None) -> StoreError:
    """Return the error to raise for one of the driver."""
    code = primary_code(error)
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return StoreBusy("Another process holds the store; nothing was recorded; send the same call again.")
    if code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}:
        refused = f"The disk refused to read or write the store {path} ({error})"
        what, advice = ("The disk is full", "free") if code == sqlite3.SQLITE_FULL else (refused, "see that there is")
        return StoreError(f"{what}; nothing was recorded; {advice} space and send the same call again.")
    if code == sqlite3.SQLITE_NOTADB:
        return unreadable(path, "is not a SQLite database", "move it away")
    if code == sqlite3.SQLITE_CORRUPT or str(error) == _MALFORMED:  # of a backup the error has no code
        return unreadable(path, f"is damaged ({error})", "restore it from a backup, or move it away")
    if code == sqlite3.SQLITE_CANTOPEN:
        return unreadable(path, "cannot be opened", "make it and its directory readable and writable")
    if code == sqlite3.SQLITE_ERROR and _NEWER.search(str(error)):
        return unreadable(path, f"was changed by a newer stepwarden ({error})", "restart this one as the newer one")
    if code != sqlite3.SQLITE_READONLY:
        return StoreError(f"The store {path} failed ({error}); nothing was recorded.")
    advice = "Make it and its directory writable and send the same call again; what is stored can be read."
    return StoreReadOnly(f"The store {path} can no longer be written ({error}); nothing was recorded. {advice}")
