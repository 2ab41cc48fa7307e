"""Where a quote stands: on what kind of line, in which definition, beside which names. Pure, on the lines of a file.

By indentation and the words that open a definition, without a parser: it has to be cheap in every step, and to say
something of any text. What it cannot tell, it leaves empty.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from stepwarden.files.syntax import DefinitionHead, FileKind, Syntax, syntax_of
from stepwarden.files.text import split_lines
from stepwarden.steps.evidence import LineKind, QuoteContext
from stepwarden.steps.plain_words import words_of

NAMES = 24  # of one quote
AROUND = 40  # of the rest of its definition
AROUND_LINES = 60  # to each side of it
WORDS = 60  # of the quote and its definition
LONG_LINE = 2_000  # characters of a line that are looked at
COMMON_USES = 12  # a name that its file uses more often than this does not tell one line from another
DEFINITION_LINES = 2_000  # how far up an enclosing definition is looked for, and how far down its end
OUTER_LINES = 120  # a longer definition round the innermost one is no place any more
QUOTED_LINES = 40  # of a quote
SCANNED_LINES = 50_000  # of a file, for texts and comments of several lines

_NAME = re.compile(r"[^\W\d]\w*")
_CALL = re.compile(r"[^\W\d]\w*(?=\s*\()")


@dataclass(frozen=True, slots=True)
class Texts:
    """The indices of lines that say nothing to a compiler.

    `inside` begin in a text or a comment of several lines, so that their indentation means nothing. `comments` hold
    nothing but a comment, or a text that nothing is done with.
    """

    inside: frozenset[int]
    comments: frozenset[int]


@dataclass(frozen=True)
class SourceLines:
    """The lines of one file."""

    text: str
    syntax: Syntax

    @classmethod
    def of(cls, text: str, path: str) -> "SourceLines":
        """Return the lines of the file at `path`; its name says how they are read."""
        return cls(text, syntax_of(path))

    @cached_property
    def lines(self) -> Sequence[str]:
        """The lines, without their ends."""
        return split_lines(self.text)

    @cached_property
    def texts(self) -> "Texts":
        """The comments and texts of several lines."""
        return _find_texts(self.lines[:SCANNED_LINES], self.syntax)

    def is_rare(self, name: str) -> bool:
        """Whether the file does not use a name all over."""
        if self.text.count(name) <= COMMON_USES:
            return True
        uses = re.finditer(rf"(?<![\w]){re.escape(name)}(?![\w])", self.text)
        return sum(1 for _ in islice(uses, COMMON_USES + 1)) <= COMMON_USES


def context_of(source: SourceLines, first: int, quote: str) -> QuoteContext:
    """Return the context of a quote that starts at line `first`, from 1, of a file."""
    quoted = _quoted(source.lines, first - 1, quote)
    kinds = {at: _kind_of(source, at) for at in quoted}
    kind = next((kind for kind in LineKind if kind in kinds.values()), LineKind.BLANK)
    code = tuple(at for at in quoted if kinds[at] is LineKind.CODE)
    if not code:
        return QuoteContext(kind)
    within, span = _enclosing(source, code[0])
    names = _rare_names(source, [source.lines[at] for at in code])
    around = () if span is None else _around(source, code, span, within[0])
    return QuoteContext(kind, tuple(at + 1 for at in code), within, span, names, around, _words(source, code, span))


def _quoted(lines: Sequence[str], start: int, quote: str) -> list[int]:
    """Return the indices of the lines that a quote shows, blank ones left out."""
    count = max(1, sum(1 for line in split_lines(quote) if line.strip()))
    full = (at for at in range(start, len(lines)) if lines[at].strip())
    return list(islice(full, min(count, QUOTED_LINES)))


def _kind_of(source: SourceLines, at: int) -> LineKind:
    line, syntax = source.lines[at], source.syntax
    if at in source.texts.comments or syntax.is_comment(line):
        return LineKind.COMMENT
    if syntax.is_import(line):
        return LineKind.IMPORT
    return LineKind.BLANK if syntax.is_bare(line) else LineKind.CODE


def _rare_names(source: SourceLines, lines: Sequence[str]) -> tuple[str, ...]:
    """Return the names in some lines that are rare enough in their file to tell these lines from others."""
    found = dict.fromkeys(name for line in lines for name in source.syntax.names_in(line[:LONG_LINE]) if len(name) > 2)
    return tuple(islice((name for name in found if source.is_rare(name)), NAMES))


def _around(source: SourceLines, code: Sequence[int], span: tuple[int, int], name: str) -> tuple[str, ...]:
    """Return what the quote's definition calls, and the definitions that use it."""
    rest = [source.lines[at][:LONG_LINE] for at in _near(code, span) if at not in source.texts.inside]
    calls = dict.fromkeys(call for line in rest for call in _CALL.findall(line) if len(call) > 2)
    users = _users(source, span, name) if len(name) > 2 and source.is_rare(name) else []
    found = dict.fromkeys([*users, *(call for call in calls if call != name and source.is_rare(call))])
    return tuple(islice(found, AROUND))


def _words(source: SourceLines, code: Sequence[int], span: tuple[int, int] | None) -> tuple[str, ...]:
    """Return the words of the quote's definition, comments and texts in it included, the nearest lines first."""
    lines = range(code[0], code[-1] + 1) if span is None else _near(code, span)
    nearest = sorted(lines, key=lambda at: max(code[0] - at, at - code[-1]))
    found = (word for at in nearest for word in words_of(_NAME.findall(source.lines[at][:LONG_LINE])))
    return tuple(islice(dict.fromkeys(found), WORDS))


