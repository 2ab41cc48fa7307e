"""The store as the rest of the product sees it: asynchronous, each call one transaction in a worker thread."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.to_thread

from stepwarden.errors import SettingsError, StoreError
from stepwarden.storage.records import (
    FINISHED,
    Claim,
    ClaimHandle,
    Consultation,
    ConsultationState,
    Head,
    HeadChange,
    HeadQuery,
    NewEvent,
    Outcome,
    Spending,
    Staleness,
    StoredEvent,
    Tally,
)

if TYPE_CHECKING:
    from stepwarden.storage.database import Database

_Answer = TypeVar("_Answer")
_SQLITE_PREFIXES = ("sqlite:///", "sqlite+pysqlite:///")
_POSTGRES_PREFIXES = ("postgresql://", "postgres://", "postgresql+psycopg://")
_READERS = 4
_STREAMS_PER_BATCH = 20


class Store:
    """Streams of events, one head row each, in SQLite or PostgreSQL.

    `url` is `sqlite:///` and a path (a relative one is resolved now), or a `postgresql://` address, which needs the
    `postgres` extra. Nothing is read or imported before the first call, or `warm`. Any call may raise `StoreUnreadable`
    (the database is not ours, damaged or newer; looked at anew by the next call), `StoreBusy` (another process held
    it for `busy_timeout_s`) or another `StoreError` (disk full, unreachable); each leaves the store usable.
    A call that is cancelled ends its transaction first. Raises `SettingsError` for any other `url`.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.time, busy_timeout_s: float = 10.0) -> None:
        self._path = _sqlite_path(url)
        self._url = url
        self._clock = clock
        self._busy_timeout_s = busy_timeout_s
        self._opened: Database | None = None
        self._closed = False
        self._opening = threading.Lock()
        # One writer, so that calls of this process queue in order here and not in SQLite's unfair back-off.
        self._writer = anyio.CapacityLimiter(1)
        self._readers = anyio.CapacityLimiter(_READERS)

    async def append(
        self,
        stream: str,
        expected: int,
        events: Sequence[NewEvent],
        head: HeadChange,
        *,
        keep: Mapping[str, bytes] | None = None,
    ) -> list[StoredEvent]:
        """Record `events` (at least one) after event number `expected` of `stream` (0: a new one), all or none.

        `keep` is kept with the stream by name in the same transaction; a name that is kept already stays as it is.
        Returns them as stored, on disk by then. Raises `VersionConflict` when the stream stands elsewhere, and
        `UnknownStream` when it belongs to another principal than `head` says.
        """
        if not events:
            raise ValueError("append needs at least one event")
        at = float(self._clock())
        kept = keep or {}
        return await self._run(self._writer, lambda database: database.append(stream, expected, events, head, at, kept))

    async def kept(self, stream: str) -> dict[str, bytes]:
        """Return what is kept with `stream`, by name."""
        return await self._run(self._readers, lambda database: database.kept(stream))

    async def read(self, stream: str, *, after: int = 0, limit: int | None = None) -> list[StoredEvent]:
        """Return the events of `stream` numbered above `after`, at most `limit`, in order; none for an unknown one."""
        return await self._run(self._readers, lambda database: database.read(stream, after, limit))

    async def head(self, stream: str) -> Head | None:
        """Return the head of `stream`, whoever it belongs to, or None when there is no such stream."""
        return await self._run(self._readers, lambda database: database.head(stream))

    async def heads(
        self,
        *,
        principal: str | None,
        tool: str | None = None,
        outcome: Outcome | None = None,
        directory_first: str | None = None,
        prefix: str | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> list[Head]:
        """List heads, the last updated first; those whose directory is `directory_first` before all others.

        `principal` None lists everybody's: that is for the command line alone. `prefix` is the beginning of an id.
        """
        query = HeadQuery(principal, tool, outcome, directory_first, prefix, limit, offset)
        return await self._run(self._readers, lambda database: database.list_heads(query))

    async def verify(self, stream: str) -> int | None:
        """Return the first number at which the chain of `stream` does not fit, or None when all of it does.

        At that number an event was changed, removed, put elsewhere or added; a tail cut off shows against the head.
        Raises `UnknownStream` when nothing at all is stored under this id.
        """
        return await self._run(self._readers, lambda database: database.verify(stream))

    async def steps_of_finished(self, tool: str, *, limit: int = 200) -> list[int]:
        """Return how many live steps each done stream of `tool` has, the newest completion first.

        Leaves out what was completed before the last `reset_calibration`.
        """
        return await self._run(self._readers, lambda database: database.finished_steps(tool, limit))

    async def reset_calibration(self) -> None:
        """Let `steps_of_finished` start from nothing again."""
        at = float(self._clock())
        await self._run(self._writer, lambda database: database.reset_calibration(at))

    async def prune(
        self,
        *,
        orphans_older_than_s: float = 7 * 86_400.0,
        finished_older_than_s: float | None = None,
        outcomes: Sequence[Outcome] = FINISHED,
        dry_run: bool = False,
    ) -> list[Head]:
        """Delete whole streams that nobody will miss, and return their heads as they were.

        An orphan is open and never had more than one live step; it goes when it was idle for more than
        `orphans_older_than_s` seconds. Streams of one of `outcomes` go when idle for more than
        `finished_older_than_s`; None keeps them for ever. `dry_run` only returns what would go. A stream that moves
        on meanwhile stays. Writers get their turn after every twenty streams.
        """
        now = float(self._clock())
        finished_before = None if finished_older_than_s is None else now - finished_older_than_s
        stale = Staleness(now - orphans_older_than_s, finished_before, outcomes)
        found = await self._run(self._readers, lambda database: database.stale_heads(stale))
        if dry_run:
            return found
        deleted: list[Head] = []
        for start in range(0, len(found), _STREAMS_PER_BATCH):
            deleted += await self._prune_batch(found[start : start + _STREAMS_PER_BATCH])
        return deleted

    async def claim(
        self, stream: str, key: str, *, owner: str, lease_s: float, model: str, request_digest: str
    ) -> Consultation:
        """Make a consultation `owner`'s for `lease_s` seconds: a new one, or a claim whose lease is over (attempt + 1).

        Returns it as it stands then: it is the caller's exactly when `owner` is and it is not settled. So an owner is
        a token that is used for one claim only.
        """
        wanted = Claim(stream, key, owner, lease_s, model, request_digest)
        return await self._run(self._writer, lambda database: database.claim(wanted, self._clock))

    async def renew(self, stream: str, key: str, owner: str, attempt: int, lease_s: float) -> bool:
        """Let the lease end `lease_s` seconds from now, 0 to release it; False when the claim is no longer held.

        A lease that is over may still be renewed, as long as nobody else claimed the consultation.
        """
        held = ClaimHandle(stream, key, owner, attempt)
        return await self._run(self._writer, lambda database: database.renew(held, lease_s, self._clock))

    async def settle(
        self,
        stream: str,
        key: str,
        owner: str,
        attempt: int,
        state: ConsultationState,
        payload: str,
        spending: Spending = Spending(),  # noqa: B008 - frozen
    ) -> bool:
        """Record what came of a consultation: `payload` is JSON text.

        False when the claim is no longer held, and then nothing is recorded: it was settled or given up, or belongs
        to a later attempt. That the lease is over is no hindrance by itself.
        """
        values = {
            "state": state,
            "payload": payload,
            "finished_at": float(self._clock()),
            "input_tokens": spending.input_tokens,
            "output_tokens": spending.output_tokens,
            "cost": None if spending.cost is None else str(spending.cost),
        }
        held = ClaimHandle(stream, key, owner, attempt)
        return await self._run(self._writer, lambda database: database.settle(held, values))

    async def give_up(self, stream: str, key: str) -> bool:
        """End a consultation that is under way, whoever holds it: its answer will not be recorded.

        False when there is none, or it is settled; a recorded answer stays.
        """
        at = float(self._clock())
        return await self._run(self._writer, lambda database: database.give_up(stream, key, at))

    async def consultation(self, stream: str, key: str) -> Consultation | None:
        """Return one consultation, or None."""
        at = float(self._clock())
        return await self._run(self._readers, lambda database: database.consultation(stream, key, at))

    async def consultations(self, stream: str) -> list[Consultation]:
        """Return all consultations of `stream`, the first asked first."""
        at = float(self._clock())
        return await self._run(self._readers, lambda database: database.consultations(stream, at))

    async def spend(self, day: str, thread: str, tally: Tally) -> None:
        """Record what a call of a model cost on `day` (ISO 8601) for `thread`, "" for none."""
        await self._run(self._writer, lambda database: database.spend(day, thread, tally))

    async def spent(self, day: str, thread: str) -> tuple[Tally, Tally]:
        """Return what all processes spent on `day`, and on `thread` on any day ("": nothing)."""
        return await self._run(self._readers, lambda database: database.spent(day, thread))

    async def check(self) -> dict[str, str | int]:
        """Return what doctor and status show.

        `database`, `url` (without its password), `version`, `driver`, `schema_version`, `streams`, `events`,
        `bytes`, and for SQLite `path` and `journal_mode`. Counts all rows.
        """
        return await self._run(self._readers, lambda database: database.check())

    async def warm(self) -> None:
        """Import what is heavy and open the database; any number of times, also at once."""
        await self._run(self._readers, lambda _database: None)

    async def close(self) -> None:
        """Close the connections, once no call is under way; any later call but this one raises `StoreError`."""
        async with AsyncExitStack() as everybody, self._writer:
            # A connection that is out while the pool closes would be left to the garbage collector.
            for _ in range(_READERS):
                reader = object()
                await self._readers.acquire_on_behalf_of(reader)
                everybody.callback(self._readers.release_on_behalf_of, reader)
            await anyio.to_thread.run_sync(self._close)

    async def _prune_batch(self, batch: Sequence[Head]) -> list[Head]:
        return await self._run(self._writer, lambda database: database.prune_batch(batch))

    async def _run(self, limiter: anyio.CapacityLimiter, call: "Callable[[Database], _Answer]") -> _Answer:
        # Not abandoned on cancel, which is the default: a transaction is short, and a thread left alone would
        # commit behind the back of whoever cancelled.
        return await anyio.to_thread.run_sync(lambda: call(self._database()), limiter=limiter)

    def _database(self) -> "Database":
        with self._opening:
            if self._closed:
                raise StoreError("The store is closed.")
            if self._opened is not None and not self._opened.in_place():
                self._opened.close()
                self._opened = None
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    def _open(self) -> "Database":
        from stepwarden.storage.database import Database

        if self._path is None:
            from stepwarden.storage.postgres import open_postgres

            return Database(open_postgres(self._url, busy_timeout_s=self._busy_timeout_s))
        from stepwarden.storage.sqlite import open_sqlite

        return Database(open_sqlite(self._path, busy_timeout_s=self._busy_timeout_s))

    def _close(self) -> None:
        with self._opening:
            self._closed = True
            if self._opened is not None:
                self._opened.close()
                self._opened = None


def _sqlite_path(url: str) -> Path | None:
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
