"""Defaults of parameters that are another value in the function's own documentation."""

import ast
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from stepwarden.inspections.shared.faults.code_fault import CodeFault
from stepwarden.inspections.shared.faults.python_functions import PythonFunction
from stepwarden.source.syntax import line_at, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

_VALUE = r"""[-+]?\d[\d_]*(?:\.\d+)?(?:e[-+]?\d+)?|True|False|None|'[^'\n]{0,80}'|"[^"\n]{0,80}\""""
_ROLE = r"(?::(?:py:)?(?:data|obj|const|class):)?`{0,2}"
# What follows has to end the value: `5 * n`, `5 minutes` and `5 unless ...` say something else.
_DEFAULT = re.compile(
    rf"(?<!the )\bdefaults?\s*(?:(?:value\s*)?(?:is|to)|:|==?)?\s*{_ROLE}(?P<value>{_VALUE})`{{0,2}}(?![\w*/+`%]|\.\d)"
    r"(?=\s*(?:$|[.;)\]]|,(?!\s*(?:but|or|unless|if|else|otherwise|except)\b)"
    r"|(?:seconds|bytes|times|characters|retries|items|lines)\b))",
    re.IGNORECASE,
)
_SPHINX = re.compile(r"^\s*:(?:param(?:eter)?|arg|keyword|kwarg)\s+(?:[^:\n]*\s)?\*{0,2}(?P<name>\w+)\s*:(?P<text>.*)$")
_LISTED = re.compile(r"^(?P<indent>\s*)[`*]{0,2}(?P<name>\w+)[`*]{0,2}\s*(?:\([^)\n]*\)\s*)?:(?P<text>.*)$")
_FIELD = re.compile(r"^\s*:\w+[^:\n]*:")


def find_contradicted_defaults(function: PythonFunction, documentation: "Node | None") -> Iterator[CodeFault]:
    """Yield the defaults of literals that `documentation`, of the function or its class, gives as another literal."""
    if documentation is None:
        return
    said = _said_defaults(text_of(documentation))
    for parameter in function.parameters:
        told = said.get(parameter.name)
        default = _literal(text_of(parameter.default)) if parameter.default is not None else None
        if told is None or default is None or parameter.default is None:
            continue
        offset, text = told
        value = _literal(text)
        if value is None or value == default or "None" in {value, default}:
            continue
        if (value[:1] in "'\"") is (default[:1] in "'\""):  # 5 and '5' may be one setting, told in other words
            place = f":{line_at(documentation) + offset}"
            what = f"{parameter.name}={text_of(parameter.default)}, but its docs say {text} ({place})"
            key = f"{function.qualified}: {parameter.name}={text_of(parameter.default)}, not {text}"
            yield CodeFault.at(line_at(parameter.default), what, 1, key)


def _said_defaults(text: str) -> Mapping[str, tuple[int, str]]:
    """Return (line from 0, value) that a docstring gives as default, by parameter; none that it gives twice."""
    found: dict[str, tuple[int, str]] = {}
    lines = text.split("\n")
    for at, line in enumerate(lines):
        sphinx = _SPHINX.match(line)
        head = sphinx or _LISTED.match(line)
        if head is None:
            continue
        entry = [head["text"]]
        indent = len(line) - len(line.lstrip())
        for following in lines[at + 1 :]:
            inner = len(following) - len(following.lstrip())
            if not following.strip() or inner <= indent or _FIELD.match(following):
                break
            entry.append(following)
        values = [(row, match["value"]) for row, part in enumerate(entry) for match in _DEFAULT.finditer(part)]
        whole = " ".join(part.strip() for part in [line, *entry[1:]])
        if not values and (match := _DEFAULT.search(whole)):  # the value is on the line after the word
            values = [(0, match["value"])]
        in_head = [value for value in values if value[0] == 0] if not sphinx else []  # numpy and Google: with its type
        alone = len(values) == 1 and len(re.findall(r"\bdefault", whole, re.IGNORECASE)) == 1
        if alone or len(in_head) == 1:
            row, value = (in_head or values)[0]
            found.setdefault(head["name"], (at + row, value))
    return found


def _literal(text: str) -> str | None:
    """Return a number, None or a string in one form of writing, True as 1; None for any other expression."""
    try:
        value: object = ast.literal_eval(text) if len(text) <= 100 and not text.startswith(("(", "[", "{")) else ...
    except (ValueError, SyntaxError):
        return None
    if isinstance(value, str) or value is None:
        return repr("".join(value.split()) if isinstance(value, str) else value)
    return repr(float(value)) if isinstance(value, int | float) else None
