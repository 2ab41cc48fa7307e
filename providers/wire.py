"""From our request to the body of a chat completion, and from the completion to our reply. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from providers.catalogue import Row
from providers.dialect import Dialect
from providers.embedded_failures import embedded_failure
from providers.endpoints import Endpoint
from providers.failures import failure, quoted
from providers.model_names import same_model, shown_name
from providers.profile import Profile
from providers.schemas import schema_prompt, schema_response_format
from providers.thoughts import Separated, separate_thoughts
from providers.told_tools import CUT, called_in, with_told_tools
from providers.tool_wire import ToolMessages, image_messages, tool_fields
from stepwarden.models import ErrorKind, Message, ModelError, ModelReply, ModelRequest, Usage, estimated_tokens

_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_FILTERED = {"content_filter", "sensitive", "refusal"}


def chat_body(
    request: ModelRequest, profile: Profile, row: Row | None, dialect: Dialect, *, stream: bool = False
) -> dict[str, Any]:
    """Return the JSON body. Raises ModelError (UNSUPPORTED) for images to a model that is known to see none."""
    blind = row is not None and row.images is False
    if blind and any(message.images for message in request.messages if message.role != "tool"):
        name = shown_name(request.model)
        raise ModelError(
            ErrorKind.UNSUPPORTED, f"{name} takes no images: leave them out, or name a model that sees.", model=name
        )
    request = replace(request, messages=tuple(image_messages(request.messages, blind=blind)))
    if dialect.tools == "told":
        request = with_told_tools(request)
    body: dict[str, Any] = {"model": request.model, "messages": _messages(request, profile, dialect)}
    body.update(tool_fields(request, profile, dialect))
    if request.answer is not None and dialect.answers != "text":
        body["response_format"] = (
            schema_response_format(request.answer) if dialect.answers == "json_schema" else {"type": "json_object"}
        )
    elif request.form is not None and dialect.answers == "json_schema":
        body["response_format"] = schema_response_format(request.form.asked)
    if request.temperature is not None and not (row and row.fixed_temperature):
        low, high = profile.temperature
        body["temperature"] = min(max(request.temperature, low), high)
    if request.max_output_tokens is not None:
        limit = request.max_output_tokens
        body[dialect.limit_field] = min(limit, row.output) if row and row.output else limit
    if request.thinking is not None:
        body.update(_thinking(request.thinking, profile, row))
    if stream:
        body["stream"] = True
        if profile.stream_usage:
            body["stream_options"] = {"include_usage": True}
    left_out = {*dialect.left_out, *(["stream_options"] if "stream" in dialect.left_out else [])}
    return {name: value for name, value in body.items() if name not in left_out}


def _prompt(request: ModelRequest, dialect: Dialect) -> list[Message]:
    messages = list(request.messages)
    if request.answer is not None and dialect.answers != "json_schema":
        schema = schema_prompt(request.answer)
        if messages and messages[0].role == "system":
            messages[0] = replace(messages[0], text=f"{messages[0].text}\n\n{schema}")
        else:
            messages.insert(0, Message("system", schema))
    if "system" in dialect.left_out:
        messages = _without_system(messages)
    if not any(message.role == "user" for message in messages):  # GLM and Anthropic refuse a prompt without one
        messages = [replace(message, role="user") if message.role == "system" else message for message in messages]
    return messages


def _messages(request: ModelRequest, profile: Profile, dialect: Dialect) -> list[dict[str, Any]]:
    of_tools = ToolMessages(request, profile, dialect)
    found: list[dict[str, Any]] = []
    for message in _prompt(request, dialect):
        text = message.text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate cannot be sent
        if message.calls:
            found.append(of_tools.assistant(message, text))
        elif message.role == "tool":
            found.append(of_tools.result(message, text))
        else:
            found.append(_message(message, text))
    return found


def _without_system(messages: Sequence[Message]) -> list[Message]:
    """Return the messages with what a system message says at the beginning of the first of the user's."""
    told = "\n\n".join(message.text for message in messages if message.role == "system")
    others = [message for message in messages if message.role != "system"]
    first = next((at for at, message in enumerate(others) if message.role == "user"), None)
    if first is None or not told:
        return list(messages) if first is None else others
    others[first] = replace(others[first], text=f"{told}\n\n{others[first].text}")
    return others


def _message(message: Message, text: str) -> dict[str, Any]:
    if not message.images:
        return {"role": message.role, "content": text}
    images = [{"type": "image_url", "image_url": {"url": image}} for image in message.images]
    return {"role": message.role, "content": [{"type": "text", "text": text}, *images]}


def _thinking(wanted: str, profile: Profile, row: Row | None) -> dict[str, Any]:
    efforts = row.efforts if row else ("low", "medium", "high") if profile.thinking == "effort" else ()
    effort = {"reasoning_effort": _nearest(wanted, efforts)} if efforts else {}
    match profile.thinking:
        case "none":
            return {}
        case "effort":
            return effort
        case "type":
            off = wanted == "minimal" and not (row and row.always_thinks)
            switch = {} if row and row.always_thinks else {"thinking": {"type": "disabled" if off else "enabled"}}
            return switch if off else {**switch, **effort}


def _nearest(wanted: str, efforts: tuple[str, ...]) -> str:
    at = _EFFORTS.index(wanted) if wanted in _EFFORTS else _EFFORTS.index("medium")
    return min((effort for effort in efforts if effort in _EFFORTS), key=lambda e: abs(_EFFORTS.index(e) - at))


