"""What scans keep on disk: one file a root, safe to read whoever wrote it, replaced as a whole."""

import hashlib
import importlib.util
import json
import os
import sys
import tempfile
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from stepwarden.source.entry import FileEntry

FORMAT = 1
KEPT_DAYS = 30  # since a root was last scanned with something new
KEPT_BYTES = 500 * 1024 * 1024  # of all roots together
_MAGIC = b"stepwarden outlines\n"
_GRAMMARS = (
    "tree_sitter",
    *(
        f"tree_sitter_{name}"
        for name in ["python", "javascript", "typescript", "go", "java", "rust", "c", "cpp", "c_sharp"]
    ),
)


def fingerprint() -> str:
    """Return what changes whenever files may be read differently: of our own code, the grammars and the Python."""
    here = Path(__file__).parent
    seen = [repr(sys.version_info[:3]), str(FORMAT)]
    files = sorted(here.rglob("*.py"))
    specs = [importlib.util.find_spec(name) for name in _GRAMMARS]
    files += [Path(spec.origin) for spec in specs if spec is not None and spec.origin]
    for path in files:
        with suppress(OSError):
            status = path.stat()
            seen.append(f"{path.name} {status.st_size} {status.st_mtime_ns}")
    return hashlib.sha256("\n".join(seen).encode()).hexdigest()


class CacheFile:
    """The file of one root in `directory`; failing to read or write it costs time, never a scan."""

    def __init__(self, directory: Path, root: str, mark: str) -> None:
        self._directory = directory
        self._path = directory / f"{hashlib.sha256(os.fsencode(root)).hexdigest()[:32]}.outlines"
        self._head = {"root": os.fsencode(root).hex(), "mark": mark}

    def load(self) -> dict[str, FileEntry]:
        """Return what is kept, by name; nothing where there is no whole file of this code."""
        try:
            data = self._path.read_bytes()
        except OSError:
            return {}
        try:
            return self._parsed(data)
        except (ValueError, TypeError, KeyError, IndexError, UnicodeError):
            return {}

    def save(self, entries: Mapping[str, FileEntry]) -> None:
        """Replace the file by `entries`; other processes see the old one or the new."""
        names = list(entries)
        index = {
            **self._head,
            "names": names,
            "sizes": [entries[name].size for name in names],
            "times": [entries[name].mtime_ns for name in names],
            "hashes": [entries[name].sha256 for name in names],
            "lengths": [len(entries[name].blob) for name in names],
            "whys": {name: entries[name].why for name in names if entries[name].why},
        }
        text = json.dumps(index, separators=(",", ":")).encode("ascii")
        body = b"".join([entries[name].blob for name in names])
        check = zlib.crc32(body, zlib.crc32(text))
        head = _MAGIC + f"{len(text):010d} {len(body):012d} {check:08x}\n".encode("ascii")
        with suppress(OSError):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._replace(head + text + body)
            self._tidy()

    def _parsed(self, data: bytes) -> dict[str, FileEntry]:
        start = len(_MAGIC)
        end = data.index(b"\n", start) + 1
        text_bytes, body_bytes, check = data[start:end].decode("ascii").split()
        text = data[end : end + int(text_bytes)]
        body = memoryview(data)[end + int(text_bytes) :]
        if (
            data[:start] != _MAGIC
            or len(body) != int(body_bytes)
            or zlib.crc32(body, zlib.crc32(text)) != int(check, 16)
        ):
            return {}
        index = json.loads(text)
        if {key: index[key] for key in self._head} != self._head:
            return {}
        entries: dict[str, FileEntry] = {}
        place = 0
        whys = index["whys"]
        columns = zip(*(index[key] for key in ("names", "sizes", "times", "hashes", "lengths")), strict=True)
        for name, size, mtime_ns, sha256, length in columns:
            entries[name] = FileEntry(size, mtime_ns, sha256, bytes(body[place : place + length]), whys.get(name, ""))
            place += length
        return entries

    def _replace(self, data: bytes) -> None:
        descriptor, name = tempfile.mkstemp(dir=self._directory, suffix=".new")  # private, by mkstemp
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            Path(name).replace(self._path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise

    def _tidy(self) -> None:
        """Remove what was not written for long, the oldest first where all is too much, and what others left half."""
        oldest = time.time() - KEPT_DAYS * 86_400
        kept = 0
        found = [
            (path.stat().st_mtime, path) for path in self._directory.iterdir() if path.suffix in {".outlines", ".new"}
        ]
        for at, path in sorted(found, reverse=True):
            kept += path.stat().st_size
            half = path.suffix == ".new" and at < time.time() - 3600
            if path != self._path and (at < oldest or kept > KEPT_BYTES or half):
                path.unlink(missing_ok=True)
