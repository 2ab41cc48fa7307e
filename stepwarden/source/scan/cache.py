"""The outlines that scans keep on disk: one file for each root, safe to read whoever wrote it."""

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

from stepwarden.files import encodings
from stepwarden.source.scan.entry import FileEntry

FORMAT = 1
KEPT_DAYS = 30  # since the file of a root was last written
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
    """Return a hash that changes with whatever decides how files are read: this package, the grammars, Python."""
    package = Path(__file__).parents[1]
    parts = [repr(sys.version_info[:3]), str(FORMAT)]
    files = [*sorted(package.rglob("*.py")), Path(encodings.__file__)]
    specs = [importlib.util.find_spec(name) for name in _GRAMMARS]
    files += [Path(spec.origin) for spec in specs if spec is not None and spec.origin]
    for path in files:
        with suppress(OSError):
            status = path.stat()
            parts.append(f"{path.name} {status.st_size} {status.st_mtime_ns}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class CacheFile:
    """The cache file of one root in `directory`; a failure to read or write it costs time, never a scan.

    What was written with another `fingerprint` is not read.
    """

    def __init__(self, directory: Path, root: str, fingerprint: str) -> None:
        self._directory = directory
        self._path = directory / f"{hashlib.sha256(os.fsencode(root)).hexdigest()[:32]}.outlines"
        self._head = {"root": os.fsencode(root).hex(), "mark": fingerprint}

    def load(self) -> dict[str, FileEntry]:
        """Return what is kept, by name; nothing where there is no complete file with this fingerprint."""
        try:
            data = self._path.read_bytes()
        except OSError:
            return {}
        try:
            return self._parse(data)
        except (ValueError, TypeError, KeyError, IndexError, UnicodeError):
            return {}

    def save(self, entries: Mapping[str, FileEntry]) -> None:
        """Replace the file by `entries`; other processes see the old file or the new one."""
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
            self._prune()

    def _parse(self, data: bytes) -> dict[str, FileEntry]:
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
        offset = 0
        whys = index["whys"]
        columns = zip(*(index[key] for key in ("names", "sizes", "times", "hashes", "lengths")), strict=True)
        for name, size, mtime_ns, sha256, length in columns:
            entries[name] = FileEntry(size, mtime_ns, sha256, bytes(body[offset : offset + length]), whys.get(name, ""))
            offset += length
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

    def _prune(self) -> None:
        """Remove files older than KEPT_DAYS, the oldest beyond KEPT_BYTES, and half-written ones of other processes."""
        oldest = time.time() - KEPT_DAYS * 86_400
        kept = 0
        found = [
            (path.stat().st_mtime, path) for path in self._directory.iterdir() if path.suffix in {".outlines", ".new"}
        ]
        for written, path in sorted(found, reverse=True):
            kept += path.stat().st_size
            unfinished = path.suffix == ".new" and written < time.time() - 3600
            if path != self._path and (written < oldest or kept > KEPT_BYTES or unfinished):
                path.unlink(missing_ok=True)
