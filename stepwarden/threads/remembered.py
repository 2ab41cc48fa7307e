"""Threads as this process knew them last: a cache of frozen values, the ones that were used last."""

from collections import OrderedDict
from dataclasses import dataclass

from stepwarden.steps.thread import Thread

# What a thread takes in memory, measured: so much for one of a single short step, and twice its payloads beside that.
THREAD_BYTES = 9_000
BYTES_PER_PAYLOAD_BYTE = 2


@dataclass(frozen=True, slots=True)
class RememberedThread:
    """A thread, whose it is, the bytes of its payloads, and the hash of its last event.

    By the hash it is known whether the store has the same events: one that was put back from a copy has others by the
    same numbers.
    """

    thread: Thread
    principal: str
    size: int
    hash: str

    @property
    def memory_bytes(self) -> int:
        """About how many bytes of memory it takes."""
        return THREAD_BYTES + BYTES_PER_PAYLOAD_BYTE * self.size


class RememberedThreads:
    """As many threads as take `most_bytes` of memory, and at least one."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._threads: OrderedDict[str, RememberedThread] = OrderedDict()

    def get(self, thread_id: str) -> RememberedThread | None:
        """Return what is remembered of a thread."""
        return self._threads.get(thread_id)

    def keep(self, known: RememberedThread) -> None:
        """Remember a thread, and forget those that were not used for longest where there is no room."""
        before = self._threads.get(known.thread.id)
        if before is not None and before.thread.version > known.thread.version:
            return  # another call of this process went on from what this one appended, and was here first
        self._threads[known.thread.id] = known
        self._threads.move_to_end(known.thread.id)
        self._bytes += known.memory_bytes - (before.memory_bytes if before is not None else 0)
        while len(self._threads) > 1 and self._bytes > self._most_bytes:
            self.forget(next(iter(self._threads)))

    def forget(self, thread_id: str) -> None:
        """Forget a thread, where it is remembered."""
        known = self._threads.pop(thread_id, None)
        self._bytes -= known.memory_bytes if known is not None else 0
