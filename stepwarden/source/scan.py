"""What a scan found, as values; outlines are read from their bytes when somebody asks for them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from stepwarden.source.entry import FileEntry
from stepwarden.source.outline import Outline
from stepwarden.source.outline_codec import DamagedOutline, decode

EXAMPLES = 5
KEPT_OUTLINES = 8_000  # read ones that a root keeps: some 100 MB


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Files that were not read: why, how many, and the first few of them."""

    why: str
    count: int
    examples: tuple[str, ...]


class Outlines(Mapping[str, Outline]):
    """Outlines by path. Each is read from its bytes at first use, and kept where there are not too many."""

    def __init__(self, entries: Mapping[str, FileEntry], kept: dict[str, tuple[str, Outline]]) -> None:
        self._entries = entries
        self._kept = kept

    def __getitem__(self, path: str) -> Outline:
        entry = self._entries[path]
        kept = self._kept.get(path)
        if kept is not None and kept[0] == entry.sha256:
            return kept[1]
        try:
            outline = decode(entry.blob)
        except DamagedOutline as error:
            raise KeyError(path) from error
        if len(self._kept) < KEPT_OUTLINES:
            self._kept[path] = (entry.sha256, outline)
        return outline

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, path: object) -> bool:
        return path in self._entries


@dataclass(frozen=True, slots=True)
class Scan:
    """The source of a root, or of a part of it.

    `outlines` are by slash paths relative to `root`, in their order. `others` are readable files in no language of
    ours. `left_out` says what was not read; `complete` that time and limits left nothing out.
    """

    root: str
    outlines: Mapping[str, Outline] = field(repr=False)
    others: tuple[str, ...] = field(default=(), repr=False)
    left_out: tuple[LeftOut, ...] = ()
    complete: bool = True
    seconds: float = 0.0


class Refusals:
    """Counts what is left out while a scan goes on."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}

    def add(self, why: str, name: str = "", count: int = 1) -> None:
        """Note that `count` files, such as `name`, are left out."""
        self._counts[why] += count
        examples = self._examples.setdefault(why, [])
        if name and len(examples) < EXAMPLES:
            examples.append(name)

    def told(self) -> tuple[LeftOut, ...]:
        """Return what was left out, the most frequent reason first."""
        return tuple(
            LeftOut(why, count, tuple(sorted(self._examples[why])))
            for why, count in sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))
        )
