"""Models with tools, asked through all wrappers by the real SDK: calls, results, streams, and what may go wrong."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from model_server import KEY, ModelServer, request
from pydantic import TypeAdapter

from providers.models import AllModels
from providers.scripted import Script, ScriptedCall, ScriptedProvider, ScriptedReply
from stepwarden.models import ErrorKind, Message, ModelError, ModelReply, ModelRequest, StopReason, tool_result
from stepwarden.tool_calls import OfferedTool, ToolCall

pytestmark = pytest.mark.asyncio

READ = OfferedTool("read_file", "Reads a file.", {"type": "object", "properties": {"path": {"type": "string"}}})
ADD = OfferedTool("jira/add issue", "Adds an issue.", {"type": "object", "properties": {"title": {"type": "string"}}})
TOOLS = (READ, ADD)
BOTH = ScriptedReply(
    text="I look.",
    calls=(
        ScriptedCall(name="read_file", arguments={"path": "a.py"}, id="one"),
        ScriptedCall(name="jira_add_issue", arguments={"title": "größer"}, id="two"),
    ),
)


async def streamed(models: AllModels | ScriptedProvider, asked: ModelRequest) -> tuple[list[str], ModelReply]:
    *pieces, whole = [piece async for piece in models.stream(asked)]
    assert isinstance(whole, ModelReply)
    return [str(piece) for piece in pieces], whole


async def test_calls_come_with_their_text_and_their_results_go_back(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve(BOTH, "done")
    built = models(server)
    asked = request(tools=TOOLS)
    reply = await built.complete(asked)
    assert [(call.id, call.name, call.values) for call in reply.calls] == [
        ("one", "read_file", {"path": "a.py"}),
        ("two", "jira/add issue", {"title": "größer"}),
    ]
    assert (reply.text, reply.stop) == ("I look.", StopReason.CALLS)
    results = (tool_result(reply.calls[0], "x = 1"), tool_result(reply.calls[1], "no such project", failed=True))
    last = await built.complete(replace(asked, messages=(*asked.messages, reply.message, *results)))
    assert (last.text, last.calls, last.stop) == ("done", (), StopReason.END)
    sent = server.bodies[1]["messages"][1:]
    assert [(message["role"], message["content"]) for message in sent] == [
        ("assistant", "I look."),
        ("tool", "x = 1"),
        ("tool", "Error: no such project"),
    ]
    assert [call["function"]["name"] for call in sent[0]["tool_calls"]] == ["read_file", "jira_add_issue"]
    assert [message["tool_call_id"] for message in sent[1:]] == ["one", "two"]
    offered = [tool["function"]["name"] for tool in server.bodies[1]["tools"]]
    assert offered == ["read_file", "jira_add_issue"]


async def test_an_answer_of_calls_only_is_an_answer_whole_and_in_pieces(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    call = ScriptedReply(calls=(ScriptedCall(name="read_file", arguments={"path": "a" * 40}),), times=None)
    built = models(serve(call))
    whole = await built.complete(request(tools=TOOLS))
    pieces, last = await streamed(built, request(tools=TOOLS))
    assert (whole.text, pieces, [call.values for call in whole.calls]) == ("", [], [{"path": "a" * 40}])
    assert replace(last, raw={}) == replace(whole, raw={})


async def test_text_streams_before_the_calls(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    pieces, last = await streamed(models(serve(BOTH)), request(tools=TOOLS))
    assert ("".join(pieces), len(last.calls)) == ("I look.", 2)


async def test_a_script_answers_with_calls_in_process_as_over_the_wire(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    here = await ScriptedProvider(Script([BOTH])).complete(request(tools=TOOLS))
    there = await models(serve(BOTH)).complete(request(tools=TOOLS))
    assert (here.text, here.calls, here.stop) == (there.text, there.calls, there.stop)


async def test_a_message_comes_back_from_json_as_it_was() -> None:
    call = ToolCall("a", "read_file", '{"path":', "broken", '{"provider":"gemini","extra_content":{}}')
    message = Message("assistant", "I look.", ("https://x/y.png",), (call,), kept='{"provider":"x"}')
    for one in (message, tool_result(call, "no", failed=True), Message("user", "u")):
        assert TypeAdapter(Message).validate_json(json.dumps(one.described)) == one
    assert set(Message("user", "u").described) == {"role", "text", "images"}


CALLS_ONLY = ScriptedReply(calls=(ScriptedCall(name="read_file", arguments={"path": "a.py"}),), times=None)


async def test_a_turn_in_words_calls_nothing(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve(BOTH, CALLS_ONLY)
    built = models(server)
    reply = await built.complete(request(tools=TOOLS, tool_choice="none"))
    assert (reply.text, reply.calls, reply.stop) == ("I look.", (), StopReason.END)
    with pytest.raises(ModelError) as caught:
        await built.complete(request(tools=TOOLS, tool_choice="none"))
    assert caught.value.kind is ErrorKind.EMPTY
    assert [body["tool_choice"] for body in server.bodies] == ["none", "none"]


async def test_one_call_at_a_time_is_one_also_where_the_endpoint_makes_more(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    reply = await models(serve(BOTH)).complete(request(tools=TOOLS, parallel_calls=False))
    assert [call.id for call in reply.calls] == ["one"]
    assert reply.notes == ("2 calls at once where one was allowed: the first was taken",)


async def test_a_field_that_an_endpoint_refuses_is_left_out(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    refusals = (
        "unknown parameter: parallel_tool_calls",
        "tool_choice is not supported",
        "tools.0.description: too long",
    )
    server = serve(*(ScriptedReply(status=400, text=words) for words in refusals[:1]), CALLS_ONLY)
    built = models(server)
    assert len((await built.complete(request(tools=TOOLS, parallel_calls=False))).calls) == 1
    assert ["parallel_tool_calls" in body for body in server.bodies] == [True, False]
    choosing = serve(ScriptedReply(status=400, text=refusals[1]), "done")
    assert (await models(choosing).complete(request(tools=TOOLS, tool_choice="none"))).text == "done"
    assert ["tools" in body for body in choosing.bodies] == [True, False]
    long = serve(ScriptedReply(status=400, text=refusals[2]), CALLS_ONLY)
    await models(long).complete(request(tools=(replace(READ, description="x" * 3_000),)))
    assert [len(body["tools"][0]["function"]["description"]) for body in long.bodies] == [3_000, 1_024]


async def test_thoughts_that_an_endpoint_misses_are_sent_from_then_on(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    words = "The reasoning_content in the thinking mode must be passed back to the API."
    server = serve(ScriptedReply(status=400, text=words), "done")
    asked = request(tools=TOOLS)
    history = (
        *asked.messages,
        Message("assistant", "", calls=(ToolCall("a", "read_file"),)),
        Message("tool", "x", call_id="a"),
    )
    await models(server).complete(replace(asked, messages=history))
    assert [body["messages"][1].get("reasoning_content") for body in server.bodies] == [None, ""]


async def test_broken_arguments_are_the_calls_error_and_are_not_asked_for_again(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve(ScriptedReply(calls=(ScriptedCall(name="read_file", arguments='{"path": '),)), "done")
    built = models(server)
    asked = request(tools=TOOLS)
    reply = await built.complete(asked)
    call = reply.calls[0]
    assert (call.name, call.arguments, "not valid JSON" in call.error) == ("read_file", '{"path": ', True)
    told = tool_result(call, call.error, failed=True)
    await built.complete(replace(asked, messages=(*asked.messages, reply.message, told)))
    _, said, result = server.bodies[1]["messages"]
    assert json.loads(said["tool_calls"][0]["function"]["arguments"]) == {"not_json": '{"path": '}
    assert result["content"].startswith("Error: its arguments are not valid JSON")
    assert server.times_asked == 2


async def test_a_call_that_the_endpoint_could_not_make_out_is_asked_for_once_more(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    """Gemini's MALFORMED_FUNCTION_CALL, and Groq's tool_use_failed."""
    server = serve(ScriptedReply(finish="MALFORMED_FUNCTION_CALL"), CALLS_ONLY)
    assert len((await models(server).complete(request(tools=TOOLS))).calls) == 1
    failing = ScriptedReply(status=400, text="Failed to call a function.", code="tool_use_failed")
    assert len((await models(serve(failing, CALLS_ONLY)).complete(request(tools=TOOLS))).calls) == 1


async def test_a_stream_that_never_began_is_asked_for_again_with_its_tools(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve(ScriptedReply(status=503, text="down"), replace_cut(CALLS_ONLY, 1), CALLS_ONLY)
    _, reply = await streamed(models(server), request(tools=TOOLS))
    assert (len(reply.calls), server.times_asked) == (1, 3)
    assert all("tools" in body for body in server.bodies)


def replace_cut(reply: ScriptedReply, pieces: int) -> ScriptedReply:
    return reply.model_copy(update={"cut_after": pieces, "times": 1})


async def test_cancelling_a_stream_aborts_it_upstream(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    """The endpoint sees its caller gone while it is still writing; nothing of it comes later."""
    loop, left, first = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    server = serve(ScriptedReply(text="a long text", piece_s=3_600), CALLS_ONLY)
    server.on_leaving = lambda: (loop.call_soon_threadsafe(left.set), None)[1]
    built = models(server)

    async def read() -> None:
        async for _ in built.stream(request(tools=TOOLS)):
            first.set()

    reading = asyncio.create_task(read())
    await first.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await left.wait()
    assert server.left_early == 1
    assert len((await built.complete(request(tools=TOOLS))).calls) == 1


async def test_the_tokens_of_tools_calls_and_results_count_before_a_request_is_sent(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve(CALLS_ONLY)
    built = models(server, budget_call="5k tokens")
    wide = replace(READ, schema={"type": "object", "description": "x" * 35_000})
    call = ToolCall("a", "read_file", json.dumps({"path": "x" * 35_000}))
    for asked in (
        request(tools=(wide,)),
        ModelRequest(
            "m", (Message("user", "u"), Message("assistant", "", calls=(call,)), tool_result(call, "")), tools=TOOLS
        ),
        ModelRequest("m", (Message("user", "u"), tool_result(call, "x" * 35_000)), tools=TOOLS),
        ModelRequest("m", (Message("user", "u"), Message("assistant", "", calls=(), kept="x" * 35_000)), tools=TOOLS),
    ):
        with pytest.raises(ModelError, match=r"STEPWARDEN_BUDGET_CALL.*about 10,\d\d\d tokens"):
            await built.complete(asked)
    assert server.times_asked == 0
    await built.complete(request(tools=TOOLS))
    assert 4_800 < server.bodies[0]["max_tokens"] < 4_999


async def test_an_answer_of_calls_is_paid_for_and_counted(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    reported = CALLS_ONLY.model_copy(update={"usage": (100_000, 10_000)})
    built = models(openai_api_key="k", openai_base_url=serve(reported).url, budget_day="$0.16")
    reply = await built.complete(request("gpt-6.1-terra", tools=TOOLS))
    assert (reply.usage.cost, len(reply.calls)) == (Decimal("0.15"), 1)
    with pytest.raises(ModelError, match="STEPWARDEN_BUDGET_DAY"):
        await built.complete(request("gpt-6.1-terra", tools=TOOLS, text="x" * 350_000))


async def test_what_nobody_counts_is_estimated_with_the_calls(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    long = ScriptedCall(name="read_file", arguments={"path": "x" * 3_500})
    usage = (await models(serve(ScriptedReply(calls=(long,), usage=None))).complete(request(tools=TOOLS))).usage
    assert usage.estimated
    assert usage.output_tokens > 1_000


async def test_an_answer_with_calls_is_never_stored(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    """What it asks for depends on a world that has changed since; an answer in words may come again."""
    server = serve(BOTH, "words", "other words")
    built = models(server)
    asked = request(tools=TOOLS, cache=True)
    assert len((await built.complete(asked)).calls) == 2
    again = await built.complete(asked)
    assert (again.text, again.cached) == ("words", False)
    assert (await built.complete(asked)).cached
    assert (await built.complete(replace(asked, tools=(READ,)))).text == "other words"


async def test_glm_calls_tools_through_its_own_sdk(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve(BOTH, "done")
    built = models(zhipuai_api_key=KEY, stepwarden_zhipuai_url=server.url, stepwarden_zhipuai_sdk=True)
    asked = request("glm-4.6", tools=TOOLS)
    reply = await built.complete(asked)
    assert [(call.name, call.values) for call in reply.calls] == [
        ("read_file", {"path": "a.py"}),
        ("jira/add issue", {"title": "größer"}),
    ]
    results = tuple(tool_result(call, "well") for call in reply.calls)
    _, last = await streamed(built, replace(asked, messages=(*asked.messages, reply.message, *results)))
    assert (last.text, len(server.bodies[1]["messages"])) == ("done", 4)
