"""Answers to tools/list that are nested deeper than the SDK's parser reads: there, one deep tool would take all others
with it.

The parser of pydantic-core ends at 201 levels of JSON. A tool below that limit is left to the checks of `tool.py`; one
beyond it is replaced here, in the bytes of the message, by an entry that says why it cannot be used.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from pydantic_core import SchemaValidator, ValidationError, core_schema, from_json

from stepwarden.upstream.catalogue.tool import unusable_entry

MOST_LEVELS = 150  # of JSON in a message; tools whose schemas are below the 48 that are used end before the 60th
MOST_OPENED = 100_000  # objects and lists in a message that is looked at: 0.2 s; 1 MB of ordinary tools has 20,000
TOO_DEEP = "its schema is nested too deep"

_ANY_OBJECT = SchemaValidator(core_schema.typed_dict_schema({}, extra_behavior="ignore"))
_TO_BRACKET = re.compile(rb'[^\[\]{}"]*+(?:"(?:[^"\\]++|\\.)*+"[^\[\]{}"]*+)*+[\[\]{}]')
_KEY = re.compile(rb'(?<!\\)"(\w+)"\s*:\s*\Z')
_KEY_BYTES = 100  # before a value: its key, where that is one of those looked for
_CLOSING = {ord("{"): ord("}"), ord("["): ord("]")}
_OF_A_CALL = (b"content", b"structuredContent")


class _Container(NamedTuple):
    """An object or a list in a text; `level` counts those round it.

    `levels` is the deepest of it and all in it, in levels of the text; right for those of the last level looked at.
    """

    level: int
    key: bytes
    start: int
    end: int
    levels: int


def readable(message: bytes) -> bytes:
    """Return a JSON-RPC message as it came, or a list of tools without what the parser cannot read.

    Anything else than an answer to tools/list stays as it is, and so does what cannot be parsed for another reason.
    """
    opened = message.count(b"{") + message.count(b"[")
    if not MOST_LEVELS < opened <= MOST_OPENED or b'"tools"' not in message or _is_parsed(message):
        return message
    try:
        return _without_deep_tools(message)
    except ValueError:
        return message


def _is_parsed(message: bytes) -> bool:
    """Return whether the parser gets through; it makes no Python objects here."""
    try:
        _ANY_OBJECT.validate_json(message)
    except ValidationError:
        return False
    return True


def _without_deep_tools(message: bytes) -> bytes:
    parts: list[bytes] = []
    end = 0
    for tool in _tools(message):
        if tool.levels > MOST_LEVELS:
            parts += [message[end : tool.start], _replacement(message[tool.start : tool.end])]
            end = tool.end
    return b"".join([*parts, message[end:]])


def _tools(message: bytes) -> list[_Container]:
    """Return the entries of `tools` in the result of a message; none where it is the result of a call."""
    found = list(_containers(message, 3))
    result = next((one for one in found if one.level == 1 and one.key == b"result"), None)
    inside = [one for one in found if result is not None and result.start < one.start < result.end]
    lists = {one.key: one for one in inside if one.level == 2}
    tools = lists.get(b"tools")
    if tools is None or message[tools.start] != ord("[") or any(key in lists for key in _OF_A_CALL):
        return []
    return [one for one in inside if one.level == 3 and tools.start < one.start < tools.end]


def _replacement(tool: bytes) -> bytes:
    """Return the entry that bars a tool, under its name. Raises ValueError where it is not JSON."""
    parts: list[bytes] = []
    end = 0
    for value in _containers(tool, 1):
        if value.level == 1:
            parts += [tool[end : value.start], b"null"]
            end = value.end
    flat: Any = from_json(b"".join([*parts, tool[end:]]))
    name = cast("dict[str, Any]", flat).get("name") if isinstance(flat, dict) else ""
    return json.dumps(unusable_entry(name, TOO_DEEP)).encode()


def _containers(text: bytes, most_level: int) -> Iterator[_Container]:
    """Return the objects and lists down to a level, each once it ends. Raises ValueError where brackets do not pair.

    One step for each bracket outside of strings, and no recursion.
    """
    closing = bytearray()
    opened: list[tuple[bytes, int]] = []  # key and start of those down to the level
    end = deepest = 0
    while found := _TO_BRACKET.match(text, end):
        before, end = end, found.end()
        bracket = text[end - 1]
        if bracket in _CLOSING:
            if len(closing) <= most_level:
                key = _KEY.search(text[max(before, end - 1 - _KEY_BYTES) : end - 1])
                opened.append((key[1] if key else b"", end - 1))
                deepest = 0
            closing.append(_CLOSING[bracket])
            deepest = max(deepest, len(closing))
        else:
            if not closing or closing.pop() != bracket:
                raise ValueError("a bracket closes what is not open")
            level = len(closing)
            if level <= most_level:
                yield _Container(level, *opened.pop(), end, deepest)
    if closing:
        raise ValueError("a bracket is not closed")
