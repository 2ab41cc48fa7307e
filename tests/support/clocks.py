"""Clocks that the test sets."""

from dataclasses import dataclass


@dataclass
class Clock:
    """Seconds since the epoch, until the test moves them."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now
