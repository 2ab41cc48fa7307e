"""Every way an endpoint fails, asked by the real SDK: what it is called, and what one is told to do."""

from collections.abc import Callable

import pytest
from model_server import ModelServer, request

from providers.models import AllModels
from providers.scripted import ScriptedReply
from stepwarden.models import ErrorKind, Message, ModelError, ModelReply, ModelRequest

pytestmark = pytest.mark.asyncio

LITELLM_KEY = "litellm.AuthenticationError: AuthenticationError: OpenAIException - Incorrect API key provided: sk-x"
LITELLM_MODEL = "litellm.BadRequestError: /chat/completions: Invalid model name passed in model=m. Call `/v1/models`"

FAILURES = [
    (
        ScriptedReply(status=401, text="Incorrect API key provided: sk-abc***xyz"),
        ErrorKind.WRONG_KEY,
        "set CUSTOM_API_KEY",
    ),
    (ScriptedReply(status=400, text=LITELLM_KEY), ErrorKind.WRONG_KEY, "set CUSTOM_API_KEY"),
    (
        ScriptedReply(status=400, text="API key not valid. Please pass a valid API key."),
        ErrorKind.WRONG_KEY,
        "CUSTOM_API_KEY",
    ),
    (ScriptedReply(status=403, text="forbidden"), ErrorKind.WRONG_KEY, "CUSTOM_API_KEY"),
    (ScriptedReply(status=404, text="The model `m` does not exist"), ErrorKind.UNKNOWN_MODEL, "no model 'm'"),
    (ScriptedReply(status=400, text=LITELLM_MODEL), ErrorKind.UNKNOWN_MODEL, "no model 'm'"),
    (ScriptedReply(status=400, text="模型不存在", code="1211"), ErrorKind.UNKNOWN_MODEL, "no model 'm'"),
    (ScriptedReply(status=404, text="Not Found"), ErrorKind.REFUSED, "404: Not Found"),
    (ScriptedReply(status=402, text="Insufficient Balance"), ErrorKind.NO_MONEY, "top it up"),
    (ScriptedReply(status=429, text="余额不足", code="1113"), ErrorKind.NO_MONEY, "top it up"),
    (
        ScriptedReply(status=429, text="You exceeded your current quota", code="insufficient_quota"),
        ErrorKind.NO_MONEY,
        "top it",
    ),
    (
        ScriptedReply(status=400, text="Your credit balance is too low to access the API"),
        ErrorKind.NO_MONEY,
        "top it up",
    ),
    (ScriptedReply(status=429, text="Rate limit reached for model m"), ErrorKind.RATE_LIMIT, "wait a little"),
    (
        ScriptedReply(status=400, text="This model's maximum context length is 8192 tokens"),
        ErrorKind.TOO_LONG,
        "fewer files",
    ),
    (
        ScriptedReply(status=400, text="prompt is too long: 300000 tokens > 200000 maximum"),
        ErrorKind.TOO_LONG,
        "fewer files",
    ),
    (ScriptedReply(status=413, text="Payload Too Large"), ErrorKind.TOO_LONG, "fewer files"),
    (ScriptedReply(status=400, text="x", code="content_filter"), ErrorKind.FILTERED, "word it differently"),
    (ScriptedReply(status=400, text="x", code="1301"), ErrorKind.FILTERED, "word it differently"),
    (ScriptedReply(text="half of", finish="content_filter"), ErrorKind.FILTERED, "withheld the answer"),
    (ScriptedReply(text="", finish="sensitive"), ErrorKind.FILTERED, "withheld the answer"),
    (ScriptedReply(refusal="I cannot help with that"), ErrorKind.FILTERED, "withheld the answer"),
    (ScriptedReply(status=400, text="image input is not supported"), ErrorKind.UNSUPPORTED, "leave them out"),
    (ScriptedReply(text=""), ErrorKind.EMPTY, "gave an empty answer"),
    (ScriptedReply(text="  \n "), ErrorKind.EMPTY, "gave an empty answer"),
    (ScriptedReply(text="", finish="length"), ErrorKind.EMPTY, "whole output limit"),
    (ScriptedReply(status=500, text="oh no"), ErrorKind.SERVER, "(500: oh no)"),
    (ScriptedReply(status=529, text="overloaded"), ErrorKind.SERVER, "(529: overloaded)"),
    (ScriptedReply(status=307, body=""), ErrorKind.REFUSED, "(307)"),
    (ScriptedReply(status=418, text="teapot"), ErrorKind.REFUSED, "(418: teapot)"),
    (ScriptedReply(body="<html>Welcome</html>"), ErrorKind.SERVER, "not a chat completion"),
    (ScriptedReply(body='{"choices": [{"message": {"content": "cut o'), ErrorKind.SERVER, "not a chat completion"),
    (ScriptedReply(body='{"choices": []}'), ErrorKind.SERVER, "CUSTOM_API_URL is right"),
    (ScriptedReply(body='{"choices": "none", "usage": 3}'), ErrorKind.SERVER, "not a chat completion"),
    (ScriptedReply(body="[1, 2]"), ErrorKind.SERVER, "not a chat completion"),
    (ScriptedReply(body="null"), ErrorKind.SERVER, "not a chat completion"),
    (ScriptedReply(status=400, body="<h1>Bad\x07 gateway</h1>"), ErrorKind.REFUSED, "Bad gateway"),
    (
        ScriptedReply(status=400, body='[{"error": {"message": "as a list", "code": 400}}]'),
        ErrorKind.REFUSED,
        "as a list",
    ),
]


