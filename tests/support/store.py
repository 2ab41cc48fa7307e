"""The file of a store, as another process of this machine would use it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stepwarden.storage.sqlite import DriverConnection, newest_driver


def raw(path: Path) -> DriverConnection:
    """Open the file beside the store, by the same SQLite library: another one would drop the store's locks."""
    return newest_driver().connect(str(path), isolation_level=None, timeout=100)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the write lock of a store, as another process would."""
    connection = raw(path)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()
