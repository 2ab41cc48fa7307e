"""The memory that a process and its children have together, sampled while something else is measured."""

import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil


@dataclass
class PeakMemory:
    """The most memory of a process and its children, in bytes (proportional set size), and how many children had it."""

    pid: int
    sample_s: float
    most: int = 0
    children: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def watched(self) -> Generator[None]:
        thread = threading.Thread(target=self._watch)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _watch(self) -> None:
        parent = psutil.Process(self.pid)
        while not self._over.wait(self.sample_s):
            total, children = 0, parent.children(recursive=True)
            for process in [parent, *children]:
                with suppress(psutil.Error):
                    total += process.memory_full_info().pss
            if total > self.most:
                self.most, self.children = total, len(children)
