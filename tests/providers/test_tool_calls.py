"""Models with tools, asked through all wrappers by the real SDK: calls, results, streams, and what may go wrong."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from model_server import ModelServer, request

from providers.models import AllModels
from providers.scripted import Script, ScriptedCall, ScriptedProvider, ScriptedReply
from stepwarden.models import ModelReply, ModelRequest, StopReason, tool_result
from stepwarden.tool_calls import OfferedTool

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
