"""Work that is counted instead of timed."""

import sys
from collections.abc import Callable
from types import FrameType


def calls_in(action: Callable[[], object]) -> int:
    """Return how many functions are called while `action` runs, those written in C too: the same on every machine."""
    count = 0

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(before)
    return count
