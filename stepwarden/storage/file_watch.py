"""Whether a SQLite file that is open is still the file that was opened; imported lazily, since what it uses is.

With a write-ahead log SQLite takes for granted that nobody else writes the file: what it has read it never reads again,
and the pages in the log stand over whatever the file holds. A copy that is put over the file while it is open would be
mixed with them. So before each transaction the file is looked at from outside: where it is, how long it is, when it was
written last. A checkpoint writes it too, and counts in the index of the log how far it came; where the file changed and
that did not, somebody else wrote it. Where both did the file is read by itself, without its log.
"""

import contextlib
import os
import sqlite3
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from stepwarden.storage.schema import RESTORED
from stepwarden.storage.sqlite_file import DriverConnection, create_file, new_name_beside, primary_code, size_of

# Of the index of a log, https://sqlite.org/walformat.html, in the order of the machine: how many pages are in the log,
# and how many of them were written to the file. Its salt changes with every beginning, the first half of it by one.
_INDEX_BYTES, _PAGES, _SALT, _BACKFILL = 100, slice(16, 20), slice(32, 40), slice(96, 100)
_CHECKPOINT_BYTES = 1000 * 4096
"""A shorter log was never begun anew: SQLite writes it to the file first, at 1000 pages of 4096 bytes."""
_TRIES, _PAUSE_S = 20, 0.01  # of a file that another process writes a checkpoint to


class StoreFileChange(Enum):
    """What became of an open file."""

    NONE = "as it was"
    MOVED = "another file, or none, is at its path"
    EMPTIED = "it has no content any more"
    OVERWRITTEN = "it has content that no checkpoint wrote"
    RESTORED = "another process put it back from a copy"
    LOG_GONE = "its log is another one, or none"


@dataclass(frozen=True, slots=True)
class _Content:
    """What a file holds: number of its schema, last position, hash of the last event, pages; which restore made it."""

    restored: str | None
    schema: int
    position: int
    hash: str | None
    pages: int


class _Look(NamedTuple):
    """Where a file is, and what changes when it is written: made before every transaction."""

    place: tuple[int, int]
    size: int
    written_ns: int


@dataclass(frozen=True, slots=True)
class _LogState:
    """How far a log is written to its file."""

    salt: bytes
    pages: int
    written: int

    def may_have_written(self, before: "_LogState", size: int) -> bool:
        """Return whether anything of it was written to the file since `before`; `size` is that of the log in bytes."""
        if self.salt == before.salt:
            return self.written != before.written
        begun, begun_before = int.from_bytes(self.salt[:4], "big"), int.from_bytes(before.salt[:4], "big")
        begun_once = size < _CHECKPOINT_BYTES if before.pages == 0 else begun == (begun_before + 1) % (1 << 32)
        return not (begun_once and before.written == before.pages and self.written == 0)


