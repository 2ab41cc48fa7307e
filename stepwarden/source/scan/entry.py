"""What is kept of one file of a scan, and how a file is read and parsed into it."""

import hashlib
import os
import stat
import time
from dataclasses import dataclass, replace
from typing import NamedTuple

from stepwarden.files.safe_open import Unread, read_file
from stepwarden.source.file_parser import parse_outline
from stepwarden.source.file_summary import encode_summary, summarize
from stepwarden.source.outline_codec import encode

ATTEMPTS = 3  # at a file that changes while it is read
# A file written so shortly before it was read may be written again without a change of its times.
_FINE_NS, _COARSE_NS = 50_000_000, 2_000_000_000  # where times are finer than a second, and where not
_SECOND_NS = 1_000_000_000


class Stamp(NamedTuple):
    """What identifies the content of a file without reading it, as git's index does.

    `changed_ns` is the time of its last change of any kind (on Windows, of its creation), which no program sets: a file
    that was written or replaced and got its old size and time back is told by it, or by `inode`.
    """

    size: int
    mtime_ns: int
    changed_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Stamp":
        """Return the stamp of a file with this status."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)

    def proves(self, now_ns: int) -> bool:
        """Whether a file that was read at `now_ns` or later can no longer change without a change of its stamp."""
        latest = max(self.mtime_ns, self.changed_ns)
        return now_ns - latest >= (_FINE_NS if latest % _SECOND_NS else _COARSE_NS)


@dataclass(frozen=True, slots=True)
class FileEntry:
    """What is kept of a file: its outline and its summary, encoded (empty: it has none), and what identifies it.

    `stamp` is None where it proves nothing: the file is then hashed at the next scan. `why` says why a source file has
    no outline: a file that crashed a worker is not parsed again before it changes.
    """

    stamp: Stamp | None
    sha256: str
    blob: bytes = b""
    summary: bytes = b""
    why: str = ""


def read_entry(root: str, name: str, known: FileEntry | None) -> FileEntry | str:
    """Read and parse the file `name` of `root`; where it still has the bytes of `known`, it is not parsed again.

    Returns one line of why where it cannot be read.
    """
    data, stamp = _read_settled(root, name)
    if isinstance(data, Unread):
        return data.note
    sha256 = hashlib.sha256(data).hexdigest()
    if known is not None and known.sha256 == sha256:
        return replace(known, stamp=stamp)
    outline = parse_outline(name, data)
    if outline is None:
        return FileEntry(stamp, sha256)
    return FileEntry(stamp, sha256, encode(outline), encode_summary(summarize(outline, data)))


def _read_settled(root: str, name: str) -> tuple[bytes | Unread, Stamp | None]:
    """Read a file until its stamp is the same before and after; None: it never was, or it proves nothing yet."""
    data: bytes | Unread = b""
    for _ in range(ATTEMPTS):
        now_ns = time.time_ns()
        before = _stamp(root, name)
        data = read_file(root, name)
        if isinstance(data, Unread):
            return data, None
        if before is not None and before == _stamp(root, name):
            return data, before if before.proves(now_ns) else None
    return data, None


def _stamp(root: str, name: str) -> Stamp | None:
    try:
        status = os.lstat(f"{root}/{name}")
    except OSError:
        return None
    return Stamp.of(status) if stat.S_ISREG(status.st_mode) else None