def _near(code: Sequence[int], span: tuple[int, int]) -> range:
    """Return the line indices of a definition that are near the quote."""
    return range(max(span[0] - 1, code[0] - AROUND_LINES), min(span[1], code[-1] + AROUND_LINES))


def _users(source: SourceLines, span: tuple[int, int], name: str) -> list[str]:
    """Return the definitions of the file, outside of `span`, in which a name stands."""
    word = re.compile(rf"(?<![\w]){re.escape(name)}(?![\w])")
    uses = [at for at, line in enumerate(source.lines) if name in line and word.search(line)]
    outside = [at for at in uses if not span[0] <= at + 1 <= span[1] and at not in source.texts.inside]
    found = [_enclosing(source, at)[0] for at in outside[:COMMON_USES]]
    return [names[0] for names in found if names]


def _enclosing(source: SourceLines, at: int) -> tuple[tuple[str, ...], tuple[int, int] | None]:
    """Return the names of the definitions round line index `at`, the innermost first, and the lines of that one.

    The lines are those of the innermost function or type; a table is one only where it stands in none.
    """
    names: list[str] = []
    span: tuple[int, int] | None = None
    is_final = False
    for index, head in _heads_round(source, at):
        if not is_final:
            if span is None or not head.is_value:
                span = (index + 1, _end(source, index))
            is_final = not head.is_value
        elif _end(source, index, OUTER_LINES + 1) - index > OUTER_LINES:
            continue
        names += head.names
    return tuple(dict.fromkeys(names)), span


def _heads_round(source: SourceLines, at: int) -> Iterator[tuple[int, DefinitionHead]]:
    """Yield the heads of the definitions round line index `at` with their line indices, the innermost first."""
    lines, syntax = source.lines, source.syntax
    if head := syntax.head_at(lines, at):
        yield at, head
    if syntax.kind is not FileKind.PROSE:
        yield from _heads_above(source, at)
    if syntax.kind is not FileKind.PROGRAM and not lines[at].startswith("["):
        yield from _heading(source, at)


def _heads_above(source: SourceLines, at: int) -> Iterator[tuple[int, DefinitionHead]]:
    """Yield the heads of which line index `at` stands deeper, the innermost first."""
    lines, syntax = source.lines, source.syntax
    indent = _inner_indent(source, at)
    for index in range(at - 1, max(-1, at - DEFINITION_LINES), -1):
        line = lines[index]
        if not line.strip() or _indent(line) >= indent or index in source.texts.inside:
            continue
        if syntax.is_comment(line) or syntax.is_passed_over(line):
            continue
        head = syntax.head_at(lines, index)
        # What only closes or opens a bracket stands where its definition begins: that line is still to come.
        indent = _indent(line) + (not head and _is_middle(line))
        if head:
            yield index, head
        if indent == 0:
            break


def _heading(source: SourceLines, at: int) -> Iterator[tuple[int, DefinitionHead]]:
    """Yield the heading over a line of prose, or the table of a configuration file."""
    for index in range(at - 1, max(-1, at - OUTER_LINES), -1):
        line = source.lines[index]
        is_heading = line.startswith("[") or source.syntax.kind is FileKind.PROSE
        if is_heading and (head := source.syntax.head_at(source.lines, index)):
            yield index, head
            return


def _inner_indent(source: SourceLines, at: int) -> int:
    """Return the indentation below which a line is one round line index `at`."""
    line = source.lines[at]
    if source.syntax.is_passed_over(line):
        following = (other for other in source.lines[at + 1 : at + 4] if other.strip())
        return max(_indent(line), _indent(next(following, line)))
    return _indent(line) + _is_middle(line)


def _is_middle(line: str) -> bool:
    """Whether a line stands between the first line of a definition's head and its body."""
    text = line.strip()
    return text[0] in ")]}{:" or text == "where" or text.startswith(("where ", "throws ", "-> ", "requires "))


def _end(source: SourceLines, start: int, most: int = DEFINITION_LINES) -> int:
    """Return the last line, from 1, of the definition that begins at line index `start`, looking at so many lines."""
    lines, syntax = source.lines, source.syntax
    indent, last = _indent(lines[start]), start
    for index in range(start + 1, min(len(lines), start + most)):
        line = lines[index]
        if not line.strip() or index in source.texts.inside:
            continue
        if _indent(line) <= indent and line.lstrip()[0] not in "})]{":
            if syntax.is_comment(line) or syntax.is_passed_over(line):
                continue
            break
        last = index
    return last + 1


def _indent(line: str) -> int:
    expanded = line.expandtabs(4)
    return len(expanded) - len(expanded.lstrip())


def _find_texts(lines: Sequence[str], syntax: Syntax) -> Texts:
    inside: list[int] = []
    comments: list[int] = []
    closing, is_comment = "", False
    for at, line in enumerate(lines):
        if not closing and (not syntax.opens_text(line) or syntax.is_line_comment(line)):
            continue
        if closing:
            inside.append(at)
        # A line is a comment where one goes on in it, or begins it, and nothing follows what ends it.
        holds_comment, last = bool(closing) and is_comment, 0
        for found in syntax.text_marks(line):
            if closing:
                closing, last = ("", found.end()) if found[0] == closing else (closing, last)
                continue
            closing, begins = syntax.closing_of(found[0]), not line[: found.start()].strip("rRbBuUfF \t")
            is_comment = begins or found[0] == "/*"
            holds_comment = holds_comment or (begins and last == 0)
        if holds_comment and (closing or not line[last:].strip()):
            comments.append(at)
    return Texts(frozenset(inside), frozenset(comments))
