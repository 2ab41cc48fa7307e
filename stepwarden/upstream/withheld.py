"""What an upstream sends, without secrets: those that its entry gives it, and whatever looks like a credential."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar, cast

from stepwarden.files.secret_values import HIDDEN, SecretValue, locate_secrets
from stepwarden.upstream.call_request import CallReply
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.questions import AddressQuestion, FormQuestion, OtherRequest, QuestionRound, UpstreamQuestion
from stepwarden.upstream.tool_result import ContentBlock, LinkBlock, ResourceBlock, TextBlock, ToolResult

_Asked = TypeVar("_Asked", UpstreamQuestion, UpstreamQuestion | OtherRequest)
_SETTINGS = "x.env"  # the name of a file in which values stand without quotation marks
# Tokens by which a list goes on, which the next call needs: nobody signs in by them.
_NO_CREDENTIAL = re.compile(r"(?i)page|next|cursor|continu|sync|resum|offset|start|count|usage")


def withhold(config: UpstreamConfig, reply: CallReply) -> CallReply:
    """Return what came back of a call without secrets."""
    if isinstance(reply, QuestionRound):
        return replace(
            reply, questions={key: withhold_question(config, asked) for key, asked in reply.questions.items()}
        )
    return ToolResult(
        tuple(_block(config, block) for block in reply.content),
        withhold_in(config, reply.structured_content),
        reply.is_error,
        withhold_in(config, reply.meta),
    )


def withhold_text(config: UpstreamConfig, text: str) -> str:
    """Return foreign text without secrets."""
    text = config.without_secrets(text)
    found = [value for value in locate_secrets(text) if not _NO_CREDENTIAL.search(value.kind)]
    found += [value for value in locate_secrets(text, _SETTINGS) if _is_credential(value, text)]
    end, parts = 0, list[str]()
    for value in sorted(found, key=lambda value: (value.start, -value.end)):
        if value.start >= end:
            parts += [text[end : value.start], HIDDEN]
            end = value.end
    return "".join([*parts, text[end:]])


def withhold_in(config: UpstreamConfig, value: Any) -> Any:
    """Return a JSON value of an upstream without secrets in its texts; names of fields say what is one."""
    if value is None or value == {}:
        return value
    value = _each(config, value)
    text = json.dumps(value, ensure_ascii=False, default=str)
    hidden = withhold_text(config, text)
    if hidden == text:
        return value
    try:
        return json.loads(hidden)
    except ValueError:  # one reached over the end of its text
        return value


def without_given(config: UpstreamConfig, value: Any) -> Any:
    """Return a JSON value without the secrets that its server was given; one that is no JSON stays as it is."""
    try:
        text = json.dumps(value, ensure_ascii=False)
        hidden = config.without_secrets(text)
        return value if hidden == text else json.loads(hidden)
    except (ValueError, RecursionError):
        return value


def _each(config: UpstreamConfig, value: Any) -> Any:
    if isinstance(value, str):
        return withhold_text(config, value)
    if isinstance(value, Mapping):
        return {name: _each(config, item) for name, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_each(config, item) for item in cast("list[Any]", value)]
    return value


def _is_credential(value: SecretValue, text: str) -> bool:
    return any(map(str.isdigit, text[value.start : value.end])) and not _NO_CREDENTIAL.search(value.kind)


def _block(config: UpstreamConfig, block: ContentBlock) -> ContentBlock:
    extra = withhold_in(config, block.extra)
    if isinstance(block, TextBlock):
        return replace(block, text=withhold_text(config, block.text), extra=extra)
    if isinstance(block, ResourceBlock):
        text = None if block.text is None else withhold_text(config, block.text)
        return replace(block, uri=config.without_secrets(block.uri), text=text, extra=extra)
    if isinstance(block, LinkBlock):
        name, uri = config.without_secrets(block.name), config.without_secrets(block.uri)
        return replace(block, name=name, uri=uri, extra=extra)
    return replace(block, extra=extra)


def withhold_question(config: UpstreamConfig, asked: _Asked) -> _Asked:
    """Return a question of an upstream without secrets in its words, its form or its address."""
    if isinstance(asked, FormQuestion):
        return replace(asked, message=withhold_text(config, asked.message), schema=without_given(config, asked.schema))
    if isinstance(asked, AddressQuestion):
        url = config.without_secrets(asked.url)
        return replace(asked, message=withhold_text(config, asked.message), url=url)
    return asked
