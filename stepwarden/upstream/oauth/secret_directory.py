"""A directory that only its user can look into: each file is written whole or not at all, and none is thrown away."""

import contextlib
import logging
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stepwarden.errors import SecretsUnavailable
from stepwarden.files.private_directory import make_private_directory

logger = logging.getLogger(__name__)

_LEFT_OVER_S = 3_600.0  # a temporary file as old as this belongs to nobody any more


@dataclass(frozen=True, slots=True)
class VaultStamp:
    """What changes whenever a file of the directory is put in place or taken away."""

    inode: int
    changed_ns: int


@dataclass(frozen=True, slots=True)
class SecretDirectory:
    """The files of one directory. All methods block for a few milliseconds."""

    path: Path

    def stamp(self) -> VaultStamp | None:
        """Return a value that differs once any process wrote or deleted a file; None: there is no directory."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return VaultStamp(found.st_ino, found.st_mtime_ns)

    def ensure(self) -> None:
        """Make the directory where there is none, and close it to others. Raises SecretsUnavailable."""
        try:
            make_private_directory(self.path)
            if os.name == "posix" and self.path.stat().st_mode & 0o077:
                self.path.chmod(0o700)
        except OSError as error:
            raise SecretsUnavailable(f"{self.path} cannot be used: {error.strerror}.") from error

    def files(self, pattern: str) -> list[Path]:
        """Return the files whose names fit a pattern, sorted by name."""
        return sorted(self.path.glob(pattern))

    def read(self, path: Path) -> bytes | None:
        """Return what a file holds; None where it was deleted meanwhile. Raises SecretsUnavailable."""
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SecretsUnavailable(f"{path} cannot be read: {error.strerror}.") from error

    def write(self, target: Path, blob: bytes) -> None:
        """Put a file in place, on disk when this returns. Raises OSError."""
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(blob)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        _sync_directory(self.path)
        for left in self._left_over():
            left.unlink(missing_ok=True)

    def set_aside(self, path: Path) -> Path:
        """Rename a file that cannot be read, so that nothing overwrites it; return where it is kept."""
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        aside = path.with_name(f"{path.name}.aside-{stamp}-{secrets.token_hex(3)}")
        with contextlib.suppress(FileNotFoundError):  # another process was quicker
            path.rename(aside)
        logger.warning("a file of tokens could not be read and is kept as %s", aside)
        return aside

    def _left_over(self) -> Iterator[Path]:
        before = time.time() - _LEFT_OVER_S
        for path in self.path.glob(".*.tmp"):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < before:
                    yield path


def _sync_directory(directory: Path) -> None:
    if os.name != "posix":
        return  # a directory cannot be opened there
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
