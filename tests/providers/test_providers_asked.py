"""Which providers may be asked: those that the user chose, by name or by an address; a key alone is told."""

from collections.abc import Callable

import pytest
from model_server import KEY, ModelServer, request

from providers.endpoints import check_variables, configured_endpoints, free_manager_model
from providers.models import AllModels, build_models
from providers.profiles import PROFILES
from providers.variables import holds_placeholder
from stepwarden.errors import SettingsError
from stepwarden.models import ErrorKind, ModelError, ModelTier
from stepwarden.runtime import build_runtime
from stepwarden.settings import Settings

Make = Callable[..., Settings]

KEYS = {"openai_api_key": KEY, "anthropic_api_key": KEY, "zhipuai_api_key": KEY}
OWN = {"custom_api_url": "http://127.0.0.1:9/v1"}
AZURE = {"azure_openai_endpoint": "https://x.openai.azure.com"}


@pytest.mark.parametrize(
    ("variables", "asked"),
    [
        (KEYS, {"openai", "anthropic", "zhipuai"}),
        (KEYS | OWN, {"custom"}),
        (KEYS | {"ollama_host": "localhost"}, {"ollama"}),
        (KEYS | OWN | {"ollama_host": "localhost"}, {"custom", "ollama"}),
        (KEYS | {"openai_base_url": "http://127.0.0.1:9/v1"}, {"openai"}),
        (KEYS | {"stepwarden_zhipuai_url": "http://127.0.0.1:9/v4"}, {"zhipuai"}),
        (KEYS | AZURE, {"openai", "anthropic", "zhipuai"}),
        (KEYS | AZURE | {"azure_openai_api_key": KEY}, {"azure"}),
        (KEYS | {"gemini_api_key": KEY, "openai_base_url": ""}, {"openai", "anthropic", "zhipuai", "gemini"}),
        (KEYS | {"providers": "anthropic"}, {"anthropic"}),
        (KEYS | {"providers": " Anthropic , OPENAI,"}, {"anthropic", "openai"}),
        (KEYS | {"providers": "claude, glm"}, {"anthropic", "zhipuai"}),
        (KEYS | OWN | {"providers": "custom,openai"}, {"custom", "openai"}),
        (KEYS | OWN | {"providers": "openai"}, {"openai"}),
        (KEYS | {"providers": "gemini"}, set()),
    ],
)
def test_only_what_the_user_chose_is_asked_and_a_key_only_where_nothing_else_was(
    variables: dict[str, str], asked: set[str], settings: Make
) -> None:
    assert {endpoint.name for endpoint in configured_endpoints(settings(**variables))} == asked


