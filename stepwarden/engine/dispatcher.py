"""The port of whoever hands out runs."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from stepwarden.storage import QueuedRun

Drive = Callable[[str], Awaitable[float | None]]
"""Drives one run by its id until it has nothing more to do.

Returns when it is to be driven again at the latest, in unix seconds, or None for not before somebody wakes it. What it
raises is logged, and it is called again later. It is cancelled where the run was lost to another process, and where
this one lets go.
"""

MOST_AT_ONCE = 16
"""So many runs a process drives at once by default: each is a task that mostly waits for models and tools."""


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """How long a run stays with a driver that is not heard of, and how often one is heard of, in seconds."""

    lease_s: float = 15.0
    renew_s: float = 3.0


DEFAULT_TIMES = LeaseTimes()


class Dispatcher(Protocol):
    """Hands each run that has something to do to one process at a time, of however many serve. Calls raise StoreError.

    A run is offered once; from then on it is driven whenever it was woken or its time has come.
    """

    async def offer(self, run_id: str, *, priority: int = 0, needs: str = "") -> None:
        """Let somebody drive the run from now on: the one of greatest `priority` first.

        `needs` is a fingerprint of what its driver has to have (a workspace, upstreams, credentials).
        """
        ...

    async def wake(self, run_id: str) -> bool:
        """Say that there is news for the run, from any process; return whether it was ever offered.

        A run that is being driven is driven once more after that, so call it after the news is recorded.
        """
        ...

    async def serve(
        self,
        drive: Drive,
        *,
        most_at_once: int = MOST_AT_ONCE,
        needs: Collection[str] = ("",),
        only: str | None = None,
    ) -> None:
        """Drive runs whose needs are among `needs`, until `close` or cancelled; then let go of all of them.

        `only` names the one run that is driven here.
        """
        ...

    async def close(self) -> None:
        """End `serve`: what this process drives is cancelled, and another one takes it over at once."""
        ...

    async def unserved(self) -> list[QueuedRun]:
        """Return the runs that have something to do now and that nobody drives."""
        ...

    async def owner(self, run_id: str) -> str | None:
        """Return who drives the run now, as machine, process id and a word of its own, or None."""
        ...
