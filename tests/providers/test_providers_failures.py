"""Every way an endpoint fails, asked by the real SDK: what it is called, and what one is told to do."""

from collections.abc import Callable

import pytest
from model_server import ModelServer, request

from providers.models import AllModels
from providers.scripted import Reply
from stepwarden.models import Message, ModelError, ModelReply, ModelRequest, Trouble

pytestmark = pytest.mark.asyncio

LITELLM_KEY = "litellm.AuthenticationError: AuthenticationError: OpenAIException - Incorrect API key provided: sk-x"
LITELLM_MODEL = "litellm.BadRequestError: /chat/completions: Invalid model name passed in model=m. Call `/v1/models`"

FAILURES = [
    (Reply(status=401, text="Incorrect API key provided: sk-abc***xyz"), Trouble.WRONG_KEY, "set CUSTOM_API_KEY"),
    (Reply(status=400, text=LITELLM_KEY), Trouble.WRONG_KEY, "set CUSTOM_API_KEY"),
    (Reply(status=400, text="API key not valid. Please pass a valid API key."), Trouble.WRONG_KEY, "CUSTOM_API_KEY"),
    (Reply(status=403, text="forbidden"), Trouble.WRONG_KEY, "CUSTOM_API_KEY"),
    (Reply(status=404, text="The model `m` does not exist"), Trouble.UNKNOWN_MODEL, "no model 'm'"),
    (Reply(status=400, text=LITELLM_MODEL), Trouble.UNKNOWN_MODEL, "no model 'm'"),
    (Reply(status=400, text="模型不存在", code="1211"), Trouble.UNKNOWN_MODEL, "no model 'm'"),
    (Reply(status=404, text="Not Found"), Trouble.REFUSED, "404: Not Found"),
    (Reply(status=402, text="Insufficient Balance"), Trouble.NO_MONEY, "top it up"),
    (Reply(status=429, text="余额不足", code="1113"), Trouble.NO_MONEY, "top it up"),
    (Reply(status=429, text="You exceeded your current quota", code="insufficient_quota"), Trouble.NO_MONEY, "top it"),
    (Reply(status=400, text="Your credit balance is too low to access the API"), Trouble.NO_MONEY, "top it up"),
    (Reply(status=429, text="Rate limit reached for model m"), Trouble.RATE_LIMIT, "wait a little"),
    (Reply(status=400, text="This model's maximum context length is 8192 tokens"), Trouble.TOO_LONG, "fewer files"),
    (Reply(status=400, text="prompt is too long: 300000 tokens > 200000 maximum"), Trouble.TOO_LONG, "fewer files"),
    (Reply(status=413, text="Payload Too Large"), Trouble.TOO_LONG, "fewer files"),
    (Reply(status=400, text="x", code="content_filter"), Trouble.FILTERED, "word it differently"),
    (Reply(status=400, text="x", code="1301"), Trouble.FILTERED, "word it differently"),
    (Reply(text="half of", finish="content_filter"), Trouble.FILTERED, "withheld the answer"),
    (Reply(text="", finish="sensitive"), Trouble.FILTERED, "withheld the answer"),
    (Reply(refusal="I cannot help with that"), Trouble.FILTERED, "withheld the answer"),
    (Reply(status=400, text="image input is not supported"), Trouble.UNSUPPORTED, "leave them out"),
    (Reply(text=""), Trouble.EMPTY, "gave an empty answer"),
    (Reply(text="  \n "), Trouble.EMPTY, "gave an empty answer"),
    (Reply(text="", finish="length"), Trouble.EMPTY, "whole output limit"),
    (Reply(status=500, text="oh no"), Trouble.SERVER, "(500: oh no)"),
    (Reply(status=529, text="overloaded"), Trouble.SERVER, "(529: overloaded)"),
    (Reply(status=307, body=""), Trouble.REFUSED, "(307)"),
    (Reply(status=418, text="teapot"), Trouble.REFUSED, "(418: teapot)"),
    (Reply(body="<html>Welcome</html>"), Trouble.SERVER, "no chat completion"),
    (Reply(body='{"choices": [{"message": {"content": "cut o'), Trouble.SERVER, "no chat completion"),
    (Reply(body='{"choices": []}'), Trouble.SERVER, "CUSTOM_API_URL is right"),
    (Reply(body='{"choices": "none", "usage": 3}'), Trouble.SERVER, "no chat completion"),
    (Reply(body="[1, 2]"), Trouble.SERVER, "no chat completion"),
    (Reply(body="null"), Trouble.SERVER, "no chat completion"),
    (Reply(status=400, body="<h1>Bad\x07 gateway</h1>"), Trouble.REFUSED, "Bad gateway"),
    (Reply(status=400, body='[{"error": {"message": "as a list", "code": 400}}]'), Trouble.REFUSED, "as a list"),
]