@pytest.mark.parametrize(("reply", "trouble", "words"), FAILURES)
async def test_a_failure_is_named_by_what_one_can_do_about_it(
    reply: ScriptedReply,
    trouble: ErrorKind,
    words: str,
    serve: Callable[..., ModelServer],
    models: Callable[..., AllModels],
) -> None:
    """Whatever comes back, there is one line that says what was wrong; only what may pass is asked again."""
    server = serve(reply)
    with pytest.raises(ModelError) as caught:
        await models(server).complete(request())
    assert (caught.value.kind, str(caught.value).count("\n")) == (trouble, 0)
    assert words in str(caught.value)
    assert server.times_asked == (3 if caught.value.retryable else 1)


async def test_an_endpoint_that_is_not_there_is_a_network_failure(models: Callable[..., AllModels]) -> None:
    """Nothing listens on the discard port of loopback."""
    with pytest.raises(ModelError, match=r"127\.0\.0\.1:9 .*CUSTOM_API_URL") as caught:
        await models(custom_api_url="http://127.0.0.1:9/v1").complete(request())
    assert caught.value.kind is ErrorKind.NETWORK


async def test_a_slow_endpoint_is_a_timeout_within_the_deadline(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    """The deadline bounds the retries too: there is no time left for a second try."""
    server = serve(ScriptedReply(text="late", latency_s=30))
    built = models(server)
    await built.warm()
    with pytest.raises(ModelError, match=r"CUSTOM_API_URL gave no answer within 0\.\d+ s: ask again") as caught:
        await built.complete(request(deadline_s=0.3))
    assert caught.value.kind is ErrorKind.TIMEOUT
    assert caught.value.waited_s is not None
    assert 0 < caught.value.waited_s <= 0.3
    assert server.times_asked <= 1  # none, where the machine takes all of it before


async def test_a_timeout_that_a_setting_made_names_the_setting(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    built = models(serve(ScriptedReply(text="late", latency_s=30)), model_timeout_s=0.25)
    await built.warm("m")
    with pytest.raises(ModelError, match=r"gave no answer within 0\.25 s \(STEPWARDEN_MODEL_TIMEOUT_S\)") as caught:
        await built.complete(request(deadline_s=100))
    assert caught.value.waited_s == 0.25


async def test_a_misspelt_model_gets_the_nearest_names_after_the_endpoint_refused_it(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve(ScriptedReply(status=404, text="The model `gpt-6-lunna` does not exist", code="model_not_found"))
    built = models(openai_api_key="k", openai_base_url=server.url)
    with pytest.raises(ModelError, match=r"no model 'gpt-6-lunna'.*nearest: gpt-6-luna") as caught:
        await built.complete(request("gpt-6-lunna"))
    assert caught.value.kind is ErrorKind.UNKNOWN_MODEL


async def test_images_to_a_model_without_eyes_are_refused_before_anything_is_sent(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve("never")
    built = models(zhipuai_api_key="k", stepwarden_zhipuai_url=server.url)
    message = Message("user", "what is this?", images=("data:image/png;base64,AA==",))
    with pytest.raises(ModelError, match="takes no images") as caught:
        await built.complete(ModelRequest("glm-4.6", (message,)))
    assert (caught.value.kind, server.times_asked) == (ErrorKind.UNSUPPORTED, 0)


async def test_another_model_than_asked_is_noted(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    """llama.cpp serves whatever it has loaded; a dated name of the same model is no other."""
    built = models(
        serve(ScriptedReply(text="hi", served_model="tiny-1b"), ScriptedReply(text="hi", served_model="m-2026-08-07"))
    )
    other, same = await built.complete(request()), await built.complete(request())
    assert (other.model, other.notes) == ("tiny-1b", ("asked for m, tiny-1b answered",))
    assert (same.model, same.notes) == ("m", ())


async def test_a_missing_usage_is_estimated_and_says_so(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    reply = await models(serve(ScriptedReply(text="x" * 350, usage=None))).complete(request(text="y" * 35))
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.estimated) == (11, 101, True)


async def test_an_answer_at_the_output_limit_is_marked(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    assert (await models(serve(ScriptedReply(text="half an ans", finish="length"))).complete(request())).cut_off


async def test_thoughts_and_control_characters_are_no_part_of_the_text(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    reply = await models(serve(ScriptedReply(text="<think>hm, well</think>\nyes\x07"))).complete(request())
    assert (reply.text, reply.raw["reasoning"]) == ("yes", "hm, well")


async def test_half_a_surrogate_in_the_prompt_does_not_break_the_request(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    assert (await models(serve("fine")).complete(request(text="a\ud800b"))).text == "fine"


async def pieces(built: AllModels) -> list[str | ModelReply]:
    return [piece async for piece in built.stream(request())]


async def test_a_stream_gives_the_pieces_and_last_the_whole_with_its_usage(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    *texts, whole = await pieces(models(serve("streamed in three pieces")))
    assert texts == ["streamed", " in thre", "e pieces"]
    assert isinstance(whole, ModelReply)
    assert (whole.text, whole.model, whole.usage.input_tokens) == ("streamed in three pieces", "m", 10)


async def test_a_stream_that_breaks_off_says_so_and_is_not_begun_again(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    """What was handed on cannot be taken back."""
    server = serve(ScriptedReply(text="streamed in three pieces", cut_after=2))
    got: list[str | ModelReply] = []

    async def collect() -> None:
        async for piece in models(server).stream(request()):
            got.append(piece)  # noqa: PERF401 - what came before the error is looked at

    with pytest.raises(ModelError, match="broke off") as caught:
        await collect()
    assert (got, caught.value.kind, server.times_asked) == (["streamed", " in thre"], ErrorKind.NETWORK, 1)


async def test_a_stream_that_never_began_is_asked_for_again(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve(ScriptedReply(status=503, text="busy"), "well")
    assert (await pieces(models(server)))[0] == "well"
    assert server.times_asked == 2


@pytest.mark.parametrize(
    ("body", "trouble"),
    [
        ('data: {"error": {"message": "overloaded"}}\n\n', ErrorKind.SERVER),
        ('data: {"error": {"message": "slow down", "code": 429}}\n\n', ErrorKind.RATE_LIMIT),
        ("data: {not json\n\n", ErrorKind.SERVER),
        ('data: "text"\n\ndata: [DONE]\n\n', ErrorKind.NETWORK),
        ("", ErrorKind.NETWORK),
    ],
)
async def test_a_broken_stream_is_a_failure_too(
    body: str, trouble: ErrorKind, serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    with pytest.raises(ModelError) as caught:
        await pieces(models(serve(ScriptedReply(body=body))))
    assert caught.value.kind is trouble
