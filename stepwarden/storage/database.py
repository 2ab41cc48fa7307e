"""One opened database: its transactions, and its failures turned into our errors; imported only inside functions."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from sqlalchemy import (  # noqa: TID253 - this module is itself imported lazily
    Connection,
    Engine,
    delete,
    exc,
    update,
)

from stepwarden.errors import StoreError
from stepwarden.storage import consultation_rows, queries, schema, spend_rows
from stepwarden.storage.event_rows import append_in
from stepwarden.storage.records import (
    Claim,
    ClaimHandle,
    Consultation,
    Head,
    HeadChange,
    HeadQuery,
    NewEvent,
    Staleness,
    StoredEvent,
    Tally,
)
from stepwarden.storage.schema import CALIBRATION_RESET, SCHEMA_VERSION, consultations, events, heads, kept, meta


class Backend(Protocol):
    """What differs between one kind of database and another."""

    @property
    def reads(self) -> Engine:
        """Return connections whose transactions see one unchanging state and take no write lock."""
        ...

    @property
    def writes(self) -> Engine:
        """Return connections whose transactions may write from their first statement on."""
        ...

    def in_place(self) -> bool:
        """Return whether the open connections still lead to the database at the address."""
        ...

    def failure(self, error: exc.SQLAlchemyError) -> StoreError:
        """Return the error to raise for `error`."""
        ...

    def facts(self, connection: Connection) -> dict[str, str | int]:
        """Return what `Store.check` shows of this kind of database."""
        ...


class Database:
    """The synchronous store; every method is one transaction (`prune_batch` too) and runs in a worker thread."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def in_place(self) -> bool:
        """Return whether the open connections still lead to the database at the address."""
        return self._backend.in_place()

    def close(self) -> None:
        """Close the connections; one that is in use goes when it comes back."""
        self._backend.writes.dispose()

    def append(
        self,
        stream: str,
        expected: int,
        new: Sequence[NewEvent],
        change: HeadChange,
        at: float,
        keep: Mapping[str, bytes],
    ) -> list[StoredEvent]:
        """Append and commit; see `append_in`."""
        with self._writing() as connection:
            return append_in(connection, stream, expected, new, change, at=at, keep=keep)

    def kept(self, stream: str) -> dict[str, bytes]:
        """See `queries.read_kept`."""
        with self._reading() as connection:
            return queries.read_kept(connection, stream)

    def read(self, stream: str, after: int, limit: int | None) -> list[StoredEvent]:
        """See `queries.read_events`."""
        with self._reading() as connection:
            return queries.read_events(connection, stream, after, limit)

    def head(self, stream: str) -> Head | None:
        """See `queries.read_head`."""
        with self._reading() as connection:
            return queries.read_head(connection, stream)

    def list_heads(self, query: HeadQuery) -> list[Head]:
        """See `queries.list_heads`."""
        with self._reading() as connection:
            return queries.list_heads(connection, query)

    def verify(self, stream: str) -> int | None:
        """See `queries.first_misfit`."""
        with self._reading() as connection:
            return queries.first_misfit(connection, stream)

    def finished_steps(self, tool: str, limit: int) -> list[int]:
        """See `queries.finished_steps`."""
        with self._reading() as connection:
            return queries.finished_steps(connection, tool, limit)

    def reset_calibration(self, at: float) -> None:
        """Leave out of `finished_steps` what finished up to `at` (unix seconds)."""
        with self._writing() as connection:
            connection.execute(update(meta).where(meta.c.key == CALIBRATION_RESET).values(value=repr(at)))

    def stale_heads(self, stale: Staleness) -> list[Head]:
        """See `queries.stale_heads`."""
        with self._reading() as connection:
            return queries.stale_heads(connection, stale)

    def prune_batch(self, batch: Sequence[Head]) -> list[Head]:
        """Delete these streams with all that belongs to them, except those that moved on; return what was deleted."""
        deleted: list[Head] = []
        with self._writing() as connection:
            for head in batch:
                same = (heads.c.stream == head.stream, heads.c.version == head.version)
                if connection.execute(delete(heads).where(*same)).rowcount:
                    connection.execute(delete(events).where(events.c.stream == head.stream))
                    connection.execute(delete(consultations).where(consultations.c.stream == head.stream))
                    connection.execute(delete(kept).where(kept.c.stream == head.stream))
                    connection.execute(delete(schema.spending).where(schema.spending.c.thread == head.stream))
                    deleted.append(head)
        return deleted

    def claim(self, wanted: Claim, clock: Callable[[], float]) -> Consultation:
        """See `consultation_rows.claim`; the lease begins when the write lock is ours, however long that took."""
        with self._writing() as connection:
            return consultation_rows.claim(connection, wanted, at=float(clock()))

    def renew(self, held: ClaimHandle, lease_s: float, clock: Callable[[], float]) -> bool:
        """Let the lease of a claim begin anew when the write lock is ours; tell whether it is still held."""
        with self._writing() as connection:
            return consultation_rows.change_held(connection, held, {"lease_until": float(clock()) + lease_s})

    def settle(self, held: ClaimHandle, values: Mapping[str, object]) -> bool:
        """Set the last values of a claim; see `consultation_rows.change_held`."""
        with self._writing() as connection:
            return consultation_rows.change_held(connection, held, values)

    def give_up(self, stream: str, key: str, at: float) -> bool:
        """See `consultation_rows.give_up`."""
        with self._writing() as connection:
            return consultation_rows.give_up(connection, stream, key, at=at)

    def consultation(self, stream: str, key: str, at: float) -> Consultation | None:
        """See `consultation_rows.read_consultation`."""
        with self._reading() as connection:
            return consultation_rows.read_consultation(connection, stream, key, at=at)

    def consultations(self, stream: str, at: float) -> list[Consultation]:
        """See `consultation_rows.list_consultations`."""
        with self._reading() as connection:
            return consultation_rows.list_consultations(connection, stream, at=at)

    def spend(self, day: str, thread: str, tally: Tally) -> None:
        """See `spend_rows.spend`."""
        with self._writing() as connection:
            spend_rows.spend(connection, day, thread, tally)

    def spent(self, day: str, thread: str) -> tuple[Tally, Tally]:
        """See `spend_rows.spent`."""
        with self._reading() as connection:
            return spend_rows.spent(connection, day, thread)

    def check(self) -> dict[str, str | int]:
        """Return the state of the database; see `Store.check`."""
        with self._reading() as connection:
            facts = self._backend.facts(connection)
            return facts | {"schema_version": SCHEMA_VERSION} | queries.counts(connection)

    @contextmanager
    def _writing(self) -> Generator[Connection]:
        with self._failures_named(), self._backend.writes.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Generator[Connection]:
        with self._failures_named(), self._backend.reads.begin() as connection:
            yield connection

    @contextmanager
    def _failures_named(self) -> Generator[None]:
        try:
            yield
        except exc.SQLAlchemyError as error:
            raise self._backend.failure(error) from error
        except UnicodeEncodeError as error:
            raise StoreError("The text is not valid Unicode; nothing was recorded.") from error