def _entry(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _first(value: object) -> dict[str, Any]:
    return _entry(cast("list[object]", value)[0]) if isinstance(value, list) and value else {}


def piece_of(chunk: object) -> dict[str, Any]:
    """Return what a chunk of a stream adds to the completion: its delta, and what of it is read here."""
    entry = _entry(chunk)
    choice = _first(entry.get("choices"))
    delta = _entry(choice.get("delta"))
    return {
        "delta": delta,
        "text": _text(delta.get("content")),
        "finish": choice.get("finish_reason"),
        "refusal": delta.get("refusal"),
        "usage": entry.get("usage") or choice.get("usage"),
        "model": entry.get("model"),
        "id": entry.get("id"),
        "reasoning": _reasoning(delta),
    }


def is_whole(chunk: object) -> bool:
    """Return whether a chunk is all that an endpoint answered: a completion in one piece, or an error."""
    entry = _entry(chunk)
    choice = _first(entry.get("choices"))
    return bool(choice.get("message") and not choice.get("delta")) or embedded_failure(chunk) is not None


def reply_of(completion: object, request: ModelRequest, endpoint: Endpoint, *, told: bool = False) -> ModelReply:
    """Return the reply that a completion holds, whatever its form; `told` says that tools stood in the prompt.

    Raises ModelError for what is not a completion, for an error that came as one, for an empty one, and for one that
    was filtered.
    """
    if (refusal := embedded_failure(completion)) is not None:
        raise failure(endpoint, request.model, refusal)
    entry = _entry(completion)
    choice = _first(entry.get("choices"))
    message = _entry(choice.get("message"))
    if not message:
        raise _no_completion(completion, request, endpoint)
    finish = str(choice.get("finish_reason") or "")
    found = separate_thoughts(_text(message.get("content")), request.model)
    refused = message.get("refusal")
    if finish in _FILTERED or (refused and not found.answer):
        raise _filtered(endpoint, request, str(refused or ""))
    cut_off = finish in CUT
    thoughts = found.thoughts or _reasoning(message)
    called = called_in(found.answer, message, request, endpoint.name, told=told, finish=finish)
    if not called.text.strip() and not called.calls:
        raise _empty(request, cut_off=cut_off, thought=bool(thoughts))
    served = str(entry.get("model") or "")
    other = bool(served) and not same_model(request.model, served)
    return ModelReply(
        text=called.text,
        model=served if other else request.model,
        provider=endpoint.name,
        usage=_usage(entry.get("usage"), request, f"{called.written}{thoughts}", endpoint.profile),
        cut_off=cut_off,
        notes=(*_notes(found, request.model, served if other else ""), *called.notes),
        raw={"id": str(entry.get("id") or ""), "finish_reason": finish, "reasoning": thoughts},
        calls=called.calls,
        kept=called.kept,
    )


def _notes(found: Separated, asked: str, served: str) -> Iterator[str]:
    if served:
        yield f"asked for {shown_name(asked)}, {shown_name(served)} answered"
    if found.in_doubt:
        yield "what stood between marks of thoughts in the middle of a line was left out"


def _no_completion(completion: object, request: ModelRequest, endpoint: Endpoint) -> ModelError:
    variable = endpoint.address_variable
    said = quoted(completion, endpoint.key) if isinstance(completion, str) else ""
    text = f"{endpoint.profile.title} at {endpoint.host} answered with something that is not a chat completion"
    text += f" ({said})" if said else ""
    advice = f": check that {variable} is right, /v1 included." if variable else "."
    return ModelError(ErrorKind.SERVER, text + advice, model=request.model)


def _filtered(endpoint: Endpoint, request: ModelRequest, words: str) -> ModelError:
    title = endpoint.profile.title
    said = f" ({quoted(words, endpoint.key).rstrip('.')})" if words else ""
    text = f"{title}'s content filter withheld the answer{said}: word the prompt differently, or name another model."
    return ModelError(ErrorKind.FILTERED, text, model=request.model)


def _empty(request: ModelRequest, *, cut_off: bool, thought: bool) -> ModelError:
    name = shown_name(request.model)
    if cut_off:
        text = f"{name} used its whole output limit before it answered: allow more output tokens, or less thinking."
    elif thought:
        text = f"{name} thought and gave no answer: ask again with less thinking, or name another model."
    else:
        text = f"{name} gave an empty answer: ask again, or name another model."
    return ModelError(ErrorKind.EMPTY, text, model=name)


def _text(content: object) -> str:
    """Return the text of a message's content: a string, or parts of which those of thoughts are left out."""
    parts = cast("list[object]", content) if isinstance(content, list) else [content]
    return _CONTROLS.sub("", "".join(_text_of_part(part) for part in parts))


def _text_of_part(part: object) -> str:
    if isinstance(part, str):
        return part
    entry = _entry(part)
    if entry.get("thought") is True or entry.get("type", "text") not in {"text", "output_text"}:
        return ""
    text = _entry(entry.get("text")).get("value") or entry.get("text")
    return text if isinstance(text, str) else ""


def _reasoning(message: Mapping[str, Any]) -> str:
    """Return the thoughts that came in a field of their own."""
    return _text(message.get("reasoning_content") or message.get("reasoning") or message.get("thinking"))


def _usage(reported: object, request: ModelRequest, text: str, profile: Profile) -> Usage:
    entry = _entry(reported)
    sent, got = _count(entry.get("prompt_tokens")), _count(entry.get("completion_tokens"))
    if sent is None or got is None or sent + got == 0:
        return Usage(request.prompt_tokens, estimated_tokens(text), estimated=True)
    cached = _count(_entry(entry.get("prompt_tokens_details")).get("cached_tokens")) or 0
    usage = Usage(sent, got, cached_input_tokens=min(cached, sent))
    if profile.reports_cost and isinstance(cost := entry.get("cost"), int | float | str):
        try:
            return replace(usage, cost=Decimal(str(cost)), price_source=profile.title)
        except InvalidOperation:
            return usage
    return usage


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
