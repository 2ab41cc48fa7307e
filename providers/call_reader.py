"""From the calls in a completion to ours: ids, names and arguments, in whatever form they come. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from providers.tool_names import own_name, wire_names
from stepwarden.models import ModelRequest
from stepwarden.tool_calls import ToolCall

MESSAGE_KEPT = ("reasoning_content", "reasoning_details")  # DeepSeek, Kimi, GLM; OpenRouter
CALL_KEPT = ("extra_content",)  # Gemini's signatures, also behind gateways

_DECODER = json.JSONDecoder(strict=False)  # some servers leave control characters in strings


class BrokenArguments(ValueError):
    """The arguments of a call are no JSON object; the text says what is wrong."""


def calls_of(message: Mapping[str, Any], request: ModelRequest, provider: str, *, cut_off: bool) -> list[ToolCall]:
    """Return the calls of a completion's message, each with an id that no other call of the conversation has."""
    names, ids = wire_names(request), CallIds(request)
    found: list[ToolCall] = []
    for entry in _entries(message):
        function = _entry(entry.get("function")) or entry  # some servers leave the wrapper out
        name = str(function.get("name") or "")
        arguments = function.get("arguments", function.get("parameters"))
        if name or arguments:
            call_id = ids.taken(entry.get("id"))
            kept = kept_fields(entry, CALL_KEPT, provider)
            found.append(read_call(call_id, own_name(name, names), arguments, cut_off=cut_off, kept=kept))
    return found


def read_call(call_id: str, name: str, arguments: object, *, cut_off: bool = False, kept: str = "") -> ToolCall:
    """Return a call with its arguments read, or with what is wrong with them."""
    try:
        text, error = argument_text(arguments), ""
    except BrokenArguments as broken:
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        error = "its arguments end in the middle: the answer ended at its output limit" if cut_off else str(broken)
    if not name:
        error = error or "it names no tool"
    return ToolCall(call_id, name, text, error, kept)


def argument_text(arguments: object) -> str:
    """Return arguments as the text of a JSON object: an object, its text, its text as a string, or none at all.

    Raises BrokenArguments.
    """
    value: object = arguments
    for _ in range(3):  # text of text: some gateways encode twice
        if not isinstance(value, str):
            break
        value = _decoded(value) if value.strip() else None
    if value is None:
        return "{}"
    if not isinstance(value, dict):
        raise BrokenArguments(f"its arguments are {_kind(value)}, not a JSON object")
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate fits in no store
    except ValueError:
        raise BrokenArguments("its arguments hold a number that JSON does not have") from None
    except RecursionError:
        raise BrokenArguments("its arguments are nested too deeply") from None


def _decoded(text: str) -> object:
    text = text.strip()
    try:
        value, end = _DECODER.raw_decode(text)
        if value == {} and end < len(text):  # some streams begin each call with an empty object
            value, end = _DECODER.raw_decode(text, end)
    except RecursionError:
        raise BrokenArguments("its arguments are nested too deeply") from None
    except json.JSONDecodeError as error:
        raise BrokenArguments(f"its arguments are not valid JSON: {error.msg} at character {error.pos}") from None
    except ValueError:  # Python reads no number of so many digits
        raise BrokenArguments("its arguments hold a number of thousands of digits") from None
    if text[end:].strip():
        raise BrokenArguments(f"its arguments go on after the end of their JSON, at character {end}")
    return value


def _kind(value: object) -> str:
    if isinstance(value, list):
        return "a list"
    return "a text" if isinstance(value, str) else "a single value"


class CallIds:
    """The ids of one conversation; those that are missing or not their call's alone are made.

    They are nine letters and digits, which is what Mistral takes, and every other endpoint too.
    """

    def __init__(self, request: ModelRequest) -> None:
        self._used = {call.id for message in request.messages for call in message.calls}

    def taken(self, wanted: object = None) -> str:
        """Return an id for one more call: the one that it came with, if that is still free."""
        found = wanted if isinstance(wanted, str) else ""
        number = len(self._used)
        while not found or found in self._used:
            number += 1
            found = f"call{number:05d}"
        self._used.add(found)
        return found


def kept_fields(entry: Mapping[str, Any], names: tuple[str, ...], provider: str) -> str:
    """Return what an endpoint wants back with a message or a call, as JSON that names it; "" where there is nothing."""
    fields = {name: entry[name] for name in names if entry.get(name)}
    return json.dumps({"provider": provider, **fields}, ensure_ascii=False) if fields else ""


def sent_back(kept: str, provider: str) -> dict[str, Any]:
    """Return the fields that go back to the endpoint that they are from, and to no other."""
    fields: dict[str, Any] = json.loads(kept) if kept else {}
    return fields if fields.pop("provider", None) == provider else {}


def _entries(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Return the calls as they came: a list, one alone, or the one function call of old."""
    listed = message.get("tool_calls")
    for entry in cast("list[object]", listed) if isinstance(listed, list) else [listed]:
        if isinstance(entry, dict):
            yield cast("dict[str, Any]", entry)
    if not listed and isinstance(message.get("function_call"), dict):
        yield cast("dict[str, Any]", message["function_call"])


def _entry(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
