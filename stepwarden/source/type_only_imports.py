"""Imports that a file has only for types: they load nothing, so they close no cycle."""

import re
from collections.abc import Iterable, Iterator

from stepwarden.files.text import split_lines
from stepwarden.source.outline import SCRIPTS, Language

_TYPE_CHECKING = re.compile(r"^(\s*)if\s+(?:\w+\.)?TYPE_CHECKING\s*:")
_TYPE_IMPORT = re.compile(r"^[ \t]*(?:import|export)\s+(?:type\s+(?!from\b)|\{([^}]*)\}\s*from\b)", re.MULTILINE)


def find_type_imports(language: Language, text: str) -> frozenset[int]:
    """Return the lines on which imports for types start: below `if TYPE_CHECKING`, and `import type`."""
    if language is Language.PYTHON:
        return frozenset(_below_type_checking(split_lines(text)) if "TYPE_CHECKING" in text else ())
    return frozenset(_type_imports(text)) if language in SCRIPTS else frozenset()


def _below_type_checking(lines: Iterable[str]) -> Iterator[int]:
    depth: int | None = None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        indent = len(line) - len(line.lstrip())
        if depth is not None and indent > depth:
            yield number
            continue
        match = _TYPE_CHECKING.match(line)
        depth = len(match[1]) if match else None


def _type_imports(text: str) -> Iterator[int]:
    for match in _TYPE_IMPORT.finditer(text):
        names = [name.strip() for name in (match[1] or "").split(",") if name.strip()]
        if match[1] is None or (names and all(name.startswith("type ") for name in names)):
            yield text.count("\n", 0, match.start()) + 1
