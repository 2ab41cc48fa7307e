"""The files of a tree by directory and by file name."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from posixpath import dirname

from stepwarden.source.outline import Language, SourceFile


class FileIndex:
    """The files of `outlines`, indexed when first asked for."""

    def __init__(self, outlines: Mapping[str, SourceFile]) -> None:
        self.outlines = outlines

    def __contains__(self, path: str) -> bool:
        return path in self.outlines

    def in_directory(self, directory: str, language: Language) -> tuple[str, ...]:
        """Return the files of a language directly in a directory, sorted."""
        return self._by_directory.get((directory, language), ())

    def siblings(self, path: str) -> tuple[str, ...]:
        """Return the files of the same language in the same directory, which are one package in Go."""
        return self.in_directory(dirname(path), self.outlines[path].language)

    def ending_with(self, tail: str) -> list[str]:
        """Return the files whose paths end with the path `tail`."""
        name = tail.rpartition("/")[2]
        return [path for path in self._by_name.get(name, ()) if path == tail or path.endswith(f"/{tail}")]

    @cached_property
    def _by_directory(self) -> Mapping[tuple[str, Language], tuple[str, ...]]:
        found: dict[tuple[str, Language], list[str]] = defaultdict(list)
        for path, outline in self.outlines.items():
            found[dirname(path), outline.language].append(path)
        return {key: tuple(sorted(paths)) for key, paths in found.items()}

    @cached_property
    def _by_name(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, list[str]] = defaultdict(list)
        for path in self.outlines:
            found[path.rpartition("/")[2]].append(path)
        return {name: tuple(paths) for name, paths in found.items()}


def nearest(path: str, candidates: Sequence[str]) -> tuple[str, ...]:
    """Return the candidate that shares the most directories with `path`, the shortest of several; () for none."""
    if len(candidates) < 2:
        return tuple(candidates)
    here = path.split("/")[:-1]

    def distance(other: str) -> tuple[int, int, str]:
        shared = 0
        for mine, its in zip(here, other.split("/"), strict=False):
            if mine != its:
                break
            shared += 1
        return (-shared, len(other), other)

    best = min(candidates, key=distance, default=None)
    return () if best is None else (best,)
