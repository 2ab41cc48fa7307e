"""Looking a quote up in a file: pure, on text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from stepwarden.files.text import FoldedText, fold, solid, split_lines
from stepwarden.steps.evidence import Verdict

QUOTE_CHARACTERS = 12  # not counting spaces; protocol, section 4
MATCHES = 500  # how many of a quote's matches are compared for the one nearest to the line given

_TOO_SHORT = "too short: quote at least 12 characters, or a whole line with its number"
_EMPTY = "the quote is empty"
_ABSENT = "not in the file"

_WORD = re.compile(r"[^\W\d_]{3}")
_LINE_PREFIX = re.compile(r"\s*>?\s*(?:L|[Ll]ine )?(\d{1,7})(?:\t|→|[ \t]*[|│:]|-|\s*$)")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_MEANINGS = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "'": "'", "`": "`", "\\": "\\", "/": "/"}
# All of JSON's, only the breaks, only the quotation marks: models do not always escape a text as a whole.
_ESCAPED = ("nrt\"'`\\/u", "nrt", "\"'`")


@dataclass(frozen=True, slots=True)
class QuoteMatch:
    """The verdict on one quote; where it is not in the file, `target` is the words to look for something like it."""

    verdict: Verdict
    line: int | None = None
    note: str = ""
    target: str | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """One reading of a quote; `number` is its first line's, where line-number prefixes were taken off."""

    text: str
    folded: str
    number: int | None = None


def look_up(page: FoldedText, quote: str, line: int | None) -> QuoteMatch:
    """Look `quote` up in `page`; `line`, from 1, is where it was said to stand.

    Case counts, white space does not; escapes and line-number prefixes are undone only where the words as they
    stand are not found.
    """
    forms = read_forms(quote)
    if not forms:
        return QuoteMatch(Verdict.REFUTED, note=_EMPTY)
    short = False
    for form in forms:
        if solid(form.folded) < QUOTE_CHARACTERS:
            short = True
            finding = _look_up_line(page, form, line)
        else:
            finding = _look_up_words(page, form, line)
        if finding is not None:
            return finding
    if short:
        return QuoteMatch(Verdict.REFUTED, note=_TOO_SHORT)
    return QuoteMatch(Verdict.REFUTED, note=_ABSENT, target=_missing_line(page, forms[min(1, len(forms) - 1)]))


def still_there(page: FoldedText, quote: str) -> bool:
    """Return whether the words of a quote that held once are anywhere in `page`; a short one has to be a whole line."""
    lines: set[str] | None = None
    for form in read_forms(quote):
        if solid(form.folded) >= QUOTE_CHARACTERS:
            if form.folded in page.folded:
                return True
            continue
        lines = {page.line(index) for index in range(len(page))} if lines is None else lines
        if form.folded in lines:
            return True
    return False


def read_forms(quote: str) -> list[Form]:
    """Return the readings of a quote, the words as they stand first; none for an empty one."""
    forms: dict[str, Form] = {}
    for text in dict.fromkeys(_unescaped(quote)):
        stripped, number = _without_prefixes(text)
        for form in (Form(text, fold(text)), Form(stripped, fold(stripped), number)):
            if form.folded:
                forms.setdefault(form.folded, form)
    return list(forms.values())


def _unescaped(quote: str) -> Iterator[str]:
    yield quote
    if "\\" not in quote:
        return
    for letters in _ESCAPED:
        text = _ESCAPE.sub(lambda match, letters=letters: _meaning(match, letters), quote)
        # JSON writes characters past U+FFFF as two escapes
        yield text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _meaning(match: re.Match[str], letters: str) -> str:
    escaped = match[1]
    if escaped[0] not in letters:
        return match[0]
    if len(escaped) > 1:
        return chr(int(escaped[1:], 16))
    return _MEANINGS.get(escaped, match[0])


def _without_prefixes(text: str) -> tuple[str, int | None]:
    """Take the line numbers off that a read tool put before every line; give that of the first words, or None."""
    lines = [line for line in split_lines(text) if fold(line)]
    prefixes = [match for match in map(_LINE_PREFIX.match, lines) if match]
    if not lines or len(prefixes) < len(lines):
        return text, None
    rest = [line[match.end() :] for line, match in zip(lines, prefixes, strict=True)]
    number = next((int(match[1]) for part, match in zip(rest, prefixes, strict=True) if fold(part)), None)
    return "\n".join(rest), number


def _look_up_line(page: FoldedText, form: Form, line: int | None) -> QuoteMatch | None:
    number = form.number if line is None else line
    if number is None or not _WORD.search(form.folded):
        return None
    index = page.index_of(number)
    if index == len(page) or page.numbers[index] != number or page.line(index) != form.folded:
        return None
    return QuoteMatch(Verdict.VERIFIED, number)


def _look_up_words(page: FoldedText, form: Form, line: int | None) -> QuoteMatch | None:
    start = _nearest_match(page, form.folded, form.number if line is None else line)
    if start is not None and not _is_numbered_right(page, form, start):
        start = _nearest_match(page, form.folded, form.number)
    if start is None or not _is_numbered_right(page, form, start):
        return None
    first, last = page.line_at(start), page.line_at(start + len(form.folded) - 1)
    if line is None or first <= line <= last:
        return QuoteMatch(Verdict.VERIFIED, first)
    return QuoteMatch(Verdict.MOVED, first, f"found at line {first}, not {line}")


def _is_numbered_right(page: FoldedText, form: Form, start: int) -> bool:
    """Return whether the stripped prefix can have been a line number; `2: apples` is not the file's `1: apples`."""
    index = page.index_at(start)
    return form.number is None or page.numbers[index] == form.number or page.starts[index] == start


def _nearest_match(page: FoldedText, words: str, line: int | None) -> int | None:
    """Find where `words` stand in the folded text: the first place, or with a line the one nearest to it."""
    text = page.folded
    first = text.find(words)
    if first < 0 or line is None:
        return None if first < 0 else first
    index = page.index_of(line)
    begin = page.starts[index] if index < len(page) else len(text)
    end = page.end(index)
    on_line = text.find(words, begin, end + len(words))
    across = text.find(words, max(0, begin - len(words) + 1), end + len(words))
    matches = [match for match in (on_line, across, text.find(words, end)) if match >= 0]
    for _ in range(MATCHES):
        matches.append(first)
        first = text.find(words, first + 1)
        if first < 0 or first > begin:
            break
    return min(matches, key=lambda match: _distance(page, match, len(words), line))


def _distance(page: FoldedText, start: int, length: int, line: int) -> tuple[bool, int, int]:
    first, last = page.line_at(start), page.line_at(start + length - 1)
    return not first <= line <= last, abs(first - line), start


def _missing_line(page: FoldedText, form: Form) -> str:
    """Return the first line of a quote that the file does not have; its first line where it has each of them."""
    lines = [line for line in map(fold, split_lines(form.text)) if line]
    return next((line for line in lines[:50] if line not in page.folded), lines[0])
