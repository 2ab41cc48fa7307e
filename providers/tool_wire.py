"""Tools, calls and results as a chat completion has them. Pure; `docs/models.md` has the table."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, cast

from providers.call_reader import sent_back
from providers.dialect import Dialect
from providers.profile import Profile
from providers.tool_names import UNREAD, wire_names
from stepwarden.models import Message, ModelRequest
from stepwarden.tool_calls import OfferedTool, ToolCall

EMPTY_RESULT = "(empty)"  # Anthropic refuses a message without text
FAILED = "Error: "  # no dialect has a field for it
SHORT_CHARACTERS = 1_024  # of a description, where an endpoint refuses longer ones
_CHOICES = ("anyOf", "oneOf", "allOf")
_NOT_ON_TOP = {*_CHOICES, "not", "enum", "$schema", "$id"}


def tool_fields(request: ModelRequest, profile: Profile, dialect: Dialect) -> dict[str, Any]:
    """Return the fields of a body that offer tools; none where an endpoint cannot be told to call none."""
    if not request.tools:
        return {}
    if not request.may_call and not (profile.tool_choice and "tool_choice" not in dialect.left_out):
        return {}
    names = wire_names(request)
    fields: dict[str, Any] = {"tools": [_tool(tool, names[tool.name], profile, dialect) for tool in request.tools]}
    if not request.may_call:
        fields["tool_choice"] = "none"
    elif not request.parallel_calls and profile.parallel_calls:
        fields["parallel_tool_calls"] = False
    return fields


def _tool(tool: OfferedTool, name: str, profile: Profile, dialect: Dialect) -> dict[str, Any]:
    description = tool.description
    if dialect.short_descriptions and len(description) > SHORT_CHARACTERS:
        description = f"{description[: SHORT_CHARACTERS - 1]}…"
    parameters = _parameters(tool.schema, inline=profile.inline_definitions)
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def _parameters(schema: Mapping[str, Any], *, inline: bool) -> dict[str, Any]:
    """Return a schema of arguments as endpoints take it: of an object that names its properties, without a choice.

    OpenAI and Anthropic refuse `anyOf` and its like on top; their properties are then offered together. Whoever makes
    the call holds its arguments against the schema as it was.
    """
    whole = _Inliner(schema).inlined(schema) if inline else schema
    found = {key: value for key, value in whole.items() if key not in _NOT_ON_TOP}
    if inline:
        found = {key: value for key, value in found.items() if key not in {"$defs", "definitions"}}
    properties: dict[str, Any] = {}
    for choice in (one for key in _CHOICES for one in _objects(whole.get(key))):
        properties |= _object(choice.get("properties"))
    return {**found, "type": "object", "properties": properties | _object(whole.get("properties"))}


class _Inliner:
    """Puts what references mean in their place; inside itself, or after very many, a reference means anything."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._left = 500

    def inlined(self, schema: Mapping[str, Any], within: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return a schema without references to its own parts."""
        place = schema.get("$ref")
        if not isinstance(place, str) or not place.startswith("#"):
            return {key: self._part(value, within) for key, value in schema.items()}
        self._left -= 1
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        meant = {} if place in within or self._left < 0 else _object(self._at(place))
        return self.inlined({**meant, **beside}, (*within, place))

    def _part(self, part: object, within: tuple[str, ...]) -> object:
        if isinstance(part, list):
            return [self._part(entry, within) for entry in cast("list[object]", part)]
        return self.inlined(cast("dict[str, Any]", part), within) if isinstance(part, dict) else part

    def _at(self, place: str) -> object:
        found: object = self._root
        for key in place.removeprefix("#").strip("/").split("/"):
            found = _object(found).get(key.replace("~1", "/").replace("~0", "~")) if key else found
        return found


def _object(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _objects(value: object) -> list[dict[str, Any]]:
    return [_object(one) for one in cast("list[object]", value)] if isinstance(value, list) else []


class ToolMessages:
    """The messages of a request that have to do with tools, as one endpoint takes them."""

    def __init__(self, request: ModelRequest, profile: Profile, dialect: Dialect) -> None:
        self._names = wire_names(request)
        self._provider = profile.name
        self._dialect = dialect
        self._ids = _wire_ids(request.messages, profile)

    def assistant(self, message: Message, text: str) -> dict[str, Any]:
        """Return a message with calls; without text its content is null, which all of them take."""
        calls = [self._call(call) for call in message.calls]
        kept = self._kept(message.kept)
        if self._dialect.wants_thoughts and "reasoning_content" not in self._dialect.left_out:
            kept.setdefault("reasoning_content", "")
        return {"role": "assistant", "content": text or None, "tool_calls": calls, **kept}

    def result(self, message: Message, text: str) -> dict[str, Any]:
        """Return the result of a call."""
        content = f"{FAILED if message.failed else ''}{text or EMPTY_RESULT}"
        return {"role": "tool", "tool_call_id": self._ids.get(message.call_id, message.call_id), "content": content}

    def _call(self, call: ToolCall) -> dict[str, Any]:
        # What the model wrote is told to it again as JSON: nearly all endpoints refuse a history that is not.
        arguments = json.dumps({"not_json": call.arguments}, ensure_ascii=False) if call.error else call.arguments
        function = {"name": self._names[call.name] or UNREAD, "arguments": arguments}
        return {"id": self._ids[call.id], "type": "function", "function": function, **self._kept(call.kept)}

    def _kept(self, kept: str) -> dict[str, Any]:
        fields = sent_back(kept, self._provider)
        return {name: value for name, value in fields.items() if name not in self._dialect.left_out}


def _wire_ids(messages: Sequence[Message], profile: Profile) -> dict[str, str]:
    """Return the id on the wire of each call: its own, or one in its place that the endpoint takes."""
    ids = dict.fromkeys(call.id for message in messages for call in message.calls)
    found = {one: one for one in ids if profile.call_id.fullmatch(one)}
    number = 0
    for one in ids:
        while one not in found:
            number += 1
            made = f"call{number:05d}"
            if made not in found.values():
                found[one] = made
    return found


def image_messages(messages: Sequence[Message], *, blind: bool) -> Iterator[Message]:
    """Return the messages with the images of results behind them, as the user's: a result holds text only.

    A model that sees none (`blind`) is told how many there were.
    """
    for of_tools, group in groupby(messages, key=lambda message: message.role == "tool"):
        found = list(group)
        if of_tools and blind:
            found = [
                replace(one, text=f"{one.text}\n{_unseen(one)}".strip(), images=()) if one.images else one
                for one in found
            ]
        yield from found
        images = tuple(image for message in found for image in message.images) if of_tools else ()
        if images:
            yield Message("user", "The images of these results:", images)


def _unseen(message: Message) -> str:
    return f"({len(message.images)} images that this model cannot see)"
