"""Tables: our messages about tools and their form on the wire in each dialect, and every form in which calls come."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from providers.catalogue import load_catalogue
from providers.dialect import Dialect
from providers.endpoints import Endpoint
from providers.profiles import BY_NAME
from providers.wire import chat_body, reply_of
from stepwarden.models import Message, ModelReply, ModelRequest, StopReason, tool_result
from stepwarden.tool_calls import OfferedTool, ToolCall

CATALOGUE = load_catalogue(None)
DOCS = Path(__file__).parents[2] / "docs" / "models.md"
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
READ = OfferedTool("read_file", "Reads a file.", SCHEMA)
ISSUE = OfferedTool("jira/add issue", "", {})
CALL = ToolCall("call_a.1", "read_file", '{"path":"a.py"}')
BROKEN = ToolCall("call_b", "read_file", '{"path":', "its arguments are not valid JSON")


def endpoint(profile: str = "custom") -> Endpoint:
    return Endpoint(BY_NAME[profile], "http://h/v1")


def body_of(profile: str, *messages: Message, told: bool = False, **asked: Any) -> dict[str, Any]:
    request = ModelRequest("m", (Message("user", "u"), *messages), **{"tools": (READ,), **asked})
    dialect = Dialect.of(BY_NAME[profile])
    return chat_body(request, BY_NAME[profile], None, replace(dialect, tools="told") if told else dialect)


def function(name: str = "read_file", arguments: str = '{"path":"a.py"}') -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


def called(call_id: str, arguments: str = '{"path":"a.py"}', **more: object) -> dict[str, Any]:
    call = {"id": call_id, "type": "function", "function": function(arguments=arguments), **more}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def kept(provider: str, **fields: object) -> str:
    return json.dumps({"provider": provider, **fields})


ASKED = Message("assistant", "", calls=(CALL,))
DONE = tool_result(CALL, "x = 1")
THOUGHT = replace(ASKED, kept=kept("deepseek", reasoning_content="I look."))
SIGNED = Message("assistant", "", calls=(replace(CALL, kept=kept("gemini", extra_content={"google": {"s": "x"}})),))
DETAILED = replace(ASKED, kept=kept("openrouter", reasoning_details=[{"type": "reasoning.text", "text": "I look."}]))
TOLD_CALL = '{"text": "", "calls": [{"name": "read_file", "arguments": {"path": "a.py"}}]}'


def result(content: str, call_id: str = "call_a.1") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


FAILED, EMPTY = replace(DONE, failed=True), replace(DONE, text="")
SAID = replace(ASKED, text="I look.")
WRONG = Message("assistant", "", calls=(BROKEN,))
DETAILS = [{"type": "reasoning.text", "text": "I look."}]

# dialect, what it is in words, our messages, and the last of theirs on the wire
MESSAGES: list[tuple[str, str, tuple[Message, ...], dict[str, Any]]] = [
    ("openai", "a call", (ASKED,), called("call_a.1")),
    ("openai", "its result", (ASKED, DONE), result("x = 1")),
    ("openai", "a result that failed", (ASKED, FAILED), result("Error: x = 1")),
    ("openai", "an empty result", (ASKED, EMPTY), result("(empty)")),
    ("openai", "text and a call", (SAID,), {**called("call_a.1"), "content": "I look."}),
    ("openai", "a call with broken arguments", (WRONG,), called("call_b", '{"not_json": "{\\"path\\":"}')),
    ("zhipuai", "a call", (ASKED,), called("call_a.1")),
    ("anthropic", "a call whose id has a dot", (ASKED,), called("call00001")),
    ("anthropic", "its result", (ASKED, DONE), result("x = 1", "call00001")),
    ("mistral", "a call, its id in nine letters and digits", (ASKED,), called("call00001")),
    ("deepseek", "a call and its thoughts", (THOUGHT,), {**called("call_a.1"), "reasoning_content": "I look."}),
    ("moonshot", "a call of another endpoint's model", (THOUGHT,), {**called("call_a.1"), "reasoning_content": ""}),
    ("gemini", "a call with its signature", (SIGNED,), called("call_a.1", extra_content={"google": {"s": "x"}})),
    ("openrouter", "a call and its thoughts", (DETAILED,), {**called("call_a.1"), "reasoning_details": DETAILS}),
    ("told", "a call", (ASKED,), {"role": "assistant", "content": TOLD_CALL}),
    ("told", "its result", (ASKED, DONE), {"role": "user", "content": "Result of read_file (call_a.1):\nx = 1"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("dialect", "words", "ours", "wire"), MESSAGES, ids=[f"{row[0]}: {row[1]}" for row in MESSAGES]
)
def test_a_message_about_tools_takes_the_form_its_endpoint_wants(
    dialect: str, words: str, ours: tuple[Message, ...], wire: dict[str, Any]
) -> None:
    told = dialect == "told"
    assert body_of("custom" if told else dialect, *ours, told=told)["messages"][-1] == wire
    row = f"| {dialect} | {words} | `{json.dumps(wire, ensure_ascii=False)}` |"
    assert row in DOCS.read_text("utf-8").splitlines()


NATIVE = [name for name in BY_NAME if name != "scripted"]
OFFERED = {"type": "function", "function": {"name": "read_file", "description": "Reads a file.", "parameters": SCHEMA}}


@pytest.mark.parametrize("profile", NATIVE)
def test_tools_are_offered_to_every_vendor_in_the_same_form(profile: str) -> None:
    body = body_of(profile)
    assert body["tools"] == [OFFERED]
    assert not {"tool_choice", "parallel_tool_calls", "response_format"} & set(body)
    without = body_of(profile, tools=())
    assert "tools" not in without


SECOND = ToolCall("call_c", "read_file", '{"path":"b.py"}')
BOTH = Message("assistant", "", calls=(CALL, SECOND))


@pytest.mark.parametrize("profile", NATIVE)
def test_every_vendor_is_sent_text_several_calls_their_results_and_broken_ones(profile: str) -> None:
    last = body_of(profile, Message("assistant", "I look."), Message("user", "go on"))["messages"][-2]
    assert (last["role"], last["content"], "tool_calls" in last) == ("assistant", "I look.", False)
    ours = (BOTH, DONE, tool_result(SECOND, ""))
    *_, asked, first, second = body_of(profile, *ours)["messages"]
    ids = [call["id"] for call in asked["tool_calls"]]
    assert [call["function"]["arguments"] for call in asked["tool_calls"]] == [CALL.arguments, SECOND.arguments]
    assert len(set(ids)) == 2
    assert [first["tool_call_id"], second["tool_call_id"]] == ids
    assert (first["content"], second["content"]) == ("x = 1", "(empty)")
    (broken,) = body_of(profile, WRONG)["messages"][-1]["tool_calls"]
    assert json.loads(broken["function"]["arguments"]) == {"not_json": BROKEN.arguments}


def test_a_model_that_is_told_of_tools_reads_several_calls_and_their_results_as_words() -> None:
    ours = (BOTH, DONE, tool_result(SECOND, ""))
    *_, asked, results = body_of("custom", *ours, told=True)["messages"]
    assert [call["arguments"]["path"] for call in json.loads(asked["content"])["calls"]] == ["a.py", "b.py"]
    assert results["role"] == "user"
    assert results["content"] == "Result of read_file (call_a.1):\nx = 1\n\nResult of read_file (call_c):\n"


@pytest.mark.parametrize("profile", NATIVE)
def test_a_turn_in_words_names_the_tools_where_the_endpoint_can_be_told_to_call_none(profile: str) -> None:
    """Anthropic refuses calls in the messages without tools beside them; GLM knows no other choice than `auto`."""
    body = body_of(profile, ASKED, DONE, tool_choice="none")
    assert (body.get("tool_choice"), "tools" in body) == ((None, False) if profile == "zhipuai" else ("none", True))


@pytest.mark.parametrize("profile", NATIVE)
def test_one_call_at_a_time_is_asked_for_where_the_endpoint_knows_the_field(profile: str) -> None:
    body = body_of(profile, parallel_calls=False)
    assert body.get("parallel_tool_calls") == (None if profile in {"zhipuai", "deepseek", "moonshot"} else False)


def test_a_name_that_endpoints_refuse_is_sent_as_one_that_they_take() -> None:
    long = OfferedTool("x" * 80)
    tools = (ISSUE, OfferedTool("jira_add_issue"), OfferedTool("jira.add.issue"), OfferedTool("9"), long)
    names = [tool["function"]["name"] for tool in body_of("custom", tools=tools)["tools"]]
    assert names == ["jira_add_issue_2", "jira_add_issue", "jira_add_issue_3", "_9", "x" * 64]
    for tool, name in zip(tools, names, strict=True):
        assert read({"tool_calls": [{"id": "a", "function": function(name)}]}, tools=tools).calls[0].name == tool.name


def test_a_schema_that_endpoints_refuse_is_sent_as_one_that_they_take() -> None:
    item = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Item"}, "name": {"type": "string"}}}
    schema = {"$schema": "x", "$defs": {"Item": item}, "properties": {"item": {"$ref": "#/$defs/Item"}}}
    inline, kept_as_is = (parameters(name, schema) for name in ("zhipuai", "custom"))
    inner = {"type": "object", "properties": {"next": {}, "name": {"type": "string"}}}
    assert inline == {"type": "object", "properties": {"item": inner}}
    assert kept_as_is == {"type": "object", "$defs": {"Item": item}, "properties": {"item": {"$ref": "#/$defs/Item"}}}
    choice = {"anyOf": [{"properties": {"a": {}}, "required": ["a"]}, {"properties": {"b": {}}}], "not": {}}
    assert parameters("openai", choice) == {"type": "object", "properties": {"a": {}, "b": {}}}


def test_a_schema_that_refers_without_end_stays_small() -> None:
    definitions = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
    schema = {"$defs": definitions, "properties": {"x": {"$ref": "#/$defs/d0"}}}
    assert len(json.dumps(parameters("zhipuai", schema))) < 100_000


def parameters(profile: str, schema: dict[str, Any]) -> dict[str, Any]:
    return body_of(profile, tools=(OfferedTool("t", "", schema),))["tools"][0]["function"]["parameters"]


def test_images_of_results_come_behind_them_as_the_users() -> None:
    pictured = tool_result(CALL, "", ("https://x/y.png",))
    messages = body_of("openai", ASKED, pictured)["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "user"]
    assert messages[-1]["content"][1] == {"type": "image_url", "image_url": {"url": "https://x/y.png"}}
    request = ModelRequest("glm-4.6", (Message("user", "u"), ASKED, pictured), tools=(READ,))
    profile = BY_NAME["zhipuai"]
    blind = chat_body(request, profile, CATALOGUE.at("zhipuai", "glm-4.6"), Dialect.of(profile))["messages"]
    assert [message["role"] for message in blind] == ["user", "assistant", "tool"]
    assert blind[-1]["content"] == "(1 images that this model cannot see)"


PATH = '{"path":"a.py"}'
FIRST, MADE, BARE = ("a", "read_file", PATH), ("call00001", "read_file", PATH), ("a", "read_file", "{}")
NAMED = '{"name": "read_file", "arguments": {"path": "a.py"}}'


def listed(**of_function: object) -> dict[str, Any]:
    return {"tool_calls": [{"id": "a", "function": {"name": "read_file", **of_function}}]}


# what is special, the message on the wire, the calls as (id, name, arguments)
CALLS: list[tuple[str, dict[str, Any], list[tuple[str, str, str]]]] = [
    ("as OpenAI has it", called("a"), [FIRST]),
    ("arguments as an object", listed(arguments={"path": "a.py"}), [FIRST]),
    ("arguments encoded twice", listed(arguments=json.dumps(PATH)), [FIRST]),
    ("arguments behind an empty object", listed(arguments="{}" + PATH), [FIRST]),
    ("arguments with a line break", listed(arguments='{"path":"\n"}'), [("a", "read_file", '{"path":"\\n"}')]),
    ("arguments with half a surrogate", listed(arguments='{"p":"\\ud83d"}'), [("a", "read_file", '{"p":"?"}')]),
    ("no arguments", listed(arguments=""), [BARE]),
    ("arguments null", listed(arguments=None), [BARE]),
    ("arguments left out", listed(), [BARE]),
    ("parameters instead of arguments", listed(parameters={"path": "a.py"}), [FIRST]),
    ("no wrapper", {"tool_calls": [{"id": "a", "name": "read_file", "arguments": PATH}]}, [FIRST]),
    ("no id", {"tool_calls": [{"function": function()}]}, [MADE]),
    ("an id that is a number", {"tool_calls": [{"id": 0, "function": function()}]}, [MADE]),
    ("the same id twice", {"tool_calls": called("a")["tool_calls"] * 2}, [FIRST, ("call00002", "read_file", PATH)]),
    ("one call without a list", {"tool_calls": called("a")["tool_calls"][0]}, [FIRST]),
    ("the function call of old", {"function_call": function()}, [MADE]),
    ("a name with a prefix", listed(name="functions.read_file"), [BARE]),
    ("a tool that nobody offered", listed(name="rm"), [("a", "rm", "{}")]),
    ("nothing in it", {"content": "well", "tool_calls": [{}]}, []),
    ("null in its place", {"content": "well", "tool_calls": None}, []),
    ("as text: Hermes and Qwen", {"content": f"<tool_call>\n{NAMED}\n</tool_call>"}, [MADE]),
    ("as text: Mistral", {"content": f"[TOOL_CALLS][{NAMED}]"}, [MADE]),
    ("as text: Llama 3.1", {"content": NAMED.replace("arguments", "parameters")}, [MADE]),
    ("as text: Llama 3.2", {"content": f"<function=read_file>{PATH}</function>"}, [MADE]),
    ("as text: in a fence", {"content": f"```json\n{NAMED}\n```"}, [MADE]),
]


def read(message: dict[str, Any], *, told: bool = False, finish: str = "stop", **asked: Any) -> ModelReply:
    request = ModelRequest("m", (Message("user", "u"),), **{"tools": (READ,), **asked})
    completion = {"choices": [{"message": {"content": None, **message}, "finish_reason": finish}]}
    return reply_of(completion, request, endpoint(), told=told)


@pytest.mark.parametrize("finish", ["stop", "tool_calls", "function_call", ""])
@pytest.mark.parametrize(("words", "message", "calls"), CALLS, ids=[row[0] for row in CALLS])
def test_calls_are_read_in_every_form_in_which_they_come(
    words: str, message: dict[str, Any], calls: list[tuple[str, str, str]], finish: str
) -> None:
    del words
    reply = read(message, finish=finish)
    assert [(call.id, call.name, call.arguments) for call in reply.calls] == calls
    assert not any(call.error for call in reply.calls)
    assert (reply.text, reply.stop) == (("", StopReason.CALLS) if calls else ("well", StopReason.END))


TEXTS = [
    "Call it like this:\n```\n<tool_call>{}</tool_call>\n```",
    "The mark `<tool_call>` opens a call.",
    'It answers {"name": "read_file", "arguments": {}} then.',
    '{"name": "somebody", "arguments": {}}',
    '{"name": "read_file"}',
    "calls: none",
]


@pytest.mark.parametrize("text", TEXTS)
def test_an_answer_that_speaks_of_calls_calls_nothing(text: str) -> None:
    reply = read({"content": text})
    assert (reply.text, reply.calls) == (text, ())


BAD = [
    ('{"path": "a', "not valid JSON"),
    ("[1]", "a list, not a JSON object"),
    ("7", "a single value, not"),
    ('"a.py"', "not valid JSON"),
    ('{"x": 1} and more', "go on after the end"),
    ('{"x": NaN}', "a number that JSON does not have"),
    ("[" * 100_000, "nested too deeply"),
    ('{"x": ' + "9" * 5_000 + "}", "thousands of digits"),
]


@pytest.mark.parametrize(("arguments", "error"), BAD)
def test_broken_arguments_are_the_error_of_their_call_and_stay_as_they_were_written(arguments: str, error: str) -> None:
    good, bad = read({"tool_calls": [*called("a")["tool_calls"], *called("b", arguments)["tool_calls"]]}).calls
    assert (good.error, good.values) == ("", {"path": "a.py"})
    assert (bad.name, bad.arguments) == ("read_file", arguments)
    assert error in bad.error
    with pytest.raises(ValueError, match="its arguments"):
        _ = bad.values


def test_a_call_that_was_cut_off_says_so() -> None:
    reply = read(called("a", '{"path": "a'), finish="length")
    assert (reply.stop, reply.cut_off) == (StopReason.LENGTH, True)
    assert "output limit" in reply.calls[0].error


def test_an_id_is_no_other_calls_in_the_whole_conversation() -> None:
    messages = (Message("user", "u"), Message("assistant", "", calls=(ToolCall("a", "read_file"),)))
    request = ModelRequest("m", messages, tools=(READ,))
    reply = reply_of({"choices": [{"message": called("a")}]}, request, endpoint())
    assert reply.calls[0].id == "call00002"
