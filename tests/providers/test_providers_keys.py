"""Keys go to their own endpoint and nowhere else: planted ones are looked for in everything that comes out."""

import json
import logging
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from model_server import KEY, ModelServer, request
from pydantic import BaseModel

from providers.endpoints import configured_endpoints
from providers.failures import quoted
from providers.models import AllModels, build_models
from providers.profiles import PROFILES
from providers.scripted import ScriptedReply
from stepwarden.models import ModelError, ModelTier
from stepwarden.settings import load_settings

KEYS = [key.variable for profile in PROFILES for key in profile.keys]


class Vote(BaseModel):
    stance: str


ECHOES = [
    ScriptedReply(status=401, text=f"Incorrect API key provided: {KEY}"),
    ScriptedReply(status=400, text=f"bad request with Authorization: Bearer {KEY} and sk-another-1234567890abcdef"),
    ScriptedReply(status=500, text=f"upstream said {KEY}"),
    ScriptedReply(status=429, text=KEY, code=KEY),
    ScriptedReply(body=f"<html>{KEY}</html>"),
    ScriptedReply(status=403, body=f"<html>{KEY}</html>"),
    ScriptedReply(text=f'{{"stance": {{"key": "{KEY}"}}}}'),
    ScriptedReply(text="", finish="length"),
]


OURS = {"stepwarden", "providers", "pydantic_core"}


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Return an error and all that it came from; the SDK's own knows the request and its headers."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@pytest.mark.asyncio
@pytest.mark.parametrize("reply", ECHOES)
async def test_a_key_that_is_sent_back_stands_in_no_error_and_no_log(
    reply: ScriptedReply,
    serve: Callable[..., ModelServer],
    models: Callable[..., AllModels],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With every library's log at its most talkative, the error's causes and the objects' own words too."""
    caplog.set_level(logging.DEBUG)
    server = serve(reply)
    built = models(server)
    with pytest.raises(ModelError) as caught:
        await built.complete(request(answer=Vote))
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    said = ["".join(traceback.format_exception(caught.value)), repr(built.unusable()), repr(built.usable())]
    said += [f"{cause} {cause!r}" for cause in causes(caught.value)]
    assert {type(cause).__module__.partition(".")[0] for cause in causes(caught.value)} <= OURS
    said += [f"{record.getMessage()} {vars(record)}" for record in caplog.records]
    for text in said:
        assert KEY not in text
        assert "sk-another-1234567890abcdef" not in text


@pytest.mark.parametrize("key", [KEY, "0123abcd4567.Ef89gh", "plain-secret-of-a-proxy"])
def test_a_key_of_whatever_form_is_taken_out_of_an_endpoints_words(key: str) -> None:
    assert quoted(f"the key '{key}' \x1b[2J\n is not valid", key) == "the key '[key]' [2J is not valid"


def test_keys_stand_in_no_representation(tmp_path: Path) -> None:
    keys = {variable: f"sk-planted-{variable}-0123456789" for variable in KEYS}
    addresses = {"custom_api_url": "http://h/v1", "azure_openai_endpoint": "https://x.openai.azure.com"}
    every = ",".join(profile.name for profile in PROFILES)
    settings = load_settings(home=tmp_path, providers=every, **addresses, **keys)
    models = build_models(settings)
    stacks = models._stacks  # pyright: ignore[reportPrivateUsage]
    texts = [repr(settings), str(settings), repr(models), repr(stacks.endpoints), settings.model_dump_json()]
    texts += [repr(models.choose(None, ModelTier.DEEP)), repr(models.usable()), repr(models.unusable())]
    assert "planted" not in "".join(texts)
    assert set(stacks.endpoints) == {profile.name for profile in PROFILES if profile.keys}


@pytest.mark.asyncio
async def test_a_key_goes_to_its_own_endpoint_only_and_nothing_of_the_environment_with_it(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK reads variables of its own: an organisation, headers and an admin key would go to every vendor."""
    for name in ("ORG_ID", "PROJECT_ID", "ADMIN_KEY"):
        monkeypatch.setenv(f"OPENAI_{name}", "sk-planted-elsewhere")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Secret: sk-planted-elsewhere\nAuthorization: Bearer sk-planted-x")
    server = serve("hi")
    await models(server, openai_api_key="sk-planted-elsewhere").complete(request())
    sent = json.dumps([server.headers, server.bodies])
    assert "planted-elsewhere" not in sent
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"


@pytest.mark.asyncio
async def test_a_redirect_is_not_followed(serve: Callable[..., ModelServer], models: Callable[..., AllModels]) -> None:
    """It would take prompt and key elsewhere."""
    elsewhere = serve("stolen")
    server = serve(ScriptedReply(status=307, body="", location=f"{elsewhere.url}/chat/completions"))
    with pytest.raises(ModelError, match=r"\(307\)"):
        await models(server).complete(request())
    assert elsewhere.headers == []


@pytest.mark.asyncio
async def test_the_cache_holds_no_key(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels], tmp_path: Path
) -> None:
    await models(serve("kept")).complete(request(cache=True))
    files = [path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert any(b"kept" in content for content in files)
    assert not any(KEY.encode() in content for content in files)


@pytest.mark.asyncio
async def test_azure_is_asked_in_both_of_its_ways(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve("hi")
    for version in ("2026-01-01", ""):
        built = models(
            azure_openai_api_key=KEY,
            azure_openai_endpoint=server.url.removesuffix("/v1"),
            azure_openai_api_version=version or None,
        )
        assert (await built.complete(request("azure/mine"))).text == "hi"
    assert server.paths == [
        "/openai/deployments/mine/chat/completions?api-version=2026-01-01",
        "/openai/v1/chat/completions",
    ]
    assert [headers.get("api-key") for headers in server.headers] == [KEY, None]
    assert [headers.get("authorization") for headers in server.headers] == [None, f"Bearer {KEY}"]


def test_settings_hold_keys_under_their_usual_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOGLE_API_KEY", "ZAI_API_KEY", "AZURE_OPENAI_API_KEY"):
        monkeypatch.setenv(name, f" {name} \n")
    endpoint = "https://x.openai.azure.com"
    settings = load_settings(azure_openai_endpoint=endpoint, providers="gemini,zhipuai,azure")
    keys = {endpoint.name: endpoint.key for endpoint in configured_endpoints(settings)}
    assert keys == {"gemini": "GOOGLE_API_KEY", "zhipuai": "ZAI_API_KEY", "azure": "AZURE_OPENAI_API_KEY"}
