"""Copies of a SQLite store: taken and put back while servers have it open, and checked first; imported lazily."""

import contextlib
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from stepwarden.errors import StoreError, StoreUnreadable
from stepwarden.storage.head_file import SUFFIX
from stepwarden.storage.records import HeadQuery
from stepwarden.storage.sqlite import newest_driver, prepare_copy
from stepwarden.storage.sqlite_file import (
    DriverConnection,
    create_file,
    is_blank,
    mark_restored,
    new_name_beside,
    primary_code,
    refuse_foreign,
)
from stepwarden.storage.sqlite_read_only import BARRED, connect_to_read
from stepwarden.storage.store import Store

BUSY_TIMEOUT_S = 10.0
_PAGE = 500  # heads that are read at once
_PARTS = ("", "-wal", "-shm", "-journal")
_BESIDE = (*_PARTS, SUFFIX)


class BackupRefused(StoreError):
    """A copy cannot be taken or put back as it was asked for; nothing was changed, and the text says what to do."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a store holds: streams, events, and the unix seconds of its last change."""

    streams: int
    events: int
    updated: float


async def take_backup(store: Path, target: Path, *, overwrite: bool = False) -> Contents:
    """Copy the store to the file `target`, as it is at one moment; return what the copy holds, once it is checked.

    Raises BackupRefused where there is no store, or a file at `target` that is not to be overwritten.
    """
    _refuse_target(store, target, overwrite=overwrite)
    with _new_file(target) as copy:
        _copy(store, copy)
        contents = await _checked(copy)
        copy.replace(target)
    return contents


async def put_back(source: Path, store: Path, *, replace: bool = False) -> tuple[Contents, Path | None]:
    """Make the store what the copy `source` holds; return that, and the file in which the store before is kept.

    Servers that have the store open go on with it, and tell their hosts. Raises BackupRefused for a copy that is not a
    whole store of ours, and for a store that holds something and is not to be replaced.
    """
    _refuse_source(source, store)
    with _new_file(store) as copy:
        _copy(source, copy)
        contents = await _checked(copy)
        there = await _contents(store) if _is_there(store) else Contents(0, 0, 0.0)
        if (there is None or there.streams) and not replace:
            held = f"threads ({there.streams})" if there is not None else "what cannot be read"
            raise BackupRefused(
                f"The store {store} holds {held}: send --replace to put the copy in its place; what is there is kept "
                "beside it."
            )
        kept = _replace(store, copy, there)
        try:
            found = await _checked(store)
        except StoreError as error:
            before = f"; what was there before is kept as {kept}" if kept is not None else ""
            raise BackupRefused(f"The copy is in its place, and cannot be checked there: {error}{before}.") from error
        if found != contents:
            raise BackupRefused(f"The store {store} is not what was put back: somebody writes to it; try again.")
    return contents, kept


def _refuse_target(store: Path, target: Path, *, overwrite: bool) -> None:
    if not store.exists():
        raise BackupRefused(f"There is no store at {store} yet.")
    if _is_part(target, store):
        raise BackupRefused(f"{target} belongs to the store itself; name another file.")
    if target.exists() and not overwrite:
        raise BackupRefused(f"{target} is there already; name another file, or send --overwrite.")


def _refuse_source(source: Path, store: Path) -> None:
    if not source.is_file():
        raise BackupRefused(f"There is no file {source}.")
    if _is_part(source, store):
        raise BackupRefused(f"{source} belongs to the store itself; name a copy of it.")


def _replace(store: Path, copy: Path, there: Contents | None) -> Path | None:
    """Put a checked copy in the place of the store, which holds `there`; return where the store before is kept."""
    driver = newest_driver()
    try:
        with contextlib.closing(driver.connect(str(copy), isolation_level=None)) as restored:
            mark_restored(restored)
    except driver.Error as error:
        raise BackupRefused(f"{store} cannot be replaced: {error}; nothing was changed.") from error
    kept = new_name_beside(store, "before-")
    if there is None:
        for part in _PARTS:
            with contextlib.suppress(FileNotFoundError):
                store.with_name(store.name + part).rename(kept.with_name(kept.name + part))
        copy.rename(store)
        return kept
    if there.streams:
        with _removed_on_failure(kept):
            _copy(store, kept)
    create_file(store)
    with _removed_on_failure(kept):
        # Written by SQLite itself, so that those who have it open see all of it or nothing.
        try:
            with (
                contextlib.closing(driver.connect(str(copy))) as restored,
                contextlib.closing(driver.connect(str(store), isolation_level=None, timeout=BUSY_TIMEOUT_S)) as live,
            ):
                restored.backup(live)
                with contextlib.suppress(driver.Error):  # it is put back by now, if only in the log
                    live.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # where those who have it open look for it
        except driver.Error as error:
            raise BackupRefused(f"{store} cannot be replaced: {error}; nothing was changed.") from error
    return kept if there.streams else None


