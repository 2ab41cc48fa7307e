"""The marks that tools and models put around lines of a file: line numbers, `file:5:`, `+`, fences, escapes."""

import html
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from stepwarden.files.elisions import is_elision, strip_elisions
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
# `file:12:`, `file:12:5:` and `file-12-` of grep, and its `file:` without numbers, which is a key of YAML or a call
# where it does not end with the name of the file
_NUMBERS_OF_GREP = r"(?::(\d{1,7}):(?:\d{1,5}:)?|-(\d{1,7})-)"
_PLACE = re.compile(rf"(?:[A-Za-z]:[\\/])?[^:\n|(){{}}\"'=<>;,]{{1,300}}?[\w.\]]{_NUMBERS_OF_GREP}")
_FILE = r"(?:[A-Za-z]:[\\/])?(?:[^:\n|]{0,300}[\\/])?"
_BLAME = re.compile(r"\^?[0-9a-f]{7,40} (?:\S+ +)?\([^()\n]* \d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} +(\d{1,7})\) ?")
_CITED = re.compile(r">()(?: |$)?")
_BULLET = re.compile(r"[*\u2022]()(?:\s|$)")
_PREFIXES = (_NUMBER_ALONE, _NUMBER, _PLACE, _BLAME, _CITED, _BULLET)

# Whole lines that tools put between those of files
_FENCE = re.compile(r"(?:`{3,}|~{3,})[^`\n]{0,200}$")
_FRAME = re.compile(
    _FENCE.pattern + r"|diff --git |index [0-9a-f]{6,}\.\."
    r"|(?:---|\+\+\+) (?:\"?[ab]/|/dev/null|\S+\t|\S+$)|\\ No newline at end of file"
    r"|(?:new|deleted) file mode \d+$|==> .* <==$|=== \S+$"
)
_HUNK = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@")
# The file's name above its numbered lines, as ripgrep writes it
_HEADING = re.compile(r"[^\s:|]+\.\w{1,8}:?\n(?=\d{1,7}[:-])")
_LABEL = (
    r"(?:(?:\#+|//+|/\*+|<!--|--|;+|%+|[-=*>]{2,}) ?)?(?:(?:file(?:name)?|path|in|from|source|at)\b:? ?)?"
    r"[`*\"'(\[<@]{0,3}[^\s`*\"'()<>]{0,300}?"
)
_POSITION = (
    r"(?:[:#,]? ?[(\[]?(?:lines? |L)?(\d{1,7})(?::\d{1,5})?(?: ?(?:[-\u2013:,]|to) ?L?\d{1,7})?[)\]]?)?"
    r"[`*\"')\]>:,]{0,4} ?(?:\*/|-->|[-=]{2,})?$"
)
# The gutter of compilers between numbered lines: a bar alone, and the marks that point into the line above it
_GUTTER = re.compile(r"[|\u2502](?:\s*[\^~][^\n]*)?$")
_POINTER = re.compile(r"\s{0,3}(?:>|=>|-{1,4}>|\u2192|\u25b6|\u276f)(?=\s|$)")
_LINE_NUMBER = re.compile(r"[0-9]{1,7}")
_ERROR = re.compile(r"E(?:\s{2,}|$)")  # what pytest writes below the line that it points to
_OUTER = (
    *(("```", "```"), ("``", "``"), ("`", "`"), ('"""', '"""'), ('"', '"'), ("'", "'"), ("**", "**")),
    *(("\u201c", "\u201d"), ("\u2018", "\u2019"), ("\u00ab", "\u00bb"), ("<code>", "</code>"), ("<pre>", "</pre>")),
)

_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_MEANINGS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "b": "\b", '"': '"', "'": "'", "`": "`", "\\": "\\", "/": "/"}
# All escapes of JSON, only line breaks and tabs, only quotation marks: models escape a text in part, too.
_ESCAPED = ("nrtfb\"'`\\/u", "nrt", "\"'`")
_MARKDOWN = re.compile(r"\\([_*\[\]()#<>~|{}!.+\-])")


@dataclass(frozen=True, slots=True)
class UnmarkedText:
    """A quote without some of its marks; `number` is that of its first line where one was taken off."""

    text: str
    number: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class _NameMarks:
    """What stands over a quote with the name of its file in it, and before each of its lines."""

    heading: re.Pattern[str]
    prefixes: tuple[re.Pattern[str], ...]

    @classmethod
    def of(cls, name: str) -> "_NameMarks":
        word = re.escape(name)
        heading = re.compile(f"{_LABEL}{word}{_POSITION}", re.IGNORECASE)
        prefixes = [f"{_FILE}{word}{_NUMBERS_OF_GREP}", f"{_FILE}{word}:()"]
        return cls(heading, tuple(re.compile(prefix, re.IGNORECASE) for prefix in prefixes))


