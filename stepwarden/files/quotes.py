"""Looks a quote up in the text of a file."""

import re
from dataclasses import dataclass, field

from stepwarden.files.elisions import split_elided
from stepwarden.files.quote_marks import unmark
from stepwarden.files.text import FoldedText, compose, count_solid, fold, split_lines
from stepwarden.steps.evidence import Verdict

QUOTE_CHARACTERS = 12  # without spaces; docs/protocol.md, files and evidence
MARK_CHARACTERS = 24  # of the marks of tools around a quote that is too short
MOST_MATCHES = 500  # of a quote, that are compared for the one nearest to the line given
_COMPARED_LINES = 50  # of a quote that is not there, for the line to name
MOST_PARTS = 20  # of a quote that leaves lines out

_TOO_SHORT = "too short to find: quote at least 12 characters, or a whole line with its number"
_EMPTY = "the quote is empty: quote at least 12 characters, or a whole line with its number"
_ABSENT = "not in the file"

_WORD = re.compile(r"[^\W\d_]{3}")


@dataclass(frozen=True, slots=True)
class QuoteMatch:
    """The verdict on one quote; where it is not in the file, `target` is the line to search something similar to.

    `text` is the quote without the marks of tools, where it is.
    """

    verdict: Verdict
    line: int | None = None
    note: str = ""
    target: str | None = None
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class QuoteReading:
    """One reading of a quote.

    `number` is that of its first line, where line numbers were taken off. `note` says what of it is not looked up.
    """

    text: str
    folded: str
    number: int | None = None
    note: str = ""


def look_up_quote(content: FoldedText, quote: str, line: int | None, name: str = "") -> QuoteMatch:
    """Return the verdict on `quote` in `content`; `line`, from 1, is where it was claimed to be.

    `name` is that of the file, without its directories: as a heading of the quote it is not looked up.

    Case matters, white space does not; the marks of tools are taken off only where the words as they are cannot be
    found. A reading that stands at the line counts before one that stands elsewhere. Words that are there, and too few
    to tell where, are too short; what is nowhere in the file is refuted, however short.
    """
    readings = read_quote(quote, name)
    if not readings:
        return QuoteMatch(Verdict.TOO_SHORT, note=_EMPTY)
    # what stands in a long quote behind something else is not what it says
    is_brief = count_solid(fold(quote)) < QUOTE_CHARACTERS + MARK_CHARACTERS
    short, elsewhere = False, None
    for reading in readings:
        if count_solid(reading.folded) < QUOTE_CHARACTERS:
            short = short or (is_brief and reading.folded in content.folded)
            match = _match_line(content, reading, line)
        else:
            match = _match_words(content, reading, line)
        if match is not None and match.verdict is Verdict.VERIFIED:
            return match
        elsewhere = elsewhere or match
    if elsewhere is not None:
        return elsewhere
    for reading in readings:
        if match := _match_parts(content, reading, line):
            return match
    if short:
        return QuoteMatch(Verdict.TOO_SHORT, note=_TOO_SHORT)
    return QuoteMatch(Verdict.REFUTED, note=_ABSENT, target=_missing_line(content, readings))


def is_present(content: FoldedText, quote: str, name: str = "") -> bool:
    """Whether the words of a quote are anywhere in `content`; a short quote has to be a whole line."""
    lines: set[str] | None = None
    readings = read_quote(quote, name)
    for reading in readings:
        if count_solid(reading.folded) >= QUOTE_CHARACTERS:
            if reading.folded in content.folded:
                return True
            continue
        lines = {content.line(index) for index in range(len(content))} if lines is None else lines
        if reading.folded in lines:
            return True
    return any(_match_parts(content, reading, None) for reading in readings)


def read_quote(quote: str, name: str = "") -> list[QuoteReading]:
    """Return the readings of a quote, its words as they are first; none for an empty quote."""
    readings: dict[str, QuoteReading] = {}
    for unmarked in unmark(quote, name):
        for text in dict.fromkeys((unmarked.text, compose(unmarked.text))):
            if folded := fold(text):
                readings.setdefault(folded, QuoteReading(text, folded, unmarked.number, unmarked.note))
    return list(readings.values())


def _match_parts(content: FoldedText, reading: QuoteReading, line: int | None) -> QuoteMatch | None:
    """Match a quote that leaves lines out (`...`): each part has to be there, one after the other."""
    parts = [fold(part) for part in split_elided(reading.text)]
    long = next((index for index, part in enumerate(parts) if count_solid(part) >= QUOTE_CHARACTERS), None)
    if long is None or not 2 <= len(parts) <= MOST_PARTS:
        return None
    start = _nearest_match(content, parts[long], reading.number if line is None else line)
    first = end = start
    for part in reversed(parts[:long]):
        first = None if first is None else _find_lines(content, part, 0, first, last=True)
    for part in parts[long:]:
        at = None if end is None else _find_lines(content, part, end, len(content.folded))
        end = None if at is None else at + len(part)
    if start is None or first is None or end is None:
        return None
    return _verdict(content, first, start - first + len(parts[long]), reading, line)


def _find_lines(content: FoldedText, part: str, begin: int, end: int, *, last: bool = False) -> int | None:
    """Return where a part of a quote stands between two offsets; a short one has to be whole lines."""
    find = content.folded.rfind if last else content.folded.find
    at = find(part, begin, end)
    while at >= 0:
        until = at + len(part)
        is_whole = content.starts[content.index_at(at)] == at and content.end(content.index_at(until - 1)) == until
        if is_whole or count_solid(part) >= QUOTE_CHARACTERS:
            return at
        begin, end = (begin, until - 1) if last else (at + 1, end)
        at = find(part, begin, end)
    return None


def _match_line(content: FoldedText, reading: QuoteReading, line: int | None) -> QuoteMatch | None:
    number = reading.number if line is None else line
    if number is None or not _WORD.search(reading.folded):
        return None
    index = content.index_of(number)
    if index == len(content) or content.numbers[index] != number or content.line(index) != reading.folded:
        return None
    return QuoteMatch(Verdict.VERIFIED, number, text=reading.text)


def _match_words(content: FoldedText, reading: QuoteReading, line: int | None) -> QuoteMatch | None:
    start = _nearest_match(content, reading.folded, reading.number if line is None else line)
    if start is not None and not _has_right_number(content, reading, start):
        start = _nearest_match(content, reading.folded, reading.number)
    if start is None or not _has_right_number(content, reading, start):
        return None
    return _verdict(content, start, len(reading.folded), reading, line)


def _verdict(content: FoldedText, start: int, length: int, reading: QuoteReading, line: int | None) -> QuoteMatch:
    first, last = content.line_at(start), content.line_at(start + length - 1)
    if line is None or first <= line <= last:
        return QuoteMatch(Verdict.VERIFIED, first, reading.note, text=reading.text)
    note = "; ".join(filter(None, (f"found at line {first}, not {line}", reading.note)))
    return QuoteMatch(Verdict.MOVED, first, note, text=reading.text)


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


def _missing_line(content: FoldedText, readings: list[QuoteReading]) -> str:
    """Return the first line of a quote that is not in the file; its first line where every one is.

    Of its readings, the one counts that has most of its lines there.
    """
    best: list[str] = []
    missing = 1.0
    for reading in readings:
        lines = [line for line in map(fold, split_lines(reading.text)) if line][:_COMPARED_LINES]
        absent = sum(line not in content.folded for line in lines) / len(lines)
        if absent < missing or not best:
            best, missing = lines, absent
    return next((line for line in best if line not in content.folded), best[0])
