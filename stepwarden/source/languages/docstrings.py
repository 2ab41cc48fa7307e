"""What only documents in Python, which docstrings are more than that, and which comments programs obey."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from stepwarden.source.grammar import Comment, ParsedFile, first_of, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

_STRINGS = frozenset({"string", "concatenated_string"})
_START = re.compile(r"[rRuU]?(\"\"\"|'''|\"|')")
_DEFINED = frozenset({"class_definition", "function_definition"})
_DOC_READ = re.compile(rb"(?:([\w.]+)\s*\.\s*)?\b__doc__\b")
_PARSER_GENERATOR = re.compile(rb"^\s*(?:import|from)\s+(?:ply|sly)\b", re.MULTILINE)  # their rules stand in docstrings
_ESCAPES = re.compile(
    rb"\\(?:[\\'\"]|x(?![0-9a-fA-F]{2})|u(?![0-9a-fA-F]{4})|U(?!00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4})"
    rb"|N(?!\{[A-Za-z0-9 -]+\}))"
)
_DIRECTIVE = re.compile(
    rb"#\s*(?:type:\s*\S|pragma\b|noqa\b|nosec\b|mypy:|pyright:|pyre-|ruff:|flake8[:-]|isort:|fmt:|yapf:|autopep8:"
    rb"|cython:|distutils:|nopep8|typing:|ty:|/// )|#[^\n]*?\bpylint:\s*(?:disable|enable|skip)"
)
_DOC_CODES = re.compile(rb"noqa:\s*D\d+(?:[,\s]+D\d+)*\s*$")
_CODING = re.compile(rb"#.*?coding[:=][ \t]*[-\w.]+")


def docstring(body: "Node | None") -> "Node | None":
    """Return the docstring of what `body` (a block or a module) belongs to, None if there is none."""
    if body is None:
        return None
    for child in body.children:
        if child.type != "comment":
            return plain_string(child)
    return None


def plain_string(statement: "Node") -> "Node | None":
    """Return the string that a statement consists of; None for other statements, formatted and bytes strings."""
    if statement.type != "expression_statement" or statement.child_count != 1:
        return None
    string = statement.children[0]
    if string.type not in _STRINGS:
        return None
    plain = all(_START.fullmatch(text_of(part.child(0))) for part in _parts(string))
    return string if plain else None


def _parts(string: "Node") -> list["Node"]:
    return [part for part in string.named_children if part.type == "string"] if string.type != "string" else [string]


def documents(_root: "Node", text: bytes) -> Callable[["Node"], bool]:
    """Return the test for docstrings, strings below an assignment, and a `pass` or `...` that stands alone.

    A docstring that the file's own code reads (`__doc__`, the rules of a parser generator) counts as code, and so does
    one that would not compile.
    """
    read = frozenset(_read_names(text))
    rules = _PARSER_GENERATOR.search(text) is not None

    def test(node: "Node") -> bool:
        if node.type == "pass_statement" or _is_ellipsis(node):
            return _only_fills(node)
        string = plain_string(node)
        if string is None or not _compiles(string):
            return False
        return _is_docstring(node, read, rules) or _is_below_assignment(node)

    return test


def _read_names(text: bytes) -> Iterator[bytes]:
    """Return whose docstrings the code reads: names, b"" for the module's own, b"self" for the class around."""
    for match in _DOC_READ.finditer(text) if b"__doc__" in text else ():
        owner = (match[1] or b"").rpartition(b".")[2]
        yield b"self" if owner in {b"self", b"cls", b"__class__"} else owner


def _is_docstring(node: "Node", read: frozenset[bytes], rules: bool) -> bool:
    body = node.parent
    if body is None or docstring(body) != node.children[0]:
        return False
    if body.type == "module":
        return b"" not in read
    owner = body.parent
    if body.type != "block" or owner is None or owner.type not in _DEFINED:
        return False
    name = (owner.child_by_field_name("name") or owner).text or b""
    if rules and name[:2] in {b"p_", b"t_"}:
        return False
    return name not in read and not (owner.type == "class_definition" and b"self" in read)


def _is_below_assignment(node: "Node") -> bool:
    """Whether a string documents the attribute set right above it: in a module, a class, or an `__init__`."""
    body, above = node.parent, node.prev_named_sibling
    inner = first_of(above)
    if body is None or above is None or above.type != "expression_statement" or inner is None:
        return False
    owner = body.parent
    allowed = body.type == "module" or (owner is not None and owner.type == "class_definition")
    if owner is not None and owner.type == "function_definition":
        allowed = text_of(owner.child_by_field_name("name")) == "__init__"
    return allowed and inner.type == "assignment"


def _is_ellipsis(node: "Node") -> bool:
    return node.type == "expression_statement" and node.child_count == 1 and node.children[0].type == "ellipsis"


def _only_fills(node: "Node") -> bool:
    """Whether a class or function has only `pass` or `...` beside its docstring, which then change nothing."""
    body = node.parent
    owner = body.parent if body is not None else None
    if body is None or body.type != "block" or owner is None or owner.type not in _DEFINED:
        return False
    rest = [child for child in body.named_children if child.type != "comment"]
    if rest and plain_string(rest[0]) is not None:
        rest = rest[1:]
    return all(child.type == "pass_statement" or _is_ellipsis(child) for child in rest)


def _compiles(string: "Node") -> bool:
    """Whether Python accepts the escapes in a string; a bad one makes the whole file fail."""
    for part in _parts(string):
        start = text_of(part.child(0))
        wrong = (match for match in _ESCAPES.finditer(part.text or b"") if match[0][1:] not in {b"\\", b"'", b'"'})
        if "r" not in start.lower() and next(wrong, None) is not None:
            return False
    return True


def directives(file: ParsedFile, comment: Comment) -> Iterable[bytes]:
    """Return what checkers, formatters and Python itself obey; a `noqa` for documentation rules alone is not one."""
    text = file.text_of(comment)
    if comment.row < 2 and (_CODING.match(text) or (comment.row == 0 and text.startswith(b"#!"))):
        yield text
        return
    match = _DIRECTIVE.search(text)
    if match is not None and not _DOC_CODES.search(text):
        yield text[match.start() :]
