"""The marks that tools and models put around lines of a file: line numbers, `file:5:`, `+`, fences, escapes."""

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from stepwarden.files.text import fold, split_lines, strip_colours

MOST_READINGS = 40  # of one quote
LONG_CHARACTERS, LONG_DEPTH = 20_000, 2  # of a quote of which fewer marks are taken off
DEPTH = 4  # marks on top of each other: a fence around the output of grep in a diff, say

REMOVED_LINES = "its removed lines (-) were not looked up"

# All patterns are for lines without white space before and after.
# `12`, `12:`, `[12]`, `(12)`, `L12`, `line 12`, `> 12 |`, `12.`, `12)` of read tools, editors, debuggers and tracebacks
_NUMBER_WORDS = (
    r"(?:[>*\u276f\u2771\u2192\u25b6\u279c] *|-{1,4}> *)?(?:[|\u2502\u2503] *(?:\u2771 *)?)?(?:L|\#|[Ll]ine )?"
    r"(?:\[(\d{1,7})\]|\((\d{1,7})\)|(\d{1,7}))"
)
_NUMBER = re.compile(_NUMBER_WORDS + r"(?:\t|\u2192|\u00bb|[ \t]{0,9}[|\u2502\u2503\u250a:]|[.)](?=\s|$)|-|[ \t]|$)")
_NUMBER_ALONE = re.compile(_NUMBER_WORDS + r"(?:\s|$)")  # where the line itself starts with `|` or `:`
# `file:12:`, `file:12:5:` and `file-12-` of grep, and its `file:` without numbers
_PLACE = re.compile(r"(?:[A-Za-z]:[\\/])?[^:\n|]{1,300}?[\w.)\]](?::(\d{1,7}):(?:\d{1,5}:)?|-(\d{1,7})-)")
_FILE = re.compile(r"(?:[A-Za-z]:[\\/])?[^\s:|]{0,300}[./\\][^\s:|]{1,100}:()")
_BLAME = re.compile(r"\^?[0-9a-f]{7,40} (?:\S+ +)?\([^()\n]* \d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} +(\d{1,7})\) ?")
_CITED = re.compile(r">()(?: |$)?")
_BULLET = re.compile(r"[*\u2022]()(?:\s|$)")
_PREFIXES = (_NUMBER_ALONE, _NUMBER, _PLACE, _FILE, _BLAME, _CITED, _BULLET)

# Whole lines that tools put between those of files
_FRAME = re.compile(
    r"(?:`{3,}|~{3,})[\w+#.:={}\"'/ -]*$|diff --git |index [0-9a-f]{6,}\.\."
    r"|(?:---|\+\+\+) (?:\"?[ab]/|/dev/null|\S+\t|\S+$)|\\ No newline at end of file"
    r"|(?:new|deleted) file mode \d+$|==> .* <==$|=== \S+$"
)
_FENCE = re.compile(r"(?:`{3,}|~{3,})[\w+#.:={}\"'/ -]*$")
_HUNK = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@")
# The file's name above its numbered lines, as ripgrep writes it
_HEADING = re.compile(r"[^\s:|]+\.\w{1,8}:?\n(?=\d{1,7}[:-])")
_ELISION = re.compile(
    r"(?:\#|//|/\*|--|<!--|;|%|\*)? ?(?:\.{3,}|\u2026|[\[(<{](?:\.{3}|\u2026)[^\n]{0,40}[\])>}]) ?(?:\*/|-->)?$|--$"
)
_DOTS = ("...", "\u2026")
_OUTER = (
    *(("```", "```"), ("``", "``"), ("`", "`"), ('"""', '"""'), ('"', '"'), ("'", "'"), ("**", "**")),
    *(("\u201c", "\u201d"), ("\u2018", "\u2019"), ("\u00ab", "\u00bb"), ("<code>", "</code>"), ("<pre>", "</pre>")),
)

_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_MEANINGS = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "'": "'", "`": "`", "\\": "\\", "/": "/"}
# All escapes of JSON, only line breaks and tabs, only quotation marks: models escape a text in part, too.
_ESCAPED = ("nrt\"'`\\/u", "nrt", "\"'`")
_MARKDOWN = re.compile(r"\\([_*\[\]()#<>~|{}!.+\-])")


@dataclass(frozen=True, slots=True)
class UnmarkedText:
    """A quote without some of its marks; `number` is that of its first line where one was taken off."""

    text: str
    number: int | None = None
    note: str = ""


def unmark(quote: str) -> list[UnmarkedText]:
    """Return the texts that a quote may mean, itself first, then those with fewer marks."""
    found = {quote: UnmarkedText(quote)}
    level = [found[quote]]
    for _ in range(DEPTH if len(quote) < LONG_CHARACTERS else LONG_DEPTH):
        deeper: list[UnmarkedText] = []
        for reading in level:
            for less in _with_one_mark_less(reading):
                if less.text not in found and fold(less.text) and len(found) < MOST_READINGS:
                    found[less.text] = less
                    deeper.append(less)
        level = deeper
    return list(found.values())


def split_elided(text: str) -> list[str]:
    """Return the parts of a quote between lines that stand for others (`...`), the whole where there is none."""
    parts: list[list[str]] = [[]]
    for line in split_lines(text):
        if _ELISION.match(line.strip()):
            parts.append([])
        else:
            parts[-1].append(line)
    return [joined for part in parts if fold(joined := "\n".join(part))]


