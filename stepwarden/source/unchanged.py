"""Compares the code of two texts of a file, without comments and docstrings."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from typing import TYPE_CHECKING

from stepwarden.files.encodings import encoding_of, is_certain
from stepwarden.source.file_parser import READ_BYTES, as_utf8, compile_for, is_too_deep
from stepwarden.source.grammar import Comment, Grammar, ParsedFile
from stepwarden.source.languages import grammar_of
from stepwarden.source.outline import Language

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

MOST_DIFFERENCES = 20  # that are returned
ALIGNED_TOKENS = 4_000  # a longer run of changes is returned as one difference
_CONTEXT_TOKENS = 3  # on the same line, that a difference shows on either side
_LITERALS = frozenset({"string_content", "string_fragment", "char_literal", "string_literal", "raw_string_literal"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the code differs: its lines, from 1, and the code there; "" where a side has none."""

    line_before: int
    line_after: int
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class _Token:
    """A word of the code, or (without text) the beginning or end of a node of the tree; `row` counts from 0."""

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


def find_differences(before: bytes, after: bytes, language: Language, path: str = "") -> tuple[Difference, ...]:
    """Return where the code of two texts of a file differs; the suffix of `path` says the dialect, as with `.tsx`.

    Empty exactly when both have the same syntax tree over the same words, without comments and docstrings. Comments
    that a compiler or checker obeys count as code, and so do docstrings that the code reads. At most MOST_DIFFERENCES
    are returned. Texts too large or too deep to parse are compared byte for byte.
    """
    if before == after:
        return ()
    grammar = grammar_of(language)
    encoding = "" if is_certain(before) or is_certain(after) else encoding_of(before)  # one guess for both
    texts = [grammar.line_ends.sub(b"\n", as_utf8(data, encoding)) for data in (before, after)]
    if _shebang(before) != _shebang(after):
        return (Difference(1, 1, *(_shebang(data).decode("utf-8", "replace") for data in (before, after))),)
    if any(len(text) > READ_BYTES or is_too_deep(text) for text in texts):
        return (Difference(1, 1, "", "a text too large to compare"),) if texts[0] != texts[1] else ()
    one, other = (_tokenize(grammar, path, text) for text in texts)
    keys, other_keys = ([token.key for token in code.tokens] for code in (one, other))
    if keys == other_keys:
        return ()
    found = list(_differing_runs(one, other, keys, other_keys))
    with_words = [difference for difference in found if difference.before or difference.after]
    return tuple((with_words or found)[:MOST_DIFFERENCES])


def _shebang(data: bytes) -> bytes:
    """Return the shebang line, with its carriage return; "" where the first bytes are not one."""
    return data.partition(b"\n")[0] if data.startswith(b"#!") else b""


def _tokenize(grammar: Grammar, path: str, text: bytes) -> _Code:
    tree = compile_for(grammar, path).parser.parse(text)
    found = list(_Walker(grammar, ParsedFile(path, text, tree.root_node, {})).tokens(tree))
    return _Code(text, found)


class _Walker:
    """Walks a tree in the order of the text and yields its words, and where its nodes begin and end."""

    def __init__(self, grammar: Grammar, file: ParsedFile) -> None:
        self._grammar = grammar
        self._file = file
        self._documents = grammar.documents(file.root, file.text)
        self._literals = grammar.literals | _LITERALS
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
                self._skip(node.start_byte, node.end_byte)
            elif node.parent is None and node.child_count == 0:  # an empty file, which is no word
                yield _Token(f"({node.type}", 0, 0, 0)
                yield _Token(")", node.end_point.row, node.end_byte, node.end_byte)
            elif node.child_count == 0 or node.type in self._literals:
                yield self._word(node)
            else:
                yield _Token(f"({node.type}", node.start_point.row, node.start_byte, node.start_byte)
                cursor.goto_first_child()
                continue
            while not cursor.goto_next_sibling():
                if not cursor.goto_parent():
                    self._see_gap(len(self._file.text))
                    yield _Token(f"skipped {self._skipped}", node.end_point.row, node.end_byte, node.end_byte)
                    return
                closed = cursor.node
                assert closed is not None
                yield _Token(")", closed.end_point.row, closed.end_byte, closed.end_byte)

    def _word(self, node: "Node") -> _Token:
        text = node.text or b""
        self._see_gap(node.start_byte)
        text_key = self._skipped + self._tabs(node) + _without_comments(node.type, text).decode("utf-8", "replace")
        self._skipped = ""
        broken = self._line_ended and bool(text) and self._grammar.line_end_matters(self._last, text)
        key = f"missing {node.type}" if node.is_missing else f"{node.type}\n{text_key}" + "\n" * broken
        self._last_end = max(self._last_end, node.end_byte)
        if text.strip():
            self._last, self._line_ended = text, False
        return _Token(key, node.start_point.row, node.start_byte, node.end_byte)

    def _tabs(self, node: "Node") -> str:
        """Return the indentation of a line where it has tabs, which Python distinguishes from spaces."""
        if not self._line_ended or self._grammar.language is not Language.PYTHON:
            return ""
        start = self._file.text.rfind(b"\n", 0, node.start_byte) + 1
        space = self._file.text[start : node.start_byte]
        return space.decode() if b"\t" in space and not space.strip() else ""

    def _comment(self, node: "Node") -> Iterator[_Token]:
        end = node.end_byte - (self._file.text[node.end_byte - 1 : node.end_byte] == b"\n")
        comment = Comment(node.start_byte, end, node.start_point.row, node.end_point.row)
        for directive in self._grammar.directives(self._file, comment):
            key = f"directive {directive.decode('utf-8', 'replace')}"
            yield _Token(key, node.start_point.row, node.start_byte, end)
        ends_line = self._grammar.comments_end_lines or end < node.end_byte
        self._skip(node.start_byte, node.end_byte, ends_line=ends_line)

    def _skip(self, start: int, end: int, *, ends_line: bool = True) -> None:
        self._see_gap(start)
        self._line_ended |= ends_line and b"\n" in self._file.text[start:end]
        self._last_end = max(self._last_end, end)

    def _see_gap(self, start: int) -> None:
        """Note what is between two nodes: only space, unless the parser skipped what it could not parse."""
        gap = self._file.text[self._last_end : start]
        self._line_ended |= b"\n" in gap
        self._skipped += gap.decode("utf-8", "replace").strip(" \t\r\n\f\v\\")


