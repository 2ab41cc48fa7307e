"""Tools for models that cannot be offered any: told of in the prompt, called by an answer in JSON. Pure.

And calls that come as text although tools were offered: they are read where that is certain.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, cast

from pydantic import BaseModel

from providers.call_reader import MESSAGE_KEPT, CallIds, calls_of, kept_fields, read_call
from providers.model_names import shown_name
from providers.tool_names import own_name, wire_names
from stepwarden.consultation.json_in_text import JsonObject, json_objects, whole_json
from stepwarden.models import AnswerForm, Message, ModelRequest
from stepwarden.tool_calls import ToolCall


class ToldCall(BaseModel):
    """A call in an answer in JSON."""

    name: str
    arguments: dict[str, Any]


class ToldAnswer(BaseModel):
    """An answer in JSON of a model that is told of tools."""

    text: str
    calls: list[ToldCall]


FORM = '{"text": "...", "calls": [{"name": "...", "arguments": {...}}]}'
_RULES = f"""You can call tools. Answer with one JSON object and nothing else, no prose and no fence: {FORM}
All `calls` are made at once, and their results come with the next message. Never write a result yourself. With no more
to call, leave `calls` empty and answer in `text`."""
_UNREADABLE = f"it is not the JSON that was asked for. Answer with one JSON object and nothing else: {FORM}"
_NOT_OFFERED = "it came as text that cannot be read. Call tools through the interface, not in the words of an answer"

_FORM = AnswerForm(ToldAnswer, ToldAnswer, FORM)

CUT = {"length", "max_tokens", "model_context_window_exceeded", "model_length"}
"""The reasons for an end that mean the output limit."""

_FENCED = re.compile(r"^[ \t]{0,3}(`{3,8}|~{3,8})[^\n]*\n.*?(?:^[ \t]{0,3}\1[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_WHOLE_FENCE = re.compile(r"\s*(`{3,8})[^\n`]*\n(?P<inside>.*?)\n?\1\s*", re.DOTALL)
_MARK = re.compile(  # Hermes and Qwen, Mistral, Llama, DeepSeek and Kimi: at the start of a line
    r"^[ \t]*(?:<tool_calls?>|\[TOOL_CALLS\]|<\|python_tag\|>|<function=(?P<name>[\w.-]{1,64})>"
    r"|<[|\uff5c]tool[_▁]calls?[\w▁]{0,30}[|\uff5c]>)",
    re.MULTILINE,
)
_CLAIM = re.compile(r"[\"']?(?:calls|tool_calls)[\"']?\s*:\s*\[")
_NAMES, _ARGUMENTS = ("name", "tool", "tool_name", "function"), ("arguments", "parameters", "args", "input")


@dataclass(frozen=True, slots=True)
class Called:
    """What of an answer is text, and what are calls. `written` is all of it, the measure of its tokens."""

    text: str
    calls: tuple[ToolCall, ...]
    written: str
    kept: str = ""
    notes: tuple[str, ...] = ()


def with_told_tools(request: ModelRequest) -> ModelRequest:
    """Return a request without tools that says in words what it offered, what was called, and what came of it."""
    messages = list(_told_messages(request))
    if request.may_call:
        words = "\n".join(
            [_RULES, "Tools:", *(_told(tool.name, tool.description, tool.schema) for tool in request.tools)]
        )
        if messages and messages[0].role == "system":
            messages[0] = replace(messages[0], text=f"{messages[0].text}\n\n{words}")
        else:
            messages.insert(0, Message("system", words))
    form = _FORM if request.may_call and request.answer is None else request.form
    return replace(request, messages=tuple(messages), tools=(), form=form)


def _told(name: str, description: str, schema: Mapping[str, Any]) -> str:
    arguments = json.dumps(schema or {"type": "object"}, ensure_ascii=False, separators=(",", ":"))
    return f"- {name}: {' '.join(description.split())}\n  arguments: {arguments}"


def _told_messages(request: ModelRequest) -> Iterator[Message]:
    named = {call.id: call.name for message in request.messages for call in message.calls}
    for of_tools, group in groupby(request.messages, key=lambda message: message.role == "tool"):
        found = list(group)
        if of_tools:  # in one message: many templates of chats take turns only
            told = [
                f"{'Error' if one.failed else 'Result'} of {named.get(one.call_id, '')} ({one.call_id}):\n{one.text}"
                for one in found
            ]
            yield Message("user", "\n\n".join(told))
            continue
        for one in found:
            yield Message(one.role, _told_calls(one), one.images) if one.calls else one


def _told_calls(message: Message) -> str:
    calls = [{"name": call.name, "arguments": call.arguments if call.error else call.values} for call in message.calls]
    return json.dumps({"text": message.text, "calls": calls}, ensure_ascii=False)


def called_in(
    answer: str, message: Mapping[str, Any], request: ModelRequest, provider: str, *, told: bool, finish: str
) -> Called:
    """Return what is text and what are calls in an answer, of which `answer` is the text without thoughts."""
    if not request.may_call:
        return Called(answer, (), answer)
    calls = calls_of(message, request, provider, cut_off=finish in CUT)
    written = answer + "".join(f"{call.name}{call.arguments}" for call in calls)
    text = answer
    if not calls:
        text, calls = (_told_answer if told else _text_calls)(answer, request)
    if not calls and "malformed" in finish.casefold():  # Gemini's MALFORMED_FUNCTION_CALL
        text, calls = "", [_unread(answer or "(a call)", request, _NOT_OFFERED)]
    notes = (
        [f"{shown_name(request.model)} cannot be offered tools here: it was told of them in its prompt"] if told else []
    )
    if len(calls) > 1 and not request.parallel_calls:
        notes.append(f"{len(calls)} calls at once where one was allowed: the first was taken")
        calls = calls[:1]
    kept = kept_fields(message, MESSAGE_KEPT, provider) if calls else ""
    return Called(text, tuple(calls), written, kept, tuple(notes))


def _told_answer(answer: str, request: ModelRequest) -> tuple[str, list[ToolCall]]:
    """Return what an answer in JSON says; prose that claims no call is an answer too."""
    objects = list(json_objects(answer))
    for found in objects:
        listed = found.get("calls", found.get("tool_calls"))
        if isinstance(listed, list):  # what stands behind the first is a result that it made up
            entries = cast("list[object]", listed)
            if all(isinstance(one, dict) for one in entries):
                return _text_in(found), _read(cast("list[JsonObject]", entries), request)
            return "", [_unread(answer, request, _UNREADABLE)]
    if bare := [found for found in objects if _is_call(found, request)]:
        return "", _read(bare, request)
    if len(objects) == 1 and set(objects[0]) <= {"text", "calls"}:
        return _text_in(objects[0]), []
    if _CLAIM.search(answer) or _MARK.search(_FENCED.sub("", answer)):
        text, calls = _text_calls(answer, request)
        unread = not calls or any(not call.name for call in calls)
        return ("", [_unread(answer, request, _UNREADABLE)]) if unread else (text, calls)
    return answer, []


def _text_in(found: JsonObject) -> str:
    text = found.get("text")
    return text if isinstance(text, str) else ""


def _text_calls(answer: str, request: ModelRequest) -> tuple[str, list[ToolCall]]:
    """Return the calls in a text that is nothing else, or that has them behind a mark of one."""
    fence = _WHOLE_FENCE.fullmatch(answer)
    whole = whole_json(fence["inside"] if fence else answer)
    listed = cast("list[object]", whole) if isinstance(whole, list) else [whole]
    objects = [cast("JsonObject", one) for one in listed if isinstance(one, dict)]
    if objects and len(objects) == len(listed) and all(_is_call(one, request) for one in objects):
        return "", _read(objects, request)
    mark = _MARK.search(_FENCED.sub(lambda block: " " * len(block[0]), answer))
    if mark is None:
        return answer, []
    behind = answer[mark.start() :]
    objects = list(json_objects(behind))
    if mark["name"] and objects:
        objects = [{"name": mark["name"], "arguments": objects[0]}]
    calls = _read([one for one in objects if _named(one)], request)
    return answer[: mark.start()].strip(), calls or [_unread(behind, request, _NOT_OFFERED)]


def _read(entries: Sequence[JsonObject], request: ModelRequest) -> list[ToolCall]:
    names, ids = wire_names(request), CallIds(request)
    return [read_call(ids.taken(), own_name(_named(one), names), _argued(one)) for one in entries]


def _unread(text: str, request: ModelRequest, error: str) -> ToolCall:
    return ToolCall(CallIds(request).taken(), "", text, error)


def _is_call(found: JsonObject, request: ModelRequest) -> bool:
    """Return whether an object can be nothing but a call of a tool that was offered."""
    names = wire_names(request)
    return own_name(_named(found), names) in names and any(name in _inside(found) for name in _ARGUMENTS)


def _inside(found: JsonObject) -> JsonObject:
    function = found.get("function")
    return cast("JsonObject", function) if isinstance(function, dict) else found


def _named(found: JsonObject) -> str:
    inside = _inside(found)
    return next((str(inside[name]) for name in _NAMES if isinstance(inside.get(name), str)), "")


def _argued(found: JsonObject) -> object:
    inside = _inside(found)
    return next((inside[name] for name in _ARGUMENTS if name in inside), None)