def _with_one_mark_less(reading: UnmarkedText) -> Iterator[UnmarkedText]:
    for step in _STEPS:
        for less in step(reading.text):
            yield replace(less, number=less.number or reading.number, note=less.note or reading.note)


def _without_prefix(text: str) -> Iterator[UnmarkedText]:
    """Take off what stands before every line that is not blank and stands for no others."""
    lines = [line.strip() for line in split_lines(text) if fold(line)]
    for pattern in _PREFIXES:
        rest: list[str] = []
        number = ""
        for line in lines:
            match = None if _ELISION.match(line) else pattern.match(line)
            if match is None and not _ELISION.match(line):
                break
            rest.append(line[match.end() :] if match else line)
            if match and not number and fold(rest[-1]):
                number = next((group for group in match.groups() if group), "")
        else:
            yield UnmarkedText("\n".join(rest), int(number) if number else None)


def _without_frames(text: str) -> Iterator[UnmarkedText]:
    """Take off fences, and the headings of diffs and searches."""
    lines = split_lines(text.strip("\r\n"))
    if len(lines) > 2 and _FENCE.match(lines[0].strip()):
        closed = lines[-1].strip() in {"```", "~~~", "````"}
        yield UnmarkedText("\n".join(lines[1 : -1 if closed else None]))
    kept = [line for line in lines if not (_FRAME.match(line.strip()) or _HUNK.match(line))]
    if len(kept) < len(lines):
        hunk = next((match for match in map(_HUNK.match, lines) if match), None)
        yield UnmarkedText("\n".join(kept), int(hunk[1]) if hunk else None)
    if heading := _HEADING.match(text):
        yield UnmarkedText(text[heading.end() :])


def _without_diff(text: str) -> Iterator[UnmarkedText]:
    """Read a diff as the file after it, one without additions as the file before, too.

    Lines with `-` are left out only where additions or the heading of a hunk show that it is a diff.
    """
    lines = split_lines(text)
    hunk = next((match for match in map(_HUNK.match, lines) if match), None)
    lines = [line for line in lines if not (_FRAME.match(line) or _HUNK.match(line))]
    full = [line[:1] for line in lines if line.strip()]
    marks = {*full[:1], *full[1:]} if full[:1] in (["+"], ["-"]) else {*full[1:]}  # the first may have lost its blank
    number = int(hunk[1]) if hunk else None
    if "+" in marks or (hunk and "-" in marks):
        is_diff = marks <= {"+", "-", " "}
        after = [line[1:] if line[:1] == "+" else line for line in lines if not (is_diff and line[:1] == "-")]
        yield UnmarkedText("\n".join(after), number, REMOVED_LINES if is_diff and "-" in marks else "")
    if "-" in marks and "+" not in marks:
        yield UnmarkedText("\n".join(line[1:] if line[:1] == "-" else line for line in lines), number)


def _without_outer(text: str) -> Iterator[UnmarkedText]:
    """Take off quotation marks around the whole or around each line, and dots at the ends."""
    whole, lines = text.strip(), [line for line in split_lines(text) if fold(line)]
    for opening, closing in _OUTER:
        if _is_within(whole, opening, closing):
            yield UnmarkedText(whole[len(opening) : -len(closing)])
        if len(lines) > 1 and all(_is_within(line.strip(), opening, closing) for line in lines):
            yield UnmarkedText("\n".join(line.strip()[len(opening) : -len(closing)] for line in lines))
    cut = whole
    for dots in _DOTS:
        cut = cut.removeprefix(dots).removesuffix(dots).strip()
    yield UnmarkedText(cut.strip("\ufffd"))  # halves of letters, where a tool cut bytes


def _is_within(text: str, opening: str, closing: str) -> bool:
    return len(text) > len(opening) + len(closing) and text.startswith(opening) and text.endswith(closing)


def _unescaped(text: str) -> Iterator[UnmarkedText]:
    if "\\" in text:
        for letters in _ESCAPED:
            less = _ESCAPE.sub(lambda match, letters=letters: _meaning(match, letters), text)
            # JSON writes characters past U+FFFF as two escapes
            yield UnmarkedText(less.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
        yield UnmarkedText(_MARKDOWN.sub(r"\1", text))
    if "&" in text and ";" in text:
        yield UnmarkedText(html.unescape(text))
    yield UnmarkedText(strip_colours(text))


def _meaning(match: re.Match[str], letters: str) -> str:
    escaped = match[1]
    if escaped[0] not in letters:
        return match[0]
    if len(escaped) > 1:
        return chr(int(escaped[1:], 16))
    return _MEANINGS.get(escaped, match[0])


def _as_utf8(text: str) -> Iterator[UnmarkedText]:
    """Undo what reading UTF-8 as the encoding of Western Windows makes of letters."""
    if not text.isascii():
        try:
            yield UnmarkedText(b"".join(map(_western, text)).decode("utf-8"))
        except UnicodeError:
            return


def _western(letter: str) -> bytes:
    try:
        return letter.encode("cp1252")
    except UnicodeEncodeError:
        return letter.encode("latin-1")  # five bytes have no letter of their own


_STEPS: tuple[Callable[[str], Iterator[UnmarkedText]], ...] = (
    _without_prefix,
    _unescaped,
    _without_frames,
    _without_diff,
    _without_outer,
    _as_utf8,
)
