"""The entry to reading source: scans of a whole root, and outlines of single files, for every thread of a process."""

import os
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from stepwarden.files.safe_open import Unread, read_file
from stepwarden.source.file_parser import parse_outline
from stepwarden.source.git.command import Git
from stepwarden.source.languages import language_of
from stepwarden.source.outline import Language, Outline
from stepwarden.source.scan.derived import DerivedValues
from stepwarden.source.scan.directory_index import DirectoryIndex
from stepwarden.source.scan.entry import FileEntry, Stamp, read_entry
from stepwarden.source.scan.kept_roots import KeptRoot, KeptRoots
from stepwarden.source.scan.result import Omissions, Outlines, Scan, Summaries
from stepwarden.source.scan.selection import INCOMPLETE, NOT_IN_TIME, FileLister, select_files
from stepwarden.source.scan.workers import CRASHED, ParseJob, Result, parse_all

# Up to so much is parsed in the calling thread, which takes less time than to start a process.
INLINE_FILES, INLINE_BYTES = 16, 256 * 1024


class Reader:
    """Reads source for a process: opened once, closed once, called from any thread but the event loop's.

    `cache_dir` is where outlines are kept between processes; None: nowhere. `derived` keeps what inspections
    derived from whole trees.
    """

    def __init__(self, cache_dir: Path | None) -> None:
        self._roots = KeptRoots(cache_dir)
        self._lister = FileLister()
        self._closed = threading.Event()
        self.derived = DerivedValues()

    @property
    def git(self) -> Git | None:
        """The git program, None where there is none."""
        return self._lister.git

    def scan(
        self, root: str, paths: Sequence[str] = (), *, until: float, languages: Collection[Language] | None = None
    ) -> Scan:
        """Outline the source below `root`, an absolute resolved path, by `until` (time.monotonic).

        `paths` are files and directories relative to it, with slashes; none: all. Of directories, those files are
        taken that git's ignore rules leave. With `languages`, source in others is passed over.
        """
        started = time.monotonic()
        omissions = Omissions()
        tree = DirectoryIndex(root)
        names = self._lister.list_names(tree, paths, omissions, until)
        selection = select_files(tree, names, languages, omissions)
        kept = self._roots.get(root)
        if not kept.lock.acquire(timeout=max(0.0, until - time.monotonic())):
            omissions.add(NOT_IN_TIME, count=len(selection.sources))
            return Scan(
                root, {}, {}, {}, tuple(selection.others), omissions.listed(), False, time.monotonic() - started
            )
        try:
            whole = not paths and languages is None
            found = self._read_sources(kept, selection.sources, omissions, until=until, whole=whole)
        finally:
            kept.lock.release()
        outlined = {name: entry for name, entry in found.items() if entry.blob}
        others = [*selection.others, *(name for name, entry in found.items() if not entry.blob)]
        left_out = omissions.listed()
        complete = not any(part.why in INCOMPLETE for part in left_out)
        seconds = time.monotonic() - started
        outlines, hashes = Outlines(outlined, kept.decoded), {name: entry.sha256 for name, entry in outlined.items()}
        return Scan(root, outlines, Summaries(outlined), hashes, tuple(sorted(others)), left_out, complete, seconds)

    def outline(self, root: str, path: str) -> Outline | None:
        """Outline the file `path` of `root` as it is now; None where it cannot be read or is in no known language."""
        if language_of(path) is None:
            return None
        data = read_file(root, path)
        return None if isinstance(data, Unread) else parse_outline(path, data)

    def close(self) -> None:
        """Stop what is being scanned, with its processes, and forget what is kept in memory."""
        self._closed.set()
        self._roots.clear()
        self.derived.clear()
        self._lister.close()

    def _read_sources(
        self,
        kept: KeptRoot,
        sources: Mapping[str, os.stat_result],
        omissions: Omissions,
        *,
        until: float,
        whole: bool,
    ) -> dict[str, FileEntry]:
        """Return the entry of every source that could be read in time, in order, and keep what is new.

        `whole` says that `sources` are all of the root, so that entries of other files are dropped.
        """
        kept.load()
        changed = kept.find_changed(sources)
        fresh: dict[str, FileEntry] = {}
        missing: set[str] = set()
        for name, result in self._parse(kept, changed, sources, until):
            if isinstance(result, FileEntry):
                fresh[name] = result
            elif result == CRASHED:
                fresh[name] = FileEntry(Stamp.of(sources[name]), "", why=result)
            else:
                missing.add(name)
                omissions.add(result, name)
        late = [name for name in changed if name not in fresh and name not in missing]
        for name in late:
            omissions.add(NOT_IN_TIME, name)
        kept.update(fresh, sources if whole and not late else None)
        missing.update(late)
        return _with_outlines({name: kept.entries[name] for name in sources if name not in missing}, omissions)

    def _parse(
        self, kept: KeptRoot, names: Sequence[str], sources: Mapping[str, os.stat_result], until: float
    ) -> Iterator[Result]:
        if len(names) <= INLINE_FILES and sum(sources[name].st_size for name in names) <= INLINE_BYTES:
            for name in names:
                if time.monotonic() >= until:
                    return
                yield name, read_entry(kept.root, name, kept.entries.get(name))
        else:
            job = ParseJob(kept.root, names, kept.entries)
            yield from parse_all(job, until=until, stopped=self._closed.is_set)


def _with_outlines(entries: Mapping[str, FileEntry], omissions: Omissions) -> dict[str, FileEntry]:
    """Return the entries without those that say why they have no outline; those are noted."""
    for name, entry in entries.items():
        if entry.why:
            omissions.add(entry.why, name)
    return {name: entry for name, entry in entries.items() if not entry.why}
