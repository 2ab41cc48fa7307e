"""Ctrl-C while something goes on: counted, so that the first can end it in good order and the second at once."""

import asyncio
import signal
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType


@dataclass
class Interrupts:
    """How often Ctrl-C was pressed; `heard` is set by each, for whoever waits."""

    count: int = 0
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self) -> None:
        """Count one more."""
        self.count += 1
        self.heard.set()


@contextmanager
def counting_interrupts() -> Generator[Interrupts]:
    """Count Ctrl-C instead of ending by it, until the block is left."""
    interrupts, loop = Interrupts(), asyncio.get_running_loop()

    def count(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(interrupts.add)

    before = signal.signal(signal.SIGINT, count)
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, before)
