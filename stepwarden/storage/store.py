"""The store as the rest of the product sees it: streams of events, and beside them what else is kept."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from stepwarden.errors import StoreReplaced
from stepwarden.storage.acknowledged import AcknowledgedEvents
from stepwarden.storage.consultations import Consultations
from stepwarden.storage.kinds import SESSION
from stepwarden.storage.maintenance import Calibration, Maintenance
from stepwarden.storage.records import Append, Head, HeadQuery, LostHead, PositionedEvent, StoredEvent, StreamMoves
from stepwarden.storage.run_queue import RunQueue
from stepwarden.storage.spending import SpendingLedger
from stepwarden.storage.transactions import Transactions

if TYPE_CHECKING:
    from stepwarden.storage.database import Transaction


class Store:
    """Streams of events, one head row each, in SQLite or PostgreSQL; each call is one transaction.

    `url` is `sqlite:///` and a path (a relative one is resolved now), or a `postgresql://` address, which needs the
    `postgres` extra. Nothing is read or imported before the first call, or `warm`. Any call may raise `StoreUnreadable`
    (the database is not ours, damaged or newer; looked at anew by the next call), `StoreBusy` (another process held
    it for `busy_timeout_s`) or another `StoreError` (disk full, unreachable); each leaves the store usable.
    A call that is cancelled ends its transaction first. Raises `SettingsError` for any other `url`.

    `consultations`, `run_queue`, `spending`, `calibration` and `maintenance` are the other things in it.
    `transactions` is for what is kept with a stream, and for work that has to be recorded together with an append.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.time, busy_timeout_s: float = 10.0) -> None:
        self._clock = clock
        self._acknowledged = AcknowledgedEvents()
        self.transactions = Transactions(url, busy_timeout_s, self._acknowledged.expect)
        self.consultations = Consultations(self.transactions, clock)
        self.run_queue = RunQueue(self.transactions, clock)
        self.spending = SpendingLedger(self.transactions)
        self.calibration = Calibration(self.transactions, clock)
        self.maintenance = Maintenance(self.transactions, clock)

    async def append(self, append: Append) -> list[StoredEvent]:
        """Record events of one stream now, all or none, and return them as stored, on disk by then.

        Raises `VersionConflict` when the stream stands elsewhere, and `UnknownStream` when it belongs to another
        principal than the head says. Appends that wait for their turn together share a transaction and its fsync.
        """
        if not append.expected and append.head.kind is not SESSION:  # of a call, which may be sent by then
            await self.transactions.open_first()
            self._acknowledged.tell_loss(append.head.principal)
        at = float(self._clock())

        def record(transaction: "Transaction") -> list[StoredEvent]:
            self._acknowledged.begin(transaction)
            return transaction.events.append(append, at)

        try:
            stored = await self.transactions.write_in_group(append.stream, record)
        except StoreReplaced:
            await self.head(append.stream)  # says what it means for this stream, where it is known
            raise
        self._acknowledged.note_stored(stored)
        return stored

    async def read(self, stream: str, *, after: int = 0, limit: int | None = None) -> list[StoredEvent]:
        """Return the events of `stream` numbered above `after`, at most `limit`, in order; none for an unknown one."""
        return await self.transactions.read(lambda transaction: transaction.events.read(stream, after, limit))

    async def payloads(self, stream: str, *, last: int) -> list[tuple[str, str]]:
        """Return kind and payload of the events of `stream` up to number `last`, in order: a third of `read`'s cost."""
        return await self.transactions.read(lambda transaction: transaction.events.payloads(stream, last))

    async def follow(self, after: int = 0, *, limit: int = 500) -> list[PositionedEvent]:
        """Return the events of all streams at positions above `after`, at most `limit`, in order.

        Calling it again with the last position that it gave misses no event and gives none twice, whoever appends
        meanwhile. Deleted streams are no longer in it.
        """
        settled = await self.transactions.read(lambda transaction: transaction.events.settled_position())
        return await self.transactions.read(lambda transaction: transaction.events.follow(after, settled, limit))

    async def moves(self, after: int | None = None) -> StreamMoves:
        """Return which streams moved on since position `after`, and how far; None for the position as it is now.

        An idle store is asked for one number. Called again with the position that it gave it misses nothing. Where the
        store has not come as far any more, it was put back.
        """
        settled = await self.transactions.read(lambda transaction: transaction.events.settled_position())
        if after is None or settled <= after:
            return StreamMoves(settled, {})
        last = await self.transactions.read(lambda transaction: transaction.events.moved(after, settled))
        return StreamMoves(settled, last)

    async def head(self, stream: str) -> Head | None:
        """Return the head of `stream`, whoever it belongs to, or None when there is no such stream.

        Raises `StoreReplaced`, once, where it does not go on from what this process recorded or read of the stream.
        """

        async def look() -> Head | None:
            known = self._acknowledged.known(stream)

            def find(transaction: "Transaction") -> Head | None:
                head = transaction.heads.find(stream)
                self._acknowledged.check(transaction, stream, head, known)
                return head

            return await self.transactions.read(find)

        try:
            return await look()
        except StoreReplaced:
            await look()  # says what it means for this stream, where it is known
            raise

    def lost_of(self, principal: str | None) -> Sequence[LostHead]:
        """Return what the store lost of a principal (None: of anybody) before it was opened, and nobody told it yet.

        It is told once, as StoreReplaced, by `head` of such a stream and by the append that begins a new one.
        """
        return self._acknowledged.lost_of(principal)

    async def take_loss(self) -> str | None:
        """Return in a line, once, what the store lost of anybody before it was opened, None for nothing."""
        await self.warm()
        return self._acknowledged.take_loss(None)

    async def heads(self, query: HeadQuery) -> list[Head]:
        """Return the heads that `query` asks for."""
        return await self.transactions.read(lambda transaction: transaction.heads.matching(query))

    async def verify(self, stream: str) -> int | None:
        """Return the first number at which the chain of `stream` does not fit, or None when all of it does.

        At that number an event was changed, removed, put elsewhere or added; a tail cut off shows against the head.
        Raises `UnknownStream` when nothing at all is stored under this id.
        """
        return await self.transactions.read(lambda transaction: transaction.events.first_misfit(stream))

    async def warm(self) -> None:
        """Import what is heavy and open the database; any number of times, also at once."""
        await self.transactions.open()

    async def close(self) -> None:
        """Close the connections, once no call is under way; any later call but this one raises `StoreError`."""
        await self.transactions.close()
