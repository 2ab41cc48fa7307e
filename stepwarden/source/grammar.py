"""How a language is read: one `Grammar` a language, and the page and drafts its functions work on."""

import importlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from stepwarden.source.outline import Import, Kind, Language

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Query

SIGNATURE_CHARACTERS = 120
_SPACE = b" \t\r\n\f\v"


@dataclass(slots=True, eq=False)
class Draft:
    """A definition while its file is read; `node` spans what is inside it, lines count from 1."""

    name: str
    kind: Kind
    node: "Node"
    line: int
    end_line: int
    public: bool = True
    documented: bool = False
    exempt: bool = False
    doc_lines: tuple[int, int] | None = None
    parameters: tuple[str, ...] = ()
    decorators: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    signature: str = ""
    asynchronous: bool = False
    parent: "Draft | None" = None
    qualified: str = ""
    branches: list[int] = field(default_factory=list[int])


@dataclass(frozen=True, slots=True)
class Remark:
    """One comment of a file: its bytes, its rows from 0, its end without the line feed some grammars include."""

    start: int
    end: int
    row: int
    end_row: int


@dataclass(frozen=True, slots=True)
class Page:
    """One parsed file: its UTF-8 text, its tree, and its comments by where they end."""

    path: str
    text: bytes
    root: "Node"
    remarks: dict[int, Remark]

    def remark_before(self, offset: int, over: bytes = b"") -> Remark | None:
        """Give the comment that ends before `offset` with nothing but space, and one byte of `over`, in between."""
        at = self._back(offset)
        if at and over and self.text[at - 1 : at] in (over[i : i + 1] for i in range(len(over))):
            at = self._back(at - 1)
        return self.remarks.get(at)

    def group_before(self, offset: int, row: int) -> list[Remark]:
        """Give the comments that end on the row before `row` and touch one another, the first one first."""
        group: list[Remark] = []
        remark = self.remark_before(offset)
        while remark is not None and row - remark.end_row <= 1 and self.opens_line(remark):
            group.append(remark)
            row = remark.row
            remark = self.remark_before(remark.start)
        return group[::-1]

    def opens_line(self, remark: Remark) -> bool:
        """Whether nothing but space stands before a comment on its line."""
        start = self.text.rfind(b"\n", 0, remark.start) + 1
        return not self.text[start : remark.start].strip()

    def of(self, remark: Remark) -> bytes:
        """Give the text of a comment."""
        return self.text[remark.start : remark.end]

    def _back(self, offset: int) -> int:
        while offset and self.text[offset - 1] in _SPACE:
            offset -= 1
        return offset


def _no_import(_node: "Node") -> Iterable[Import]:
    return ()


def _no_call(_node: "Node") -> tuple[str, str] | None:
    return None


def _settled(_page: Page, _drafts: Sequence[Draft]) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Grammar:
    """What reading a language takes, as values and small functions.

    `entries` are the suffixes of its files, each with the function of the `wheel` that gives the parser's table.
    `definitions`, `imports`, `calls` and `branches` are node types (operators in double quotes); `define`, `import_of`
    and `call_of` read a node of theirs, `settle` sees all drafts of a file at last. `call_of` gives name and receiver.

    For telling code from comments: `comments` and `literals` are node types (a literal is compared as it stands),
    `breaks` says whether a line feed in a comment ends a statement as one outside would, `directives` finds what in a
    comment a compiler or checker obeys; those comments count as code.
    """

    language: Language
    wheel: str
    entries: dict[str, str]
    definitions: tuple[str, ...]
    define: Callable[["Node", Page, Draft | None], Draft | None]
    imports: tuple[str, ...] = ()
    import_of: Callable[["Node"], Iterable[Import]] = _no_import
    calls: tuple[str, ...] = ()
    call_of: Callable[["Node"], tuple[str, str] | None] = _no_call
    branches: tuple[str, ...] = ()
    settle: Callable[[Page, Sequence[Draft]], None] = _settled
    comments: tuple[str, ...] = ("comment",)
    literals: frozenset[str] = frozenset()
    breaks: bool = False
    directives: re.Pattern[bytes] = re.compile(rb"(?!)")


@dataclass(frozen=True, slots=True)
class Reading:
    """A compiled grammar: the parser, the query for what an outline needs, the query for what is broken."""

    parser: "Parser"
    wanted: "Query"
    broken: "Query"


@cache
def reading_of(wheel: str, entry: str, query: str) -> Reading:
    """Load a grammar wheel and compile its queries; one for each process, a parser is stateless between files."""
    from tree_sitter import Language as Compiled
    from tree_sitter import Parser, Query

    pointer: object = getattr(importlib.import_module(wheel), entry)()
    table = Compiled(pointer)
    return Reading(Parser(table), Query(table, query), Query(table, "(ERROR) @broken (MISSING) @broken"))


def query_of(grammar: Grammar) -> str:
    """Give the query that finds the nodes a grammar names, by role."""
    roles = {
        "definition": grammar.definitions,
        "import": grammar.imports,
        "call": grammar.calls,
        "branch": grammar.branches,
        "comment": grammar.comments,
    }
    return "\n".join(f"[{' '.join(map(_pattern, kinds))}] @{role}" for role, kinds in roles.items() if kinds)


def _pattern(kind: str) -> str:
    return kind if kind.startswith('"') else f"({kind})"


def text_of(node: "Node | None") -> str:
    """Give the text of a node, "" for none."""
    return (node.text or b"").decode("utf-8", "replace") if node is not None else ""


def line_of(node: "Node") -> int:
    """Give the line a node starts on, from 1."""
    return node.start_point.row + 1


def end_line_of(node: "Node") -> int:
    """Give the line a node ends on, from 1."""
    row, column = node.end_point
    return row if column == 0 and row > node.start_point.row else row + 1


def signature(page: Page, start: int, end: int) -> str:
    """Give the text between two offsets on one line, cut at SIGNATURE_CHARACTERS."""
    words = " ".join(page.text[start : min(end, start + 4 * SIGNATURE_CHARACTERS)].decode("utf-8", "replace").split())
    words = words.rstrip(" {:=")
    return words if len(words) <= SIGNATURE_CHARACTERS else words[: SIGNATURE_CHARACTERS - 1] + "…"


def head(page: Page, node: "Node", start: int | None = None) -> str:
    """Give what stands before the body of a definition, on one line."""
    body = node.child_by_field_name("body")
    return signature(page, node.start_byte if start is None else start, body.start_byte if body else node.end_byte)


def dotted(node: "Node | None", member: str, left: str, right: str, leaves: frozenset[str]) -> str:
    """Give "a.b.c" for a chain of `member` nodes over a plain name, "?" for anything else.

    `left` and `right` are the member node's fields, `leaves` the types of plain names.
    """
    parts: list[str] = []
    while node is not None and node.type == member:
        parts.append(text_of(node.child_by_field_name(right)))
        node = node.child_by_field_name(left)
    if node is None or node.type not in leaves:
        return "?"
    return ".".join([text_of(node), *reversed(parts)])