@pytest.mark.asyncio
async def test_a_key_that_a_host_passes_on_reaches_no_vendor_where_an_endpoint_is_set(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    vendor, own = serve("stolen"), serve("well")
    built = models(own, stepwarden_zhipuai_url=vendor.url, zhipuai_api_key=KEY, providers="custom")
    for tier in ModelTier:
        assert built.choose(None, tier).info.provider == "custom"
    assert (await built.complete(request("glm-5.3"))).provider == "custom"
    await built.discover()
    assert (vendor.headers, own.times_asked) == ([], 1)


def test_what_is_not_used_says_why_and_how_to_use_it(settings: Make) -> None:
    models = build_models(settings(**KEYS, **OWN))
    told = {one.provider: one.why for one in models.unusable()}
    not_used = "OPENAI_API_KEY is not used, since CUSTOM_API_URL is set: add openai to STEPWARDEN_PROVIDERS to use it"
    assert told["openai"] == not_used
    assert told["xai"] == "set XAI_API_KEY, and STEPWARDEN_PROVIDERS"
    assert "custom" not in told
    named = build_models(settings(**KEYS, providers="openai"))
    told = {one.provider: one.why for one in named.unusable()}
    assert told["anthropic"].startswith("ANTHROPIC_API_KEY is not used, since STEPWARDEN_PROVIDERS does not name it")
    with pytest.raises(ModelError, match=r"ANTHROPIC_API_KEY is not used.*nearest") as caught:
        named.choose("claude-opus-5-5", ModelTier.DEEP)
    assert caught.value.kind is ErrorKind.UNKNOWN_MODEL


def test_providers_that_are_named_and_have_no_key_are_all_that_is_asked_for(settings: Make) -> None:
    models = build_models(settings(**KEYS, providers="gemini"))
    with pytest.raises(ModelError) as caught:
        models.choose(None, ModelTier.DEEP)
    text = "No model is configured of the providers that STEPWARDEN_PROVIDERS names: set GEMINI_API_KEY."
    assert str(caught.value) == text


def test_a_script_is_a_choice_too(settings: Make, tmp_path_factory: pytest.TempPathFactory) -> None:
    script = tmp_path_factory.mktemp("script") / "script.json"
    script.write_text('{"replies": [{"text": "hi"}]}')
    models = build_models(settings(**KEYS, scripted=script))
    assert {info.provider for info in models.usable()} == {"scripted"}
    told = {one.provider: one.why for one in models.unusable()}
    assert told["openai"].startswith("OPENAI_API_KEY is not used, since STEPWARDEN_SCRIPTED is set")


def test_a_choice_by_a_key_alone_says_so_and_another_does_not(settings: Make) -> None:
    chosen = build_models(settings(openai_api_key=KEY)).choose(None, ModelTier.DEEP)
    assert (chosen.source, chosen.why) == ("by OPENAI_API_KEY", "first choice for deep, by OPENAI_API_KEY")
    for named in ("gpt-9", "openai/gpt-9", "gpt-6.1-sol", "anything"):
        choice = build_models(settings(openai_api_key=KEY)).choose(named, ModelTier.DEEP)
        assert choice.source == "by OPENAI_API_KEY"
        assert "by OPENAI_API_KEY" in choice.why
    for chosen_by in ({"providers": "openai"}, {"openai_base_url": "http://127.0.0.1:9/v1"}):
        choice = build_models(settings(openai_api_key=KEY, **chosen_by)).choose(None, ModelTier.DEEP)
        assert choice.source == ""
        assert "by OPENAI_API_KEY" not in choice.why


def test_the_manager_asks_its_free_model_only_where_its_provider_is_asked(settings: Make) -> None:
    assert free_manager_model(settings(**KEYS)) == "glm-4.5-flash"
    assert free_manager_model(settings(**KEYS, **OWN)) is None
    assert free_manager_model(settings(**KEYS, providers="openai")) is None
    assert free_manager_model(settings(zhipuai_api_key="${ZHIPUAI_API_KEY}")) is None


@pytest.mark.asyncio
async def test_status_says_by_which_key_the_expert_is_asked(settings: Make) -> None:
    runtime = build_runtime(settings(openai_api_key=KEY))
    assert runtime.configuration(())["expert"] == "gpt-6.1-sol, first choice for deep, by OPENAI_API_KEY"
    await runtime.close()


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("openay", "no provider 'openay'; did you mean openai. There are: openai, zhipuai"),
        ("custom, zzz", "no provider 'zzz'. There are: "),
    ],
)
def test_a_provider_that_is_none_is_a_settings_error(written: str, words: str, settings: Make) -> None:
    with pytest.raises(SettingsError) as caught:
        check_variables(settings(providers=written))
    assert str(caught.value).startswith(f"STEPWARDEN_PROVIDERS: {words}")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("sk-abc def", "there is a blank in it"),
        ("sk-abc\nsk-def", "there is a line break in it"),
        ("sk-abc\u2013def", "there is a character in it that no key has (U+2013)"),
        ("sk-abc\x1bdef", "there is a character in it that no key has (U+001B)"),
        ('"sk-abcdef"', "there are quotation marks round it"),
        ("Bearer sk-abcdef", "it begins with the word Bearer, which is no part of a key"),
    ],
)
def test_a_key_that_cannot_be_one_is_named_with_what_is_wrong_and_not_shown(
    value: str, words: str, settings: Make
) -> None:
    with pytest.raises(SettingsError) as caught:
        check_variables(settings(google_api_key=value))
    assert str(caught.value) == f"GOOGLE_API_KEY: {words}; copy the key again"


def test_a_wrong_key_of_a_provider_that_is_not_asked_stops_nothing(settings: Make) -> None:
    check_variables(settings(google_api_key="not a key", **OWN))
    check_variables(settings(google_api_key="not a key", openai_api_key=KEY, providers="openai"))


@pytest.mark.parametrize(
    "value",
    [
        "your_openai_api_key_here", "your-api-key", "sk-your-key", "${OPENAI_API_KEY}", "${env:OPENAI_API_KEY}",
        "$OPENAI_API_KEY", "%OPENAI_API_KEY%", "<your key>", "[key]", "sk-xxxxxxxx", "sk-...", "********", "changeme",
        "{{OPENAI_API_KEY}}", "insert-key", "none", "null", "API_KEY_HERE",
    ],
)  # fmt: skip
def test_a_placeholder_is_no_key_and_is_told_as_one(value: str, settings: Make) -> None:
    made = settings(openai_api_key=value)
    check_variables(made)
    assert list(configured_endpoints(made)) == []
    told = {one.provider: one.why for one in build_models(made).unusable()}
    assert told["openai"] == "OPENAI_API_KEY holds a placeholder and no key: set OPENAI_API_KEY"


@pytest.mark.parametrize("value", [KEY, "sk-proj-Yo_ur-my-key", "AIzaSyD-1", "0a1b.2c", "xai-abc", "k", "dummy"])
def test_a_key_is_taken_for_no_placeholder(value: str, settings: Make) -> None:
    made = settings(openai_api_key=value)
    (openai,) = (profile for profile in PROFILES if profile.name == "openai")
    assert not holds_placeholder(made, openai.keys[0])
    assert [endpoint.key for endpoint in configured_endpoints(made)] == [value]
