"""What is kept of roots between scans, in memory and on disk."""

import os
import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping
from functools import cached_property
from pathlib import Path

from stepwarden.source.outline import Outline
from stepwarden.source.scan.cache import CacheFile, fingerprint
from stepwarden.source.scan.entry import FileEntry, Stamp

MOST_ROOTS = 3  # that are kept in memory


class KeptRoot:
    """The entries of one root; `lock` is held by the scan that reads and updates them."""

    def __init__(self, root: str, file: CacheFile | None) -> None:
        self.root = root
        self.entries: dict[str, FileEntry] = {}
        self.decoded: dict[str, tuple[str, Outline]] = {}
        self.lock = threading.Lock()
        self._file = file
        self._loaded = False

    def load(self) -> None:
        """Read what is kept on disk, once."""
        if self._file is not None and not self._loaded:
            self.entries = self._file.load()
            self._loaded = True

    def find_changed(self, sources: Mapping[str, os.stat_result]) -> list[str]:
        """Return the files that are new, or whose stamp is another than that of their entry."""
        return [
            name
            for name, status in sources.items()
            if not (entry := self.entries.get(name)) or entry.stamp != Stamp.of(status)
        ]

    def update(self, fresh: Mapping[str, FileEntry], present: Collection[str] | None) -> None:
        """Keep the entries of `fresh`; of others only those in `present`, all where it is None."""
        changed = any(self.entries.get(name) != entry for name, entry in fresh.items())
        self.entries = {**self.entries, **fresh}
        if present is not None and len(self.entries) > len(present):
            self.entries = {name: self.entries[name] for name in present if name in self.entries}
            changed = True
        if changed and self._file is not None:
            self._file.save(self.entries)


class KeptRoots:
    """The roots that were scanned last; `cache_dir` keeps their entries between processes, None: nowhere."""

    def __init__(self, cache_dir: Path | None) -> None:
        self._cache_dir = cache_dir
        self._roots: OrderedDict[str, KeptRoot] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, root: str) -> KeptRoot:
        """Return what is kept of a root; the one used least recently is forgotten beyond MOST_ROOTS."""
        with self._lock:
            if root not in self._roots:
                self._roots[root] = KeptRoot(root, self._cache_file(root))
            self._roots.move_to_end(root)
            while len(self._roots) > MOST_ROOTS:
                self._roots.popitem(last=False)
            return self._roots[root]

    def clear(self) -> None:
        """Forget what is kept in memory."""
        with self._lock:
            self._roots.clear()

    def _cache_file(self, root: str) -> CacheFile | None:
        return None if self._cache_dir is None else CacheFile(self._cache_dir, root, self._fingerprint)

    @cached_property
    def _fingerprint(self) -> str:
        return fingerprint()
