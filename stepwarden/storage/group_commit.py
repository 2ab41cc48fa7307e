"""Group commit: writes that wait for their turn at the same moment are recorded by one transaction, with one fsync."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

import anyio
import anyio.to_thread

from stepwarden.errors import StoreBusy, StoreError, StoreUnreadable

if TYPE_CHECKING:
    from stepwarden.storage.database import Database, Transaction

_Answer = TypeVar("_Answer")
MOST_AT_ONCE = 64  # writes in one transaction: whoever else waits for the database gets a turn


@dataclass(eq=False, slots=True)
class _Write:
    """One write that somebody waits for; `failure` stands until it is known to be on disk."""

    stream: str
    work: "Callable[[Transaction], Any]"
    answer: Any = None
    failure: StoreError | None = field(default_factory=lambda: StoreError("Interrupted; nothing was recorded."))
    settled: anyio.Event = field(default_factory=anyio.Event)


class GroupCommit:
    """Runs writes in worker threads, one transaction at a time, whose turn `writer` gives.

    A write is answered after the commit that holds it and never before. One that fails takes no other along: then
    nothing of the transaction is kept, and each write of it is run again alone, so all have to be repeatable. Where the
    database cannot be had at all, none is.
    """

    def __init__(self, database: "Callable[[], Database]", writer: anyio.CapacityLimiter) -> None:
        self._database = database
        self._writer = writer
        self._waiting: list[_Write] = []

    async def write(self, stream: str, work: "Callable[[Transaction], _Answer]") -> _Answer:
        """Return what `work` gives when all that it wrote to `stream` is on disk; raises what it raises.

        A call that is cancelled before its turn writes nothing; after that it ends with its transaction.
        """
        write = _Write(stream, work)
        self._waiting.append(write)
        try:
            async with self._writer:
                if write in self._waiting:  # nobody who was first took it along
                    await self._run_group()
        finally:
            if write in self._waiting:
                self._waiting.remove(write)
            else:
                with anyio.CancelScope(shield=True):
                    await write.settled.wait()
        if write.failure is not None:
            raise write.failure
        return cast("_Answer", write.answer)

    async def _run_group(self) -> None:
        group, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
        try:
            with anyio.CancelScope(shield=True):  # what was taken along is others' too
                await anyio.to_thread.run_sync(self._record, group)
        finally:
            for write in group:
                write.settled.set()

    def _record(self, group: list[_Write]) -> None:
        # In the order of their streams: two processes that lock the same ones cannot wait for each other.
        failure = self._record_together(sorted(group, key=lambda write: write.stream))
        if failure is not None and len(group) > 1 and not isinstance(failure, StoreBusy | StoreUnreadable):
            for write in group:
                self._record_together([write])

    def _record_together(self, group: list[_Write]) -> StoreError | None:
        """Run writes in one transaction; return why they are not on disk, None where they are."""
        try:
            with self._database().writing() as transaction:
                answers = [write.work(transaction) for write in group]
        except StoreError as error:
            for write in group:
                write.failure = error
            return error
        for write, answer in zip(group, answers, strict=True):
            write.answer, write.failure = answer, None
        return None
