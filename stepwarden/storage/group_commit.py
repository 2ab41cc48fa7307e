"""Group commit: writes that wait for their turn at the same moment are recorded by one transaction, with one fsync."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from stepwarden.errors import StoreBusy, StoreError
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
    failure: Exception | None = field(default_factory=lambda: StoreError("Interrupted; nothing was recorded."))


class GroupCommit:
    """Runs writes in `writer`, which is one thread. The first whose turn it is takes along all that wait behind it.

    A write is answered after the commit that holds it and never before. One that fails takes no other along: then
    nothing of the transaction is kept, and each write of it is run again alone, so all have to be repeatable. Where
    another process holds the store, so that the transaction could not begin or not be committed, none is; nor where
    the connection was lost in the commit.
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
        failed = self._record(sorted(group, key=lambda each: each.stream))
        if failed and len(group) > 1:
            for each in group:
                self._record([each])

    def _record(self, group: list[_Write]) -> bool:
        """Run writes in one transaction, and note what came of each; return whether one of them may have failed it."""
        answers: list[Any] | None = None
        try:
            with self._database().writing() as transaction:
                answers = []
                for each in group:
                    answers.append(each.work(transaction))
        except Exception as error:  # noqa: BLE001 - `write` raises it, where it is waited for
            for each in group:
                each.failure = error
            at_commit = answers is not None and len(answers) == len(group)
            # Whether a commit took place that the connection did not outlast, only a retry of the caller can tell.
            lost = getattr(error.__cause__, "connection_invalidated", False)
            return answers is not None and not (at_commit and (lost or isinstance(error, StoreBusy)))
        for each, answer in zip(group, answers, strict=True):
            each.answer, each.failure = answer, None
        return False