class FileWatch:
    """What one process knows of the file that it has open. With a rollback journal the content may change freely."""

    def __init__(self, path: Path, driver: ModuleType, *, has_log: bool) -> None:
        self._path = path
        self._driver = driver
        self._has_log = has_log
        self._seen = _look(path)
        self._log_path = path.with_name(path.name + "-wal")
        self._log = _place(self._log_path)
        self._content = self._read(self.bare) if has_log else None
        live = self._read(self._with_log) if has_log else None
        self._restored = live.restored if live is not None else None
        # Never closed: that would drop the locks of this process on it. A process opens a store once, or a few times.
        self._index = _opened(path.with_name(path.name + "-shm")) if has_log else None
        self._log_state = self._read_log_state()

    def change(self) -> StoreFileChange:
        """Return what became of the file since it was opened or last looked at."""
        found = _look(self._path)
        if found is None or self._seen is None or found.place != self._seen.place:
            return StoreFileChange.MOVED
        if found.size == 0:
            return StoreFileChange.EMPTIED
        if not self._has_log:
            return StoreFileChange.NONE
        log = _place(self._log_path)
        if log != self._log and self._log is not None:
            return StoreFileChange.LOG_GONE
        self._log = log
        if found == self._seen:
            return StoreFileChange.NONE
        if (judged := self._judge()) is StoreFileChange.NONE:
            self._seen = found
        return judged

    def keep_sound(self, path: Path) -> bool:
        """Copy the store as it is with its log to the new file `path`; return False where it is not a sound one."""
        if not (self._is_sound() and self._has_ours()):
            return False
        with contextlib.closing(self._with_log()) as live, contextlib.closing(self._driver.connect(str(path))) as kept:
            live.backup(kept)
        return True

    def copy_log(self) -> Path | None:
        """Copy the log of the file that was open to a private file beside it; return that, None where it has none."""
        if size_of(self._log_path) == 0 or _place(self._log_path) != self._log:
            return None
        aside = new_name_beside(self._log_path)
        create_file(aside)
        aside.write_bytes(self._log_path.read_bytes())  # SQLite's locks are on the index, none on the log
        return aside

    def set_log_aside(self) -> Path | None:
        """Take the log of the file that was open away from another file at its path; return where it is now."""
        if self._log is None or _place(self._log_path) != self._log:
            return None
        aside = new_name_beside(self._log_path)
        with contextlib.suppress(FileNotFoundError):
            self._log_path.rename(aside)
            self._path.with_name(self._path.name + "-shm").unlink(missing_ok=True)
            return aside
        return None

    def bare(self) -> DriverConnection:
        """Return a connection that reads the file without its log; the caller closes it."""
        # By SQLite: closing any other descriptor of the file would drop the locks of this process.
        return self._driver.connect(f"{self._path.as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)

    def is_unchanged(self, live: DriverConnection) -> bool:
        """Return whether the file by itself holds what it held, or all that `live` reads, which still has its log."""
        now = self._read(self.bare)
        return now is not None and (now == self._content or now == _content(live))

    def _judge(self) -> StoreFileChange:
        """Return whether a file that was written holds what a checkpoint may have made of what it held.

        That is an earlier state of what it is with its log, and no earlier one than before.
        """
        before, now = self._content, self._read(self.bare)
        if now is None or before is None:
            return StoreFileChange.OVERWRITTEN
        if now == before:
            return StoreFileChange.NONE
        live = self._read(self._with_log)
        if live is not None and live.restored != self._restored:
            return StoreFileChange.RESTORED
        log = self._read_log_state()
        size = size_of(self._log_path)
        if log is not None and self._log_state is not None and not log.may_have_written(self._log_state, size):
            return StoreFileChange.OVERWRITTEN
        if live is None or now.schema != live.schema or not before.position <= now.position <= live.position:
            return StoreFileChange.OVERWRITTEN
        if now.schema != before.schema and not self._is_sound():  # a VACUUM of somebody, or a copy that was made by one
            return StoreFileChange.OVERWRITTEN
        if not (self._holds(self.bare, before) and self._holds(self._with_log, now)):
            return StoreFileChange.OVERWRITTEN
        self._content, self._log_state = now, log
        return StoreFileChange.NONE

    def _has_ours(self) -> bool:
        """Return whether what there is with the log goes on from what there was, and is no other program's."""
        return self._content is not None and self._holds(self._with_log, self._content)

    def _is_sound(self) -> bool:
        with contextlib.closing(self._with_log()) as connection:
            try:
                return connection.execute("PRAGMA integrity_check(1)").fetchone()[0] == "ok"
            except self._driver.DatabaseError:
                return False

    def _read_log_state(self) -> _LogState | None:
        """Return what the index of the log says of it, None where that cannot be read."""
        read = os.pread(self._index, _INDEX_BYTES, 0) if self._index is not None else b""
        if len(read) < _INDEX_BYTES:
            return None
        pages, written = (int.from_bytes(read[part], sys.byteorder) for part in (_PAGES, _BACKFILL))
        return _LogState(read[_SALT], pages, written)

    def _with_log(self) -> DriverConnection:
        return self._driver.connect(str(self._path), isolation_level=None)

    def _holds(self, connect: Callable[[], DriverConnection], content: _Content) -> bool:
        """Return whether the last event of `content` is there, or was deleted; False where no table of ours is."""
        with contextlib.closing(connect()) as connection:
            sql = "SELECT hash FROM stepwarden_events WHERE position = ?"
            try:
                row = connection.execute(sql, (content.position,)).fetchone()
            except self._driver.OperationalError as error:
                if primary_code(error) != sqlite3.SQLITE_ERROR:
                    raise
                return False
        return row is None or row[0] == content.hash

    def _read(self, connect: Callable[[], DriverConnection]) -> _Content | None:
        """Return what the file holds, None where that cannot be read."""
        for _ in range(_TRIES):
            try:
                with contextlib.closing(connect()) as connection:
                    return _content(connection)
            except self._driver.DatabaseError as error:
                if primary_code(error) != sqlite3.SQLITE_CORRUPT:  # which a checkpoint may be, half way
                    return None
                time.sleep(_PAUSE_S)
        return None


def _content(connection: DriverConnection) -> _Content:
    schema = connection.execute("PRAGMA schema_version").fetchone()[0]
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'stepwarden_events'").fetchone():
        return _Content(None, schema, 0, None, pages)  # all that there is stands in the log
    last = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'stepwarden_events'").fetchone()
    event = connection.execute("SELECT hash FROM stepwarden_events ORDER BY position DESC LIMIT 1").fetchone()
    made_by = connection.execute("SELECT value FROM stepwarden_meta WHERE key = ?", (RESTORED,)).fetchone()
    return _Content(made_by[0] if made_by else None, schema, last[0] if last else 0, event[0] if event else None, pages)


def _look(path: Path) -> _Look | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - before every transaction: half the time of Path.stat
    except OSError:
        return None
    return _Look((found.st_dev, found.st_ino), found.st_size, found.st_mtime_ns)


def _place(path: Path) -> tuple[int, int] | None:
    found = _look(path)
    return found.place if found is not None else None


def _opened(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY) if hasattr(os, "pread") else None
    except OSError:
        return None
