"""Looks a quote up in the text of a file."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from stepwarden.files.text import FoldedText, count_solid, fold, split_lines
from stepwarden.steps.evidence import Verdict

QUOTE_CHARACTERS = 12  # without spaces; docs/protocol.md, files and evidence
MOST_MATCHES = 500  # of a quote, that are compared for the one nearest to the line given

_TOO_SHORT = "too short: quote at least 12 characters, or a whole line with its number"
_EMPTY = "the quote is empty"
_ABSENT = "not in the file"

_WORD = re.compile(r"[^\W\d_]{3}")
_LINE_PREFIX = re.compile(r"\s*>?\s*(?:L|[Ll]ine )?(\d{1,7})(?:\t|→|[ \t]*[|│:]|-|\s*$)")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_MEANINGS = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "'": "'", "`": "`", "\\": "\\", "/": "/"}
# All escapes of JSON, only line breaks and tabs, only quotation marks: models escape a text in part, too.
_ESCAPED = ("nrt\"'`\\/u", "nrt", "\"'`")


@dataclass(frozen=True, slots=True)
class QuoteMatch:
    """The verdict on one quote; where it is not in the file, `target` is the line to search something similar to."""

    verdict: Verdict
    line: int | None = None
    note: str = ""
    target: str | None = None


@dataclass(frozen=True, slots=True)
class QuoteReading:
    """One reading of a quote; `number` is that of its first line, where line-number prefixes were removed."""

    text: str
    folded: str
    number: int | None = None


def look_up_quote(content: FoldedText, quote: str, line: int | None) -> QuoteMatch:
    """Return the verdict on `quote` in `content`; `line`, from 1, is where it was claimed to be.

    Case matters, white space does not; escapes and line-number prefixes are removed only where the words as they are
    cannot be found.
    """
    readings = read_quote(quote)
    if not readings:
        return QuoteMatch(Verdict.REFUTED, note=_EMPTY)
    short = False
    for reading in readings:
        if count_solid(reading.folded) < QUOTE_CHARACTERS:
            short = True
            match = _match_line(content, reading, line)
        else:
            match = _match_words(content, reading, line)
        if match is not None:
            return match
    if short:
        return QuoteMatch(Verdict.REFUTED, note=_TOO_SHORT)
    return QuoteMatch(Verdict.REFUTED, note=_ABSENT, target=_missing_line(content, readings[min(1, len(readings) - 1)]))


def is_present(content: FoldedText, quote: str) -> bool:
    """Whether the words of a quote are anywhere in `content`; a short quote has to be a whole line."""
    lines: set[str] | None = None
    for reading in read_quote(quote):
        if count_solid(reading.folded) >= QUOTE_CHARACTERS:
            if reading.folded in content.folded:
                return True
            continue
        lines = {content.line(index) for index in range(len(content))} if lines is None else lines
        if reading.folded in lines:
            return True
    return False


def read_quote(quote: str) -> list[QuoteReading]:
    """Return the readings of a quote, its words as they are first; none for an empty quote."""
    readings: dict[str, QuoteReading] = {}
    for text in dict.fromkeys(_unescaped(quote)):
        stripped, number = _without_prefixes(text)
        for reading in (QuoteReading(text, fold(text)), QuoteReading(stripped, fold(stripped), number)):
            if reading.folded:
                readings.setdefault(reading.folded, reading)
    return list(readings.values())


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
    """Return a text without the line numbers of a read tool, and the number of its first words, None for none."""
    lines = [line for line in split_lines(text) if fold(line)]
    prefixes = [match for match in map(_LINE_PREFIX.match, lines) if match]
    if not lines or len(prefixes) < len(lines):
        return text, None
    rest = [line[match.end() :] for line, match in zip(lines, prefixes, strict=True)]
    number = next((int(match[1]) for part, match in zip(rest, prefixes, strict=True) if fold(part)), None)
    return "\n".join(rest), number


def _match_line(content: FoldedText, reading: QuoteReading, line: int | None) -> QuoteMatch | None:
    number = reading.number if line is None else line
    if number is None or not _WORD.search(reading.folded):
        return None
    index = content.index_of(number)
    if index == len(content) or content.numbers[index] != number or content.line(index) != reading.folded:
        return None
    return QuoteMatch(Verdict.VERIFIED, number)


def _match_words(content: FoldedText, reading: QuoteReading, line: int | None) -> QuoteMatch | None:
    start = _nearest_match(content, reading.folded, reading.number if line is None else line)
    if start is not None and not _has_right_number(content, reading, start):
        start = _nearest_match(content, reading.folded, reading.number)
    if start is None or not _has_right_number(content, reading, start):
        return None
    first, last = content.line_at(start), content.line_at(start + len(reading.folded) - 1)
    if line is None or first <= line <= last:
        return QuoteMatch(Verdict.VERIFIED, first)
    return QuoteMatch(Verdict.MOVED, first, f"found at line {first}, not {line}")


def _has_right_number(content: FoldedText, reading: QuoteReading, start: int) -> bool:
    """Whether the removed prefix can have been a line number; `2: apples` is not the file's `1: apples`."""
    index = content.index_at(start)
    return reading.number is None or content.numbers[index] == reading.number or content.starts[index] == start


def _nearest_match(content: FoldedText, words: str, line: int | None) -> int | None:
    """Return the offset of `words` in the folded text: the first one, or with a line the one nearest to it."""
    text = content.folded
    first = text.find(words)
    if first < 0 or line is None:
        return None if first < 0 else first
    index = content.index_of(line)
    begin = content.starts[index] if index < len(content) else len(text)
    end = content.end(index)
    on_line = text.find(words, begin, end + len(words))
    across = text.find(words, max(0, begin - len(words) + 1), end + len(words))
    matches = [match for match in (on_line, across, text.find(words, end)) if match >= 0]
    for _ in range(MOST_MATCHES):
        matches.append(first)
        first = text.find(words, first + 1)
        if first < 0 or first > begin:
            break
    return min(matches, key=lambda match: _distance(content, match, len(words), line))


def _distance(content: FoldedText, start: int, length: int, line: int) -> tuple[bool, int, int]:
    first, last = content.line_at(start), content.line_at(start + length - 1)
    return not first <= line <= last, abs(first - line), start


def _missing_line(content: FoldedText, reading: QuoteReading) -> str:
    """Return the first line of a quote that is not in the file; its first line where every one is."""
    lines = [line for line in map(fold, split_lines(reading.text)) if line]
    return next((line for line in lines[:50] if line not in content.folded), lines[0])
