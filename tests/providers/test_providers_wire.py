"""A table for each profile: our request, and the body that goes over the wire."""

from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from providers.catalogue import load_catalogue
from providers.dialect import Dialect
from providers.model_names import same_model
from providers.profiles import BY_NAME
from providers.schemas import schema_response_format, strict_schema
from providers.wire import chat_body
from stepwarden.models import Message, ModelRequest

CATALOGUE = load_catalogue(None)


class Vote(BaseModel):
    stance: Literal["for", "against"]
    why: str = ""


STRICT = {
    "type": "json_schema",
    "json_schema": {
        "name": "Vote",
        "strict": True,
        "schema": {
            "title": "Vote",
            "type": "object",
            "additionalProperties": False,
            "required": ["stance", "why"],
            "properties": {
                "stance": {"enum": ["for", "against"], "title": "Stance", "type": "string"},
                "why": {"title": "Why", "type": "string"},
            },
        },
    },
}
STRICT_LOW = {"response_format": STRICT, "reasoning_effort": "low"}
OBJECT = {"type": "json_object"}

# profile, model, what is asked beside the prompt, what is sent beside model and messages
FORMS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("openai", "gpt-6-luna", {"max_output_tokens": 9}, {"max_completion_tokens": 9}),
    ("openai", "gpt-6-luna", {"temperature": 0.5}, {}),
    ("openai", "gpt-6-luna", {"thinking": "max"}, {"reasoning_effort": "max"}),
    ("openai", "gpt-6-luna", {"thinking": "minimal"}, {"reasoning_effort": "none"}),
    ("openai", "gpt-6.1-sol", {"thinking": "minimal"}, {"reasoning_effort": "low"}),
    ("openai", "gpt-5.5", {"thinking": "max"}, {"reasoning_effort": "xhigh"}),
    ("openai", "gpt-6-luna", {"max_output_tokens": 10**6}, {"max_completion_tokens": 128_000}),
    ("openai", "gpt-7", {"temperature": 0.5, "thinking": "max"}, {"temperature": 0.5, "reasoning_effort": "high"}),
    ("openai", "gpt-6.1-sol", {"answer": Vote}, {"response_format": STRICT}),
    ("zhipuai", "glm-4.6", {"max_output_tokens": 9}, {"max_tokens": 9}),
    ("zhipuai", "glm-4.6", {"temperature": 0}, {"temperature": 0.01}),
    ("zhipuai", "glm-4.6", {"temperature": 1}, {"temperature": 0.99}),
    ("zhipuai", "glm-4.6", {"answer": Vote}, {"response_format": OBJECT}),
    ("zhipuai", "glm-4.6", {"thinking": "high"}, {"thinking": {"type": "enabled"}}),
    ("zhipuai", "glm-4.6", {"thinking": "minimal"}, {"thinking": {"type": "disabled"}}),
    ("zhipuai", "glm-5.3", {"thinking": "minimal"}, {"reasoning_effort": "low"}),
    ("zhipuai", "glm-5.3", {"thinking": "medium"}, {"reasoning_effort": "low"}),
    ("zhipuai", "glm-5.2", {"thinking": "max"}, {"thinking": {"type": "enabled"}, "reasoning_effort": "max"}),
    ("zhipuai", "glm-5.2", {"thinking": "minimal"}, {"thinking": {"type": "disabled"}}),
    ("anthropic", "claude-haiku-5-5", {"temperature": 2, "thinking": "high"}, {"temperature": 1.0}),
    ("anthropic", "claude-opus-5-5", {"answer": Vote, "temperature": 1}, {}),
    ("gemini", "gemini-3.8-flash", {"thinking": "low", "answer": Vote}, STRICT_LOW),
    ("xai", "grok-4.7", {"max_output_tokens": 9, "temperature": 2.5}, {"max_tokens": 9, "temperature": 2.0}),
    ("deepseek", "deepseek-v4-pro", {"thinking": "low"}, {"thinking": {"type": "enabled"}, "reasoning_effort": "high"}),
    ("deepseek", "deepseek-v4-pro", {"answer": Vote}, {"response_format": OBJECT}),
    ("moonshot", "kimi-k3.1-pro", {"temperature": 0.2, "thinking": "minimal"}, {"reasoning_effort": "low"}),
    ("moonshot", "kimi-k2.7-code", {"max_output_tokens": 9}, {"max_completion_tokens": 9}),
    ("mistral", "mistral-large-4", {"thinking": "high", "temperature": 2}, {"temperature": 1.5}),
    ("azure", "gpt-6-luna", {"max_output_tokens": 9, "temperature": 0}, {"max_completion_tokens": 9}),
    ("openrouter", "openai/gpt-6-luna", {"temperature": 0, "thinking": "low"}, {"reasoning_effort": "low"}),
    ("openrouter", "meta/llama-9", {"temperature": 0, "answer": Vote}, {"temperature": 0, "response_format": STRICT}),
    ("ollama", "llama3.3:70b", {"max_output_tokens": 9, "answer": Vote}, {"max_tokens": 9, "response_format": STRICT}),
    ("custom", "m", {"temperature": 0.3, "max_output_tokens": 9}, {"temperature": 0.3, "max_tokens": 9}),
]  # fmt: skip


