"""Tools, calls and results as a chat completion has them. Pure; `docs/models.md` has the table."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, cast

from providers.call_reader import sent_back
from providers.profile import Profile
from providers.tool_names import UNREAD, wire_names
from stepwarden.models import Message, ModelRequest
from stepwarden.tool_calls import OfferedTool, ToolCall

EMPTY_RESULT = "(empty)"  # Anthropic refuses a message without text
FAILED = "Error: "  # no dialect has a field for it
_UNTOLD = ("$schema", "$id", "$defs", "definitions")


def tool_fields(request: ModelRequest, profile: Profile, left_out: frozenset[str]) -> dict[str, Any]:
    """Return the fields of a body that offer tools; none where an endpoint cannot be told to call none."""
    if not request.tools:
        return {}
    chooses = profile.tool_choice and "tool_choice" not in left_out
    if not request.may_call and not chooses:
        return {}
    names = wire_names(request)
    fields: dict[str, Any] = {"tools": [_tool(tool, names[tool.name], profile) for tool in request.tools]}
    if not request.may_call:
        fields["tool_choice"] = "none"
    elif not request.parallel_calls and profile.parallel_calls:
        fields["parallel_tool_calls"] = False
    return fields


def _tool(tool: OfferedTool, name: str, profile: Profile) -> dict[str, Any]:
    schema = dict(tool.schema)
    if profile.inline_definitions:
        schema = cast("dict[str, Any]", _inlined(schema, schema, ()))
        schema = {key: value for key, value in schema.items() if key not in _UNTOLD}
    # An object without properties is refused by OpenAI and by the templates of local servers.
    parameters: dict[str, Any] = {"type": "object", "properties": {}, **schema}
    return {"type": "function", "function": {"name": name, "description": tool.description, "parameters": parameters}}


def _inlined(part: object, root: Mapping[str, Any], within: tuple[str, ...]) -> object:
    """Return a schema with what its references mean in their place; inside itself, a reference means anything."""
    if isinstance(part, list):
        return [_inlined(entry, root, within) for entry in cast("list[object]", part)]
    if not isinstance(part, dict):
        return part
    schema = cast("dict[str, Any]", part)
    place = schema.get("$ref")
    if not isinstance(place, str) or not place.startswith("#/"):
        return {
            key: _inlined(value, root, within) for key, value in schema.items() if key not in {"$defs", "definitions"}
        }
    beside = {key: value for key, value in schema.items() if key != "$ref"}
    meant = None if place in within else _at(place, root)
    if not isinstance(meant, dict):
        return beside
    return _inlined({**cast("dict[str, Any]", meant), **beside}, root, (*within, place))


def _at(place: str, root: Mapping[str, Any]) -> object:
    found: object = root
    for key in place.removeprefix("#/").split("/"):
        if not isinstance(found, dict):
            return None
        found = cast("dict[str, object]", found).get(key.replace("~1", "/").replace("~0", "~"))
    return found


class ToolMessages:
    """The messages of a request that have to do with tools, as one endpoint takes them."""

    def __init__(self, request: ModelRequest, profile: Profile, left_out: frozenset[str]) -> None:
        self._names = wire_names(request)
        self._profile = profile
        self._left_out = left_out
        self._ids = _wire_ids(request.messages, profile)

    def assistant(self, message: Message, text: str) -> dict[str, Any]:
        """Return a message with calls; without text its content is null, which all of them take."""
        profile = self._profile
        kept = sent_back(message.kept, profile.name)
        if profile.wants_thoughts:
            kept.setdefault("reasoning_content", "")
        calls = [self._call(call) for call in message.calls]
        fields = {"role": "assistant", "content": text or None, "tool_calls": calls, **kept}
        return {name: value for name, value in fields.items() if name not in self._left_out}

    def result(self, message: Message, text: str) -> dict[str, Any]:
        """Return the result of a call."""
        content = f"{FAILED if message.failed else ''}{text or EMPTY_RESULT}"
        return {"role": "tool", "tool_call_id": self._ids.get(message.call_id, message.call_id), "content": content}

    def _call(self, call: ToolCall) -> dict[str, Any]:
        # What the model wrote is told to it again as JSON: nearly all endpoints refuse a history that is not.
        arguments = json.dumps({"not_json": call.arguments}, ensure_ascii=False) if call.error else call.arguments
        function = {"name": self._names[call.name] or UNREAD, "arguments": arguments}
        kept = {
            name: value
            for name, value in sent_back(call.kept, self._profile.name).items()
            if name not in self._left_out
        }
        return {"id": self._ids[call.id], "type": "function", "function": function, **kept}


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
