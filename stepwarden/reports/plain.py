"""Makes untrusted text safe to show: threads contain what models wrote about anybody's files."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

# Characters that change the direction of text, so that it reads differently from what it is (CVE-2021-42574).
_DIRECTION_MARKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~$&!])")
_TAG = re.compile(r"([\\<>\[\]|&$])")
_LINK = re.compile(r"(?<!\\)((?:\\\\)*)([<\[])")  # not escaped already
_TITLE = re.compile(r"^\s{0,3}(?=(?:#{1,2}|=+|-+)\s*$|#{1,2}\s)")
_RULE = re.compile(r"^(\s*\d{0,9})(?:(?<!\d)([-=*_+#])|(?<=\d)([.)]))(?=\s*$|[-=*_# ])")
_SPAN = re.compile(r"(`[^`]*`)")
_FENCE = re.compile(r"`{3,}")


def visible(text: str) -> str:
    """Return `text` with control characters and those that change its direction shown by their code points."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible_character(char) for char in text.replace("\r\n", "\n"))


def _visible_character(char: str) -> str:
    if char in "\n\t":
        return char
    hidden = char in _DIRECTION_MARKS or unicodedata.category(char) in {"Cc", "Cs"}
    return f"[U+{ord(char):04X}]" if hidden else char


def one_line(text: str, chars: int) -> str:
    """Return `text` on one line, cut to `chars` characters, at the end of a word where one is near."""
    line = " ".join(visible(text).split())
    if len(line) <= chars:
        return line
    cut = line[: chars - 1]
    words = cut.rpartition(" ")[0]
    return f"{words if len(words) > chars * 2 // 3 else cut}…"


def escaped(text: str) -> str:
    """Return `text` on one line as Markdown that shows it verbatim."""
    line = " ".join(visible(text).split())
    return _RULE.sub(r"\1\\\2\3", _MARKUP.sub(r"\\\1", line))


def code(text: str) -> str:
    """Return `text` on one line as a code span of Markdown."""
    line = " ".join(visible(text).split()) or " "
    longest = max((len(run) for run in re.findall(r"`+", line)), default=0)
    mark = "`" * (longest + 1)
    return f"{mark} {line} {mark}" if longest else f"`{line}`"


def fence(text: str, info: str = "") -> list[str]:
    """Return `text` as the lines of a fenced block that its own fences cannot close."""
    longest = max((len(run) for run in _FENCE.findall(text)), default=2)
    mark = "`" * max(3, longest + 1)
    return [f"{mark}{info}", *visible(text).rstrip("\n").split("\n"), mark]


def quoted(text: str) -> list[str]:
    """Return untrusted Markdown as the lines of a block quote: lists, emphasis and code stay, the rest is plain text.

    It cannot end the quote, make headings or tables, load images, link, or add HTML.
    """
    return [f"> {line}".rstrip() for line in _lines(visible(text), _neutralize_text)] or [">"]


def neutralize(text: str) -> list[str]:
    """Return the lines of a tool's own Markdown, which has untrusted names, without HTML, links, images and titles."""
    return list(_lines(visible(text), _neutralize_line))


def _neutralize_line(line: str) -> str:
    return _TITLE.sub(r"\\", _outside_code(line, _LINK, r"\1\\\2"))


def _outside_code(line: str, pattern: re.Pattern[str], replacement: str) -> str:
    """Replace matches in `line` outside of code spans; only simple spans that lie within the line count."""
    if line.count("`") % 2 or "``" in line or "\\`" in line:
        return pattern.sub(replacement, line.replace("`", "'"))
    return "".join(
        part if index % 2 else pattern.sub(replacement, part) for index, part in enumerate(_SPAN.split(line))
    )


def _lines(text: str, safe: Callable[[str], str]) -> Iterator[str]:
    """Yield the lines of `text`, fenced blocks with new fences, other lines made `safe`."""
    lines = text.split("\n")
    at = 0
    for token in _parser().parse(text):
        if token.type != "fence" or token.level or token.map is None:
            continue
        start, end = token.map
        yield from map(safe, lines[at:start])
        word = re.match(r"[A-Za-z0-9+#-]{1,20}", token.info.strip())
        yield from fence(token.content, word[0] if word else "")
        at = end
    yield from map(safe, lines[at:])


def _neutralize_text(line: str) -> str:
    """Return a line with everything escaped but words, lists, emphasis and code."""
    if not line.strip():
        return ""
    indent = len(line) - len(line.lstrip(" \t"))
    body = line.strip()
    body = _outside_code(body, _TAG, r"\\\1")
    body = re.sub(r"^(#{1,6}|[=~+]+|-{2,}|\d{10,})", r"\\\1", body)
    body = re.sub(r"^(-|\*|_)(?=\s*\1|\s*$)", r"\\\1", body)
    return " " * min(indent, 3 if indent < 4 else 2) + body


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False})
