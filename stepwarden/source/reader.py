"""The door to reading source: scans of a whole root, and single files, for every thread of this process."""

import os
import shutil
import stat
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePath

from stepwarden.files.safe_open import Unread, read
from stepwarden.files.secrets import is_secret
from stepwarden.source.cache import CacheFile, fingerprint
from stepwarden.source.entry import FileEntry, read_entry
from stepwarden.source.file_list import list_files, make_blank
from stepwarden.source.file_parser import READ_BYTES, outline
from stepwarden.source.hardened import Git, GitSlow
from stepwarden.source.languages import language_of
from stepwarden.source.outline import Language, Outline
from stepwarden.source.scan import Outlines, Refusals, Scan
from stepwarden.source.workers import CRASHED, parse_all

SOURCES = 25_000  # files that one scan outlines
INLINE_FILES, INLINE_BYTES = 16, 256 * 1024  # so little is parsed in the calling thread, sooner than a process starts
ROOTS = 3  # that are kept in memory

_LATE = "not read in time"
_MANY = f"more than {SOURCES} source files: send paths"
_CUT = "more files than are listed: send paths"
_BY_NAME = "secret by its name"
_LARGE = f"larger than {READ_BYTES // 1024**2} MiB"
_ODD = "a link, a device or no file"


@dataclass
class _Root:
    """What is kept of one root between scans; whoever scans it holds `lock`."""

    entries: dict[str, FileEntry] = field(default_factory=dict[str, FileEntry])
    outlines: dict[str, tuple[str, Outline]] = field(default_factory=dict[str, tuple[str, Outline]])
    loaded: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class Reader:
    """Reads source for a process: opened once, closed once, called from any thread but never the event loop's.

    `cache_dir` is where outlines are kept between processes; None: nowhere.
    """

    def __init__(self, cache_dir: Path | None) -> None:
        self._cache_dir = cache_dir
        self._roots: OrderedDict[str, _Root] = OrderedDict()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._blank_dir: str | None = None

    def scan(
        self, root: str, paths: Sequence[str] = (), *, until: float, languages: Collection[Language] | None = None
    ) -> Scan:
        """Outline the source below `root`, an absolute resolved path, by `until` (time.monotonic).

        `paths` are files and directories relative to it, with slashes; none: all. Of directories, files are taken
        that git's ignore rules leave. `languages` chooses; files of others are passed over.
        """
        started = time.monotonic()
        refusals = Refusals()
        sources, others = self._sorted(root, self._listed(root, paths, refusals, until), languages, refusals)
        kept = self._kept(root)
        if not kept.lock.acquire(timeout=max(0.0, until - time.monotonic())):
            refusals.add(_LATE, count=len(sources))
            return Scan(root, {}, tuple(others), refusals.told(), False, time.monotonic() - started)
        try:
            found = self._read(root, sources, kept, refusals, until, whole=not paths and languages is None)
        finally:
            kept.lock.release()
        outlined = {name: entry for name, entry in found.items() if entry.blob}
        others += [name for name, entry in found.items() if not entry.blob]
        left_out = refusals.told()
        complete = not any(part.why in {_LATE, _MANY, _CUT} for part in left_out)
        seconds = time.monotonic() - started
        return Scan(root, Outlines(outlined, kept.outlines), tuple(sorted(others)), left_out, complete, seconds)

    def outline(self, root: str, path: str) -> Outline | None:
        """Outline the file `path` of `root` as it is now; None where it cannot be read or is in no known language."""
        if language_of(path) is None:
            return None
        data = read(root, path)
        return None if isinstance(data, Unread) else outline(path, data)

    @cached_property
    def git(self) -> Git | None:
        """The git program, None where there is none."""
        return Git.find()

    def close(self) -> None:
        """End what is being scanned, with its processes, and forget what is kept in memory."""
        self._closed.set()
        with self._lock:
            self._roots.clear()
            blank, self._blank_dir = self._blank_dir, None
        if blank is not None:
            shutil.rmtree(blank, ignore_errors=True)

    def _listed(self, root: str, paths: Sequence[str], refusals: Refusals, until: float) -> list[str]:
        """Return the names to look at, each once, sorted."""
        names: dict[str, None] = {}
        for path in dict.fromkeys(paths) or {"": None}:
            under = "" if path in {"", "."} else path.strip("/")
            if not _is_inside(under):
                refusals.add("outside the root", path)
            elif not _is_directory(root, under):
                names[under] = None
            else:
                try:
                    listing = list_files(self.git, self._blank(), root, under, until=until)
                except GitSlow:
                    refusals.add(_LATE, under or ".")
                    continue
                names.update(dict.fromkeys(listing.names))
                if listing.cut:
                    refusals.add(_CUT, under or ".")
                if not listing.by_rule:
                    refusals.add("git is not here: ignore rules were not applied", under or ".", 0)
        return sorted(names)

    def _sorted(
        self, root: str, names: Sequence[str], languages: Collection[Language] | None, refusals: Refusals
    ) -> tuple[dict[str, os.stat_result], list[str]]:
        """Part the readable files into source, with its status, and others; nothing is opened."""
        sources: dict[str, os.stat_result] = {}
        others: list[str] = []
        linked: dict[str, bool] = {}
        for name in names:
            language = language_of(name)
            if language is not None and languages is not None and language not in languages:
                continue
            status = _status(root, name, linked)
            if status is None:
                continue  # gone since it was listed
            if is_secret(name.split("/")):
                refusals.add(_BY_NAME, name)
            elif not stat.S_ISREG(status.st_mode):
                refusals.add(_ODD, name)
            elif language is None:
                others.append(name)
            elif status.st_size > READ_BYTES:
                refusals.add(_LARGE, name)
            elif len(sources) >= SOURCES:
                refusals.add(_MANY, name)
            else:
                sources[name] = status
        return sources, others

    def _read(
        self,
        root: str,
        sources: dict[str, os.stat_result],
        kept: _Root,
        refusals: Refusals,
        until: float,
        *,
        whole: bool,
    ) -> dict[str, FileEntry]:
        """Return the entry of every source that could be read in time, in order; keeps what is new."""
        file = self._load(root, kept)
        unknown = [
            name
            for name, status in sources.items()
            if not (entry := kept.entries.get(name)) or not entry.matches(status.st_size, status.st_mtime_ns)
        ]
        fresh: dict[str, FileEntry] = {}
        failed: set[str] = set()
        for name, result in self._results(root, unknown, sources, kept, until):
            if isinstance(result, FileEntry):
                fresh[name] = result
            elif result == CRASHED:
                fresh[name] = FileEntry(sources[name].st_size, sources[name].st_mtime_ns, "", b"", result)
            else:
                failed.add(name)
                refusals.add(result, name)
        late = [name for name in unknown if name not in fresh and name not in failed]
        for name in late:
            refusals.add(_LATE, name)
        changed = any(kept.entries.get(name) != entry for name, entry in fresh.items())
        kept.entries = {**kept.entries, **fresh}
        if whole and not late and len(kept.entries) > len(sources):
            kept.entries = {name: kept.entries[name] for name in sources if name in kept.entries}
            changed = True
        if changed and file is not None:
            file.save(kept.entries)
        missing = failed.union(late)
        for name in sources:
            if name not in missing and (why := kept.entries[name].why):
                refusals.add(why, name)
                missing.add(name)
        return {name: kept.entries[name] for name in sources if name not in missing}

    def _results(
        self, root: str, names: Sequence[str], sources: dict[str, os.stat_result], kept: _Root, until: float
    ) -> Iterator[tuple[str, FileEntry | str]]:
        if len(names) <= INLINE_FILES and sum(sources[name].st_size for name in names) <= INLINE_BYTES:
            for name in names:
                if time.monotonic() >= until:
                    return
                yield name, read_entry(root, name, kept.entries.get(name))
        else:
            yield from parse_all(root, names, kept.entries, until=until, stopped=self._closed.is_set)

    def _kept(self, root: str) -> _Root:
        with self._lock:
            kept = self._roots.setdefault(root, _Root())
            self._roots.move_to_end(root)
            while len(self._roots) > ROOTS:
                self._roots.popitem(last=False)
            return kept

    def _load(self, root: str, kept: _Root) -> CacheFile | None:
        if self._cache_dir is None:
            return None
        file = CacheFile(self._cache_dir, root, self._mark)
        if not kept.loaded:
            kept.entries = file.load()
            kept.loaded = True
        return file

    @cached_property
    def _mark(self) -> str:
        return fingerprint()

    def _blank(self) -> str:
        with self._lock:
            if self._blank_dir is None:
                self._blank_dir = make_blank(Path(tempfile.mkdtemp(prefix="stepwarden-")))
            return self._blank_dir