def unmark(quote: str, name: str = "") -> list[UnmarkedText]:
    """Return the texts that a quote may mean, itself first, then those with fewer marks.

    `name` is the last part of the path of its file, which may stand over the quote and before its lines.
    """
    marks = _NameMarks.of(name) if name else None
    found = {quote: UnmarkedText(quote)}
    level = [found[quote]]
    for _ in range(DEPTH if len(quote) < LONG_CHARACTERS else LONG_DEPTH):
        deeper: list[UnmarkedText] = []
        for reading in level:
            for less in _with_one_mark_less(reading, marks):
                if less.text not in found and fold(less.text) and len(found) < MOST_READINGS:
                    found[less.text] = less
                    deeper.append(less)
        level = deeper
    return list(found.values())


def _with_one_mark_less(reading: UnmarkedText, marks: _NameMarks | None) -> Iterator[UnmarkedText]:
    if marks is not None:
        for less in _without_heading(reading.text, marks.heading):
            yield replace(less, number=reading.number or less.number, note=reading.note)
    prefixes = _PREFIXES if marks is None else (*marks.prefixes, *_PREFIXES)
    for step in (partial(_without_prefix, prefixes), *_STEPS):
        for less in step(reading.text):
            yield replace(less, number=less.number or reading.number, note=less.note or reading.note)


def _without_heading(text: str, heading: re.Pattern[str]) -> Iterator[UnmarkedText]:
    """Take off a first line that is nothing but the name of the file, and where in it the quote stands."""
    lines = split_lines(text.strip())
    match = heading.match(lines[0].strip()) if len(lines) > 1 else None
    if match is not None:
        yield UnmarkedText("\n".join(lines[1:]), int(match[1]) if match[1] else None)


def _without_prefix(prefixes: Sequence[re.Pattern[str]], text: str) -> Iterator[UnmarkedText]:
    """Take off what stands before every line that is not blank and stands for no others."""
    full = [line.strip() for line in split_lines(text) if fold(line)]
    lines = [line for line in full if not _GUTTER.match(line)]
    if not lines:
        return
    for pattern in prefixes:
        rest: list[str] = []
        number = ""
        for line in lines:
            match = None if is_elision(line) else pattern.match(line)
            if match is None and not is_elision(line):
                break
            rest.append(line[match.end() :] if match else line)
            if match and not number and fold(rest[-1]):
                number = next((group for group in match.groups() if group), "")
        else:
            yield UnmarkedText("\n".join(rest), int(number) if number else None)


def _without_numbers_between(text: str) -> Iterator[UnmarkedText]:
    """Take off line numbers on lines of their own, as `sed =` writes them."""
    lines = split_lines(text.strip())
    numbers = [int(line) for line in lines[::2] if _LINE_NUMBER.fullmatch(line.strip())]
    if len(lines) > 1 and numbers and [numbers[0] + at for at in range((len(lines) + 1) // 2)] == numbers:
        yield UnmarkedText("\n".join(lines[1::2]), numbers[0])


def _without_pointer(text: str) -> Iterator[UnmarkedText]:
    """Take off what points to one line, and the errors that pytest writes below it."""
    lines = [line for line in split_lines(text) if fold(line)]
    pointed = [line for line in lines if _POINTER.match(line)]
    if not pointed or 1 < len(pointed) == len(lines):
        return
    kept = [(line, _POINTER.match(line)) for line in lines if not _ERROR.match(line)]
    if all(match or line[:1].isspace() for line, match in kept[1:]):
        yield UnmarkedText("\n".join(line[match.end() :] if match else line for line, match in kept))


def _without_frames(text: str) -> Iterator[UnmarkedText]:
    """Take off fences, and the headings of diffs and searches."""
    lines = split_lines(text.strip("\r\n"))
    if len(lines) > 2 and _FENCE.match(lines[0].strip()):
        closed = lines[-1].strip() in {"```", "~~~", "````"}
        yield UnmarkedText("\n".join(lines[1 : -1 if closed else None]))
    kept = [line for line in lines if not (_FRAME.match(line.strip()) or _HUNK.match(line))]
    if lines and kept and _FRAME.match(lines[0].strip()):  # below it there may be fences of the file's own
        yield UnmarkedText("\n".join(lines[1:]))
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
    if "-" in marks <= {"-", " "}:
        yield UnmarkedText("\n".join(line[1:] if line[:1] == "-" else line for line in lines), number)


def _without_outer(text: str) -> Iterator[UnmarkedText]:
    """Take off quotation marks around the whole or around each line, and dots at the ends."""
    whole, lines = text.strip(), [line for line in split_lines(text) if fold(line)]
    for opening, closing in _OUTER:
        if _is_within(whole, opening, closing):
            yield UnmarkedText(whole[len(opening) : -len(closing)])
        each = [line.strip() for line in lines if line.strip() != opening + closing]
        if len(each) > 1 and all(_is_within(line, opening, closing) for line in each):
            yield UnmarkedText("\n".join(line[len(opening) : -len(closing)] for line in each))
    yield UnmarkedText(strip_elisions(text).strip("\ufffd"))  # halves of letters, where a tool cut bytes


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
    _without_pointer,
    _without_numbers_between,
    _unescaped,
    _without_frames,
    _without_diff,
    _without_outer,
    _as_utf8,
)
