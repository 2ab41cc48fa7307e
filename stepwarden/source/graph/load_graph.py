"""Which file of a tree loads which, by the summaries of the files."""

from collections.abc import Collection, Mapping

from stepwarden.source.file_summary import FileSummary
from stepwarden.source.graph.loaded_files import LoadedFiles
from stepwarden.source.graph.modules import Modules


class LoadGraph:
    """What the files of `summaries` load; `packages` is as in `Modules`. Each is looked up when it is asked for."""

    def __init__(self, summaries: Mapping[str, FileSummary], packages: Mapping[str, str] | None = None) -> None:
        self._summaries = summaries
        self._loaded = LoadedFiles(Modules(summaries, packages), lambda path: summaries[path].names)
        self._by_path: dict[str, frozenset[str]] = {}

    def loaded_by(self, path: str, without: Collection[int] = ()) -> frozenset[str]:
        """Return the files that a file imports when it is loaded, leaving out the imports on the lines `without`."""
        if without:
            return self._look_up(path, without)
        if path not in self._by_path:
            self._by_path[path] = self._look_up(path)
        return self._by_path[path]

    def _look_up(self, path: str, without: Collection[int] = ()) -> frozenset[str]:
        found: set[str] = set()
        for item in self._summaries[path].loads:
            if item.line not in without:
                found.update(self._loaded.of(path, item.module, item.level, item.names))
        return frozenset(found - {path})
