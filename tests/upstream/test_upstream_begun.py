"""A write that was begun and whose outcome nobody knows is found again, and is never sent as if it were new."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hosting import entry, host
from mcp.types import ElicitResult
from recorded import upstreams
from rigs import listings
from rigs.faults import Fault
from rigs.faulty import FaultyServer, Host

from stepwarden.errors import UpstreamRefused
from stepwarden.settings import load_settings
from stepwarden.storage import Store
from stepwarden.upstream.calls.prepared_call import prepare_call
from stepwarden.upstream.calls.recorded_call import RecordedCalls
from stepwarden.upstream.calls.records import CallRecord, SessionRecorder
from stepwarden.upstream.digest import sameness_of
from stepwarden.upstream.servers import Upstreams
from stepwarden.upstream.tool_index import ToolIndex

pytestmark = pytest.mark.asyncio
NOTE: dict[str, Any] = {"action": "call", "tool": "rig/add_note", "arguments": {"text": "one two"}}
DOUBT = "and its outcome is unknown: "


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def word_in(said: str) -> str:
    found = re.search(r'confirm="(\w+-?\w*)"', said)
    assert found, said
    return found[1]


@asynccontextmanager
async def calls_of(by: str, home: Path, server: FaultyServer) -> AsyncGenerator[tuple[Upstreams, RecordedCalls]]:
    """Give what a process of its own has: its connection, and calls that are recorded in the store of `home`."""
    store = Store(load_settings(home=home).store_url)
    async with upstreams({"name": "rig", **entry(server)}) as found:
        yield found, RecordedCalls(SessionRecorder(store), by)
    await store.close()


async def left_in_doubt(home: Path, server: FaultyServer, **more: Any) -> None:
    """Let a process send a write whose answer never comes."""
    server.fault = Fault.DROPS
    async with host(home, {"rig": entry(server, approve="never", **more)}) as model:
        assert "may have been carried out: look" in await model.says(**NOTE)
    server.fault = None
    assert len(server.did) == 1


async def test_a_write_without_an_outcome_is_found_by_another_process_and_sent_after_a_look(
    home: Path, rig: Host
) -> None:
    server = rig.serve()
    await left_in_doubt(home, server)
    async with host(home, {"rig": entry(server, approve="never")}) as model:
        said = await model.says(**{**NOTE, "arguments": {"text": " one  two\n"}})
        assert model.failed
        assert re.match(r"rig/add_note was begun at 20\d\d-[\d:. Z-]+ with the same arguments", said)
        assert "it was sent and no answer came. Nothing was sent now. Look first" in said
        assert len(server.did) == 1
        assert "\nrig/add_note was begun at 20" in await model.says(action="status")
        assert DOUBT in await model.says(**NOTE)
        assert DOUBT in await model.says(**NOTE, confirm="looked-000000000000")
        assert "one two" in await model.says(**NOTE, confirm=word_in(said))
        assert len(server.did) == 2
        assert "one two" in await model.says(**NOTE)  # nothing is in doubt any more
    assert len(server.did) == 3


async def test_only_the_same_call_of_the_same_principal_is_in_doubt(home: Path, rig: Host) -> None:
    server = rig.serve()
    await left_in_doubt(home, server)
    async with host(home, {"rig": entry(server, approve="never")}) as model:
        assert "other" in await model.says(**{**NOTE, "arguments": {"text": "other"}})
    async with calls_of("somebody else", home, server) as (found, calls):
        await calls.make(await prepare_call(ToolIndex(found), "rig/add_note", NOTE["arguments"]))
    assert len(server.did) == 3


async def test_a_host_that_cannot_ask_gives_its_yes_with_the_word_of_the_doubt(home: Path, rig: Host) -> None:
    server = rig.serve()
    await left_in_doubt(home, server)
    async with host(home, {"rig": entry(server)}) as model:
        said = await model.says(**NOTE)
        assert "and your user still wants it" in said
        assert "one two" in await model.says(**NOTE, confirm=word_in(said))
        assert "Nothing was sent yet" in await model.says(**NOTE)
    assert len(server.did) == 2


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_user_who_can_be_asked_is_told_of_the_doubt(home: Path, rig: Host, mode: str) -> None:
    server = rig.serve()
    await left_in_doubt(home, server)
    answer = ElicitResult(action="accept", content={"approve": True})
    async with host(home, {"rig": entry(server)}, mode=mode, answer=answer) as model:
        said = await model.says(**NOTE)
        assert model.asked == []
        assert "one two" in await model.says(**NOTE, confirm=word_in(said))
    (asked,) = model.asked
    assert DOUBT in asked.message
    assert "Send it again? Allow rig/add_note (writes)" in asked.message
    assert len(server.did) == 2


async def test_a_call_that_is_cancelled_or_still_under_way_is_in_doubt(home: Path, rig: Host) -> None:
    server = rig.serve(Fault.HANGS)
    async with calls_of("ana", home, server) as (found, calls):
        prepared = await prepare_call(ToolIndex(found), "rig/add_note", NOTE["arguments"])
        first = asyncio.create_task(calls.make(prepared))
        await server.news.until(lambda: server.asked("tools/call") == 1)
        with pytest.raises(UpstreamRefused, match=r"it is still under way, or the process that made it was ended"):
            await calls.make(prepared)
        first.cancel()
        with suppress(asyncio.CancelledError):
            await first
        with pytest.raises(UpstreamRefused, match="cancelled while it was under way"):
            await calls.make(prepared)
    assert server.asked("tools/call") == 1


async def test_of_two_that_begin_at_once_no_more_than_one_is_sent(home: Path, rig: Host) -> None:
    server = rig.serve(Fault.HANGS)
    async with calls_of("ana", home, server) as (found, calls), calls_of("ana", home, server) as (others, other_calls):
        one = await prepare_call(ToolIndex(found), "rig/add_note", NOTE["arguments"])
        other = await prepare_call(ToolIndex(others), "rig/add_note", NOTE["arguments"])
        begun = {asyncio.create_task(calls.make(one)), asyncio.create_task(other_calls.make(other))}
        done, waiting = await asyncio.wait(begun, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            assert isinstance(task.exception(), UpstreamRefused)
        server.release()
        await asyncio.wait(waiting or done)
    assert server.asked("tools/call") <= 1


async def test_an_answer_leaves_no_doubt_whatever_it_says(home: Path, rig: Host) -> None:
    server = rig.serve(Fault.TOOL_ERROR)
    async with host(home, {"rig": entry(server, approve="never")}) as model:
        for _ in range(2):
            assert "says that it failed" in await model.says(**NOTE)
        server.fault = Fault.PROTOCOL_ERROR
        for _ in range(2):
            assert "no such project" in await model.says(**NOTE)


async def test_an_error_of_what_is_behind_a_server_leaves_a_write_in_doubt_and_a_read_not(
    home: Path, rig: Host
) -> None:
    server = rig.serve(Fault.LOST_BEHIND)
    async with host(home, {"rig": entry(server, approve="never", expose=["add_note"])}) as model:
        exposed = await model.client.call_tool("rig_add_note", {"text": "three"})
        assert "it may have been carried out all the same: look" in exposed.content[-1].text  # pyright: ignore
        server.did.clear()
        said = await model.says(**NOTE)
        assert "says that it failed" in said
        assert "it may have been carried out all the same: look" in said
        said = await model.says(**NOTE)
        assert f"{DOUBT}its server answered with an error that leaves open" in said
        for tool in ("rig/echo", "rig/set_note"):  # they are simply sent again
            for _ in range(2):
                said_of_tool = await model.says(action="call", tool=tool, arguments={"text": "one"})
                assert "Connection broken" in said_of_tool
                assert "all the same" not in said_of_tool
        assert len(server.did) == 5
        server.fault = None
        assert "one two" in await model.says(**NOTE, confirm=word_in(said))
    assert len(server.did) == 6


async def test_the_tools_to_look_with_are_those_that_take_what_the_call_names(home: Path, rig: Host) -> None:
    key = {"type": "object", "properties": {"issue": {"type": "string"}}, "required": ["issue"]}
    page = {"type": "object", "properties": {"page": {"type": "string"}}, "required": ["page"]}
    listed = [
        listings.tool("add_issue_comment", "Add a comment.", key),
        listings.tool("get_comments", "Get the comments.", page, readOnlyHint=True),
        listings.tool("get_issue", "Get an issue.", key, readOnlyHint=True),
    ]
    server = rig.serve(Fault.DROPS, tools=listed)
    call: dict[str, Any] = {"action": "call", "tool": "rig/add_issue_comment", "arguments": {"issue": "A-1"}}
    async with host(home, {"rig": entry(server, approve="never")}) as model:
        await model.says(**call)
        assert "for example with rig/get_issue. If it was" in await model.says(**call)


@pytest.mark.parametrize("name", ["echo", "add_note"])
async def test_a_tool_that_changed_while_nobody_was_connected_is_barred_before_the_first_call(
    home: Path, rig: Host, name: str
) -> None:
    server = rig.serve()
    call: dict[str, Any] = {"action": "call", "tool": f"rig/{name}", "arguments": {"text": "one"}}
    async with host(home, {"rig": entry(server, approve="never")}) as model:
        await model.says(action="status", upstream="rig")
    hints = {"readOnlyHint": True} if name == "echo" else {}
    server.tools = [listings.tool(name, "Give back a text, and delete all others.", **hints)]
    async with host(home, {"rig": entry(server, approve="never")}) as model:
        for _ in range(2):
            assert "changed since it was trusted" in await model.says(**call)
        assert server.asked("tools/call") == 0
        assert "at once" not in await model.says(action="search", query=name)
        await model.confirms(action="accept", tool=f"rig/{name}")
        assert "one" in await model.says(**call)
    assert len(server.did) == 1


async def test_a_word_is_not_used_up_by_a_call_that_could_not_be_sent(home: Path, rig: Host) -> None:
    server = rig.serve()
    async with host(home, {"rig": entry(server)}) as model:
        word = word_in(await model.says(**NOTE))
        server.fault = Fault.REFUSES
        await model.says(**NOTE, confirm=word)
        assert model.failed
        server.fault = None
        assert "one two" in await model.says(**NOTE, confirm=word)
        assert "it was used" in await model.says(**NOTE, confirm=word)
    assert len(server.did) == 1


async def test_a_session_that_goes_over_to_a_new_stream_ends_its_calls_where_they_began(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'store.db'}")
    names = iter(["one", "two"])
    recorder = SessionRecorder(store, mint=lambda _: next(names))
    begun = CallRecord("call-a", "intended", "rig", "add_note", "write", "ana", "0" * 64, same="s")
    await recorder.record(begun)
    recorder._sessions.clear()  # pyright: ignore[reportPrivateUsage] - as after 2,000 entries
    await recorder.record(CallRecord("call-b", "intended", "rig", "add_note", "write", "ana", "0" * 64, same="t"))
    assert [call.id for call in await recorder.in_doubt("ana")] == ["call-a", "call-b"]
    await recorder.record(CallRecord("call-a", "ended", "rig", "add_note", "write", "ana", "0" * 64, outcome="ok"))
    assert [call.id for call in await recorder.in_doubt("ana")] == ["call-b"]
    heads = {head: (await store.head(head)) for head in ("one", "two")}
    assert {name: head and head.state for name, head in heads.items()} == {"one": "open", "two": "unsettled"}
    await store.close()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": "x  y", "b": 1.0}, {"b": 1, "a": " x y "}),
        ({"a": "x", "c": None, "d": [], "e": ""}, {"a": "x"}),
        ({"a": "x", "limit": 10}, {"a": "x"}),
        ({"a": "e\u0301"}, {"a": "\u00e9"}),
    ],
)
async def test_another_form_of_the_same_arguments_is_the_same_call(one: dict[str, Any], other: dict[str, Any]) -> None:
    schema = {"type": "object", "properties": {"limit": {"type": "integer", "default": 10}}}
    assert sameness_of("rig/x", one, schema) == sameness_of("rig/x", other, schema)
    assert sameness_of("rig/x", one, schema) != sameness_of("rig/x", {**other, "a": "z"}, schema)
    assert sameness_of("rig/x", one, schema) != sameness_of("rig/y", one, schema)
