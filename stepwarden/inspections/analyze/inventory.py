"""The files of a code base: sources, tests, sizes, entry points."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property

from stepwarden.source.file_summary import FileSummary
from stepwarden.source.outline import Language
from stepwarden.source.testfiles import is_test_file

LARGE_LINES = 300  # from which a file is named for its size
_ENTRY_FILES = re.compile(
    r"(?:^|/)(?:__main__\.py|manage\.py|wsgi\.py|asgi\.py|main\.(?:py|go|ts|js|rs|c|cc|cpp)|cli\.py|server\.(?:py|ts|js)"
    r"|index\.(?:tsx?|jsx?)|app\.(?:py|tsx?|jsx?)|Program\.cs|Main\.java)$"
)
_ROUTES = re.compile(r"\b(?:route|command|task|get|post|put|delete|websocket|cli|group|receiver|job|tool)\b")


class Inventory:
    """The files of a code base by their `summaries`; tests and generated files only count."""

    def __init__(self, summaries: Mapping[str, FileSummary]) -> None:
        self._summaries = summaries

    @cached_property
    def sources(self) -> Mapping[str, FileSummary]:
        """The files that people write and run, by path."""
        return {
            path: summary
            for path, summary in self._summaries.items()
            if not summary.generated and not is_test_file(path)
        }

    @cached_property
    def test_count(self) -> int:
        """The number of test files."""
        return sum(is_test_file(path) for path in self._summaries)

    @cached_property
    def line_count(self) -> int:
        """The lines of all sources."""
        return sum(summary.lines for summary in self.sources.values())

    @cached_property
    def languages(self) -> Sequence[tuple[Language, int]]:
        """Source files by language, most first."""
        return Counter(summary.language for summary in self.sources.values()).most_common()

    @cached_property
    def largest(self) -> Sequence[tuple[str, int]]:
        """Large files of the main languages with their lines, the largest first."""
        main = {language for language, number in self.languages if number * 10 >= len(self.sources)}
        sized = [
            (path, summary.lines)
            for path, summary in self.sources.items()
            if summary.lines >= LARGE_LINES and summary.language in main
        ]
        return sorted(sized, key=lambda item: (-item[1], item[0]))

    @cached_property
    def entry_points(self) -> Sequence[str]:
        """Files where execution or requests start, by the names of files and functions and by decorators."""
        found = [path for path, summary in self.sources.items() if _is_entry_point(summary)]
        return sorted(found, key=lambda path: (path.count("/"), path))


def _is_entry_point(summary: FileSummary) -> bool:
    if summary.runs_main or _ENTRY_FILES.search(summary.path):
        return True
    return sum(_ROUTES.search(text) is not None for text in summary.decorators) >= 2
