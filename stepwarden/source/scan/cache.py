"""The outlines that scans keep on disk: one file for each root, safe to read whoever wrote it.

It is read and written in chunks of CHUNK_FILES files: while one call of C parses or packs a chunk, no other thread of
the server runs, its event loop included.
"""

import hashlib
import importlib.util
import json
import os
import struct
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from stepwarden.files import encodings
from stepwarden.files.private_directory import make_private_directory
from stepwarden.source.scan.entry import FileEntry, Stamp

FORMAT = 2
KEPT_DAYS = 30  # since the file of a root was last written
KEPT_BYTES = 500 * 1024 * 1024  # of all roots together
CHUNK_FILES = 200  # less than a millisecond to parse
_MAGIC = b"stepwarden outlines\n"
_LENGTHS = struct.Struct(">III")  # of the JSON and of the bytes after it, and the checksum of both
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
            with self._path.open("rb") as file:
                return self._read(file)
        except (OSError, ValueError, TypeError, KeyError, struct.error):
            return {}

    def save(self, entries: Mapping[str, FileEntry]) -> None:
        """Replace the file by `entries`; other processes see the old file or the new one."""
        with suppress(OSError):
            make_private_directory(self._directory)
            self._replace(entries)
            self._prune()

    def _read(self, file: BinaryIO) -> dict[str, FileEntry]:
        if file.read(len(_MAGIC)) != _MAGIC:
            return {}
        head, _ = _read_chunk(file)
        count = head.pop("count")
        if head != self._head:
            return {}
        entries: dict[str, FileEntry] = {}
        while len(entries) < count:
            entries.update(_entries(*_read_chunk(file)))
        return entries

    def _replace(self, entries: Mapping[str, FileEntry]) -> None:
        descriptor, name = tempfile.mkstemp(dir=self._directory, suffix=".new")  # private, by mkstemp
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(_MAGIC)
                _write_chunk(file, {**self._head, "count": len(entries)}, b"")
                items = iter(entries.items())
                while chunk := dict(islice(items, CHUNK_FILES)):
                    _write_chunk(file, *_columns(chunk))
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


def _columns(entries: Mapping[str, FileEntry]) -> tuple[dict[str, Any], bytes]:
    """Return entries as values of JSON, and the bytes of their outlines and summaries."""
    kept = entries.values()
    index = {
        "names": list(entries),
        "stamps": [entry.stamp for entry in kept],
        "hashes": [entry.sha256 for entry in kept],
        "lengths": [(len(entry.blob), len(entry.summary)) for entry in kept],
        "whys": [entry.why for entry in kept],
    }
    return index, b"".join([part for entry in kept for part in (entry.blob, entry.summary)])


def _entries(index: dict[str, Any], body: bytes) -> Iterator[tuple[str, FileEntry]]:
    """Yield the entries of which `_columns` made these; raises ValueError for what it did not make."""
    offset = 0
    columns = (index[key] for key in ("names", "stamps", "hashes", "lengths", "whys"))
    for name, stamp, sha256, (outline_bytes, summary_bytes), why in zip(*columns, strict=True):
        middle = offset + outline_bytes
        end = middle + summary_bytes
        yield name, FileEntry(stamp and Stamp(*stamp), sha256, body[offset:middle], body[middle:end], why)
        offset = end
    if not index["names"] or offset != len(body):
        raise ValueError("not what was written")


def _write_chunk(file: BinaryIO, index: dict[str, Any], body: bytes) -> None:
    text = json.dumps(index, separators=(",", ":")).encode("ascii")
    file.write(_LENGTHS.pack(len(text), len(body), zlib.crc32(body, zlib.crc32(text))))
    file.write(text)
    file.write(body)


def _read_chunk(file: BinaryIO) -> tuple[dict[str, Any], bytes]:
    """Read what `_write_chunk` wrote; raises ValueError or struct.error for anything else."""
    text_bytes, body_bytes, check = _LENGTHS.unpack(file.read(_LENGTHS.size))
    text, body = file.read(text_bytes), file.read(body_bytes)
    if len(body) != body_bytes or zlib.crc32(body, zlib.crc32(text)) != check:
        raise ValueError("damaged")
    return json.loads(text), body