_COMMENT = re.compile(rb"(\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')|/\*.*?\*/|//(?:[^\\\n]|\\.)*", re.DOTALL)


def _without_comments(kind: str, text: bytes) -> bytes:
    """Return a word without the comments that the parser leaves in it: in the replacement text of a C macro."""
    if kind != "preproc_arg":
        return text
    return _COMMENT.sub(lambda found: found[1] or b" ", text).strip()


def _differing_runs(one: _Code, other: _Code, keys: Sequence[str], other_keys: Sequence[str]) -> Iterator[Difference]:
    """Return the runs of words that differ, those of one line joined."""
    head = next((at for at, pair in enumerate(zip(keys, other_keys, strict=False)) if pair[0] != pair[1]), 0)
    head = head if head or keys[:1] != other_keys[:1] else min(len(keys), len(other_keys))
    longest = min(len(keys), len(other_keys)) - head
    tail = next((at for at in range(longest) if keys[-1 - at] != other_keys[-1 - at]), longest)
    middle, other_middle = keys[head : len(keys) - tail], other_keys[head : len(other_keys) - tail]
    spans = [(0, len(middle), 0, len(other_middle))]
    if max(len(middle), len(other_middle)) <= ALIGNED_TOKENS:
        codes = SequenceMatcher(None, middle, other_middle, autojunk=False).get_opcodes()
        spans = _join_by_line([code[1:] for code in codes if code[0] != "equal"], one, head)
    for start, end, other_start, other_end in spans:
        yield Difference(
            _line_at(one, head + start),
            _line_at(other, head + other_start),
            _excerpt(one, head + start, head + end),
            _excerpt(other, head + other_start, head + other_end),
        )


Span = tuple[int, int, int, int]


def _join_by_line(spans: Sequence[Span], code: _Code, head: int) -> list[Span]:
    """Join runs where one begins on the line on which the one before ends."""
    joined = list(spans[:1])
    for before, span in pairwise(spans):
        if _line_at(code, head + before[1]) == _line_at(code, head + span[0]):
            joined[-1] = (joined[-1][0], span[1], joined[-1][2], span[3])
        else:
            joined.append(span)
    return joined


def _line_at(code: _Code, at: int) -> int:
    tokens = code.tokens
    if not tokens:
        return 1
    word = next((token for token in tokens[at : at + 50] if token.is_word), tokens[min(at, len(tokens) - 1)])
    return word.row + 1


def _excerpt(code: _Code, start: int, end: int) -> str:
    """Return the text of the tokens, with the words next to them on the same lines."""
    words = [token for token in code.tokens[start:end] if token.is_word]
    if not words:
        return ""
    first, last = words[0], words[-1]
    before = [token for token in code.tokens[max(0, start - 12) : start] if token.is_word and token.row == first.row]
    after = [token for token in code.tokens[end : end + 12] if token.is_word and token.row == last.row]
    begin = before[-_CONTEXT_TOKENS:][0].start if before else first.start
    stop = after[:_CONTEXT_TOKENS][-1].end if after else last.end
    return code.text[begin:stop].decode("utf-8", "replace")
