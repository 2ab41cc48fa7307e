"""What a scan found, as values; outlines are decoded when they are asked for."""

import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from stepwarden.source.file_summary import FileSummary, decode_summary
from stepwarden.source.outline import Outline
from stepwarden.source.outline_codec import DamagedOutline, decode
from stepwarden.source.scan.entry import FileEntry

MOST_EXAMPLES = 5  # files that are named for one reason
MOST_DECODED = 8_000  # outlines that a root keeps decoded: some 100 MB
FROZEN_OUTLINES = 250  # that are kept from one exclusion from garbage collection to the next


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Files that were not read: why, how many, and the first few of them."""

    why: str
    count: int
    examples: tuple[str, ...]


class Outlines(Mapping[str, Outline]):
    """Outlines by path. Each is decoded at first use, and kept in `decoded` up to MOST_DECODED.

    What is kept is excluded from garbage collection. Outlines have no cycles, so they are freed by their reference
    counts; looking through millions of their parts held every thread up, the event loop too, for up to seconds.
    """

    def __init__(self, entries: Mapping[str, FileEntry], decoded: dict[str, tuple[str, Outline]]) -> None:
        self._entries = entries
        self._decoded = decoded

    def __getitem__(self, path: str) -> Outline:
        entry = self._entries[path]
        kept = self._decoded.get(path)
        if kept is not None and kept[0] == entry.sha256:
            return kept[1]
        try:
            outline = decode(entry.blob)
        except DamagedOutline as error:
            raise KeyError(path) from error
        if len(self._decoded) < MOST_DECODED:
            self._decoded[path] = (entry.sha256, outline)
            if len(self._decoded) % FROZEN_OUTLINES == 0:
                gc.freeze()
        return outline

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, path: object) -> bool:
        return path in self._entries


class Summaries(Mapping[str, FileSummary]):
    """The summaries of files by path. Each is decoded whenever it is asked for, and none is kept."""

    def __init__(self, entries: Mapping[str, FileEntry]) -> None:
        self._entries = entries

    def __getitem__(self, path: str) -> FileSummary:
        try:
            return decode_summary(path, self._entries[path].summary)
        except DamagedOutline as error:
            raise KeyError(path) from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, path: object) -> bool:
        return path in self._entries


@dataclass(frozen=True, slots=True)
class Scan:
    """The source of a root, or of a part of it.

    `outlines`, `summaries` and `hashes` (SHA-256 of the bytes) are by slash paths relative to `root`, sorted.
    `others` are readable files in other languages. `left_out` says what was not read; `complete` says that
    neither time nor limits left anything out.
    """

    root: str
    outlines: Mapping[str, Outline] = field(repr=False)
    summaries: Mapping[str, FileSummary] = field(default_factory=dict[str, FileSummary], repr=False)
    hashes: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    others: tuple[str, ...] = field(default=(), repr=False)
    left_out: tuple[LeftOut, ...] = ()
    complete: bool = True
    seconds: float = 0.0

    def summaries_of(self, paths: Iterable[str]) -> dict[str, FileSummary]:
        """Return the summaries of these files, excluded from garbage collection as kept outlines are."""
        found: dict[str, FileSummary] = {}
        for path in paths:
            found[path] = self.summaries[path]
            if len(found) % FROZEN_OUTLINES == 0:
                gc.freeze()
        return found


class Omissions:
    """Counts what a scan leaves out, by reason."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}

    def add(self, why: str, name: str = "", count: int = 1) -> None:
        """Note that `count` files, such as `name`, are left out."""
        self._counts[why] += count
        examples = self._examples.setdefault(why, [])
        if name and len(examples) < MOST_EXAMPLES:
            examples.append(name)

    def listed(self) -> tuple[LeftOut, ...]:
        """Return what was left out, the most frequent reason first."""
        return tuple(
            LeftOut(why, count, tuple(sorted(self._examples[why])))
            for why, count in sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))
        )
