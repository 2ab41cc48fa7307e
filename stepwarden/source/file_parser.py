"""Reading one file: bytes in, an outline of plain values out."""

import codecs
import hashlib
import re
import sys
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from stepwarden.source.grammar import (
    GENERATED_BYTES,
    Comment,
    CompiledGrammar,
    Draft,
    Grammar,
    ParsedFile,
    line_of,
    query_of,
    reading_of,
)
from stepwarden.source.languages import grammar_of, language_of
from stepwarden.source.outline import CallSite, Definition, Import, Outline

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

READ_BYTES = 2 * 1024 * 1024  # a larger file is data, or was put together by a program
LINE_BYTES = 4096  # average over a file: no person writes such lines
DEPTH = 1200  # brackets or blocks inside one another; the deepest of 40,000 files of people had 96
MOST = 200_000  # definitions, imports and calls of one file


def outline(path: str, data: bytes) -> Outline | None:
    """Read a file's `data`; `path`, with slashes, says its language. None for a file in no language of ours.

    The same bytes give the same outline. A file above READ_BYTES, or with lines no person writes, is `generated` and
    without definitions; so is one nested deeper than DEPTH, which is `broken` at its first line too.
    """
    language = language_of(path)
    if language is None:
        return None
    digest = hashlib.sha256(data).hexdigest()
    text = as_utf8(data)
    lines = text.count(b"\n") + (not text.endswith(b"\n") and bool(text))
    plain = Outline(path, language, lines, len(data), digest, generated=True)
    if len(text) > READ_BYTES or b"\0" in text or len(text) > LINE_BYTES * max(lines, 4):
        return plain
    if too_deep(text):
        return Outline(path, language, lines, len(data), digest, broken=(1,), generated=True)
    grammar = grammar_of(language)
    reading = reading_for(grammar, path)
    tree = reading.parser.parse(text)
    definitions, imports, calls = _Reader(grammar, reading, path, text, tree).read()
    return Outline(
        path,
        language,
        lines,
        len(data),
        digest,
        definitions,
        imports,
        calls,
        broken_lines(reading, tree),
        grammar.generated.search(text[:GENERATED_BYTES]) is not None,
    )


def reading_for(grammar: Grammar, path: str) -> CompiledGrammar:
    """Return the compiled grammar for a file of this name."""
    entries = grammar.entries
    entry = entries.get(PurePosixPath(path).suffix.lower()) or next(iter(entries.values()))
    return reading_of(grammar.wheel, entry, query_of(grammar))


def as_utf8(data: bytes) -> bytes:
    """Return a file's text as UTF-8 without a mark: UTF-16 is told by its mark, what is no UTF-8 is read as Latin-1."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace").encode("utf-8", "replace")
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1").encode()
    return data


def too_deep(text: bytes) -> bool:
    """Whether brackets or indentation nest deeper than DEPTH: parsers slow down or overflow their stacks there.

    Brackets in strings count, so a file may be refused that would do; what is let through is safe.
    """
    if sum(map(text.count, (b"(", b"[", b"{"))) < DEPTH and b" " * DEPTH not in text and b"\t" * DEPTH not in text:
        return False
    depth = 0
    for match in re.finditer(rb"[(\[{]+|[)\]}]+", text):
        run = match.group()
        if run[:1] in (b"(", b"[", b"{"):
            depth += len(run)
            if depth > DEPTH:
                return True
        else:
            depth = max(0, depth - len(run))
    return re.search(rb"^[ \t]{%d}" % (2 * DEPTH), text, re.MULTILINE) is not None


def broken_lines(reading: CompiledGrammar, tree: "Tree") -> tuple[int, ...]:
    """Return the lines on which the syntax is in error, each once; at most 100."""
    from tree_sitter import QueryCursor

    if not tree.root_node.has_error:
        return ()
    nodes = QueryCursor(reading.broken).captures(tree.root_node).get("broken", [])
    return tuple(sorted({line_of(node) for node in nodes}))[:100] or (1,)


class _Reader:
    """Goes once over the nodes a grammar wants, in the order of the text, and keeps what encloses them."""

    def __init__(self, grammar: Grammar, reading: CompiledGrammar, path: str, text: bytes, tree: "Tree") -> None:
        from tree_sitter import QueryCursor

        found = QueryCursor(reading.wanted).captures(tree.root_node)
        self._grammar = grammar
        self._page = ParsedFile(
            path, text, tree.root_node, {r.end: r for r in _remarks(found.pop("comment", []), text)}
        )
        marks = [(node.start_byte, -node.end_byte, role, node) for role, nodes in found.items() for node in nodes]
        if tree.root_node.type in grammar.definitions and not text.strip():  # a query finds nothing in an empty file
            marks.append((0, 0, "definition", tree.root_node))
        self._marks = sorted(marks, key=lambda mark: mark[:2])[:MOST]

    def read(self) -> tuple[tuple[Definition, ...], tuple[Import, ...], tuple[CallSite, ...]]:
        """Return what the file defines, imports and calls."""
        grammar, page = self._grammar, self._page
        drafts: list[Draft] = []
        imports: list[Import] = []
        calls: list[tuple[str, str, int, Draft | None]] = []
        open_drafts: list[tuple[int, Draft]] = []
        for start, _, role, node in self._marks:
            while open_drafts and open_drafts[-1][0] <= start:
                open_drafts.pop()
            inside = open_drafts[-1][1] if open_drafts else None
            if role == "definition":
                draft = grammar.define(node, page, inside)
                if draft is not None:
                    draft.parent = draft.parent or inside
                    drafts.append(draft)
                    open_drafts.append((draft.node.end_byte, draft))
            elif role == "branch":
                if inside is not None:
                    inside.branches.append(line_of(node))
            elif role == "call":
                called = grammar.call_of(node)
                if called is not None:
                    calls.append((*called, line_of(node), inside))
            else:
                imports.extend(grammar.import_of(node))
        grammar.settle(page, drafts)
        _qualify(drafts)
        return (
            tuple(map(_definition, drafts)),
            tuple(imports),
            tuple(
                CallSite(sys.intern(name), sys.intern(receiver), line, inside.qualified if inside else "")
                for name, receiver, line, inside in calls
            ),
        )


def _remarks(nodes: "list[Node]", text: bytes) -> Iterator[Comment]:
    for node in nodes:
        start, end = node.start_byte, node.end_byte
        end_row = node.end_point.row
        if text[end - 1 : end] == b"\n":
            end, end_row = end - 1, end_row - 1
        yield Comment(start, end, node.start_point.row, end_row)


def _qualify(drafts: list[Draft]) -> None:
    for draft in drafts:  # parents come first
        if draft.node.parent is None:
            continue
        outer = draft.owner or (draft.parent.qualified if draft.parent else "")
        draft.qualified = sys.intern(f"{outer}.{draft.name}" if outer else draft.name)


def _definition(draft: Draft) -> Definition:
    return Definition(
        name=sys.intern(draft.name),
        qualified=draft.qualified,
        kind=draft.kind,
        line=draft.line,
        end_line=draft.end_line,
        public=draft.public,
        documented=draft.documented,
        exempt=draft.exempt,
        doc_lines=draft.doc_lines,
        complexity=1 + len(draft.branches),
        branches=tuple(draft.branches),
        parameters=tuple(map(sys.intern, draft.parameters)),
        decorators=tuple(map(sys.intern, draft.decorators)),
        bases=tuple(map(sys.intern, draft.bases)),
        parent=draft.owner or (draft.parent.qualified if draft.parent else ""),
        signature=draft.signature,
        asynchronous=draft.asynchronous,
    )
