"""Whether two texts of a file are the same code: equal but for comments and docstrings, and where they are not."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from typing import TYPE_CHECKING

from stepwarden.source.file_parser import READ_BYTES, as_utf8, reading_for, too_deep
from stepwarden.source.grammar import Comment, Grammar, ParsedFile
from stepwarden.source.languages import grammar_of
from stepwarden.source.outline import Language

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

MOST = 20  # differences that are told
ALIGNED_TOKENS = 4_000  # a longer stretch of changes is told as one
_AROUND = 3  # tokens on the same line that a difference shows on either side
_WHOLE = frozenset({"string_content", "string_fragment", "char_literal", "string_literal", "raw_string_literal"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the code differs: the lines, from 1, and the code there; "" where there is none on that side."""

    line_before: int
    line_after: int
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class _Token:
    """A word of the code, or where a node of the tree begins or ends (without text); `row` counts from 0."""

    key: str
    row: int
    start: int
    end: int

    @property
    def is_word(self) -> bool:
        return self.end > self.start


@dataclass(frozen=True, slots=True)
class _Code:
    text: bytes
    tokens: list[_Token]


def differences(before: bytes, after: bytes, language: Language, path: str = "") -> tuple[Difference, ...]:
    """Compare two texts of a file in `language`; `path` tells its dialect by the suffix, as with `.tsx`.

    Empty exactly when both have the same syntax tree over the same words, comments and docstrings apart. Comments that
    a compiler or checker obeys are code, a docstring that the code reads is too. At most MOST are given. Texts too
    large or too deep to parse are the same only byte for byte.
    """
    if before == after:
        return ()
    grammar = grammar_of(language)
    texts = [grammar.line_ends.sub(b"\n", as_utf8(data)) for data in (before, after)]
    if _shebang(before) != _shebang(after):
        return (Difference(1, 1, *(_shebang(data).decode("utf-8", "replace") for data in (before, after))),)
    if any(len(text) > READ_BYTES or too_deep(text) for text in texts):
        return (Difference(1, 1, "", "a text too large to compare"),) if texts[0] != texts[1] else ()
    one, other = (_code(grammar, path, text) for text in texts)
    keys, other_keys = ([token.key for token in code.tokens] for code in (one, other))
    if keys == other_keys:
        return ()
    found = list(_told(one, other, keys, other_keys))
    with_words = [difference for difference in found if difference.before or difference.after]
    return tuple((with_words or found)[:MOST])


def _shebang(data: bytes) -> bytes:
    """Return the line by which a system starts a script: with its carriage return, and only at the very beginning."""
    return data.partition(b"\n")[0] if data.startswith(b"#!") else b""


def _code(grammar: Grammar, path: str, text: bytes) -> _Code:
    tree = reading_for(grammar, path).parser.parse(text)
    found = list(_Walk(grammar, ParsedFile(path, text, tree.root_node, {})).tokens(tree))
    return _Code(text, found)


class _Walk:
    """Goes through a tree in the order of the text and gives its words, and where its nodes begin and end."""

    def __init__(self, grammar: Grammar, page: ParsedFile) -> None:
        self._grammar = grammar
        self._page = page
        self._documents = grammar.documents(page.root, page.text)
        self._literals = grammar.literals | _WHOLE
        self._comments = frozenset(grammar.comments)
        self._last = b""
        self._last_end = 0
        self._line_ended = False
        self._skipped = ""

    def tokens(self, tree: "Tree") -> Iterator[_Token]:
        cursor = tree.walk()
        while True:
            node = cursor.node
            assert node is not None
            if node.type in self._comments:
                yield from self._comment(node)
            elif self._documents(node):
                self._pass_over(node.start_byte, node.end_byte)
            elif node.child_count == 0 or node.type in self._literals:
                yield self._word(node)
            else:
                yield _Token(f"({node.type}", node.start_point.row, node.start_byte, node.start_byte)
                cursor.goto_first_child()
                continue
            while not cursor.goto_next_sibling():
                if not cursor.goto_parent():
                    self._see_gap(len(self._page.text))
                    yield _Token(f"skipped {self._skipped}", node.end_point.row, node.end_byte, node.end_byte)
                    return
                closed = cursor.node
                assert closed is not None
                yield _Token(")", closed.end_point.row, closed.end_byte, closed.end_byte)

    def _word(self, node: "Node") -> _Token:
        text = node.text or b""
        self._see_gap(node.start_byte)
        shown = self._skipped + self._tabs(node) + _without_remarks(node.type, text).decode("utf-8", "replace")
        self._skipped = ""
        broken = self._line_ended and bool(text) and self._grammar.line_matters(self._last, text)
        key = f"missing {node.type}" if node.is_missing else f"{node.type}\n{shown}" + "\n" * broken
        self._last_end = max(self._last_end, node.end_byte)
        if text.strip():
            self._last, self._line_ended = text, False
        return _Token(key, node.start_point.row, node.start_byte, node.end_byte)

    def _tabs(self, node: "Node") -> str:
        """Return the white space in front of a line that has tabs in it: Python tells tabs from spaces."""
        if not self._line_ended or self._grammar.language is not Language.PYTHON:
            return ""
        start = self._page.text.rfind(b"\n", 0, node.start_byte) + 1
        space = self._page.text[start : node.start_byte]
        return space.decode() if b"\t" in space and not space.strip() else ""

    def _comment(self, node: "Node") -> Iterator[_Token]:
        end = node.end_byte - (self._page.text[node.end_byte - 1 : node.end_byte] == b"\n")
        remark = Comment(node.start_byte, end, node.start_point.row, node.end_point.row)
        for obeyed in self._grammar.obeyed(self._page, remark):
            key = f"obeyed {obeyed.decode('utf-8', 'replace')}"
            yield _Token(key, node.start_point.row, node.start_byte, end)
        self._pass_over(node.start_byte, node.end_byte, breaks=self._grammar.breaks or end < node.end_byte)

    def _pass_over(self, start: int, end: int, *, breaks: bool = True) -> None:
        self._see_gap(start)
        self._line_ended |= breaks and b"\n" in self._page.text[start:end]
        self._last_end = max(self._last_end, end)

    def _see_gap(self, start: int) -> None:
        """Look at what is between two nodes: only space, unless the parser did not know what to make of it."""
        gap = self._page.text[self._last_end : start]
        self._line_ended |= b"\n" in gap
        self._skipped += gap.decode("utf-8", "replace").strip(" \t\r\n\f\v\\")


