"""A lock of the operating system for each process that drives runs, which says at once that it died.

It ends with its process however that ends. A process that is stopped keeps it: whether that one may go on is for its
lease to say. One that another machine runs has no file here, and nothing is known of it.
"""

import os
import platform
import re
import secrets
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import BaseFileLock

_SUFFIX = ".lock"
_TAKE_S = 5.0  # a new name is only ever tried for a moment by somebody else


def new_owner() -> str:
    """Return a name for this process as a driver of runs, which is never given again."""
    node = re.sub(r"[^A-Za-z0-9.]+", "_", platform.node())[:40] or "here"
    return f"{node}-{os.getpid()}-{secrets.token_hex(4)}"


class ProcessLocks:
    """The locks in one directory, which all processes that share a store on this machine use. Its calls block."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def take(self, owner: str) -> "BaseFileLock":
        """Return the lock of this process under a new name, held; raises OSError, of which a Timeout is one."""
        from filelock import FileLock

        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(self._path(owner), mode=0o600, thread_local=False)
        lock.acquire(timeout=_TAKE_S)
        return lock

    def drop(self, owner: str, lock: "BaseFileLock") -> None:
        """Give up the lock of this process, which drives nothing any more, and its file."""
        self._remove(owner, lock)

    def seize(self, owners: Collection[str]) -> list["DeadProcess"]:
        """Return those of `owners` whose process has ended for certain, their locks held until they are buried."""
        found = [(owner, self._lock_of_dead(owner)) for owner in owners]
        return [DeadProcess(owner, lock) for owner, lock in found if lock is not None]

    def seize_all(self) -> list["DeadProcess"]:
        """Return every process that ended and was not buried."""
        if not self._directory.is_dir():
            return []
        return self.seize([path.name.removesuffix(_SUFFIX) for path in self._directory.glob(f"*{_SUFFIX}")])

    def bury(self, dead: "DeadProcess") -> None:
        """Remove what is left of a process that drives nothing any more."""
        self._remove(dead.owner, dead.lock)

    def is_dead(self, owner: str) -> bool:
        """Return whether the process has ended for certain."""
        lock = self._lock_of_dead(owner)
        if lock is None:
            return False
        lock.release()
        return True

    def _remove(self, owner: str, lock: "BaseFileLock") -> None:
        """Remove a file and give its lock up, in this order: whoever waits for the lock then finds no file."""
        try:
            self._path(owner).unlink(missing_ok=True)
        except PermissionError:  # Windows removes no file that is open, and needs no such order for that reason
            lock.release()
            with suppress(OSError):
                self._path(owner).unlink(missing_ok=True)
        else:
            lock.release()

    def _path(self, owner: str) -> Path:
        return self._directory / f"{owner}{_SUFFIX}"

    def _lock_of_dead(self, owner: str) -> "BaseFileLock | None":
        from filelock import FileLock, Timeout

        path = self._path(owner)
        if not path.exists():
            return None
        lock = FileLock(path, mode=0o600, thread_local=False)
        try:
            lock.acquire(blocking=False)
        except (Timeout, OSError):
            return None
        return lock


@dataclass(frozen=True, slots=True)
class DeadProcess:
    """A process that ended without letting go, and its lock, which is held."""

    owner: str
    lock: "BaseFileLock"
