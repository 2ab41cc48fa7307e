"""Work that is counted instead of timed."""

import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def functions_called() -> Generator[tuple[set[str], set[str]]]:
    """Note the names of the functions that are called meanwhile: in this thread, and in those that are started."""
    here: set[str] = set()
    in_new_threads: set[str] = set()

    def noting(names: set[str]) -> Callable[[FrameType, str, object], None]:
        def note(frame: FrameType, event: str, _argument: object) -> None:
            if event == "call":
                names.add(frame.f_code.co_name)

        return note

    threading.setprofile(noting(in_new_threads))
    sys.setprofile(noting(here))
    try:
        yield here, in_new_threads
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


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
