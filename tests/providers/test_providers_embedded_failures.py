"""Errors that come with the status 200, in every form that gateways give them; asked by the real SDK, both ways."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from model_server import KEY, ModelServer, request

from providers.models import AllModels
from providers.scripted import ScriptedReply
from stepwarden.models import ErrorKind, Message, ModelError, ModelReply, ModelRequest

pytestmark = pytest.mark.asyncio


def choice(content: object, finish: str | None, **more: Any) -> dict[str, Any]:
    return {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content}, **more}


WHOLE = {"choices": [choice("well", "stop")]}

LONG = "This model's maximum context length is 8192 tokens"
IDLE = {"code": 502, "message": "Upstream idle timeout"}
BLIND = {"message": "image input is not supported"}
BEHIND = {"message": "Provider returned error", "code": 400, "metadata": {"raw": "prompt is too long"}}
LOGIN = {"status_code": 1004, "status_msg": "login fail: API key is wrong"}
SPIKE = {"faultstring": "Spike arrest violation. Rate limit of 10", "detail": {"x": 1}}
FIELD = {"type": "missing", "loc": ["body", "user"], "msg": "Field required"}

FAILURES: list[tuple[object, ErrorKind, str]] = [
    ({"error": {"message": "upstream overloaded, try later", "code": 502}}, ErrorKind.SERVER, "(502: upstream"),
    ({"error": {"message": "free-models-per-day", "code": 429}}, ErrorKind.RATE_LIMIT, "(429: free-models-per-day)"),
    ({"error": {"message": "no", "code": "429"}}, ErrorKind.RATE_LIMIT, "limits how often"),
    ({"error": {"message": "Rate limit exceeded"}}, ErrorKind.RATE_LIMIT, "(Rate limit exceeded)"),
    ({"error": {"message": "slow down", "type": "rate_limit_error"}}, ErrorKind.RATE_LIMIT, "(slow down)"),
    ({"type": "error", "error": {"type": "overloaded_error", "message": "x"}}, ErrorKind.SERVER, "failed (x)"),
    ({"error": BEHIND}, ErrorKind.TOO_LONG, "Provider returned error prompt is too long"),
    ({"id": "x", "choices": None, "error": {"message": LONG, "code": 400}}, ErrorKind.TOO_LONG, LONG),
    ({"error": "model 'm' not found, try pulling it first"}, ErrorKind.UNKNOWN_MODEL, "no model 'm'"),
    ({"error": {"message": "", "error": "The engine is overloaded"}}, ErrorKind.SERVER, "The engine is overloaded"),
    ({"detail": "Invalid API key"}, ErrorKind.WRONG_KEY, "refused the key (Invalid API key)"),
    ({"detail": [FIELD]}, ErrorKind.REFUSED, "Field required ['body', 'user']"),
    ({"object": "error", "message": LONG, "code": 400}, ErrorKind.TOO_LONG, "8192"),
    ({"code": 1113, "msg": "余额不足", "success": False}, ErrorKind.NO_MONEY, "(余额不足)"),
    ({"base_resp": LOGIN}, ErrorKind.WRONG_KEY, "login fail"),
    ({"error_code": 18, "error_msg": "Open api qps: too many requests"}, ErrorKind.RATE_LIMIT, "qps"),
    ({"success": False, "errors": [{"code": 7003, "message": "No such route"}]}, ErrorKind.REFUSED, "(No such route)"),
    ({"fault": SPIKE}, ErrorKind.RATE_LIMIT, "Spike"),
    ({"status": "error", "message": "Insufficient credits"}, ErrorKind.NO_MONEY, "Insufficient credits"),
    ([{"error": {"code": 400, "message": "API key not valid"}}], ErrorKind.WRONG_KEY, "API key not valid"),
    ({"choices": [choice("", "error", error=IDLE)]}, ErrorKind.SERVER, "Upstream idle timeout"),
    ({"choices": [choice("The answer is fo", "error")]}, ErrorKind.SERVER, "it broke off in its answer"),
    ({"choices": [choice(None, None, error=BLIND)]}, ErrorKind.UNSUPPORTED, "takes no images (image input"),
    ({"choices": [], "error": {"message": f"bad key {KEY}"}}, ErrorKind.REFUSED, "(bad key [key])"),
    ({"error": {"message": "blocked by content policy"}}, ErrorKind.FILTERED, "blocked by content policy"),
]


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("body", "kind", "words"), FAILURES, ids=lambda value: str(value)[:40])
async def test_an_error_in_a_200_is_that_error_in_the_endpoints_own_words(
    body: object,
    kind: ErrorKind,
    words: str,
    streams: bool,
    serve: Callable[..., ModelServer],
    models: Callable[..., AllModels],
) -> None:
    """A stream has it as an event; only what may pass is asked again."""
    text = json.dumps(body, ensure_ascii=False)
    server = serve(ScriptedReply(body=f"data: {text}\n\n" if streams else text))
    built = models(server)
    with pytest.raises(ModelError) as caught:
        await (pieces(built) if streams else built.complete(request()))
    assert (caught.value.kind, str(caught.value).count("\n")) == (kind, 0)
    assert words in str(caught.value)
    assert "not a chat completion" not in str(caught.value)
    assert KEY not in str(caught.value)
    assert server.times_asked == (3 if caught.value.retryable else 1)


NO_FAILURES: list[dict[str, Any]] = [
    WHOLE | {"error": None},
    WHOLE | {"error": {"message": "", "code": 0}},
    WHOLE | {"base_resp": {"status_code": 0, "status_msg": "success"}},
    WHOLE | {"code": 200, "msg": "success", "detail": None},
    WHOLE | {"error": {"message": "a warning only", "code": 200}},
    {"choices": [choice("I got an error: rate limit exceeded", "stop")]},
]


@pytest.mark.parametrize("body", NO_FAILURES)
async def test_an_answer_is_none_whatever_stands_beside_it(
    body: dict[str, Any], serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    text = json.dumps(body)
    built = models(serve(ScriptedReply(body=text, times=None)))
    for reply in (await built.complete(request()), (await pieces(built))[-1]):
        assert isinstance(reply, ModelReply)
        assert reply.text == body["choices"][0]["message"]["content"]


async def pieces(built: AllModels, **asked: Any) -> list[str | ModelReply]:
    return [piece async for piece in built.stream(request(**asked))]


async def test_a_parameter_that_a_200_refuses_is_left_out(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    refused = ScriptedReply(body='{"error": {"message": "Unsupported parameter: temperature", "code": 400}}')
    server = serve(refused, "well")
    assert (await models(server).complete(request(temperature=0.3))).text == "well"
    assert ["temperature" in body for body in server.bodies] == [True, False]


@pytest.mark.parametrize(
    "refusal",
    [
        ScriptedReply(status=400, text="Your organization must be verified to stream this model.", code="unsupported"),
        ScriptedReply(body='{"detail": [{"loc": ["body", "stream"], "msg": "Extra inputs are not permitted"}]}'),
    ],
)
async def test_an_endpoint_that_streams_nothing_is_asked_for_the_whole(
    refusal: ScriptedReply, serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve(refusal, "well")
    (whole,) = await pieces(models(server))
    assert isinstance(whole, ModelReply)
    assert whole.text == "well"
    assert [("stream" in body, "stream_options" in body) for body in server.bodies] == [(True, True), (False, False)]


def events(*deltas: dict[str, str]) -> str:
    return "".join(f"data: {json.dumps({'choices': [{'delta': delta}]})}\n\n" for delta in deltas)


ENDED = {"choices": [{"delta": {"content": "well"}, "finish_reason": "stop"}]}


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (json.dumps(WHOLE), []),
        (f"\n  {json.dumps(WHOLE)}", []),
        (f": hi\n\n{events({'role': 'a'}, {'content': 'we'}, {'content': 'll'})}data: [DONE]\n\n", ["we", "ll"]),
        (f"event: message\ndata:{json.dumps(ENDED)}\n\n", ["well"]),
    ],
)
async def test_an_answer_to_a_stream_is_taken_in_the_form_in_which_it_comes(
    body: str, shown: list[str], serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    """One piece of JSON; events of another type of content; a stream that says that it is done and not how it ended."""
    *texts, whole = await pieces(models(serve(ScriptedReply(body=body))))
    assert texts == shown
    assert isinstance(whole, ModelReply)
    assert whole.text == "well"


@pytest.mark.parametrize("body", ['"<html>Sign in</html>"', '{"choices": []}', '{"hello": "world"}', "{not json"])
async def test_what_is_no_completion_is_told_of_a_stream_as_well(
    body: str, serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    with pytest.raises(ModelError, match=r"something that is not a chat completion.*CUSTOM_API_URL is right") as caught:
        await pieces(models(serve(ScriptedReply(body=body))))
    assert caught.value.kind is ErrorKind.SERVER


async def test_an_endpoint_that_knows_no_system_messages_is_told_as_the_user(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve(ScriptedReply(status=400, text="System role not supported"), "well", "well")
    asked = ModelRequest("m", (Message("system", "be short"), Message("user", "hi"), Message("user", "now")))
    built = models(server)
    for _ in range(2):
        assert (await built.complete(asked)).text == "well"
    assert [[message["role"] for message in body["messages"]] for body in server.bodies] == [
        ["system", "user", "user"],
        ["user", "user"],
        ["user", "user"],
    ]
    assert server.bodies[2]["messages"][0]["content"] == "be short\n\nhi"


async def test_a_page_instead_of_an_answer_is_told_in_its_words(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    page = "<!doctype html><html><style>p {}</style><body><h1>Sign in</h1> to the &quot;proxy&quot;</body></html>"
    for text in (json.dumps(page), page):
        server = serve(ScriptedReply(status=403 if text is page else 200, body=text))
        with pytest.raises(ModelError) as caught:
            await models(server).complete(request())
        assert 'Sign in to the "proxy"' in str(caught.value)
        assert "<" not in str(caught.value)