@pytest.mark.parametrize(("reply", "trouble", "words"), FAILURES)
async def test_a_failure_is_named_by_what_one_can_do_about_it(
    reply: Reply,
    trouble: Trouble,
    words: str,
    serve: Callable[..., ModelServer],
    models: Callable[..., AllModels],
) -> None:
    """Whatever comes back, there is one line that says what was wrong; only what may pass is asked again."""
    server = serve(reply)
    with pytest.raises(ModelError) as caught:
        await models(server).complete(request())
    assert (caught.value.trouble, str(caught.value).count("\n")) == (trouble, 0)
    assert words in str(caught.value)
    assert server.times_asked == (3 if caught.value.retryable else 1)


async def test_an_endpoint_that_is_not_there_is_a_network_failure(models: Callable[..., AllModels]) -> None:
    """Nothing listens on the discard port of loopback."""
    with pytest.raises(ModelError, match=r"127\.0\.0\.1:9 .*CUSTOM_API_URL") as caught:
        await models(custom_api_url="http://127.0.0.1:9/v1").complete(request())
    assert caught.value.trouble is Trouble.NETWORK


async def test_a_slow_endpoint_is_a_timeout_within_the_deadline(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    """The deadline bounds the retries too: the second try has no time left."""
    server = serve(Reply(text="late", latency_s=30))
    built = models(server)
    await built.warm()
    with pytest.raises(ModelError, match="gave no answer within") as caught:
        await built.complete(request(deadline_s=0.3))
    assert caught.value.trouble is Trouble.TIMEOUT
    assert server.times_asked == 1


async def test_a_misspelt_model_gets_the_nearest_names_after_the_endpoint_refused_it(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve(Reply(status=404, text="The model `gpt-5-mimi` does not exist", code="model_not_found"))
    built = models(openai_api_key="k", openai_base_url=server.url)
    with pytest.raises(ModelError, match=r"no model 'gpt-5-mimi'.*nearest: gpt-5-mini") as caught:
        await built.complete(request("gpt-5-mimi"))
    assert caught.value.trouble is Trouble.UNKNOWN_MODEL


async def test_images_to_a_model_without_eyes_are_refused_before_anything_is_sent(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve("never")
    built = models(zhipuai_api_key="k", zhipuai_url=server.url)
    message = Message("user", "what is this?", images=("data:image/png;base64,AA==",))
    with pytest.raises(ModelError, match="takes no images") as caught:
        await built.complete(ModelRequest("glm-4.6", (message,)))
    assert (caught.value.trouble, server.times_asked) == (Trouble.UNSUPPORTED, 0)


async def test_another_model_than_asked_is_noted(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    """llama.cpp serves whatever it has loaded; a dated name of the same model is no other."""
    built = models(serve(Reply(text="hi", served_model="tiny-1b"), Reply(text="hi", served_model="m-2026-08-07")))
    other, same = await built.complete(request()), await built.complete(request())
    assert (other.model, other.notes) == ("tiny-1b", ("asked for m, tiny-1b answered",))
    assert (same.model, same.notes) == ("m", ())


async def test_a_missing_usage_is_estimated_and_says_so(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    reply = await models(serve(Reply(text="x" * 350, usage=None))).complete(request(text="y" * 35))
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.estimated) == (11, 101, True)


async def test_an_answer_at_the_output_limit_is_marked(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    assert (await models(serve(Reply(text="half an ans", finish="length"))).complete(request())).cut_off


async def test_thoughts_and_control_characters_are_no_part_of_the_text(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    reply = await models(serve(Reply(text="<think>hm, well</think>\nyes\x07"))).complete(request())
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
    server = serve(Reply(text="streamed in three pieces", cut_after=2))
    got: list[str | ModelReply] = []

    async def collect() -> None:
        async for piece in models(server).stream(request()):
            got.append(piece)  # noqa: PERF401 - what came before the error is looked at

    with pytest.raises(ModelError, match="broke off") as caught:
        await collect()
    assert (got, caught.value.trouble, server.times_asked) == (["streamed", " in thre"], Trouble.NETWORK, 1)


async def test_a_stream_that_never_began_is_asked_for_again(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve(Reply(status=503, text="busy"), "well")
    assert (await pieces(models(server)))[0] == "well"
    assert server.times_asked == 2


@pytest.mark.parametrize(
    ("body", "trouble"),
    [
        ('data: {"error": {"message": "overloaded"}}\n\n', Trouble.SERVER),
        ('data: {"error": {"message": "slow down", "code": 429}}\n\n', Trouble.RATE_LIMIT),
        ("data: {not json\n\n", Trouble.SERVER),
        ('data: "text"\n\ndata: [DONE]\n\n', Trouble.NETWORK),
        ("", Trouble.NETWORK),
    ],
)
async def test_a_broken_stream_is_a_failure_too(
    body: str, trouble: Trouble, serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    with pytest.raises(ModelError) as caught:
        await pieces(models(serve(Reply(body=body))))
    assert caught.value.trouble is trouble
