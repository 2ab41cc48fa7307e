"""A circuit breaker: after failures in a row calls are paused for a while, then one may try.

It is not the one that guards models: that one lets every waiting call through at once when it half opens.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

FAILURES = 5
PAUSE_S = 30.0


@dataclass
class Breaker:
    """Closed, open for `pause_s` after `failures` in a row, then half open: one trial decides. `clock` in seconds."""

    failures: int = FAILURES
    pause_s: float = PAUSE_S
    clock: Callable[[], float] = time.monotonic
    _failed: int = 0
    _opened_at: float | None = None
    _trying: bool = False

    @property
    def waits_s(self) -> float:
        """How long until a call may try again; 0 where one may now."""
        if self._opened_at is None:
            return 0.0
        left_s = self.pause_s - (self.clock() - self._opened_at)
        return max(left_s, 1.0 if self._trying else 0.0)

    @property
    def at_rest(self) -> bool:
        """Whether it is as a new one is: no failure counts, and no call is barred."""
        return not self._failed and self._opened_at is None

    def enter(self) -> bool:
        """Return whether a call may go; `ended` has to be called after each that may, whatever its outcome."""
        if self._opened_at is None:
            return True
        if self.waits_s > 0:
            return False
        self._trying = True
        return True

    def ended(self, failed: bool | None) -> None:
        """Note how a call ended; None for one that says nothing of the upstream, such as a cancelled one."""
        trial, self._trying = self._trying, False
        if failed is None:
            return
        if not failed:
            self.reset()
            return
        self._failed += 1
        if trial or self._failed >= self.failures:
            self._opened_at = self.clock()

    def reset(self) -> None:
        """Close it: the upstream was restarted, or a call went well."""
        self._failed, self._opened_at = 0, None
