"""Group commit: writes that wait for their turn at the same moment are recorded by one transaction, with one fsync."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from stepwarden.errors import StoreError
from stepwarden.storage.worker_threads import WorkerThreads

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


class GroupCommit:
    """Runs writes in `writer`, which is one thread. The first whose turn it is takes along all that wait behind it.

    A write is answered after the commit that holds it and never before. One that fails takes no other along: then
    nothing of the transaction is kept, and each write of it is run again alone, so all have to be repeatable. Where the
    transaction could not even begin, none is.
    """

    def __init__(self, database: "Callable[[], Database]", writer: WorkerThreads) -> None:
        self._database = database
        self._writer = writer
        self._waiting: list[_Write] = []
        self._lock = threading.Lock()

    async def write(self, stream: str, work: "Callable[[Transaction], _Answer]") -> _Answer:
        """Return what `work` gives when all that it wrote to `stream` is on disk; raises what it raises.

        A call that is cancelled before it is taken along writes nothing; after that it ends with its transaction.
        """
        write = _Write(stream, work)
        with self._lock:
            self._waiting.append(write)
        try:
            await self._writer.run(lambda: self._take_turn(write), withdraw=lambda: self._withdraw(write))
        finally:
            self._withdraw(write)  # where it was never taken
        if write.failure is not None:
            raise write.failure
        return cast("_Answer", write.answer)

    def _withdraw(self, write: _Write) -> bool:
        """Take back a write that nobody took along yet; return whether there was one."""
        with self._lock:
            if write not in self._waiting:
                return False
            self._waiting.remove(write)
            return True

    def _take_turn(self, write: _Write) -> None:
        with self._lock:
            if write not in self._waiting:
                return  # it was taken along, or withdrawn
            group, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
        # In the order of their streams: two processes that lock the same ones cannot wait for each other.
        began = self._record(sorted(group, key=lambda each: each.stream))
        if began and len(group) > 1 and any(each.failure for each in group):
            for each in group:
                self._record([each])

    def _record(self, group: list[_Write]) -> bool:
        """Run writes in one transaction, and note why they are not on disk, or what they gave; return if it began."""
        answers: list[Any] | None = None
        try:
            with self._database().writing() as transaction:
                answers = []
                answers += [each.work(transaction) for each in group]
        except StoreError as error:
            for each in group:
                each.failure = error
        else:
            for each, answer in zip(group, answers, strict=True):
                each.answer, each.failure = answer, None
        return answers is not None
