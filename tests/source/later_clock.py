"""A clock for which what a test has just written is old."""

import time


class LaterClock:
    """A clock that is an hour ahead."""

    def time_ns(self) -> int:
        return time.time_ns() + 3_600 * 10**9
