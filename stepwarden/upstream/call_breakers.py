"""Pauses calls of a tool that fails again and again, and those of its whole server where that does."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from stepwarden.upstream.breaker import Breaker
from stepwarden.upstream.failures import COUNTED, FailureKind


@dataclass
class CallBreakers:
    """The breaker of a server, and one for each of its tools that failed last: addresses are read by any name.

    A failure is the tool's, unless the server says that it cannot answer at all, or several tools fail in a row.
    """

    clock: Callable[[], float] = time.monotonic
    server: Breaker = field(init=False)
    _tools: dict[str, Breaker] = field(default_factory=dict[str, Breaker])
    _failing: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        self.server = Breaker(clock=self.clock)

    @property
    def paused(self) -> dict[str, float]:
        """The tools whose calls are paused, and for how many seconds."""
        return {name: one.waits_s for name, one in self._tools.items() if one.waits_s}

    def enter(self, tool: str) -> Breaker | None:
        """Return the breaker that bars a call, None where it may go; `ended` has to be called after each that may."""
        own = self._breaker_of(tool)
        if not own.enter():
            return own
        if self.server.enter():
            return None
        own.ended(None)
        return self.server

    def is_server(self, breaker: Breaker) -> bool:
        """Return whether a breaker is the server's."""
        return breaker is self.server

    def ended(self, tool: str, failed: FailureKind | None, *, well: bool = False) -> None:
        """Note how a call ended: `well`, by a failure, or by neither, which says nothing."""
        own = self._breaker_of(tool)
        if well:
            self._failing.clear()
            own.ended(False)
            self.server.ended(False)
        elif failed not in COUNTED:
            own.ended(None)
            self.server.ended(None)
        elif failed is FailureKind.UNAVAILABLE:
            own.ended(None)
            self.server.ended(True)
        else:
            self._failing.add(tool)
            own.ended(True)
            self.server.ended(True if len(self._failing) > 1 else None)
        if own.at_rest:
            self._tools.pop(tool, None)
        else:
            self._tools[tool] = own

    def reset(self) -> None:
        """Close all of them: the upstream was restarted."""
        self._failing.clear()
        self.server.reset()
        self._tools.clear()

    def _breaker_of(self, tool: str) -> Breaker:
        return self._tools.get(tool) or Breaker(clock=self.clock)