@contextlib.contextmanager
def _removed_on_failure(path: Path) -> Generator[None]:
    try:
        yield
    except BackupRefused:
        _remove(path)
        raise


def _remove(path: Path) -> None:
    for part in _PARTS:
        with contextlib.suppress(OSError):  # where nothing could be written, which the caller tells
            path.with_name(path.name + part).unlink()


def _copy(source: Path, target: Path) -> None:
    """Copy a database to a file of its own without a log; raise BackupRefused where that cannot be."""
    driver = newest_driver()
    try:
        create_file(target)
        with (
            contextlib.closing(_connect_source(source)) as there,
            contextlib.closing(driver.connect(str(target), isolation_level=None)) as copy,
        ):
            there.backup(copy)
            if is_blank(copy, source):
                raise BackupRefused(f"{source} is empty: it holds no store, so nothing was copied from it.")
            copy.execute("PRAGMA journal_mode = DELETE")
            _refuse_unsound(copy, source)
    except OSError as error:
        raise BackupRefused(f"{target} cannot be written: {error.strerror}.") from error
    except driver.Error as error:
        raise BackupRefused(f"{source} cannot be copied: {error}.") from error


def _connect_source(source: Path) -> DriverConnection:
    """Connect to a database that is copied; one that cannot be written is only read."""
    driver = newest_driver()
    try:
        refuse_foreign(source, driver, BUSY_TIMEOUT_S)
        return driver.connect(f"{source.as_uri()}?mode=rw", uri=True)
    except driver.Error as error:
        if primary_code(error) not in BARRED:
            raise
    return connect_to_read(source, driver, prepare_copy)()


def _refuse_unsound(copy: DriverConnection, source: Path) -> None:
    found = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise BackupRefused(f"{source} is damaged ({' '.join(str(found).split())}); take another copy.")


async def _checked(path: Path) -> Contents:
    """Return what the store at `path` holds; raise BackupRefused where a chain of it does not fit."""
    store = Store(f"sqlite:///{path}")
    try:
        facts = await store.maintenance.check()
        updated, streams = 0.0, 0
        while heads := await store.heads(HeadQuery(None, limit=_PAGE, offset=streams)):
            streams += len(heads)
            for head in heads:
                updated = max(updated, head.updated)
                if (number := await store.verify(head.stream)) is not None:
                    raise BackupRefused(f"{path}: the chain of {head.stream} breaks at event {number}.")
        return Contents(streams, int(facts["events"]), updated)
    finally:
        await store.close()


async def _contents(path: Path) -> Contents | None:
    """Return what the store at `path` holds without checking it, None where it cannot be read."""
    store = Store(f"sqlite:///{path}")
    try:
        facts = await store.maintenance.check()
        heads = await store.heads(HeadQuery(None, limit=1))
        return Contents(int(facts["streams"]), int(facts["events"]), heads[0].updated if heads else 0.0)
    except StoreUnreadable:
        return None
    finally:
        await store.close()


def _is_part(path: Path, store: Path) -> bool:
    """Return whether `path` is a file of the store by whatever name: the database, its log, index or journal."""
    parts = [named.with_name(named.name + part) for named in (store, store.resolve()) for part in _BESIDE]
    if any(path.resolve() == part.resolve() for part in parts):
        return True
    return path.exists() and any(part.exists() and path.samefile(part) for part in parts)


def _is_there(store: Path) -> bool:
    return any(store.with_name(store.name + part).exists() for part in ("", "-wal"))


@contextlib.contextmanager
def _new_file(target: Path) -> Generator[Path]:
    """Give a path beside `target` for a file that is made; whatever is left of it is removed."""
    new = new_name_beside(target, "new-")
    try:
        yield new
    finally:
        _remove(new)
