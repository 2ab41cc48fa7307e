"""Files and connections that a function of Python opens and nothing closes."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from stepwarden.inspections.shared.faults.code_fault import CodeFault
from stepwarden.inspections.shared.faults.python_functions import PythonFunction
from stepwarden.source.syntax import line_at, text_of, walk_body

if TYPE_CHECKING:
    from tree_sitter import Node

_OPENERS = frozenset(
    {
        "open",
        "io.open",
        "codecs.open",
        "gzip.open",
        "bz2.open",
        "lzma.open",
        "tarfile.open",
        "zipfile.ZipFile",
        "os.fdopen",
        "socket.socket",
        "socket.create_connection",
        "sqlite3.connect",
        "urllib.request.urlopen",
        "urlopen",
    }
)
# What only reads from the file it is given, and leaves it open.
_READERS = re.compile(
    r"^(?:(?:json|pickle|yaml|toml|tomllib|tomli|marshal|plistlib)\.(?:safe_)?load|json\.dump|pickle\.dump|csv\.\w+"
    r"|list|sorted|enumerate|len|iter|next|set|tuple|ast\.parse|print)$"
)
_CLOSING = frozenset({"close", "detach", "release", "__exit__", "shutdown"})


def find_unclosed(function: PythonFunction) -> Iterator[CodeFault]:
    """Yield the calls that open a file or a connection which is closed nowhere and handed to nobody."""
    names: dict[str, list[Node]] | None = None
    for node in walk_body(function.node):
        opener = text_of(node.child_by_field_name("function")) if node.type == "call" else ""
        if opener not in _OPENERS:
            continue
        what = f"{opener}() is never closed in {function.name}"
        user = node.parent
        if user is not None and user.type == "assignment" and user.child_by_field_name("right") == node:
            left = user.child_by_field_name("left")
            names = _uses_by_name(function) if names is None else names
            if left is not None and left.type == "identifier" and _is_dropped(names.get(text_of(left), []), left):
                yield CodeFault.at(line_at(node), what, 2)
        elif _is_only_read(node):
            yield CodeFault.at(line_at(node), what, 3)


def _uses_by_name(function: PythonFunction) -> dict[str, list["Node"]]:
    """Return the places where each name stands in a function, those in functions inside it included."""
    found: dict[str, list[Node]] = {}
    waiting = [function.node]
    while waiting:
        node = waiting.pop()
        if node.type == "identifier":
            found.setdefault(text_of(node), []).append(node)
        waiting += node.named_children
    return found


def _is_dropped(uses: list["Node"], bound: "Node") -> bool:
    others = [node for node in uses if node != bound]
    return bool(others) and all(map(_is_only_read, others))


def _is_only_read(node: "Node") -> bool:
    """Whether a file is read or written here, and neither closed nor kept nor handed on."""
    user = node.parent
    if user is None:
        return False
    if user.type == "attribute" and user.child_by_field_name("object") == node:
        called = user.parent is not None and user.parent.type == "call"
        return called and text_of(user.child_by_field_name("attribute")) not in _CLOSING
    if user.type == "for_statement":
        return user.child_by_field_name("right") == node
    if user.type == "argument_list" and user.parent is not None and user.parent.type == "call":
        return _READERS.match(text_of(user.parent.child_by_field_name("function"))) is not None
    return False
