"""The files of a code base: sources, tests, sizes, entry points."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property

from stepwarden.source.outline import Language, Outline
from stepwarden.source.testfiles import is_test_file

LARGE_LINES = 300  # from which a file is named for its size
_ENTRY_FILES = re.compile(
    r"(?:^|/)(?:__main__\.py|manage\.py|wsgi\.py|asgi\.py|main\.(?:py|go|ts|js|rs|c|cc|cpp)|cli\.py|server\.(?:py|ts|js)"
    r"|index\.(?:tsx?|jsx?)|app\.(?:py|tsx?|jsx?)|Program\.cs|Main\.java)$"
)
_ROUTES = re.compile(r"\b(?:route|command|task|get|post|put|delete|websocket|cli|group|receiver|job|tool)\b")
_MAIN_LANGUAGES = frozenset({Language.GO, Language.C, Language.CPP, Language.RUST, Language.JAVA})


class Inventory:
    """The files of `outlines`; tests and generated files only count."""

    def __init__(self, outlines: Mapping[str, Outline]) -> None:
        self.outlines = outlines

    @cached_property
    def sources(self) -> Mapping[str, Outline]:
        """The files that people write and run, by path."""
        return {
            path: outline for path, outline in self.outlines.items() if not outline.generated and not is_test_file(path)
        }

    @cached_property
    def test_count(self) -> int:
        """The number of test files."""
        return sum(is_test_file(path) for path in self.outlines)

    @cached_property
    def line_count(self) -> int:
        """The lines of all sources."""
        return sum(outline.lines for outline in self.sources.values())

    @cached_property
    def languages(self) -> Sequence[tuple[Language, int]]:
        """Source files by language, most first."""
        return Counter(outline.language for outline in self.sources.values()).most_common()

    @cached_property
    def largest(self) -> Sequence[tuple[str, int]]:
        """Large files of the main languages with their lines, the largest first."""
        main = {language for language, number in self.languages if number * 10 >= len(self.sources)}
        sized = [
            (path, outline.lines)
            for path, outline in self.sources.items()
            if outline.lines >= LARGE_LINES and outline.language in main
        ]
        return sorted(sized, key=lambda item: (-item[1], item[0]))

    @cached_property
    def entry_points(self) -> Sequence[str]:
        """Files where execution or requests start, by the names of files and functions and by decorators."""
        found = [path for path, outline in self.sources.items() if _is_entry_point(outline)]
        return sorted(found, key=lambda path: (path.count("/"), path))


def _is_entry_point(outline: Outline) -> bool:
    if _ENTRY_FILES.search(outline.path):
        return True
    if any(item.qualified == "main" and item.line for item in outline.definitions) and _runs_main(outline):
        return True
    routes = sum(bool(_ROUTES.search(text)) for item in outline.definitions for text in item.decorators)
    return routes >= 2


def _runs_main(outline: Outline) -> bool:
    """Whether a function `main` is run: by its language, or by a call in the file."""
    return outline.language in _MAIN_LANGUAGES or any(call.name == "main" and not call.inside for call in outline.calls)
