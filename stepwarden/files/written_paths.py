"""How hosts and models write the path of a file, and the lines in it: what such a text can mean."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import unquote

from stepwarden.files.paths import PATH_CHARACTERS

_URI = re.compile(
    r"(?:file|vscode(?:-insiders)?|cursor|windsurf|zed)://(?:localhost(?=/)|file(?=/))?(?=/)|file:(?=/[^/])"
)
_LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+(?:\([^()]*\)[^()\s]*)*)\)")
_DRIVE = re.compile(r"/(?=[A-Za-z]:[\\/])")
_WRAPPED = (("`", "`"), ('"', '"'), ("'", "'"), ("<", ">"), ("**", "**"), ("(", ")"), ("[", "]"), ("\u201c", "\u201d"))
_MENTION = re.compile(r"(?:@|#file:)(?=[^\s@])")
_DASH = "[-\u2013\u2014]"
_POSITIONS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf":L?(\d{{1,7}})(?::\d{{1,5}})?(?:{_DASH}L?(\d{{1,7}})(?::\d{{1,5}})?)?:?$",  # a.py:12, :12:5, :12-20
        rf"(?:\?plain=1)?[#@?]L?(\d{{1,7}})(?:C\d+)?(?:{_DASH}L?(\d{{1,7}})(?:C\d+)?)?$",  # a.py#L12-L20
        # a.py(12,5), a.py (lines 3-9)
        rf"\s*[(\[](?:lines?\s+|L)?(\d{{1,7}})(?:\s*(?:,|{_DASH}|:)\s*L?(\d{{1,7}}))?[)\]]$",
        rf",?\s+(?:at\s+|on\s+)?(?:lines?\s+|L)(\d{{1,7}})(?:\s*(?:{_DASH}|to)\s*L?(\d{{1,7}}))?$",  # a.py, line 12
    )
)
_COLUMNS = 2  # of _POSITIONS, the one in which a comma comes before a column
_NODE = re.compile(r"(?<=\.\w)(\w{0,9})::[\w\[\].:<> -]+$")  # a.py::TestCart::test_total[1-2]
_SYMBOL = re.compile(r"(?<=\.\w)(\w{0,9})[:#](?!L\d)[A-Za-z_$][\w$.]*(?:\(\))?$")  # a.py:Cart.total, a.py#total
_DIFF_SIDES = ("a/", "b/", "i/", "w/", "c/", "o/")

_IN_TEXT = re.compile(
    r"([^\s`'\"()\[\]{}<>,;:]*[^\s`'\"()\[\]{}<>,;:.])"
    rf"(?:`?:(?:L|lines? )?(\d{{1,7}})(?::\d{{1,5}}(?!\d))?(?:\s?{_DASH}\s?L?(\d{{1,7}}))?"
    rf"|#L(\d{{1,7}})(?:{_DASH}L?(\d{{1,7}}))?|`?,?\s\(?(?:lines?\s|L)(\d{{1,7}})(?:\s?(?:{_DASH}|to)\s?L?(\d{{1,7}}))?)"
)


@dataclass(frozen=True, slots=True)
class WrittenPath:
    """A path, with the first and last line where it was written with any."""

    path: str
    line: int | None = None
    last: int | None = None


def read_written(text: str) -> tuple[WrittenPath, ...]:
    """Return what a path as it was written can mean, itself first, the most likely of the others last.

    By its letters alone: which of them is a file, only the disk can say.
    """
    found = {text: WrittenPath(text)}
    if len(text) > PATH_CHARACTERS:
        return tuple(found.values())
    for reading in _unwrapped(text):
        found.setdefault(reading, WrittenPath(reading))
        for positioned in _without_position(reading):
            found.setdefault(positioned.path, positioned)
    return tuple(found.values())


def inside_project(reading: WrittenPath, project: str) -> Iterator[WrittenPath]:
    """Yield what a path can mean that is written as from outside: `/src/a.py`, `a/src/a.py`, `project/src/a.py`."""
    path = reading.path
    bare = path.lstrip("/")
    if bare != path and bare:
        yield replace(reading, path=bare)
    first, _, rest = bare.partition("/")
    if rest and (f"{first}/" in _DIFF_SIDES or first == project):
        yield replace(reading, path=rest)
    elif rest and f"/{project}/" in bare:  # the project as another machine or a container mounts it
        yield replace(reading, path=bare.rpartition(f"/{project}/")[2])


def find_places(text: str) -> Iterator[WrittenPath]:
    """Yield the files with lines that a text names: `src/a.py:10-20`, `a.py#L5`, `src/a.py, lines 3-9`."""
    for match in _IN_TEXT.finditer(text):
        numbers = [int(number) for number in match.groups()[1:] if number]
        path = match[1].replace("\\", "/")
        yield WrittenPath(path.removeprefix("@").removeprefix("./"), numbers[0], max(numbers))


def _unwrapped(text: str) -> Iterator[str]:
    """Yield a text with less and less around the path in it."""
    text = text.strip().strip("\ufeff\u200b\u2060")
    for _ in range(4):
        before = text
        if link := _LINK.fullmatch(text):
            text = link[1]
        for opening, closing in _WRAPPED:
            if len(text) > len(opening) + len(closing) and text.startswith(opening) and text.endswith(closing):
                text = text[len(opening) : -len(closing)].strip()
        text = _MENTION.sub("", text, count=1) if _MENTION.match(text) else text
        text = text.rstrip(",;:")
        if text == before:
            break
    yield text
    if uri := _URI.match(text):
        text = _DRIVE.sub("", unquote(text[uri.end() :])) if os.sep == "\\" else unquote(text[uri.end() :])
        yield text
    if os.sep == "/" and "\\" in text:
        yield text.replace("\\\\", "/").replace("\\", "/")


def _without_position(text: str) -> Iterator[WrittenPath]:
    if node := _NODE.search(text):
        yield WrittenPath(text[: node.end(1)])
        return
    for index, pattern in enumerate(_POSITIONS):
        match = pattern.search(text)
        if match and match.start():
            first = int(match[1])
            is_column = index == _COLUMNS and "," in match[0]
            last = int(match[2]) if match[2] and not is_column else first
            yield WrittenPath(text[: match.start()].rstrip("`'\" "), first or None, max(first, last) or None)
            return
    if symbol := _SYMBOL.search(text):
        yield WrittenPath(text[: symbol.end(1)])
