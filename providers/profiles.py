"""The vendors as data: where each is asked, with which key, and in what its endpoint differs from OpenAI's.

Sources of the quirks: the vendors' pages on their compatible endpoints as of 2026-11, and for GLM
`zai-sdk` 0.2.3. What an endpoint refuses in spite of its row is left out at the next try (`compatible.py`).
"""

from dataclasses import dataclass
from typing import Literal

AnswerForm = Literal["json_schema", "json_object", "text"]


@dataclass(frozen=True, slots=True)
class KeyVariable:
    """One variable that may hold the key, the field of the settings it is read into, and the endpoint it is for."""

    field: str
    variable: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """How one vendor is asked.

    `url_field` names a setting that replaces the URL; where `url` and the keys' URLs are empty it has to be set.
    `answers` is the strictest form of typed answers. `thinking` says how an effort is sent: as `reasoning_effort`, as
    `thinking: {type}`, or not at all. `prefixes` are how its own models' names begin; `prices` its name in
    genai-prices.
    """

    name: str
    title: str
    keys: tuple[KeyVariable, ...] = ()
    url: str = ""
    url_field: str = ""
    url_variable: str = ""
    key_needed: bool = True
    answers: AnswerForm = "json_schema"
    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: tuple[float, float] = (0.0, 2.0)
    thinking: Literal["effort", "type", "none"] = "effort"
    stream_usage: bool = True
    lists_models: bool = True
    reports_cost: bool = False
    prefixes: tuple[str, ...] = ()
    prices: str = ""


PROFILES: tuple[Profile, ...] = (
    Profile(
        name="openai",
        title="OpenAI",
        keys=(KeyVariable("openai_api_key", "OPENAI_API_KEY"),),
        url="https://api.openai.com/v1",
        url_field="openai_base_url",
        limit_field="max_completion_tokens",
        prefixes=("gpt-", "chatgpt-", "o1", "o3", "o4"),
        prices="openai",
    ),
    Profile(
        # response_format takes json_object only, temperature 0 and 1 are refused, stream_options too
        name="zhipuai",
        title="Zhipu GLM",
        keys=(
            KeyVariable("zhipuai_api_key", "ZHIPUAI_API_KEY", "https://open.bigmodel.cn/api/paas/v4"),
            KeyVariable("zai_api_key", "ZAI_API_KEY", "https://api.z.ai/api/paas/v4"),
        ),
        url_field="zhipuai_url",
        answers="json_object",
        temperature=(0.01, 0.99),
        thinking="type",
        stream_usage=False,
        prefixes=("glm-",),
        prices="zai",
    ),
    Profile(
        name="anthropic",
        title="Anthropic",
        keys=(KeyVariable("anthropic_api_key", "ANTHROPIC_API_KEY"),),
        url="https://api.anthropic.com/v1",
        answers="text",  # response_format and reasoning_effort are ignored by the compatible endpoint
        temperature=(0.0, 1.0),
        thinking="none",
        prefixes=("claude-",),
        prices="anthropic",
    ),
    Profile(
        name="gemini",
        title="Google Gemini",
        keys=(KeyVariable("gemini_api_key", "GEMINI_API_KEY"),),
        url="https://generativelanguage.googleapis.com/v1beta/openai",
        prefixes=("gemini-",),
        prices="google",
    ),
    Profile(
        name="xai",
        title="xAI",
        keys=(KeyVariable("xai_api_key", "XAI_API_KEY"),),
        url="https://api.x.ai/v1",
        prefixes=("grok-",),
        prices="x-ai",
    ),
    Profile(
        name="deepseek",
        title="DeepSeek",
        keys=(KeyVariable("deepseek_api_key", "DEEPSEEK_API_KEY"),),
        url="https://api.deepseek.com",
        answers="json_object",
        thinking="type",
        prefixes=("deepseek-",),
        prices="deepseek",
    ),
    Profile(
        name="moonshot",
        title="Moonshot Kimi",
        keys=(KeyVariable("moonshot_api_key", "MOONSHOT_API_KEY"),),
        url="https://api.moonshot.ai/v1",
        answers="json_object",
        limit_field="max_completion_tokens",
        temperature=(0.0, 1.0),
        thinking="type",
        prefixes=("kimi-", "moonshot-"),
        prices="moonshotai",
    ),
    Profile(
        name="mistral",
        title="Mistral",
        keys=(KeyVariable("mistral_api_key", "MISTRAL_API_KEY"),),
        url="https://api.mistral.ai/v1",
        temperature=(0.0, 1.5),
        thinking="none",
        prefixes=("mistral-", "magistral-", "ministral-", "codestral", "devstral"),
        prices="mistral",
    ),
    Profile(
        name="azure",
        title="Azure OpenAI",
        keys=(KeyVariable("azure_openai_api_key", "AZURE_OPENAI_API_KEY"),),
        url_field="azure_openai_endpoint",
        url_variable="AZURE_OPENAI_ENDPOINT",
        limit_field="max_completion_tokens",
        lists_models=False,  # it lists what could be deployed, not what is
        prices="azure",
    ),
    Profile(
        name="openrouter",
        title="OpenRouter",
        keys=(KeyVariable("openrouter_api_key", "OPENROUTER_API_KEY"),),
        url="https://openrouter.ai/api/v1",
        reports_cost=True,
        prices="openrouter",
    ),
    Profile(
        name="ollama",
        title="Ollama",
        url_field="ollama_host",
        url_variable="OLLAMA_HOST",
        key_needed=False,
    ),
    Profile(
        name="custom",
        title="The endpoint of CUSTOM_API_URL",
        keys=(KeyVariable("custom_api_key", "CUSTOM_API_KEY"),),
        url_field="custom_api_url",
        url_variable="CUSTOM_API_URL",
        key_needed=False,
    ),
)

SCRIPTED = Profile(name="scripted", title="The script", key_needed=False)

BY_NAME = {profile.name: profile for profile in (*PROFILES, SCRIPTED)}
