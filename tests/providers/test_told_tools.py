"""Models without calls of their own: told of tools in the prompt, read from JSON, asked again where it is broken."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from model_server import ModelServer, request
from pydantic import BaseModel

from providers.models import AllModels
from providers.scripted import Script, ScriptedModel, ScriptedProvider, ScriptedReply, ScriptedRequest
from providers.told_tools import FORM
from stepwarden.models import ErrorKind, ModelError, ModelReply, StopReason, tool_result
from stepwarden.tool_calls import OfferedTool

pytestmark = pytest.mark.asyncio

READ = OfferedTool("files/read", "Reads a\nfile.", {"type": "object", "properties": {"path": {"type": "string"}}})
TOOLS = (READ,)
CALL = '{"text": "I look.", "calls": [{"name": "files/read", "arguments": {"path": "a.py"}}]}'
REFUSALS = [
    (400, "registry.ollama.ai/library/gemma:7b does not support tools"),
    (400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'),
    (500, "tools param requires --jinja flag"),
    (404, "No endpoints found that support tool use. Try disabling it."),
    (400, "Unrecognized request argument supplied: tools"),
    (422, "extra inputs are not permitted: body.tools"),
    (400, "Function calling is not enabled for models/gemma-3-27b-it"),
    (400, "This model does not support function calling."),
    (
        400,
        "Function tools with reasoning_effort are not supported for gpt-5.6 in /v1/chat/completions. Use /v1/responses",
    ),
]
OTHER = [
    "Invalid schema for function 'x': schema must have type 'object'",
    "messages with role 'tool' must be a response to a preceding message with 'tool_calls'",
    "An assistant message with 'tool_calls' must be followed by tool messages",
    "Invalid 'tools[0].function.name': string does not match pattern",
    "Invalid 'tools': array too long. Expected an array with maximum length 128",
]


def refusing(status: int, words: str, *answers: str) -> Callable[[ScriptedRequest], ScriptedReply]:
    """Return a script that refuses tools in these words, and answers once nothing is offered."""
    left = list(answers)

    def answer(asked: ScriptedRequest) -> ScriptedReply:
        if "tools" in asked.body:
            return ScriptedReply(status=status, text=words)
        return ScriptedReply(text=left.pop(0) if len(left) > 1 else left[0])

    return answer


@pytest.mark.parametrize(("status", "words"), REFUSALS)
async def test_an_endpoint_that_refuses_tools_is_told_of_them_in_the_prompt_from_then_on(
    status: int, words: str, serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve(by=refusing(status, words, CALL, "done"))
    built = models(server)
    asked = request(tools=TOOLS)
    reply = await built.complete(asked)
    assert [(call.name, call.values) for call in reply.calls] == [("files/read", {"path": "a.py"})]
    assert (reply.text, reply.stop) == ("I look.", StopReason.CALLS)
    assert reply.notes == ("m cannot be offered tools here: it was told of them in its prompt",)
    results = tool_result(reply.calls[0], "x = 1")
    last = await built.complete(replace(asked, messages=(*asked.messages, reply.message, results)))
    assert (last.text, last.stop, len(server.bodies)) == ("done", StopReason.END, 3)
    first, second = (body["messages"] for body in server.bodies[1:])
    assert first[0]["role"] == "system"
    assert FORM in first[0]["content"]
    assert '- files/read: Reads a file.\n  arguments: {"type":"object"' in first[0]["content"]
    assert [message["role"] for message in second] == ["system", "user", "assistant", "user"]
    assert second[-1]["content"] == f"Result of files/read ({reply.calls[0].id}):\nx = 1"


@pytest.mark.parametrize("words", OTHER)
async def test_another_fault_of_a_request_with_tools_is_told_as_it_is(
    words: str, serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve(by=refusing(400, words, "well"))
    with pytest.raises(ModelError) as caught:
        await models(server).complete(request(tools=TOOLS))
    assert (caught.value.kind, server.times_asked) == (ErrorKind.REFUSED, 1)
    assert words[:20] in str(caught.value)


async def test_a_model_of_which_the_user_says_so_is_never_offered_tools(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels], tmp_path: Path
) -> None:
    (tmp_path / "models.json").write_text(json.dumps({"models": {"m": {"provider": "custom", "tools": False}}}))
    server = serve(CALL)
    built = models(server, models_file=tmp_path / "models.json")
    assert [call.name for call in (await built.complete(request(tools=TOOLS))).calls] == ["files/read"]
    assert ["tools" in body for body in server.bodies] == [False]
    assert server.bodies[0]["response_format"]["json_schema"]["name"] == "ToldAnswer"


async def test_a_model_whose_endpoint_lists_it_without_tools_is_never_offered_any(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve(CALL)
    server.script.models = {"m": ScriptedModel(tools=False), "n": ScriptedModel()}
    built = models(server)
    await built.discover()
    assert {info.name: info.calls_tools for info in built.usable()} == {"m": False, "n": True}
    assert [call.name for call in (await built.complete(request(tools=TOOLS))).calls] == ["files/read"]
    assert server.times_asked == 1


UNREADABLE = [
    '{"text": "", "calls": [{"name": "files/read", "arguments": {"path": ',
    '{"text": "", "calls": ["files/read"]}',
    "I call it: calls: [files/read]",
    "<tool_call>files/read a.py</tool_call>",
]


@pytest.mark.parametrize("first", UNREADABLE)
async def test_an_unreadable_call_is_asked_for_once_more_with_what_is_wrong(
    first: str, serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve(by=refusing(400, "does not support tools", first, CALL))
    reply = await models(server).complete(request(tools=TOOLS))
    assert [call.name for call in reply.calls] == ["files/read"]
    assert (server.times_asked, reply.usage.input_tokens) == (3, 20)
    *_, said, told = server.bodies[-1]["messages"]
    assert (said["role"], said["content"]) == ("assistant", first)
    assert (told["role"], FORM in told["content"]) == ("user", True)


@pytest.mark.parametrize("first", UNREADABLE)
async def test_a_call_that_stays_unreadable_is_a_call_with_an_error(
    first: str, serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve(by=refusing(400, "does not support tools", first))
    reply = await models(server).complete(request(tools=TOOLS))
    assert [(call.name, call.arguments) for call in reply.calls] == [("", first)]
    assert "it is not the JSON that was asked for" in reply.calls[0].error
    assert server.times_asked == 3


async def test_a_call_that_comes_as_text_and_cannot_be_read_is_asked_for_once_more(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    """Of a model that was offered tools; so templates leak that the server does not read."""
    server = serve("<tool_call>files/read\n<arg_key>path</arg_key></tool_call>", "done")
    reply = await models(server).complete(request(tools=TOOLS))
    assert (reply.text, reply.calls) == ("done", ())
    assert "through the interface" in server.bodies[1]["messages"][-1]["content"]
    assert "tools" in server.bodies[1]


ANSWERS = [
    ("Plain words.", "Plain words.", 0),
    ('{"text": "in JSON", "calls": []}', "in JSON", 0),
    (f"I think so:\n```json\n{CALL}\n```", "I look.", 1),
    (f"{CALL}\nResult of files/read: made up\n" + CALL.replace("a.py", "b.py"), "I look.", 1),
    ('{"name": "files/read", "arguments": {"path": "a.py"}}', "", 1),
    ('{"tool": "files/read", "args": {"path": "a.py"}}', "", 1),
    ('{"calls": [{"function": {"name": "files/read", "arguments": "{}"}}], "text": ""}', "", 1),
    ('The result is {"total": 3}.', 'The result is {"total": 3}.', 0),
    ('{"total": 3}', '{"total": 3}', 0),
]


@pytest.mark.parametrize(("said", "text", "calls"), ANSWERS)
async def test_answers_in_json_and_in_words_are_read(said: str, text: str, calls: int) -> None:
    provider = ScriptedProvider(Script([said], {"m": ScriptedModel(tools=False)}))
    reply = await provider.complete(request(tools=TOOLS))
    assert (reply.text, len(reply.calls)) == (text, calls)


@pytest.mark.parametrize(("said", "text", "calls"), ANSWERS)
async def test_json_is_not_shown_as_it_streams(
    said: str, text: str, calls: int, serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    built = models(serve(by=refusing(400, "does not support tools", said)))
    *shown, reply = [piece async for piece in built.stream(request(tools=TOOLS))]
    assert isinstance(reply, ModelReply)
    assert (reply.text, len(reply.calls)) == (text, calls)
    assert '"calls"' not in "".join(map(str, shown))
    assert "".join(map(str, shown)) in {text, "I think so:\n"}


async def test_a_stream_of_an_unreadable_call_goes_on_with_the_second_answer(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    built = models(serve(by=refusing(400, "does not support tools", UNREADABLE[0], CALL)))
    *_, reply = [piece async for piece in built.stream(request(tools=TOOLS))]
    assert isinstance(reply, ModelReply)
    assert ([call.name for call in reply.calls], reply.usage.input_tokens) == (["files/read"], 20)


class Verdict(BaseModel):
    agrees: bool


async def test_a_typed_answer_is_read_where_nothing_is_called(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve(by=refusing(400, "does not support tools", CALL, '{"agrees": true}'))
    built = models(server)
    asked = request(tools=TOOLS, answer=Verdict)
    reply = await built.complete(asked)
    assert (len(reply.calls), reply.parsed) == (1, None)
    assert (await built.complete(replace(asked, tool_choice="none"))).parsed == Verdict(agrees=True)
