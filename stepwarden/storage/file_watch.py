"""Whether a SQLite file that is open is still the file that was opened; imported lazily, since what it uses is.

With a write-ahead log SQLite takes for granted that nobody else writes the file: what it has read it never reads again,
and the pages in the log stand over whatever the file holds. A copy that is put over the file while it is open would be
mixed with them. So before each transaction the file is looked at from outside: where it is, how long it is, when it was
written last. A checkpoint writes it too, and the index of the log counts how far it means to come and how far it came;
where the file changed and that did not, somebody else wrote it. Where both did, the file is read by itself, without its
log. That is done only while the file is whole. What a checkpoint writes at the moment is not, and neither is what one
left that could not write all of the log since another process still read an older state: of a page that was written
again later it writes nothing. Such a file looks like somebody else's, and what is judged so is not gone on from. So
while it is not whole the store is taken as SQLite has it, which loses nothing.
"""

import contextlib
import os
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from stepwarden.storage.schema import RESTORED
from stepwarden.storage.sqlite_file import DriverConnection, create_file, new_name_beside, primary_code, size_of

# Of the index of a log, https://sqlite.org/walformat.html and `WalCkptInfo` in SQLite's wal.c, in the order of the
# machine: how many pages are in the log, how many were written to the file, and how many a checkpoint set out to write,
# counted before it writes the first. The salt changes with every beginning of the log. The header is there twice: where
# the two differ it is being written.
_INDEX_BYTES, _HEADER, _HEADER_AGAIN, _PAGES, _SALT = 132, slice(0, 48), slice(48, 96), slice(16, 20), slice(32, 40)
_BACKFILL, _ATTEMPTED = slice(96, 100), slice(128, 132)
_NOT_OURS = frozenset({sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


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
    """How far a log is written to its file, and how far the last checkpoint meant to write it."""

    salt: bytes
    pages: int
    written: int
    attempted: int

    @property
    def leaves_the_file_whole(self) -> bool:
        """Whether the file by itself is one state of the store: none of the log was written to it, or all of it."""
        return self.attempted <= self.written and self.written in {0, self.pages}

    def may_have_written(self, before: "_LogState") -> bool:
        """Return whether anything of it can have been written to the file since `before`."""
        return (self.salt, self.written) != (before.salt, before.written)

    def is_as_far_as(self, later: "_LogState") -> bool:
        """Return whether no checkpoint began until `later`; pages may have been added to the log."""
        return not later.may_have_written(self) and later.attempted == self.attempted


@dataclass(frozen=True, slots=True)
class _State:
    """A file that is whole: where it is, its log, what it holds by itself and with its log.

    `goes_on` says that it has by itself what it had when it was last looked at, and with its log what it has by itself.
    """

    look: _Look
    log: _LogState
    bare: _Content | None
    live: _Content | None
    goes_on: bool


class FileWatch:
    """What one process knows of the file that it has open. With a rollback journal the content may change freely."""

    def __init__(self, path: Path, driver: ModuleType, *, has_log: bool) -> None:
        self._path = path
        self._driver = driver
        self._has_log = has_log
        self._seen = _look(path)
        self._log_path = path.with_name(path.name + "-wal")
        self._log = _place(self._log_path)
        self._index_path = path.with_name(path.name + "-shm")
        self._index: int | None = None
        self._index_place: tuple[int, int] | None = None
        self._content: _Content | None = None
        self._restored: str | None = None
        self._log_state: _LogState | None = None
        if has_log:
            live = self._read(self._with_log)
            self._restored = live.restored if live is not None else None
            if (state := self._whole()) is not None:
                self._take(state)

    def change(self) -> StoreFileChange:
        """Return what became of the file since it was opened or last looked at."""
        log_before = self._read_log_state() if self._log_state is not None and not self._log_state.pages else None
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
            if log_before is not None and log_before.leaves_the_file_whole and not log_before.written:
                self._log_state = log_before  # the log may have begun since, and nothing of it was written to the file
            return StoreFileChange.NONE
        state = self._whole()
        if state is None:
            return StoreFileChange.NONE  # the next look tells
        judged = self._judge(state)
        if judged is StoreFileChange.NONE:
            self._take(state)
        return judged

    def _take(self, state: _State) -> None:
        self._seen, self._content, self._log_state = state.look, state.bare, state.log

    def _whole(self) -> _State | None:
        """Return what the file is by itself, None where it is not whole, did not stay so, or nobody can tell."""
        look, log = _look(self._path), self._read_log_state()
        if look is None or log is None or not log.leaves_the_file_whole:
            return None
        bare, live = self._read(self.bare), self._read(self._with_log)
        goes_on = (self._content is None or self._holds(self.bare, self._content)) and (
            bare is None or self._holds(self._with_log, bare)
        )
        later = self._read_log_state()
        stayed = look == _look(self._path) and later is not None and log.is_as_far_as(later)
        return _State(look, log, bare, live, goes_on) if stayed else None

    def end(self) -> None:
        """Let go of the index, once no connection of this process has the file open: that drops all their locks."""
        if self._index is not None:
            os.close(self._index)
            self._index, self._index_place = None, None

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
        """Return whether the file by itself holds what it held, or what `live`, which still has its log, goes on from.

        True where the file is not whole, or did not stay so: then `live` alone is.
        """
        look, log = _look(self._path), self._read_log_state()
        if log is None or not log.leaves_the_file_whole:
            return True
        now, before = self._read(self.bare), self._content
        later = self._read_log_state()
        if look != _look(self._path) or later is None or not log.is_as_far_as(later):
            return True
        if now is None or now == before or now == _content(live):
            return now is not None
        if before is None or self._log_state is None or not log.may_have_written(self._log_state):
            return False
        return self._holds(self.bare, before) and self._goes_on_from(live, before, now)

    def _goes_on_from(self, live: DriverConnection, before: _Content, now: _Content) -> bool:
        """Return whether others wrote to the file, between `before` and `now`, what `live` has, too."""
        found = _content(live)
        if not before.position <= now.position <= found.position:
            return False
        # Over another file the log lacks the pages that were written between the two, and with them their events.
        newer = "SELECT count(*) FROM stepwarden_events WHERE position BETWEEN ? AND ?"
        try:
            whole = live.execute("PRAGMA integrity_check(1)").fetchone()[0] == "ok"
            return whole and live.execute(newer, (now.position, found.position)).fetchone()[0] == (
                found.position - now.position + 1
            )
        except self._driver.DatabaseError as error:
            if primary_code(error) not in _NOT_OURS:
                raise
            return False

    def _judge(self, state: _State) -> StoreFileChange:
        """Return whether a file that was written holds what a checkpoint may have made of what it held.

        That is an earlier state of what it is with its log, and no earlier one than before.
        """
        before, now, live, log = self._content, state.bare, state.live, state.log
        if now is None:
            return StoreFileChange.OVERWRITTEN
        if before is None or now == before:
            return StoreFileChange.NONE
        if live is not None and live.restored not in {None, self._restored}:
            return StoreFileChange.RESTORED
        if self._log_state is not None and not log.may_have_written(self._log_state):
            return StoreFileChange.OVERWRITTEN
        if live is None or not before.position <= now.position <= live.position:
            return StoreFileChange.OVERWRITTEN
        # A migration, a VACUUM or an index of somebody, be it still in the log alone; or a copy that a VACUUM made.
        if not before.schema == now.schema == live.schema and not self._is_sound():
            return StoreFileChange.OVERWRITTEN
        return StoreFileChange.NONE if state.goes_on else StoreFileChange.OVERWRITTEN

    def _has_ours(self) -> bool:
        """Return whether what there is with the log goes on from what there was, and is no other program's."""
        return self._content is not None and self._holds(self._with_log, self._content)

    def _is_sound(self) -> bool:
        with contextlib.closing(self._with_log()) as connection:
            try:
                return connection.execute("PRAGMA integrity_check(1)").fetchone()[0] == "ok"
            except self._driver.DatabaseError as error:
                if primary_code(error) not in _NOT_OURS:
                    raise  # one that cannot be looked at now says nothing of the store
                return False

    def _read_log_state(self) -> _LogState | None:
        """Return what the index of the log says of it, None where that cannot be read."""
        if (place := _place(self._index_path)) not in {None, self._index_place}:
            # The one before is not closed: that would drop the locks of this process on it.
            self._index, self._index_place = _opened(self._index_path), place
        read = os.pread(self._index, _INDEX_BYTES, 0) if self._index is not None else b""
        if len(read) < _INDEX_BYTES or read[_HEADER] != read[_HEADER_AGAIN]:
            return None
        counts = (int.from_bytes(read[part], sys.byteorder) for part in (_PAGES, _BACKFILL, _ATTEMPTED))
        return _LogState(read[_SALT], *counts)

    def _with_log(self) -> DriverConnection:
        return self._driver.connect(str(self._path), isolation_level=None)

    def _holds(self, connect: Callable[[], DriverConnection], content: _Content) -> bool:
        """Return whether the last event of `content` is there, or was deleted; False where that cannot be read."""
        sql = "SELECT hash FROM stepwarden_events WHERE position = ?"
        try:
            with contextlib.closing(connect()) as connection:
                row = connection.execute(sql, (content.position,)).fetchone()
        except self._driver.DatabaseError as error:
            if primary_code(error) not in _NOT_OURS:
                raise
            return False
        return row is None or row[0] == content.hash

    def _read(self, connect: Callable[[], DriverConnection]) -> _Content | None:
        """Return what the file holds, None where it is none of ours, or broken."""
        try:
            with contextlib.closing(connect()) as connection:
                return _content(connection)
        except self._driver.DatabaseError as error:
            if primary_code(error) not in _NOT_OURS:
                raise
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
