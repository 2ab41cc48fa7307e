"""The syntax tree of one file, for facts that its outline does not hold."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stepwarden.source.file_parser import READ_BYTES, as_utf8, compile_for, is_too_deep
from stepwarden.source.languages import grammar_of, language_of

if TYPE_CHECKING:
    from tree_sitter import Node

_FUNCTIONS = frozenset({"function_definition", "lambda"})


def parse_syntax(path: str, data: bytes) -> "Node | None":
    """Return the root of a file's tree; None for an unknown language, and for a file that is not safe to parse."""
    language = language_of(path)
    text = as_utf8(data)
    if language is None or len(text) > READ_BYTES or b"\0" in text or is_too_deep(text):
        return None
    return compile_for(grammar_of(language), path).parser.parse(text).root_node


def walk(node: "Node") -> Iterator["Node"]:
    """Yield a node and all named ones in it, in the order of the text."""
    waiting = [node]
    while waiting:
        here = waiting.pop()
        yield here
        waiting += here.named_children[::-1]


def walk_body(node: "Node") -> Iterator["Node"]:
    """Yield the named nodes in a function of Python, or in a file, without those of functions inside it."""
    waiting = node.named_children[::-1]
    while waiting:
        here = waiting.pop()
        yield here
        if here.type not in _FUNCTIONS:
            waiting += here.named_children[::-1]


def text_of(node: "Node | None") -> str:
    """Return the text of a node, "" for none."""
    return (node.text or b"").decode("utf-8", "replace") if node is not None else ""


def line_at(node: "Node") -> int:
    """Return the first line of a node, from 1."""
    return node.start_point.row + 1
