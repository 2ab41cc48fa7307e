"""All that the text of one file shows of faults by itself."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from stepwarden.inspections.shared.faults.code_fault import CodeFault
from stepwarden.inspections.shared.faults.docstring_defaults import find_contradicted_defaults
from stepwarden.inspections.shared.faults.locked_names import find_unlocked
from stepwarden.inspections.shared.faults.module_names import bound_names, exported_names
from stepwarden.inspections.shared.faults.python_functions import PythonFunction, docstring_of, find_functions
from stepwarden.inspections.shared.faults.unclosed import find_unclosed
from stepwarden.inspections.shared.masked_source import mask_source
from stepwarden.source.file_parser import as_utf8
from stepwarden.source.languages import language_of
from stepwarden.source.outline import Language
from stepwarden.source.syntax import line_at, parse_syntax, text_of, walk

if TYPE_CHECKING:
    from tree_sitter import Node

_EVERYTHING = re.compile(r"^(?:builtins\.)?(?:Base)?Exception(?:\s+as\s+\w+)?$")
_NOTHING_DONE = frozenset({"pass_statement", "continue_statement", "break_statement"})
_EMPTY = frozenset({"list", "dictionary", "set"})
_EMPTY_CALLS = frozenset({"list()", "dict()", "set()", "bytearray()", "defaultdict(list)"})
_EMPTY_CATCH = re.compile(r"\bcatch(?:\s*\([^)\n]{0,200}\))?\s*\{\s*\}")
_CHANGING = "append|extend|insert|remove|pop|popitem|clear|update|add|discard|setdefault|sort"
IN_CHANGES = 9  # the rank of what is worth a word only where a change brings it
_SCRIPTS = frozenset({Language.JAVASCRIPT, Language.TYPESCRIPT})


def find_file_faults(path: str, data: bytes) -> list[CodeFault]:
    """Return what is likely wrong in a file, by its own text alone, in the order of its lines."""
    language = language_of(path)
    if language is not None and language in _SCRIPTS:
        return list(_empty_catches(as_utf8(data).decode("utf-8", "replace"), language))
    if language is not Language.PYTHON or path.endswith(".pyi"):
        return []
    root = parse_syntax(path, data)
    if root is None:
        return []
    functions = list(find_functions(root))
    found = [*find_unlocked(functions), *_passed_over(root)]
    for function in functions:
        found += [*_shared_defaults(function), *find_unclosed(function)]
        for documentation in _documentation(function):
            found += find_contradicted_defaults(function, documentation)
    if not path.endswith("__init__.py"):  # which may list modules beside it
        found += _missing_exports(root)
    return sorted(found, key=lambda fault: (fault.line, fault.what))


def _documentation(function: PythonFunction) -> Iterator["Node | None"]:
    """Yield the docstring of a function, and of a constructor that of its class too."""
    yield function.docstring
    if function.name == "__init__" and function.owner:
        block = function.node.parent
        yield docstring_of(block.parent if block is not None and block.type == "decorated_definition" else block)


def _passed_over(root: "Node") -> Iterator[CodeFault]:
    """Yield the handlers of every error that do nothing about it."""
    for node in walk(root):
        if node.type != "except_clause":
            continue
        caught = [child for child in node.named_children if child.type not in {"block", "comment"}]
        if caught and not _EVERYTHING.match(text_of(caught[0])):
            continue
        block = next((child for child in node.named_children if child.type == "block"), None)
        done = [child for child in block.named_children if child.type != "comment"] if block is not None else []
        if block is not None and all(map(_does_nothing, done)):
            yield CodeFault.at(line_at(node), "passes over every error", 2)


def _does_nothing(statement: "Node") -> bool:
    return statement.type in _NOTHING_DONE or text_of(statement) == "..."


def _shared_defaults(function: PythonFunction) -> Iterator[CodeFault]:
    """Yield the defaults that are one object for all calls and that can be changed."""
    for parameter in function.parameters:
        default = parameter.default
        if default is None or not (default.type in _EMPTY or text_of(default) in _EMPTY_CALLS):
            continue
        name, body = re.escape(parameter.name), text_of(function.body)
        said = f"{parameter.name}={text_of(default)}"
        if re.search(rf"(?<![\w.]){name}(?:\.(?:{_CHANGING})\(|\[[^\]\n]*\]\s*[-+|&]?=(?!=)|\s*[+|&]=)", body):
            yield CodeFault.at(line_at(default), f"{function.name} changes the one {said} of all its calls", 2)
        elif re.search(rf"^\s*self\.\w+\s*=\s*{name}\s*$", body, re.MULTILINE):
            yield CodeFault.at(line_at(default), f"{function.name} keeps the one {said} of all its calls", 3)
        else:
            yield CodeFault.at(line_at(default), f"{function.name}: all calls share {said}", IN_CHANGES)


def _missing_exports(root: "Node") -> Iterator[CodeFault]:
    listed, bound = exported_names(root), bound_names(root)
    if listed is None or bound is None:
        return
    for name, line in listed.items():
        if name not in bound:
            yield CodeFault.at(line, f"__all__ lists {name}, which the file does not define", 1)


def _empty_catches(text: str, language: Language) -> Iterator[CodeFault]:
    """Yield the handlers of a script that have neither code nor a comment."""
    code = mask_source(text, language)
    for match in _EMPTY_CATCH.finditer(code):
        if not text[match.start() : match.end()].rpartition("{")[2].rstrip("}").strip():
            yield CodeFault.at(code.count("\n", 0, match.start()) + 1, "passes over every error", 2)
