"""The database as asynchronous code uses it: opened at first use, each transaction in a worker thread."""

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import anyio.to_thread

from stepwarden.errors import SettingsError, StoreReplaced
from stepwarden.storage.acknowledged import describe_loss
from stepwarden.storage.group_commit import GroupCommit
from stepwarden.storage.records import LostHead
from stepwarden.storage.worker_threads import WorkerThreads

if TYPE_CHECKING:
    from stepwarden.storage.database import Database, Transaction

_Answer = TypeVar("_Answer")
_OnLoss = Callable[[Sequence[LostHead], Callable[[Sequence[LostHead]], None]], None]
_SQLITE_PREFIXES = ("sqlite:///", "sqlite+pysqlite:///")
_POSTGRES_PREFIXES = ("postgresql://", "postgres://", "postgresql+psycopg://")
_READERS = 4

_logger = logging.getLogger(__name__)


class Transactions:
    """Runs transactions on the database at `url`; see `Store` for addresses and errors.

    What is run gets the open transaction and must not keep it. A call that is cancelled ends its transaction first.
    """

    def __init__(self, url: str, busy_timeout_s: float, on_loss: "_OnLoss" = lambda _lost, _forget: None) -> None:
        self._on_loss = on_loss
        self._path = sqlite_path(url)
        self._url = url
        self._busy_timeout_s = busy_timeout_s
        self._opened: Database | None = None
        self._opening = threading.Lock()
        # One writer, so that calls of this process queue in order here and not in SQLite's unfair back-off.
        self._writer = WorkerThreads(1, "stepwarden-writer")
        self._readers = WorkerThreads(_READERS, "stepwarden-reader")
        self._groups = GroupCommit(self._database, self._writer)

    async def read(self, work: "Callable[[Transaction], _Answer]") -> _Answer:
        """Return what `work` reads in a transaction that sees one unchanging state."""

        def run() -> _Answer:
            with self._database().reading() as transaction:
                return work(transaction)

        return await self._readers.run(run)

    async def write(self, work: "Callable[[Transaction], _Answer]") -> _Answer:
        """Return what `work` gives, when all that it wrote is on disk; nothing is written where it raises."""

        def run() -> _Answer:
            with self._database().writing() as transaction:
                return work(transaction)

        return await self._writer.run(run)

    def write_blocking(self, work: "Callable[[Transaction], _Answer]") -> _Answer:
        """Return the same as `write`, for a thread of the caller's that has to go on while its event loop does not."""

        def run() -> _Answer:
            with self._database().writing() as transaction:
                return work(transaction)

        return self._writer.run_blocking(run)

    async def write_in_group(self, stream: str, work: "Callable[[Transaction], _Answer]") -> _Answer:
        """Return the same as `write`, of work on one stream that may share its transaction and may be run twice."""
        return await self._groups.write(stream, work)

    async def open(self) -> None:
        """Import what is heavy and open the database; any number of times, also at once."""
        await self._readers.run(self._database)

    async def open_first(self) -> None:
        """Open the database where it was not opened yet."""
        if self._opened is None:
            await self.open()

    async def facts(self) -> dict[str, str | int]:
        """Return what there is to say of the database; see `Maintenance.check`."""
        return await self._readers.run(lambda: self._database().facts())

    async def close(self) -> None:
        """Close the connections, once no call is under way; any later call but this one raises StoreError."""
        # A connection that is out while the pool closes would be left to the garbage collector.
        await self._readers.end()
        await self._writer.end()
        await anyio.to_thread.run_sync(self._close)

    def _database(self) -> "Database":
        with self._opening:
            changed = self._opened.settle_change() if self._opened is not None else None
            if self._opened is not None and changed is not None:
                self._opened.close()
                self._opened = None
            if self._opened is None:
                self._opened = self._open()
                self._take_loss(self._opened, is_told=bool(changed))
            if changed:
                _logger.warning("the store %s %s", self._path, changed)
                raise StoreReplaced(
                    f"The store {changed}. Nothing of this call was recorded: see by status where a thread stands, and "
                    "send what comes next."
                )
            return self._opened

    def _take_loss(self, opened: "Database", *, is_told: bool) -> None:
        if opened.lost:
            _logger.warning("%s", describe_loss(opened.lost))
            if is_told:
                opened.forget(opened.lost)
            else:
                self._on_loss(opened.lost, opened.forget)

    def _open(self) -> "Database":
        from stepwarden.storage.database import Database

        if self._path is None:
            from stepwarden.storage.postgres import open_postgres

            return Database(open_postgres(self._url, busy_timeout_s=self._busy_timeout_s))
        from stepwarden.storage.sqlite import open_sqlite

        return Database(open_sqlite(self._path, busy_timeout_s=self._busy_timeout_s))

    def _close(self) -> None:
        with self._opening:
            if self._opened is not None:
                self._opened.end()
                self._opened = None


def sqlite_path(url: str) -> Path | None:
    """Return the absolute path in a SQLite url, or None for PostgreSQL; raise `SettingsError` for anything else."""
    if url.startswith(_POSTGRES_PREFIXES):
        return None
    for prefix in _SQLITE_PREFIXES:
        path = url.removeprefix(prefix)
        if path != url and path not in {"", ":memory:"}:
            return Path(path).expanduser().absolute()
    scheme = url.partition(":")[0]
    raise SettingsError(
        f"The database address ({scheme}:...) is neither sqlite:/// with the path of a file nor postgresql://."
    )
