"""The script as a model: in process, over loopback, from a file; and the vendor's own SDK against it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from model_server import KEY, ModelServer, request
from pydantic import BaseModel

from providers.models import AllModels, build_models
from providers.scripted import Script, ScriptedProvider, ScriptedReply, ScriptedRequest, read_script
from stepwarden.errors import SettingsError
from stepwarden.models import ErrorKind, Message, ModelError, ModelReply, ModelRequest, ModelTier
from stepwarden.settings import Settings
from tests.support.processes import ROOT, ending, environment, start

SCRIPT = {
    "models": {"alpha": {"family": "a"}, "beta": {"family": "b", "images": False}},
    "replies": [
        {"when": "vote", "answer": {"stance": "for"}, "times": None},
        {"model": "beta", "status": 500, "text": "down", "times": None},
        {"text": "first"},
        {"text": "last"},
    ],
}


class Vote(BaseModel):
    stance: str


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "script.json"
    path.write_text(json.dumps(SCRIPT))
    return path


@pytest.mark.asyncio
async def test_a_script_from_a_file_answers_in_its_order(path: Path, models: Callable[..., AllModels]) -> None:
    built = models(scripted=path)
    texts = [(await built.complete(request("alpha"))).text for _ in range(4)]
    assert texts == ["first", "last", "last", "last"]
    assert (await built.complete(request("alpha", "please vote", answer=Vote))).parsed == Vote(stance="for")
    with pytest.raises(ModelError, match="500: down"):
        await built.complete(request("beta"))


@pytest.mark.asyncio
async def test_the_models_of_a_script_have_families_and_limits(path: Path, models: Callable[..., AllModels]) -> None:
    built = models(scripted=path)
    assert [(info.name, info.family) for info in built.usable()] == [("alpha", "a"), ("beta", "b")]
    assert built.choose(None, ModelTier.FAST).info.name == "alpha"
    picture = Message("user", "see", images=("https://x/y.png",))
    with pytest.raises(ModelError, match="beta takes no images"):
        await built.complete(ModelRequest("beta", (picture,)))


@pytest.mark.asyncio
async def test_a_function_can_be_the_script() -> None:
    async def answer(asked: ScriptedRequest) -> ScriptedReply | str:
        return f"{asked.number}: {asked.prompt} to {asked.model}"

    provider = ScriptedProvider(Script(answer))
    assert (await provider.complete(request("m", "hello"))).text == "1: hello to m"
    assert provider.script.asked[0].body["messages"] == [["user", "hello"]]


@pytest.mark.asyncio
async def test_a_script_can_be_slow_but_not_past_the_deadline() -> None:
    provider = ScriptedProvider(Script([ScriptedReply(text="late", latency_s=30)]))
    with pytest.raises(ModelError) as caught:
        await provider.complete(request(deadline_s=0.01))
    assert caught.value.kind is ErrorKind.TIMEOUT


@pytest.mark.asyncio
async def test_a_script_streams_and_breaks_off() -> None:
    provider = ScriptedProvider(Script(["twelve chars", ScriptedReply(text="twelve chars", cut_after=1)]))
    *texts, whole = [piece async for piece in provider.stream(request())]
    assert (texts, isinstance(whole, ModelReply)) == (["twelve c", "hars"], True)
    with pytest.raises(ModelError, match="broke off"):
        [piece async for piece in provider.stream(request())]


@pytest.mark.asyncio
async def test_a_prompt_without_a_reply_says_so() -> None:
    with pytest.raises(ModelError, match="no reply to this prompt"):
        await ScriptedProvider(Script([ScriptedReply(when="x", text="y")])).complete(request())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "all of it: Invalid JSON"),
        ('{"replies": []}', "replies: Tuple should have at least 1 item"),
        ('{"replies": [{"txt": "x"}]}', "replies.0.txt: Extra inputs"),
        (None, "cannot be read"),
    ],
)
def test_a_bad_script_is_a_clear_settings_error(
    content: str | None, words: str, tmp_path: Path, settings: Callable[..., Settings]
) -> None:
    path = tmp_path / "script.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingsError) as caught:
        build_models(settings(scripted=path))
    assert words in str(caught.value)
    with pytest.raises(SettingsError):
        read_script(path)


@pytest.mark.asyncio
async def test_a_script_can_be_served_by_its_own_process(path: Path, models: Callable[..., AllModels]) -> None:
    program = Path(__file__).with_name("script_server.py")
    with ending(start([str(program), str(path)], environment(path.parent), ROOT)) as process:
        assert process.stdout
        url = process.stdout.readline().decode().strip()
        built = models(custom_api_url=url)
        await built.discover()
        assert [info.name for info in built.usable()] == ["alpha", "beta"]
        assert (await built.complete(request("alpha"))).text == "first"


GLM = [
    (ScriptedReply(status=401, text="身份验证失败", code="1000"), ErrorKind.WRONG_KEY),
    (ScriptedReply(status=429, text="余额不足", code="1113"), ErrorKind.NO_MONEY),
    (ScriptedReply(status=400, text="模型不存在", code="1211"), ErrorKind.UNKNOWN_MODEL),
    (ScriptedReply(status=500, text="oops", code="500"), ErrorKind.SERVER),
    (ScriptedReply(body="<html>"), ErrorKind.SERVER),
    (ScriptedReply(text="", finish="sensitive"), ErrorKind.FILTERED),
]


def glm(models: Callable[..., AllModels], server: ModelServer) -> AllModels:
    return models(zhipuai_api_key=KEY, stepwarden_zhipuai_url=server.url, stepwarden_zhipuai_sdk=True)


@pytest.mark.asyncio
async def test_glm_answers_through_its_own_sdk(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve("nihao", ScriptedReply(answer={"stance": "for"}), "streamed")
    built = glm(models, server)
    reply = await built.complete(request("glm-4.6", temperature=0.0, thinking="minimal"))
    assert (reply.text, reply.model, reply.usage.input_tokens) == ("nihao", "glm-4.6", 10)
    assert (server.bodies[0]["temperature"], server.bodies[0]["thinking"]) == (0.01, {"type": "disabled"})
    assert (await built.complete(request("glm-4.6", answer=Vote))).parsed == Vote(stance="for")
    first, *_ = [piece async for piece in built.stream(request("glm-4.6"))]
    assert first == "streamed"


@pytest.mark.asyncio
@pytest.mark.parametrize(("reply", "trouble"), GLM)
async def test_glm_fails_by_the_same_names_through_its_own_sdk(
    reply: ScriptedReply, trouble: ErrorKind, serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    with pytest.raises(ModelError) as caught:
        await glm(models, serve(reply)).complete(request("glm-4.6"))
    assert caught.value.kind is trouble
    assert KEY not in str(caught.value)


@pytest.mark.asyncio
async def test_a_slow_glm_is_a_timeout_through_its_own_sdk(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve(ScriptedReply(text="late", latency_s=30))
    built = glm(models, server)
    with pytest.raises(ModelError) as caught:
        await built.complete(request("glm-4.6", deadline_s=1.0))
    assert caught.value.kind is ErrorKind.TIMEOUT
