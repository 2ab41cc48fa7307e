"""The last acknowledged heads, in a file beside the store: by them a store is known to have lost what it had.

SQLite brings a store whose log was cut, deleted or damaged to an earlier state without a word, and so does a copy that
is put in its place. So after each commit, before it is answered, the last event of each stream in it is written here.
That is not synced: a process that is killed leaves it whole, and a power cut may lose the end of it, never the store's.

A stream has one place of a fixed size, by its name, and shares it with few others: the last one that was written
counts. So the file does not grow, and no process waits for another. A line counts for the store that its `origin`
names: a new one, and one that was put back by `stepwarden restore`, has another. Positions are never given twice, so
what lies above the last one, or has another event at its own, was lost; where none is at its own, it was deleted.
"""

import contextlib
import json
import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from zlib import crc32

from stepwarden.storage.records import AcknowledgedHead

SUFFIX = "-acknowledged"
_PLACES, _PLACE_BYTES = 2_048, 512
_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class HeadFile:
    """The file of one store. Whatever keeps it from being written or read is passed over: it only tells of losses."""

    def __init__(self, store: Path) -> None:
        self._path = store.with_name(store.name + SUFFIX)

    def note(self, heads: Iterable[AcknowledgedHead]) -> None:
        """Write heads whose events are on disk."""
        with contextlib.suppress(OSError), _Opened(self._path, os.O_CREAT) as file:
            for head in heads:
                line = _line(head)
                if len(line) == _PLACE_BYTES:
                    _write(file, _place_of(head), line)

    def read(self) -> list[AcknowledgedHead]:
        """Return what was written last, in the order of positions; nothing where the file cannot be read."""
        lines = list[bytes]()
        with contextlib.suppress(OSError), _Opened(self._path, 0) as file:
            content = _read(file, _PLACES * _PLACE_BYTES)
            lines = [line for line in content.split(b"\n") if line.strip(b" \0")]
        heads = [head for line in lines if (head := _head(line.strip(b" \0"))) is not None]
        return sorted(heads, key=lambda head: head.position)

    def forget(self, heads: Sequence[AcknowledgedHead]) -> None:
        """Take heads out that were told as lost, where no other was written in their place since."""
        with contextlib.suppress(OSError), _Opened(self._path, 0) as file:
            for head in heads:
                os.lseek(file, _place_of(head), os.SEEK_SET)
                if os.read(file, _PLACE_BYTES) == _line(head):
                    _write(file, _place_of(head), b" " * (_PLACE_BYTES - 1) + b"\n")


class _Opened:
    """The open file, as a descriptor: of our own making alone, and private."""

    def __init__(self, path: Path, more_flags: int) -> None:
        self._path, self._flags = path, _FLAGS | more_flags

    def __enter__(self) -> int:
        self._file = os.open(self._path, self._flags, 0o600)
        found = os.fstat(self._file)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            os.close(self._file)
            raise OSError(f"{self._path} is not a file of ours")
        if found.st_mode & 0o077:
            with contextlib.suppress(OSError):
                self._path.chmod(0o600)
        return self._file

    def __exit__(self, *_: object) -> None:
        os.close(self._file)


def _place_of(head: AcknowledgedHead) -> int:
    return crc32(head.stream.encode()) % _PLACES * _PLACE_BYTES


def _write(file: int, place: int, line: bytes) -> None:
    os.lseek(file, place, os.SEEK_SET)
    os.write(file, line)


def _read(file: int, size: int) -> bytes:
    parts = list[bytes]()
    while size > 0 and (part := os.read(file, size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _line(head: AcknowledgedHead) -> bytes:
    """Return a head as its place holds it; longer than that where it does not fit."""
    body = json.dumps([head.origin, head.position, head.seq, head.hash, head.stream, head.principal]).encode()
    return (b"%08x %s" % (crc32(body), body)).ljust(_PLACE_BYTES - 1) + b"\n"


def _head(line: bytes) -> AcknowledgedHead | None:
    """Return the head in a line, None where it was not written whole, or by somebody else."""
    check, _, body = line.partition(b" ")
    if check != b"%08x" % crc32(body):
        return None
    with contextlib.suppress(ValueError, TypeError):
        return AcknowledgedHead(*json.loads(body))
    return None
