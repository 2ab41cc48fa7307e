"""One opened database: its transactions, and its failures turned into our errors; imported lazily: loads SQLAlchemy."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Protocol

from sqlalchemy import (  # noqa: TID253 - this module is itself imported lazily
    Connection,
    Engine,
    exc,
)

from stepwarden.errors import StoreError
from stepwarden.storage.consultation_rows import ConsultationRows
from stepwarden.storage.event_rows import EventRows
from stepwarden.storage.head_rows import HeadRows
from stepwarden.storage.kept_rows import KeptRows
from stepwarden.storage.migrations import SCHEMA_VERSION
from stepwarden.storage.records import AcknowledgedHead, LostHead
from stepwarden.storage.retention_rows import CalibrationRows, RetentionRows
from stepwarden.storage.run_rows import RunRows
from stepwarden.storage.spend_rows import SpendRows


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

    def settle_change(self) -> str | None:
        """Return what became of the database at the address, "" for what nobody has to know, None for nothing.

        After a change nothing of what is open may be used any more, and can be closed.
        """
        ...

    def end(self) -> None:
        """Close all connections and let go of the database, once nobody in this process uses it any more."""
        ...

    def failure(self, error: exc.SQLAlchemyError) -> StoreError:
        """Return the error to raise for `error`."""
        ...

    @property
    def lost(self) -> Sequence[LostHead]:
        """Return what was acknowledged and was no longer there when the database was opened."""
        ...

    def acknowledge(self, heads: Sequence[AcknowledgedHead]) -> None:
        """Note heads that are on disk by now, before anybody is told."""
        ...

    def forget(self, lost: Sequence[LostHead]) -> None:
        """Take it that somebody was told of these."""
        ...

    def facts(self, connection: Connection) -> dict[str, str | int]:
        """Return what `Maintenance.check` shows of this kind of database."""
        ...


class Transaction:
    """The tables in one open transaction: all that is done through it is recorded together, or not at all."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.events = EventRows(connection)
        self.heads = HeadRows(connection)
        self.kept = KeptRows(connection)
        self.consultations = ConsultationRows(connection)
        self.spending = SpendRows(connection)
        self.runs = RunRows(connection)
        self.retention = RetentionRows(connection)
        self.calibration = CalibrationRows(connection)


class Database:
    """The opened database; its transactions block, so they run in worker threads."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    @property
    def lost(self) -> Sequence[LostHead]:
        """Return what was acknowledged and was no longer there when the database was opened."""
        return self._backend.lost

    def forget(self, lost: Sequence[LostHead]) -> None:
        """Take it that somebody was told of these."""
        self._backend.forget(lost)

    def settle_change(self) -> str | None:
        """Return what became of the database at the address; see `Backend.settle_change`."""
        return self._backend.settle_change()

    def close(self) -> None:
        """Close the connections; one that is in use is closed when it comes back."""
        self._backend.writes.dispose()

    def end(self) -> None:
        """Close the connections, none of which is in use, and let go of the database."""
        self._backend.end()

    @contextmanager
    def reading(self) -> Generator[Transaction]:
        """Open a transaction that sees one unchanging state; raises StoreError."""
        with self._failures_named(), self._backend.reads.begin() as connection:
            yield Transaction(connection)

    @contextmanager
    def writing(self) -> Generator[Transaction]:
        """Open a transaction that is committed, on disk, when the block is left without an error; raises StoreError."""
        with self._failures_named(), self._backend.writes.begin() as connection:
            transaction = Transaction(connection)
            yield transaction
        self._backend.acknowledge(transaction.events.acknowledged)

    def facts(self) -> dict[str, str | int]:
        """Return what there is to say of this database, and how much is in it. Counts all rows."""
        with self.reading() as transaction:
            counts = {"streams": transaction.heads.count(), "events": transaction.events.count()}
            return self._backend.facts(transaction.connection) | {"schema_version": SCHEMA_VERSION} | counts

    @contextmanager
    def _failures_named(self) -> Generator[None]:
        try:
            yield
        except exc.SQLAlchemyError as error:
            raise self._backend.failure(error) from error
        except UnicodeEncodeError as error:
            raise StoreError("The text is not valid Unicode; nothing was recorded.") from error
