"""The providers, one row each.

A new provider is a new row of `PROFILES`: the variables that it names are read from the environment, and nothing else
knows them. Sources of the quirks: the vendors' pages on their compatible endpoints as of 2026-11, and for GLM
`zai-sdk` 0.2.3. What an endpoint refuses in spite of its row is left out at the next try (`compatible.py`).
"""

import re
from urllib.parse import urlsplit

from providers.profile import Adapter, KeyVariable, Profile, UnknownNames, VendorSdk


def _azure_url(url: str, version: str) -> str:
    """Return the address of Azure's undated API, which has a path of its own."""
    return url if version or "/openai" in url else f"{url}/openai/v1"


def _ollama_url(url: str, _version: str) -> str:
    """Return the base URL of an Ollama server, whose OLLAMA_HOST may be a bare host."""
    url = url if "://" in url else f"http://{url}"
    url = url.replace("//0.0.0.0", "//127.0.0.1")  # a server binds the former; it cannot be asked there
    url = url if ":" in urlsplit(url).netloc else f"{url}:11434"
    return url if url.endswith("/v1") else f"{url}/v1"


PROFILES: tuple[Profile, ...] = (
    Profile(
        name="openai",
        title="OpenAI",
        keys=(KeyVariable("OPENAI_API_KEY"),),
        url="https://api.openai.com/v1",
        url_variable="OPENAI_BASE_URL",
        limit_field="max_completion_tokens",
        call_id=re.compile(r".{1,40}"),
        prefixes=("gpt-", "chatgpt-", "o1", "o3", "o4"),
        prices="openai",
    ),
    Profile(
        # response_format takes json_object only, temperature 0 and 1 are refused, stream_options too; tool_choice is
        # auto only, and glm-5.3 does not follow references in a tool's schema
        name="zhipuai",
        title="Zhipu GLM",
        keys=(
            KeyVariable("ZHIPUAI_API_KEY", url="https://open.bigmodel.cn/api/paas/v4"),
            KeyVariable("ZAI_API_KEY", url="https://api.z.ai/api/paas/v4"),
        ),
        url_variable="STEPWARDEN_ZHIPUAI_URL",
        sdk=VendorSdk("STEPWARDEN_ZHIPUAI_SDK", module="zai", extra="zhipu", adapter=Adapter.ZAI),
        answers="json_object",
        temperature=(0.01, 0.99),
        thinking="type",
        stream_usage=False,
        tool_choice=False,
        parallel_calls=False,
        inline_definitions=True,
        prefixes=("glm-",),
        prices="zai",
        manager_model="glm-4.5-flash",
    ),
    Profile(
        name="anthropic",
        title="Anthropic",
        keys=(KeyVariable("ANTHROPIC_API_KEY"),),
        url="https://api.anthropic.com/v1",
        answers="text",  # response_format and reasoning_effort are ignored by the compatible endpoint
        temperature=(0.0, 1.0),
        thinking="none",
        call_id=re.compile(r"[\w-]{1,64}", re.ASCII),
        prefixes=("claude-",),
        prices="anthropic",
    ),
    Profile(
        name="gemini",
        title="Google Gemini",
        keys=(KeyVariable("GEMINI_API_KEY", "GOOGLE_API_KEY"),),
        url="https://generativelanguage.googleapis.com/v1beta/openai",
        inline_definitions=True,
        prefixes=("gemini-",),
        prices="google",
    ),
    Profile(
        name="xai",
        title="xAI",
        keys=(KeyVariable("XAI_API_KEY"),),
        url="https://api.x.ai/v1",
        prefixes=("grok-",),
        prices="x-ai",
    ),
    Profile(
        name="deepseek",
        title="DeepSeek",
        keys=(KeyVariable("DEEPSEEK_API_KEY"),),
        url="https://api.deepseek.com",
        answers="json_object",
        thinking="type",
        parallel_calls=False,
        wants_thoughts=True,
        prefixes=("deepseek-",),
        prices="deepseek",
    ),
    Profile(
        name="moonshot",
        title="Moonshot Kimi",
        keys=(KeyVariable("MOONSHOT_API_KEY"),),
        url="https://api.moonshot.ai/v1",
        answers="json_object",
        limit_field="max_completion_tokens",
        temperature=(0.0, 1.0),
        thinking="type",
        parallel_calls=False,
        wants_thoughts=True,
        prefixes=("kimi-", "moonshot-"),
        prices="moonshotai",
    ),
    Profile(
        name="mistral",
        title="Mistral",
        keys=(KeyVariable("MISTRAL_API_KEY"),),
        url="https://api.mistral.ai/v1",
        temperature=(0.0, 1.5),
        thinking="none",
        call_id=re.compile(r"[A-Za-z0-9]{9}"),
        prefixes=("mistral-", "magistral-", "ministral-", "codestral", "devstral"),
        prices="mistral",
    ),
    Profile(
        name="azure",
        title="Azure OpenAI",
        keys=(KeyVariable("AZURE_OPENAI_API_KEY"),),
        url_variable="AZURE_OPENAI_ENDPOINT",
        complete_url=_azure_url,
        version_variable="AZURE_OPENAI_API_VERSION",  # a dated one; without it, Azure's undated v1
        limit_field="max_completion_tokens",
        call_id=re.compile(r".{1,40}"),
        lists_models=False,  # it lists what could be deployed, not what is
        prices="azure",
    ),
    Profile(
        name="openrouter",
        title="OpenRouter",
        keys=(KeyVariable("OPENROUTER_API_KEY"),),
        url="https://openrouter.ai/api/v1",
        reports_cost=True,
        unknown_names=UnknownNames.VENDOR_SLASH_MODEL,
        prices="openrouter",
    ),
    Profile(
        name="ollama",
        title="Ollama",
        url_variable="OLLAMA_HOST",
        complete_url=_ollama_url,
        unknown_names=UnknownNames.UNCLAIMED,
        key_needed=False,
    ),
    Profile(
        name="custom",
        title="The endpoint of CUSTOM_API_URL",
        keys=(KeyVariable("CUSTOM_API_KEY"),),
        url_variable="CUSTOM_API_URL",
        model_variable="CUSTOM_MODEL_NAME",
        unknown_names=UnknownNames.ALL,
        key_needed=False,
    ),
)

SCRIPTED = Profile(name="scripted", title="The script", key_needed=False, adapter=Adapter.SCRIPT)

BY_NAME = {profile.name: profile for profile in (*PROFILES, SCRIPTED)}

VARIABLES = tuple(variable for profile in PROFILES for variable in profile.variables)


def vendor_of(model: str) -> Profile | None:
    """Return the vendor whose own models' names begin like this one."""
    folded = model.casefold()
    return next((profile for profile in PROFILES if profile.prefixes and folded.startswith(profile.prefixes)), None)
