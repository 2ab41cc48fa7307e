"""How much of a request's time is left."""

import time


class Deadline:
    """A moment so many `seconds` from now."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._at = time.monotonic() + seconds

    @property
    def left_s(self) -> float:
        """The seconds that are left, never less than 0."""
        return max(0.0, self._at - time.monotonic())