_REMARK = re.compile(rb"(\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')|/\*.*?\*/|//(?:[^\\\n]|\\.)*", re.DOTALL)


def _without_remarks(kind: str, text: bytes) -> bytes:
    """Return a word without the comments that the parser leaves in it: in what a directive of C sets a name to."""
    if kind != "preproc_arg":
        return text
    return _REMARK.sub(lambda found: found[1] or b" ", text).strip()


def _told(one: _Code, other: _Code, keys: Sequence[str], other_keys: Sequence[str]) -> Iterator[Difference]:
    """Return the stretches of words that differ, those of one line together."""
    head = next((at for at, pair in enumerate(zip(keys, other_keys, strict=False)) if pair[0] != pair[1]), 0)
    head = head if head or keys[:1] != other_keys[:1] else min(len(keys), len(other_keys))
    most = min(len(keys), len(other_keys)) - head
    tail = next((at for at in range(most) if keys[-1 - at] != other_keys[-1 - at]), most)
    middle, other_middle = keys[head : len(keys) - tail], other_keys[head : len(other_keys) - tail]
    spans = [(0, len(middle), 0, len(other_middle))]
    if max(len(middle), len(other_middle)) <= ALIGNED_TOKENS:
        codes = SequenceMatcher(None, middle, other_middle, autojunk=False).get_opcodes()
        spans = _joined([code[1:] for code in codes if code[0] != "equal"], one, head)
    for start, end, other_start, other_end in spans:
        yield Difference(
            _line(one, head + start),
            _line(other, head + other_start),
            _shown(one, head + start, head + end),
            _shown(other, head + other_start, head + other_end),
        )


Span = tuple[int, int, int, int]


def _joined(spans: Sequence[Span], code: _Code, head: int) -> list[Span]:
    """Join stretches that begin on the line that the one before ends on."""
    joined = list(spans[:1])
    for before, span in pairwise(spans):
        if _line(code, head + before[1]) == _line(code, head + span[0]):
            joined[-1] = (joined[-1][0], span[1], joined[-1][2], span[3])
        else:
            joined.append(span)
    return joined


def _line(code: _Code, at: int) -> int:
    tokens = code.tokens
    if not tokens:
        return 1
    word = next((token for token in tokens[at : at + 50] if token.is_word), tokens[min(at, len(tokens) - 1)])
    return word.row + 1


def _shown(code: _Code, start: int, end: int) -> str:
    """Return the text of the tokens, with the words beside them on their lines."""
    words = [token for token in code.tokens[start:end] if token.is_word]
    if not words:
        return ""
    first, last = words[0], words[-1]
    before = [token for token in code.tokens[max(0, start - 12) : start] if token.is_word and token.row == first.row]
    after = [token for token in code.tokens[end : end + 12] if token.is_word and token.row == last.row]
    begin = before[-_AROUND:][0].start if before else first.start
    stop = after[:_AROUND][-1].end if after else last.end
    return code.text[begin:stop].decode("utf-8", "replace")
