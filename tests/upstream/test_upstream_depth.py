"""A tool nested deeper than parsers read bars only itself, whichever way its server answers."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hosting import entry, host
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import from_json
from rigs import listings
from rigs.command import command, nested
from rigs.faulty import Form, Host

from stepwarden.upstream.catalogue.tool import read_tools
from stepwarden.upstream.transport.json_nesting import MOST_LEVELS, TOO_DEEP, readable
from stepwarden.upstream.transport.sse_buffer import EventBuffer
from tests.support.examples import examples
from tests.support.work import calls_in

MIB = 1 << 20


def message(**result: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}, ensure_ascii=False).encode(errors="replace")


def names_of(found: bytes) -> list[tuple[str, bool]]:
    """Return the tools of a message by name, and whether each can be used."""
    tools = from_json(found)["result"]["tools"]
    usable, _ = read_tools(tools)
    return [(one["name"], one["name"] in usable) for one in tools]


UGLY = st.text(alphabet='{}[]",:\\/ \n\tüa\u2028', max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | UGLY,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(UGLY, inner, max_size=4),
    max_leaves=20,
)
LAYERS = st.lists(st.sampled_from(["list", "object", "wide"]), min_size=1, max_size=4)


def wrapped(value: Any, layers: list[str], levels: int) -> Any:
    for number in range(levels):
        layer = layers[number % len(layers)]
        value = [value] if layer == "list" else {"a": value} if layer == "object" else {"]": "}", "b": value, "{": [1]}
    return value


TOOLS = st.tuples(UGLY, VALUES, LAYERS, st.sampled_from([0, 3, 90, 140, 195, 198, 220, 400]))


@settings(max_examples=examples(20))
@given(st.lists(TOOLS, max_size=5), UGLY)
def test_what_can_be_parsed_stays_as_it_came_and_else_only_deep_tools_are_replaced(
    given_tools: list[tuple[str, Any, list[str], int]], cursor: str
) -> None:
    tools = [
        {
            "name": name,
            "description": name,
            "inputSchema": {"type": "object", "default": wrapped(value, layers, levels)},
        }
        for name, value, layers, levels in given_tools
    ]
    came = message(nextCursor=cursor, tools=tools)
    found = readable(came)
    if all(levels < 190 for *_, levels in given_tools):
        assert found is came
    parsed = from_json(found)
    assert parsed["result"]["nextCursor"] == cursor
    assert [one["name"] for one in parsed["result"]["tools"]] == [one["name"] for one in tools]
    for one, tool, (*_, levels) in zip(parsed["result"]["tools"], tools, given_tools, strict=True):
        if levels < MOST_LEVELS - 20:
            assert one == tool
        if levels > 197:
            assert read_tools([one])[1][0].why == TOO_DEEP


@settings(max_examples=examples(20))
@given(UGLY, LAYERS, st.integers(0, 10_000))
def test_what_is_cut_off_stays_as_it_came(text: str, layers: list[str], at: int) -> None:
    whole = message(tools=[{"name": text, "inputSchema": wrapped(text, layers, 250)}])
    assert readable(whole) is not whole
    for cut in (whole[: at % len(whole)], whole[:-1]):
        assert readable(cut) is cut


@pytest.mark.parametrize("inside", [b"[}", b"{]", b"]]", b"{", b'"', b'"\\\n"[', b"}]"])
def test_what_is_no_json_stays_as_it_came(inside: bytes) -> None:
    deep = b"[" * 250 + b"]" * 250
    came = b'{"result":{"tools":[{"name":"a","b":[' + deep + b"," + inside + b"]}]}}"
    assert readable(came) is came


@settings(max_examples=examples(30))
@given(st.text(alphabet='{}[]",:\\a1 ', max_size=300), st.booleans())
def test_whatever_stands_in_a_deep_tool_nothing_is_raised(text: str, closed: bool) -> None:
    begun = b'{"result":{"tools":[{"name":"a","b":' + b"[" * 250 + text.encode()
    came = begun + b"]" * 250 + b"}]}}" if closed else begun
    found = readable(came)
    assert found is came or from_json(found)["result"]["tools"][0]["name"] == "a"


@pytest.mark.parametrize(
    "result",
    [
        {"content": [], "structuredContent": nested(150)},
        {"content": [], "tools": [{"name": "a", "inputSchema": nested(150)}]},
        {"structuredContent": {"tools": [nested(150)]}, "tools": [nested(150)]},
        {"content": [{"type": "text", "text": "a"}], "x": {"tools": [nested(150)]}},
        {"resources": [nested(150)], "x": ["tools"]},
        {"tools": {"a": [nested(150)]}},
        {'x"tools': [nested(150)], "y": ["tools"]},
        {"tools": [], "_meta": {"tools": [nested(150)]}},
    ],
)
def test_only_the_tools_of_a_list_are_replaced(result: dict[str, Any]) -> None:
    came = message(**result)
    assert readable(came) is came
    request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "a", "params": {"tools": [nested(150)]}}).encode()
    assert readable(request) is request


def test_a_deep_entry_that_is_no_tool_bars_nothing_else() -> None:
    came = message(tools=[wrapped(1, ["list"], 300), {"name": "a", "inputSchema": {"type": "object"}}])
    assert names_of(readable(came)) == [("", False), ("a", True)]


@pytest.mark.parametrize(
    "unit",
    [b"[", b"]", b'{"a":', b'{"a":[', b"[]", b'"', b'"a",', b"\\", b'"\\', b"\\\\", b'"]",[', b" ", b'"a"  ', b":\n"],
)
@pytest.mark.parametrize("before", [b"", b'{"result":{"tools":[', b'{"result":{"tools":[{"a":' + b"[" * 199])
@pytest.mark.parametrize(("size", "opened"), [(MIB, 20_000), pytest.param(8 * MIB, 95_000, marks=pytest.mark.slow)])
def test_an_answer_of_any_bytes_is_gone_through_once(unit: bytes, before: bytes, size: int, opened: int) -> None:
    came = (before + unit * (size // len(unit)))[:size]
    most_opened = (before + unit * (opened // max(1, unit.count(b"[") + unit.count(b"{"))))[:size]
    for one in (came, most_opened):
        assert readable(one) is one  # after hours, where each byte had it go through the rest again


def test_the_work_on_a_list_of_tools_grows_as_the_list_does() -> None:
    def work_on(tools: int) -> int:
        came = message(tools=[*listings.TOO_DEEP, *listings.many(tools)])
        return calls_in(lambda: readable(came))

    assert work_on(400) < 5 * work_on(100)


STREAM = st.text(alphabet="data: x\r\n{}", max_size=80) | st.lists(
    st.sampled_from(["data: {}", "data", "id: 1", ": note", "event: message", "retry: 5", "", "", "x"]), max_size=12
).flatmap(lambda lines: st.sampled_from(["\n", "\r\n", "\r"]).map(lambda end: "".join(line + end for line in lines)))


def events_in(stream: bytes) -> list[httpx2.ServerSentEvent]:
    request, kind = httpx2.Request("GET", "http://127.0.0.1"), {"content-type": "text/event-stream"}
    return list(httpx2.EventSource(httpx2.Response(200, headers=kind, content=stream, request=request)))


def events_by_now(stream: bytes) -> list[httpx2.ServerSentEvent]:
    """Return the events of a stream that goes on: its reader waits for what comes after \\r."""
    return events_in(stream.removesuffix(b"\r") + b":")


@settings(max_examples=examples(50))
@given(STREAM, st.lists(st.integers(1, 7), max_size=40))
def test_ordinary_events_arrive_as_they_were_and_no_later(stream: str, sizes: list[int]) -> None:
    data, buffer, read, given_on = stream.encode(), EventBuffer(MIB), 0, b""
    for size in [*sizes, len(data) + 1]:
        given_on += buffer.feed(data[read : read + size])
        read += size
        assert events_by_now(given_on)[: len(events_by_now(data[:read]))] == events_by_now(data[:read])
    assert events_in(given_on + buffer.rest()) == events_in(data)


@pytest.mark.parametrize(
    ("end", "size"),
    [
        ("\n", 100_000),
        ("\r\n", 1),
        ("\r", 3),
        *(pytest.param(end, size, marks=pytest.mark.slow) for end, size in [("\n", 1), ("\n", 3), ("\r\n", 3)]),
        *(pytest.param(end, 100_000, marks=pytest.mark.slow) for end in ("\r\n", "\r")),
        pytest.param("\r", 1, marks=pytest.mark.slow),
    ],
)
def test_a_list_of_tools_in_an_event_is_readable_however_it_is_written_and_cut(end: str, size: int) -> None:
    text = json.dumps({"id": 1, "result": {"tools": listings.TOO_DEEP}}, indent=0)
    lines = ["event: message", "id: 7", *(f"data:{line}" for line in text.split("\n")), "", "data: next", "", ""]
    stream, buffer = end.join(lines).encode(), EventBuffer(MIB)
    given_on = b"".join(buffer.feed(stream[at : at + size]) for at in range(0, len(stream), size))
    first, second = events_in(given_on)
    assert (first.event, first.id, second.data) == ("message", "7", "next")
    assert dict(names_of(first.data.encode())) == {"deep_300": False, "deep_120": False} | dict.fromkeys(WELL, True)


def test_an_event_over_the_limit_is_handed_on_in_pieces() -> None:
    buffer = EventBuffer(100)
    assert buffer.feed(b"data: " + b"x" * 90) == b""
    assert buffer.feed(b"y" * 10) == b"data: " + b"x" * 90 + b"y" * 10
    assert buffer.feed(b"z") == b"z"


WELL = [one["name"] for one in listings.WELL]
WHY = "its schema is nested too deep"


async def barred_are_only_the_deep(home: Path, found: dict[str, Any]) -> None:
    async with host(home, {"rig": {**found, "expose": ["*"], "prefix": "r"}}) as model:
        said = await model.says(action="status", upstream="rig")
        assert f"Cannot be used: deep_300, deep_120 ({WHY})." in said
        assert f"cannot be used: deep_300, +1 more ({WHY})" in await model.says(action="status")
        assert "hello" in await model.says(action="call", tool="rig/echo", arguments={"text": "hello"})
        assert WHY in await model.says(action="call", tool="rig/deep_120", arguments={})
        assert model.failed
        shown = [tool.name for tool in (await model.client.list_tools()).tools if tool.name.startswith("r_")]
        assert "r_echo" in shown
        assert not any("deep" in name for name in shown)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("form", "modern"),
    [
        ("json", False),
        ("events", True),
        ("gzip", False),
        *(
            pytest.param(*other, marks=pytest.mark.slow)
            for other in (("json", True), ("events", False), ("gzip", True))
        ),
    ],
)
async def test_over_streamable_http_a_deep_tool_bars_only_itself(
    tmp_path: Path, rig: Host, form: Form, modern: bool
) -> None:
    server = rig.serve(tools=listings.TOO_DEEP, form=form, modern=modern)
    await barred_are_only_the_deep(tmp_path, entry(server))


@pytest.mark.asyncio
async def test_over_the_older_sse_a_deep_tool_bars_only_itself(tmp_path: Path, rig: Host) -> None:
    server = rig.serve(tools=listings.TOO_DEEP, form="sse")
    await barred_are_only_the_deep(tmp_path, entry(server, type="sse"))


@pytest.mark.asyncio
async def test_over_pipes_a_deep_tool_bars_only_itself(tmp_path: Path) -> None:
    await barred_are_only_the_deep(tmp_path, command("lists_deep"))


@pytest.mark.asyncio
@pytest.mark.parametrize("levels", [23, *(pytest.param(n, marks=pytest.mark.slow) for n in (40, 60, 80, 94)), 96])
async def test_results_of_a_deep_output_schema_are_not_checked_and_hosts_do_not_see_it(
    tmp_path: Path, rig: Host, levels: int
) -> None:
    deep = {**listings.tool("deep", readOnlyHint=True), "outputSchema": nested(levels)}
    found = entry(rig.serve(tools=[deep]), expose=["*"], prefix="r")
    async with host(tmp_path, {"rig": found}) as model:
        said = await model.says(action="call", tool="rig/deep", arguments={"text": "hello"})
        assert "hello" in said
        assert ("announces a structured result" in said) is (levels == 23)
        shown = {tool.name: tool for tool in (await model.client.list_tools()).tools}["r_deep"]
        assert (shown.output_schema is None) is (levels != 23)
