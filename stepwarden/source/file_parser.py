"""Parses one file: bytes in, an outline of plain values out."""

import hashlib
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from stepwarden.files.encodings import encoding_of
from stepwarden.source.grammar import (
    GENERATED_BYTES,
    Comment,
    CompiledGrammar,
    Draft,
    Grammar,
    ParsedFile,
    Setting,
    compile_grammar,
    end_line_of,
    line_of,
    query_of,
)
from stepwarden.source.languages import grammar_of, language_of
from stepwarden.source.outline import CallSite, Definition, Import, Outline, Variable

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

READ_BYTES = 2 * 1024 * 1024  # a larger file is data, or generated
LINE_BYTES = 4096  # on average over a file: no person writes such lines
MOST_DEPTH = 1200  # of nested brackets or blocks; the deepest of 40,000 handwritten files had 96
MOST_LINES = 1_000_000_000
MOST_NODES = 200_000  # definitions, imports and calls of one file


def parse_outline(path: str, data: bytes) -> Outline | None:
    """Return the outline of a file with these bytes; its name says the language. None for an unknown language.

    The same bytes give the same outline. A file above READ_BYTES, or with lines no person writes, counts as generated
    and has no definitions; so does one nested deeper than MOST_DEPTH, which is also `broken` at its first line.
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
    if is_too_deep(text):
        return Outline(path, language, lines, len(data), digest, broken=(1,), generated=True)
    grammar = grammar_of(language)
    compiled = compile_for(grammar, path)
    tree = compiled.parser.parse(text)
    read = _NodeReader(grammar, compiled, path, text, tree).read()
    return Outline(
        path,
        language,
        lines,
        len(data),
        digest,
        *read,
        broken_lines(compiled, tree),
        grammar.generated.search(text[:GENERATED_BYTES]) is not None,
    )


def compile_for(grammar: Grammar, path: str) -> CompiledGrammar:
    """Return the compiled grammar for a file of this name."""
    entries = grammar.entries
    entry = entries.get(PurePosixPath(path).suffix.lower()) or next(iter(entries.values()))
    return compile_grammar(grammar.wheel, entry, query_of(grammar))


def as_utf8(data: bytes, encoding: str = "") -> bytes:
    """Return text as UTF-8 without a byte order mark; `encoding` is that of the data, "" to find it out.

    Bytes that are no text of it are read as Latin-1, which loses none.
    """
    try:
        text = data.decode(encoding or encoding_of(data))
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.removeprefix("\ufeff").encode("utf-8", "replace")


def is_too_deep(text: bytes) -> bool:
    """Whether brackets or indentation nest deeper than MOST_DEPTH: parsers slow down or overflow their stacks there.

    Brackets in strings count, so some harmless files are refused; those that pass are safe to parse.
    """
    if (
        sum(map(text.count, (b"(", b"[", b"{"))) < MOST_DEPTH
        and b" " * MOST_DEPTH not in text
        and b"\t" * MOST_DEPTH not in text
    ):
        return False
    depth = 0
    for match in re.finditer(rb"[(\[{]+|[)\]}]+", text):
        run = match.group()
        if run[:1] in (b"(", b"[", b"{"):
            depth += len(run)
            if depth > MOST_DEPTH:
                return True
        else:
            depth = max(0, depth - len(run))
    return re.search(rb"^[ \t]{%d}" % (2 * MOST_DEPTH), text, re.MULTILINE) is not None


def broken_lines(compiled: CompiledGrammar, tree: "Tree") -> tuple[int, ...]:
    """Return the lines with syntax errors, each once; at most 100."""
    from tree_sitter import QueryCursor

    if not tree.root_node.has_error:
        return ()
    nodes = QueryCursor(compiled.broken).captures(tree.root_node).get("broken", [])
    return tuple(sorted({line_of(node) for node in nodes}))[:100] or (1,)


class _NodeReader:
    """Reads the nodes that a grammar names, once and in the order of the text, with the definitions around them."""

    def __init__(self, grammar: Grammar, compiled: CompiledGrammar, path: str, text: bytes, tree: "Tree") -> None:
        from tree_sitter import QueryCursor

        found = QueryCursor(compiled.wanted).captures(tree.root_node)
        self._grammar = grammar
        self._file = ParsedFile(
            path,
            text,
            tree.root_node,
            {comment.end: comment for comment in _comments_of(found.pop("comment", []), text)},
        )
        nodes = [(node.start_byte, -node.end_byte, role, node) for role, captured in found.items() for node in captured]
        if tree.root_node.type in grammar.definitions and not text.strip():  # a query finds nothing in an empty file
            nodes.append((0, 0, "definition", tree.root_node))
        # a definition before what else the same node says, which is then inside
        self._nodes = sorted(nodes, key=lambda item: (*item[:2], item[2] != "definition"))[:MOST_NODES]

    def read(
        self,
    ) -> tuple[tuple[Definition, ...], tuple[Import, ...], tuple[CallSite, ...], tuple[Variable, ...]]:
        """Return what the file defines, imports, calls and says of types."""
        grammar, file = self._grammar, self._file
        drafts: list[Draft] = []
        imports: list[Import] = []
        calls: list[tuple[str, str, int, Draft | None]] = []
        settings: list[tuple[Setting, Draft | None]] = []
        open_drafts: list[tuple[int, Draft]] = []
        for start, _, role, node in self._nodes:
            while open_drafts and open_drafts[-1][0] <= start:
                open_drafts.pop()
            inside = open_drafts[-1][1] if open_drafts else None
            if role == "definition":
                draft = grammar.define(node, file, inside)
                if draft is not None:
                    draft.parent = draft.parent or inside
                    drafts.append(draft)
                    open_drafts.append((draft.node.end_byte, draft))
            elif role == "branch":
                if inside is not None:
                    inside.branches.append(line_of(node))
            elif role == "call":
                call = grammar.call_of(node)
                if call is not None:
                    calls.append((*call, line_of(node), inside))
            elif role == "variable":
                settings += [(setting, inside) for setting in grammar.variables_of(node, inside)]
            else:
                imports.extend(grammar.import_of(node))
        grammar.finish(file, drafts)
        _qualify(drafts)
        return (
            tuple(map(_definition, drafts)),
            tuple(imports),
            tuple(
                CallSite(sys.intern(name), sys.intern(receiver), line, inside.qualified if inside else "")
                for name, receiver, line, inside in calls
            ),
            tuple(_variables(settings, drafts)),
        )


def _comments_of(nodes: "list[Node]", text: bytes) -> Iterator[Comment]:
    for node in nodes:
        start, end = node.start_byte, node.end_byte
        end_row = node.end_point.row
        if text[end - 1 : end] == b"\n":
            end, end_row = end - 1, end_row - 1
        yield Comment(start, end, node.start_point.row, end_row)


def _qualify(drafts: list[Draft]) -> None:
    """Set the qualified names of the drafts."""
    for draft in drafts:  # parents come first
        if draft.node.parent is None:
            continue
        outer = draft.owner or (draft.parent.qualified if draft.parent else "")
        draft.qualified = sys.intern(f"{outer}.{draft.name}" if outer else draft.name)


def _variables(settings: Sequence[tuple[Setting, Draft | None]], drafts: Sequence[Draft]) -> Iterator[Variable]:
    """Return what a file says of types; names of which it says nothing anywhere are left out."""
    told = {setting.name for setting, _ in settings if setting.type or setting.value not in {"", "?"}}
    for setting, inside in settings:
        if setting.name in told:
            node, scope = setting.node, setting.scope or (inside.node if inside is not None else None)
            end_line = end_line_of(scope) if scope is not None else MOST_LINES
            qualified = inside.qualified if inside is not None else ""
            texts = map(sys.intern, (setting.type, setting.value))
            yield Variable(sys.intern(setting.name), qualified, line_of(node), end_line, *texts)
    for draft in drafts:
        if draft.returns:
            yield Variable("()", draft.qualified, draft.line, draft.end_line, sys.intern(draft.returns))


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
        declares=draft.declares,
    )
