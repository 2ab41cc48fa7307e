"""What is kept of one file of a scan, and how a file is read and parsed into it."""

import hashlib
import os
import stat
import time
from dataclasses import dataclass, replace

from stepwarden.files.safe_open import Unread, read_file
from stepwarden.source.file_parser import parse_outline
from stepwarden.source.outline_codec import encode

ATTEMPTS = 3  # at a file that changes while it is read
# A file written so shortly before it was read may be written again without a change of its size and time.
_FINE_NS, _COARSE_NS = 50_000_000, 2_000_000_000  # where times are finer than a second, and where not
_SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class FileEntry:
    """What is kept of a file: its encoded outline (empty: it has none), and what identifies its content.

    `mtime_ns` is -1 where size and time prove nothing: the file is then hashed at the next scan. `why` says why a
    source file has no outline: a file that crashed a worker is not parsed again before it changes.
    """

    size: int
    mtime_ns: int
    sha256: str
    blob: bytes
    why: str = ""

    def matches(self, size: int, mtime_ns: int) -> bool:
        """Whether a file of this size and time has the content that was read."""
        return self.size == size and self.mtime_ns == mtime_ns


def read_entry(root: str, name: str, known: FileEntry | None) -> FileEntry | str:
    """Read and parse the file `name` of `root`; where it still has the bytes of `known`, it is not parsed again.

    Returns one line of why where it cannot be read.
    """
    data, stamp = _read_settled(root, name)
    if isinstance(data, Unread):
        return data.note
    size, mtime_ns = stamp if stamp is not None else (len(data), -1)
    if mtime_ns >= 0 and time.time_ns() - mtime_ns < (_FINE_NS if mtime_ns % _SECOND_NS else _COARSE_NS):
        mtime_ns = -1
    sha256 = hashlib.sha256(data).hexdigest()
    if known is not None and known.sha256 == sha256:
        return replace(known, size=size, mtime_ns=mtime_ns)
    outline = parse_outline(name, data)
    return FileEntry(size, mtime_ns, sha256, b"" if outline is None else encode(outline))


def _read_settled(root: str, name: str) -> tuple[bytes | Unread, tuple[int, int] | None]:
    """Read a file until its size and time are the same before and after; None: they never were."""
    data: bytes | Unread = b""
    for _ in range(ATTEMPTS):
        before = _stamp(root, name)
        data = read_file(root, name)
        if isinstance(data, Unread) or (before is not None and before == _stamp(root, name)):
            return data, before
    return data, None


def _stamp(root: str, name: str) -> tuple[int, int] | None:
    try:
        status = os.lstat(f"{root}/{name}")
    except OSError:
        return None
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None
