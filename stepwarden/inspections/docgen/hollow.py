"""Finds new documentation that says nothing: a placeholder, a mark, or the name once more."""

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath

from stepwarden.source.file_parser import as_utf8, parse_outline
from stepwarden.source.outline import Definition, DefinitionKind

_STRING = re.compile(r"(\"\"\"|'''|\"|')(.*)\1", re.DOTALL)
_TAG = re.compile(r"</?(?:summary|para|remarks|p)\s*/?>", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
_NAME_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")
# Placeholders, and what names a kind of definition without saying anything of this one.
_EMPTY = frozenset(
    _WORD.findall(
        """todo fixme tbd xxx wip na placeholder docstring doc docs documentation documented document description
        describe undocumented summary comment add write fill insert missing here later me lorem ipsum foo bar a an the
        this that is it of for and function method class module package file type interface enum struct constant
        variable field"""
    )
)


def find_hollow(data: bytes, before: bytes, path: str, wanted: Iterable[Definition]) -> tuple[Definition, ...]:
    """Return the definitions of `wanted`, of the file with these bytes, whose documentation is new and says nothing.

    What stood there in `before`, the first text, is not new.
    """
    lines = _lines(data)
    first = parse_outline(path, before)
    old: defaultdict[str, set[str]] = defaultdict(set)
    old_lines = _lines(before)
    for item in first.definitions if first is not None else ():
        old[item.qualified].add(_text_of(item, old_lines))
    return tuple(
        item
        for item in wanted
        if item.documented
        and item.doc_lines is not None
        and (text := _text_of(item, lines)) not in old[item.qualified]
        and says_nothing(text, _names(item, path))
    )


def says_nothing(text: str, names: Iterable[str]) -> bool:
    """Whether documentation has no word but placeholders and those of `names`."""
    known = {part.lower() for name in names for part in (name, *_NAME_PART.findall(name))}
    known |= {f"{word}s" for word in known}
    return all(word in _EMPTY or word in known for word in _WORD.findall(text.lower()))


def _names(item: Definition, path: str) -> tuple[str, ...]:
    if item.kind is not DefinitionKind.MODULE:
        return (item.name,)
    pure = PurePosixPath(path)
    return item.name, pure.name, *pure.stem.split("_"), *((pure.parent.name,) if pure.stem == "__init__" else ())


def _lines(data: bytes) -> list[str]:
    return as_utf8(data).decode("utf-8", "replace").splitlines()


def _text_of(item: Definition, lines: list[str]) -> str:
    """Return the documentation of a definition, "" where it has none."""
    if item.doc_lines is None:
        return ""
    start, end = item.doc_lines
    text = "\n".join(lines[start - 1 : end])
    found = _STRING.search(text) if item.line <= start else None  # a docstring stands inside, a comment above
    return _TAG.sub("", found[2] if found is not None else text)
