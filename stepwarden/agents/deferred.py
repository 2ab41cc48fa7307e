"""The runs of a process, built at their first use: hosts start a process with every window."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stepwarden.agents.runs import Runs


@dataclass
class DeferredRuns:
    """The runs that `build` returns, from their first use on."""

    build: "Callable[[], Runs]"
    _runs: "Runs | None" = None

    def open(self) -> "Runs":
        """Return the runs."""
        if self._runs is None:
            self._runs = self.build()
        return self._runs

    async def close(self) -> None:
        """Let go of every run, if any was looked at."""
        if self._runs is not None:
            await self._runs.close()
