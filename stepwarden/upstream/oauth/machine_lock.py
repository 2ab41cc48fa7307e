"""A lock that all processes of this machine share, waited for without holding up the event loop."""

import os
import random
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

_POLL_S = (0.01, 0.05)


class HeldTooLong(Exception):
    """Another process kept the lock for the whole wait; `holder` is its process id, 0 where it cannot be told."""

    def __init__(self, holder: int) -> None:
        super().__init__(holder)
        self.holder = holder


@asynccontextmanager
async def machine_lock(path: Path, wait_s: float) -> AsyncGenerator[None]:
    """Hold the lock at `path`; it ends with the process, so one that was killed leaves nothing behind.

    Raises HeldTooLong after `wait_s` seconds. A stopped process keeps its lock: taking it away would do the same
    work twice.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path, mode=0o600, thread_local=False, on_acquired=_sign)
    deadline = time.monotonic() + wait_s
    while True:
        try:
            lock.acquire(blocking=False)
            break
        except Timeout:
            if time.monotonic() >= deadline:
                raise HeldTooLong(_holder(path)) from None
        await anyio.sleep(random.uniform(*_POLL_S))  # noqa: S311 - it spreads the processes, and is no secret
    try:
        yield
    finally:
        lock.release()


def _sign(descriptor: int) -> None:
    if os.name != "posix":
        return  # a locked file cannot be written there
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)


def _holder(path: Path) -> int:
    try:
        return int(path.read_bytes()[:20] or b"0")
    except (OSError, ValueError):
        return 0
