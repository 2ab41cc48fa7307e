"""Which model a name means, which one is chosen without a name, and what is said when there is none."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from model_server import KEY, ModelServer, answering, request, response

from providers.catalogue import family_of, load_catalogue
from providers.discovery import FRESH_S
from providers.endpoints import check_variables
from providers.models import AllModels, build_models
from providers.profiles import BY_NAME, PROFILES
from providers.scripted import Script, ScriptedModel, ScriptedReply
from stepwarden.errors import SettingsError
from stepwarden.models import ErrorKind, ModelError, ModelTier, find_some
from stepwarden.settings import Settings, load_settings

Make = Callable[..., Settings]

OPENAI = {"openai_api_key": KEY}
ROUTER = {"openrouter_api_key": KEY}
GLM = {"zhipuai_api_key": KEY}
AZURE = {"azure_openai_api_key": KEY, "azure_openai_endpoint": "https://x.openai.azure.com/"}
CUSTOM = {"custom_api_url": "http://127.0.0.1:9/v1"}
GLM_TOO = GLM | CUSTOM | {"providers": "zhipuai, custom"}


@pytest.mark.parametrize(
    ("configured", "name", "at", "known_as"),
    [
        (OPENAI, "gpt-6.1-sol", "openai", "gpt-6.1-sol"),
        (OPENAI, "SOL", "openai", "gpt-6.1-sol"),
        (OPENAI, "openai/gpt-6.1-sol", "openai", "gpt-6.1-sol"),
        (OPENAI, "gpt-9-ultra", "openai", "gpt-9-ultra"),
        (OPENAI, "ft:mine", "openai", "ft:mine"),
        (OPENAI | ROUTER, "gpt-6.1-sol", "openai", "gpt-6.1-sol"),
        (OPENAI | ROUTER, "openrouter/gpt-6.1-sol", "openrouter", "openrouter/openai/gpt-6.1-sol"),
        (OPENAI | ROUTER, "meta-llama/llama-9", "openrouter", "meta-llama/llama-9"),
        (ROUTER, "gpt-6.1-sol", "openrouter", "gpt-6.1-sol"),
        (ROUTER, "openai/gpt-9", "openrouter", "openai/gpt-9"),
        (ROUTER, "opus", "openrouter", "claude-opus-5-5"),
        (GLM, "glm", "zhipuai", "glm-5.3"),
        (GLM_TOO, "whatever", "custom", "whatever"),
        (GLM_TOO, "gpt-6.1-sol", "custom", "gpt-6.1-sol"),
        (GLM_TOO, "custom/glm-4.6", "custom", "custom/glm-4.6"),
        (CUSTOM, "openai/gpt-6.1-sol", "custom", "openai/gpt-6.1-sol"),
        ({"ollama_host": "localhost"} | OPENAI, "llama3.3:70b", "ollama", "llama3.3:70b"),
        (AZURE, "azure/my-deployment", "azure", "azure/my-deployment"),
    ],
)  # fmt: skip
def test_a_name_means_one_model_and_its_own_name_means_it_too(
    configured: dict[str, str], name: str, at: str, known_as: str, settings: Make
) -> None:
    models = build_models(settings(**configured))
    info = models.choose(name, ModelTier.DEEP).info
    assert (info.provider, info.name) == (at, known_as)
    again = models.choose(info.name, ModelTier.DEEP).info
    assert (again.provider, again.name) == (at, known_as)


@pytest.mark.parametrize(
    ("configured", "name", "words"),
    [
        (OPENAI | GLM, "gpt6-lunna", "nearest: gpt-6-luna"),
        (OPENAI, "claude-opus-5-5", "it needs ANTHROPIC_API_KEY; nearest"),
        (OPENAI, "anthropic/whatever", "it needs ANTHROPIC_API_KEY"),
        (GLM, "gpt-9", "it needs OPENAI_API_KEY; nearest: glm"),
        (OPENAI | GLM, "", "No model here is named ''"),
        (OPENAI | GLM, "x\x1b[2J" + "y" * 500, "named 'x[2Jyyy"),
    ],
)
def test_a_wrong_name_gets_the_nearest_or_what_to_set(
    configured: dict[str, str], name: str, words: str, settings: Make
) -> None:
    models = build_models(settings(**configured))
    with pytest.raises(ModelError) as caught:
        models._router.route(name)  # pyright: ignore[reportPrivateUsage]
    assert caught.value.kind is ErrorKind.UNKNOWN_MODEL
    assert words in str(caught.value)
    assert len(str(caught.value)) < 300


def test_without_any_model_it_is_said_what_to_set(settings: Make) -> None:
    models = build_models(settings())
    for ask in (lambda: models.choose(None, ModelTier.FAST), lambda: models.choose("gpt-6.1-sol", ModelTier.DEEP)):
        with pytest.raises(ModelError, match=r"set OPENAI_API_KEY, ZHIPUAI_API_KEY or ZAI.*CUSTOM_API_URL") as e:
            ask()
        assert e.value.kind is ErrorKind.NO_MODEL
    assert models.usable() == []
    assert [one.provider for one in models.unusable()] == [profile.name for profile in PROFILES]


@pytest.mark.parametrize(
    ("configured", "need", "chosen"),
    [
        (OPENAI, ModelTier.DEEP, "gpt-6.1-sol"),
        (OPENAI, ModelTier.FAST, "gpt-6-luna"),
        (GLM, ModelTier.DEEP, "glm-5.3"),
        (GLM, ModelTier.FAST, "glm-4.5-flash"),
        (OPENAI | GLM, ModelTier.FAST, "glm-4.5-flash"),
        (ROUTER, ModelTier.DEEP, "gpt-6.1-sol"),
        (CUSTOM | {"custom_model_name": "qwen3"}, ModelTier.DEEP, "qwen3"),
        (CUSTOM | {"custom_model_name": "qwen3"} | GLM, ModelTier.DEEP, "qwen3"),
        (GLM_TOO | {"custom_model_name": "qwen3"}, ModelTier.DEEP, "glm-5.3"),
        (OPENAI | GLM | {"default_model": "glm"}, ModelTier.DEEP, "glm-5.3"),
        (OPENAI | {"default_model": "gpt-6.1-sol"}, ModelTier.FAST, "gpt-6-luna"),
        (OPENAI | GLM | {"models_denied": "gpt-6.1-sol"}, ModelTier.DEEP, "glm-5.3"),
        (OPENAI | GLM | {"models_allowed": "zhipuai/*"}, ModelTier.DEEP, "glm-5.3"),
        (ROUTER | {"models_denied": "openai/*"}, ModelTier.DEEP, "claude-opus-5-5"),
        (ROUTER | {"models_denied": "openrouter/anthropic/*, GPT-*"}, ModelTier.DEEP, "gemini-3.1-pro-preview"),
    ],
)
def test_auto_chooses_by_need_from_what_is_configured_and_allowed(
    configured: dict[str, str], need: ModelTier, chosen: str, settings: Make
) -> None:
    choice = build_models(settings(**configured)).choose("auto", need)
    assert choice.info.name == chosen
    profile = BY_NAME[choice.info.provider]
    assert choice.why.rpartition(" ")[2] in {profile.place, *(key.variable for key in profile.keys)}


def test_a_choice_says_why(settings: Make) -> None:
    assert build_models(settings(**GLM)).choose(None, ModelTier.FAST).why == "first choice for fast, by ZHIPUAI_API_KEY"
    named = build_models(settings(**GLM, providers="glm"))
    assert named.choose(None, ModelTier.FAST).why == "first choice for fast, at zhipuai"


@pytest.mark.parametrize(
    ("rules", "name"),
    [
        ({"models_denied": "gpt-6.1-sol"}, "openrouter/gpt-6.1-sol"),
        ({"models_denied": "gpt-6.1-sol"}, "openrouter/openai/gpt-6.1-sol:free"),
        ({"models_denied": "SOL"}, "gpt-6.1-sol"),
        ({"models_denied": "openai/*"}, "gpt-9"),
        ({"models_allowed": "glm-*"}, "gpt-6.1-sol"),
        ({"models_allowed": "gpt-*", "models_denied": "*-luna"}, "gpt-6-luna"),
    ],
)
def test_a_model_that_is_not_allowed_is_refused_by_any_of_its_names(
    rules: dict[str, str], name: str, settings: Make
) -> None:
    with pytest.raises(ModelError, match="not allowed") as caught:
        build_models(settings(**OPENAI, **ROUTER, **rules)).choose(name, ModelTier.DEEP)
    assert caught.value.kind is ErrorKind.NOT_ALLOWED


@pytest.mark.asyncio
async def test_a_denied_model_is_not_asked_either(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve("never")
    with pytest.raises(ModelError, match="not allowed"):
        await models(server, models_denied="m").complete(request("m"))
    assert server.times_asked == 0


@pytest.mark.parametrize(
    ("allowed", "name"),
    [
        ("gpt-6-luna", "gpt-6-luna"),
        ("mini", "gpt-6-luna"),
        ("own-model, other", "own-model"),
        ("gpt-6-l*", "gpt-6-luna"),
    ],
)
def test_what_is_allowed_by_name_is_chosen_though_it_is_first_for_no_need(
    settings: Make, allowed: str, name: str
) -> None:
    models = build_models(settings(**OPENAI, models_allowed=allowed))
    for need in ModelTier:
        assert models.choose(None, need).info.name == name


def test_when_everything_is_denied_it_says_so(settings: Make) -> None:
    models = build_models(settings(**OPENAI, models_denied="*"))
    with pytest.raises(ModelError, match="STEPWARDEN_MODELS_ALLOWED and _DENIED leave no model"):
        models.choose(None, ModelTier.DEEP)
    assert models.usable() == []


@pytest.mark.asyncio
async def test_discovery_adds_what_an_endpoint_lists(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve("hi")
    built = models(server, custom_model_name="")
    with pytest.raises(ModelError, match="see that it runs, name a model, or set CUSTOM_MODEL_NAME"):
        built.choose(None, ModelTier.DEEP)
    await built.discover()
    choice = built.choose(None, ModelTier.DEEP)
    assert (choice.info.name, choice.info.context_tokens) == ("scripted", 128_000)
    assert choice.why == "found at CUSTOM_API_URL"
    assert [info.name for info in built.usable()] == ["scripted"]


class Listing(dict[str, ScriptedModel]):
    """The models of an endpoint, and how often it listed them."""

    times = 0

    def items(self) -> Any:
        self.times += 1
        return super().items()


@pytest.mark.asyncio
async def test_models_are_looked_for_once_for_all_who_wait_and_again_later(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve("hi")
    server.script.models = none = Listing()
    built = models(server, custom_model_name="")
    await asyncio.gather(*(find_some(built) for _ in range(3)))
    with pytest.raises(ModelError, match="see that it runs"):
        built.choose(None, ModelTier.DEEP)
    assert none.times == 1
    server.script.models = some = Listing(scripted=ScriptedModel())
    await find_some(built)
    assert some.times == 0
    later = time.monotonic() + FRESH_S
    monkeypatch.setattr("providers.discovery.time", SimpleNamespace(monotonic=lambda: later))
    await asyncio.gather(*(find_some(built) for _ in range(3)))
    assert built.choose(None, ModelTier.DEEP).info.name == "scripted"
    assert some.times == 1


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("entry", "sees"),
    [
        ({"architecture": {"input_modalities": ["text", "image"], "modality": "text+image->text"}}, True),
        ({"architecture": {"input_modalities": ["text"], "modality": "text->text+image"}}, False),
        ({"input_modalities": ["text", "image"]}, True),
        ({"capabilities": {"vision": True}}, True),
        ({"capabilities": {"vision": False}}, False),
        ({"type": "vlm"}, True),
        ({"type": "llm"}, None),
        ({"architecture": "image"}, None),
        ({}, None),
    ],
)
async def test_an_endpoint_may_say_of_a_model_whether_it_sees_images(
    entry: dict[str, object], sees: bool | None, models: Callable[..., AllModels]
) -> None:
    """As OpenRouter, Mistral and LM Studio do; of the others nothing is known."""
    listed = json.dumps({"data": [{"id": "own", **entry}]}).encode()
    async with answering(response(listed)) as (port, _):
        built = models(custom_api_url=f"http://127.0.0.1:{port}/v1")
        await built.discover()
    assert built.choose("own", ModelTier.DEEP).info.sees_images is sees


@pytest.mark.asyncio
async def test_discovery_that_fails_leaves_the_catalogue(models: Callable[..., AllModels]) -> None:
    built = models(openai_api_key="k", openai_base_url="http://127.0.0.1:9/v1")
    await built.discover()
    assert built.choose(None, ModelTier.DEEP).info.name == "gpt-6.1-sol"


@pytest.mark.asyncio
async def test_auto_passes_over_a_provider_whose_key_was_refused(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    """By name it is still asked, and one answer brings it back."""
    server = serve(ScriptedReply(status=401, text="bad key"), "well")
    built = models(openai_api_key="k", openai_base_url=server.url, zhipuai_api_key="k", providers="openai,zhipuai")
    assert built.choose(None, ModelTier.DEEP).info.name == "gpt-6.1-sol"
    with pytest.raises(ModelError, match="set OPENAI_API_KEY to a valid one"):
        await built.complete(request("gpt-6.1-sol"))
    assert built.choose(None, ModelTier.DEEP).info.name == "glm-5.3"
    assert built.unusable()[0].why == "OpenAI refused the key (401: bad key): set OPENAI_API_KEY to a valid one."
    await built.complete(request("gpt-6.1-sol"))
    assert built.choose(None, ModelTier.DEEP).info.name == "gpt-6.1-sol"


def test_families_tell_makers_apart() -> None:
    """Votes of one family are not independent, through whatever door they come."""
    models = [
        ("gpt-6.1-sol", "openai"),
        ("openai/gpt-6.1-sol", "openrouter"),
        ("my-gpt", "azure"),
        ("qwen3:8b", "ollama"),
    ]
    assert [family_of(*model) for model in models] == ["openai", "openai", "my", "qwen"]
    assert family_of("meta-llama/llama-9", "openrouter") == "meta-llama"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "is not an object"),
        ('{"models": {"m": {"provider": "nobody"}}}', "there is no provider 'nobody'"),
        ('{"models": {"m": {"provider": "custom", "contxt": 1}}}', "models.m.contxt: Extra inputs"),
        ('{"models": {"m": {"provider": "custom", "price": {"input": -1, "output": 1}}}}', "models.m.price.input"),
        ('{"models": {"m": 3}}', "models.m"),
        ('{"models": 3}', "models"),
        ('{"needs": {"deep": ["none such"]}}', "no model is named 'none such'"),
        ('{"needs": {"cheap": []}}', "needs.cheap"),
        ("[" * 100_000, "is not JSON"),
        (None, "cannot be read"),
    ],
)
def test_a_bad_file_of_models_is_a_clear_settings_error(
    content: str | None, words: str, tmp_path: Path, settings: Make
) -> None:
    path = tmp_path / "models.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingsError) as caught:
        build_models(settings(models_file=path))
    assert str(caught.value).startswith("STEPWARDEN_MODELS_FILE: ")
    assert words in str(caught.value)


def test_the_users_file_is_merged_over_the_catalogue(tmp_path: Path, settings: Make) -> None:
    path = tmp_path / "models.json"
    own = {
        "models": {"gpt-6.1-sol": {"context": 5}, "qwen3": {"provider": "custom", "aliases": ["q"], "images": True}},
        "needs": {"deep": ["qwen3"]},
    }
    path.write_text(json.dumps(own))
    models = build_models(settings(models_file=path, **OPENAI, **CUSTOM, providers="openai,custom"))
    assert models.choose("gpt-6.1-sol", ModelTier.DEEP).info.context_tokens == 5
    assert models.choose("gpt-6.1-sol", ModelTier.DEEP).info.sees_images
    assert models.choose(None, ModelTier.DEEP).info.name == "qwen3"
    assert models.choose("Q", ModelTier.DEEP).info.sees_images


def test_the_shipped_catalogue_is_sound() -> None:
    """Each vendor has a model for each need or is rightly missing; no alias means two models."""
    catalogue = load_catalogue(None)
    names = [name.casefold() for name in catalogue.rows]
    aliases = [alias.casefold() for row in catalogue.rows.values() for alias in row.aliases]
    assert len({*names, *aliases}) == len(names) + len(aliases)
    vendors = {profile.name for profile in PROFILES if profile.prefixes}
    for need in ModelTier:
        assert {catalogue.rows[name].provider for name in catalogue.needs[need]} <= vendors
    assert {row.provider for row in catalogue.rows.values()} <= vendors


def test_a_scripted_model_goes_first_and_has_a_family(settings: Make) -> None:
    models = build_models(settings(**OPENAI), Script(["hi"]))
    assert models.choose(None, ModelTier.DEEP).info.name == "scripted"
    assert models.choose("scripted/scripted", ModelTier.DEEP).info.provider == "scripted"


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("OPENAI_API_KEY", "sk with blanks in it", "OPENAI_API_KEY: there is a blank in it"),
        ("CUSTOM_API_URL", "http://me:secretpw@host/v1", "CUSTOM_API_URL: there is a password"),
        ("CUSTOM_API_URL", "host:80/v1", "CUSTOM_API_URL: send an address"),
        ("STEPWARDEN_BUDGET_DAY", "lots", "STEPWARDEN_BUDGET_DAY: send dollars"),
        ("STEPWARDEN_MODEL_CONCURRENCY", "0", "STEPWARDEN_MODEL_CONCURRENCY: "),
    ],
)
def test_a_bad_variable_is_named_and_its_value_is_not_shown(
    variable: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        check_variables(load_settings())
    assert words in str(caught.value)
    assert "secretpw" not in str(caught.value)


def test_each_key_of_glm_is_for_its_own_endpoint(settings: Make) -> None:
    at = {
        field: build_models(settings(**{field: "k"}))._stacks.endpoints["zhipuai"].url  # pyright: ignore[reportPrivateUsage]
        for field in ("zhipuai_api_key", "zai_api_key")
    }
    assert at == {
        "zhipuai_api_key": "https://open.bigmodel.cn/api/paas/v4",
        "zai_api_key": "https://api.z.ai/api/paas/v4",
    }


@pytest.mark.parametrize(
    ("configured", "name", "url"),
    [
        ({"ollama_host": "0.0.0.0"}, "ollama", "http://127.0.0.1:11434/v1"),
        ({"ollama_host": "http://box:1234"}, "ollama", "http://box:1234/v1"),
        (AZURE, "azure", "https://x.openai.azure.com/openai/v1"),
        (GLM | {"stepwarden_zhipuai_url": "https://api.z.ai/api/coding/paas/v4"}, "zhipuai", "https://api.z.ai/api/coding/paas/v4"),
    ],
)  # fmt: skip
def test_an_address_is_understood_as_people_write_it(
    configured: dict[str, str], name: str, url: str, settings: Make
) -> None:
    models = build_models(settings(**configured))
    assert models._stacks.endpoints[name].url == url  # pyright: ignore[reportPrivateUsage]
