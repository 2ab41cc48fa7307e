"""Which steps of which threads this process is working on, so that a later one is told to wait rather than of a gap."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager


class StepsInWork:
    """Counts, for each thread, the calls that work on a step of it. A first step has no thread yet: its id is ""."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[int]] = {}

    def of_thread(self, thread_id: str) -> tuple[int, ...]:
        """Return the numbers of the steps that are being worked on."""
        return tuple(self._counts.get(thread_id, ()))

    @contextmanager
    def note(self, thread_id: str, number: int) -> Generator[None]:
        """Note that a call works on this step, for as long as the context is open."""
        counts = self._counts.setdefault(thread_id, Counter())
        counts[number] += 1
        try:
            yield
        finally:
            counts[number] -= 1
            if not counts[number]:
                del counts[number]
            if not counts:
                del self._counts[thread_id]
