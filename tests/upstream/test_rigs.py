"""The rigs themselves, asked by the SDK's own client: well, they are right; told to misbehave, they do."""

import sys
from pathlib import Path

import anyio
import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.shared.exceptions import MCPError
from rigs.command import command
from rigs.faults import Fault
from rigs.faulty import Host
from rigs.listings import many

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize("modern", [False, True])
async def test_a_well_rig_is_a_server_of_its_era(rig: Host, modern: bool) -> None:
    server = rig.serve(modern=modern)
    async with Client(server.url) as client:
        tools = await client.list_tools()
        answer = await client.call_tool("echo", {"text": "hello"})
        assert (client.protocol_version == "2026-07-28") is modern
    assert [tool.name for tool in tools.tools][:2] == ["echo", "add_note"]
    assert answer.content[0].text == "hello"  # pyright: ignore[reportAttributeAccessIssue]
    assert server.did == [{"name": "echo", "text": "hello"}]


async def test_a_rig_is_well_again_after_its_fault(rig: Host) -> None:
    server = rig.serve(Fault.UNAVAILABLE, times=1)
    async with Client(server.url, mode="legacy") as client:
        with pytest.raises(MCPError):
            await client.call_tool("add_note", {"text": "a"})
        await client.call_tool("add_note", {"text": "b"})
    assert server.did == [{"name": "add_note", "text": "b"}]


async def test_a_dropped_answer_belongs_to_a_call_that_took_effect(rig: Host) -> None:
    server = rig.serve(Fault.DROPS)
    call = {"name": "add_note", "arguments": {"text": "a"}}
    async with httpx2.AsyncClient() as client:
        with pytest.raises(httpx2.RemoteProtocolError):
            await client.post(server.url, json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call})
    assert server.did == [{"name": "add_note", "text": "a"}]


async def test_a_long_list_comes_in_pages(rig: Host) -> None:
    server = rig.serve(tools=many(100), page=30)
    async with Client(server.url) as client:
        page = await client.list_tools()
    assert len(page.tools) == 30
    assert page.next_cursor == "30"


@pytest.mark.parametrize("modern", [False, True])
async def test_a_change_is_announced_on_the_open_stream(rig: Host, modern: bool) -> None:
    server = rig.serve(modern=modern)
    heard = anyio.Event()

    async def hear(message: object) -> None:
        del message
        heard.set()

    async with Client(server.url, message_handler=hear) as client, anyio.create_task_group() as tasks:

        async def listen() -> None:
            async with client.listen(tools_list_changed=True) as changes:
                async for _ in changes:
                    heard.set()

        if modern:
            tasks.start_soon(listen)
        await server.news.until(lambda: bool(server.streams))
        rig.do(server.announce)
        await heard.wait()
        tasks.cancel_scope.cancel()


async def test_the_command_is_a_server() -> None:
    entry = command()
    assert entry["command"] == sys.executable
    assert Path(entry["args"][-1]).is_file()
    async with Client(StdioServerParameters(command=entry["command"], args=entry["args"])) as client:
        answer = await client.call_tool("echo", {"text": "hello"})
    assert answer.content[0].text == "hello"  # pyright: ignore[reportAttributeAccessIssue]