def _is_inside(path: str) -> bool:
    pure = PurePath(path)
    return not pure.is_absolute() and ".." not in pure.parts and "\0" not in path


def _is_directory(root: str, path: str) -> bool:
    """Whether `path` is a directory of `root` that no link leads to."""
    status = _status(root, path, {})
    return status is not None and stat.S_ISDIR(status.st_mode)


def _status(root: str, name: str, linked: dict[str, bool]) -> os.stat_result | None:
    """Return the status of a file; of one below a link, the link's. None for one that is not there.

    `linked` remembers the directories that were looked at.
    """
    try:
        above = name.rpartition("/")[0]
        if above and _leads_away(root, above, linked):
            return os.lstat(f"{root}/{_first_link(root, above)}")
        return os.lstat(f"{root}/{name}")
    except (OSError, ValueError):
        return None


def _leads_away(root: str, directory: str, linked: dict[str, bool]) -> bool:
    """Whether a directory is a link, or lies below one."""
    known = linked.get(directory)
    if known is None:
        above = directory.rpartition("/")[0]
        known = (bool(above) and _leads_away(root, above, linked)) or stat.S_ISLNK(
            os.lstat(f"{root}/{directory}").st_mode
        )
        linked[directory] = known
    return known


def _first_link(root: str, directory: str) -> str:
    parts = directory.split("/")
    for count in range(1, len(parts) + 1):
        path = "/".join(parts[:count])
        if stat.S_ISLNK(os.lstat(f"{root}/{path}").st_mode):
            return path
    return directory