def body_of(profile: str, model: str, *, stream: bool = False, **asked: Any) -> dict[str, Any]:
    asked.setdefault("messages", (Message("system", "s"), Message("user", "u")))
    known = BY_NAME[profile]
    request = ModelRequest(model, **asked)
    return chat_body(request, known, CATALOGUE.at(profile, model), Dialect.of(known), stream=stream)


@pytest.mark.parametrize(("profile", "model", "asked", "sent"), FORMS)
def test_a_request_takes_the_form_its_vendor_wants(
    profile: str, model: str, asked: dict[str, Any], sent: dict[str, Any]
) -> None:
    body = body_of(profile, model, **asked)
    assert body.pop("model") == model
    assert [message["role"] for message in body.pop("messages")] == ["system", "user"]
    assert body == sent


@pytest.mark.parametrize("profile", BY_NAME)
def test_only_glm_is_not_asked_for_the_usage_of_a_stream(profile: str) -> None:
    body = body_of(profile, "x", stream=True)
    assert body["stream"] is True
    assert ("stream_options" in body) == (profile != "zhipuai")


@pytest.mark.parametrize("profile", ["zhipuai", "anthropic", "deepseek", "moonshot"])
def test_a_schema_stands_in_the_prompt_where_the_endpoint_takes_none(profile: str) -> None:
    messages = body_of(profile, "x", answer=Vote)["messages"]
    assert messages[0]["content"].startswith("s\n\nAnswer with one JSON object")
    assert '"stance"' in messages[0]["content"]
    alone = body_of(profile, "x", answer=Vote, messages=(Message("user", "u"),))["messages"]
    assert [message["role"] for message in alone] == ["system", "user"]


def test_a_prompt_without_a_user_gets_one() -> None:
    """GLM and Anthropic refuse a prompt of system messages only."""
    assert body_of("zhipuai", "x", messages=(Message("system", "s"),))["messages"] == [{"role": "user", "content": "s"}]


def test_images_go_as_parts() -> None:
    messages = body_of("openai", "gpt-6.1-sol", messages=(Message("user", "u", ("data:image/png;base64,AA==",)),))[
        "messages"
    ]
    assert messages[0]["content"] == [
        {"type": "text", "text": "u"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
    ]


class Free(BaseModel):
    anything: dict[str, int]


class Nested(BaseModel):
    properties: list[Vote] = Field(default_factory=list[Vote])
    default: Vote | None = None


def test_what_strict_mode_cannot_say_goes_as_a_hint() -> None:
    assert strict_schema(Free.model_json_schema()) is None
    assert schema_response_format(Free)["json_schema"]["strict"] is False


def test_fields_called_like_keywords_stay_fields() -> None:
    strict = strict_schema(Nested.model_json_schema())
    assert strict is not None
    assert (list(strict["properties"]), strict["required"]) == (["properties", "default"], ["properties", "default"])
    assert strict["$defs"]["Vote"]["additionalProperties"] is False


@pytest.mark.parametrize(
    ("words", "asked", "gone", "now"),
    [
        ("'response_format.type' must be 'text'", {"answer": Vote}, None, {"response_format": OBJECT}),
        ("Unsupported value: 'temperature' does not support 0.2", {"temperature": 0.2}, "temperature", {}),
        ("unknown field reasoning_effort", {"thinking": "low"}, "reasoning_effort", {}),
        (
            "Use 'max_completion_tokens' instead of 'max_tokens'",
            {"max_output_tokens": 9},
            "max_tokens",
            {"max_completion_tokens": 9},
        ),
    ],
)  # fmt: skip
def test_what_an_endpoint_refuses_is_left_out(
    words: str, asked: dict[str, Any], gone: str, now: dict[str, Any]
) -> None:
    request = ModelRequest("m", (Message("user", "u"),), **asked)
    first = Dialect.of(BY_NAME["custom"])
    second = first.without(words, chat_body(request, BY_NAME["custom"], None, first))
    assert second is not None
    body = chat_body(request, BY_NAME["custom"], None, second)
    assert gone not in body
    assert now.items() <= body.items()
    assert second.without("quite another matter", body) is None


@pytest.mark.parametrize(
    ("asked", "served", "same"),
    [
        ("gpt-5", "gpt-5-2026-04-01", True),
        ("gpt-5", "gpt-6-luna", False),
        ("openai/gpt-5:free", "gpt-5", True),
        ("mistral-large-latest", "mistral-large-2603", True),
        ("claude-opus-5-5", "claude-opus-5-5-20260801", True),
        ("glm-4.5", "glm-4.5-flash", False),
        ("GLM-4.6", "glm-4.6", True),
        ("a", "b", False),
    ],
)
def test_a_dated_name_is_the_same_model_and_a_smaller_one_is_not(asked: str, served: str, same: bool) -> None:
    assert same_model(asked, served) is same
