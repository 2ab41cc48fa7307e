"""Exposed tools that change: hosts hear of it, and `status` says which are not shown."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hosting import entry, host
from mcp.client.subscriptions import ToolsListChanged
from mcp.types import ToolListChangedNotification
from rigs import listings
from rigs.faulty import FaultyServer, Host

from tests.support.news import News

pytestmark = pytest.mark.asyncio


async def names(client: Any) -> set[str]:
    return {tool.name for tool in (await client.list_tools(cache_mode="refresh")).tools}


class Ear:
    """The message handler of a host, and all that it was told."""

    def __init__(self) -> None:
        self.heard: list[object] = []
        self._news = News()

    async def __call__(self, message: object) -> None:
        self.heard.append(message)
        self._news.tell()

    async def until(self, count: int) -> None:
        """Wait until it was told so often."""
        await self._news.until(lambda: len(self.heard) >= count)


async def listens(server: FaultyServer) -> None:
    """Wait until the upstream has somebody to tell of a change."""
    await server.news.until(lambda: len(server.streams) == 1)


@pytest.mark.parametrize("modern", [True, False])
async def test_a_host_of_2025_is_told_of_a_changed_list(tmp_path: Path, rig: Host, modern: bool) -> None:
    ear = Ear()
    server = rig.serve(tools=listings.changing, modern=modern)
    shown = entry(server, expose=["tool_*"], prefix="n")
    async with host(tmp_path, {"rig": shown}, mode="legacy", message_handler=ear) as model:
        assert model.client.server_capabilities.tools.list_changed  # pyright: ignore
        assert "n_tool_0" in await names(model.client)
        await listens(server)
        rig.do(server.announce)
        await ear.until(1)
        assert "n_tool_1" in await names(model.client)
    assert [type(one) for one in ear.heard] == [ToolListChangedNotification]


async def test_a_host_of_2026_hears_it_on_its_stream(tmp_path: Path, rig: Host) -> None:
    server = rig.serve(tools=listings.changing)
    async with host(tmp_path, {"rig": entry(server, expose=["tool_*"], prefix="n")}) as model:
        assert "n_tool_0" in await names(model.client)
        await listens(server)
        async with model.client.listen(tools_list_changed=True) as changes:
            rig.do(server.announce)
            async for change in changes:
                assert isinstance(change, ToolsListChanged)
                break
        assert "n_tool_1" in await names(model.client)


async def test_a_list_that_changed_elsewhere_is_nobodys_business(tmp_path: Path, rig: Host) -> None:
    ear = Ear()
    server = rig.serve(tools=listings.changing)
    shown = entry(server, expose=["echo"], prefix="n")
    async with host(tmp_path, {"rig": shown}, mode="legacy", message_handler=ear) as model:
        assert "n_echo" in await names(model.client)
        await listens(server)
        rig.do(server.announce)
        await server.news.until(lambda: server.listings == 2)
        while "tool_1" not in await model.says(action="search", upstream="rig"):
            await asyncio.sleep(0)  # the list is on its way
    assert ear.heard == []


async def test_a_tool_that_is_accepted_is_shown_again_and_hosts_are_told(tmp_path: Path, rig: Host) -> None:
    ear = Ear()
    server = rig.serve(tools=listings.drifting)
    shown = entry(server, expose=["echo"], prefix="n")
    async with host(tmp_path, {"rig": shown}, mode="legacy", message_handler=ear) as model:
        assert "n_echo" in await names(model.client)
        await listens(server)
        rig.do(server.announce)
        await ear.until(1)
        assert "n_echo" not in await names(model.client)
        assert "rig/echo is not shown as a tool of ours: it changed and is barred" in await model.says(action="status")
        await model.confirms(action="accept", tool="rig/echo")
        await ear.until(2)
        assert "n_echo" in await names(model.client)


async def test_of_two_tools_with_one_name_the_second_is_told(tmp_path: Path, rig: Host) -> None:
    tools = [listings.tool("find.it"), listings.tool("find_it"), listings.tool("x" * 70)]
    async with host(tmp_path, {"rig": entry(rig.serve(tools=tools), expose=["*"], prefix="n")}) as model:
        assert "n_find_it" in await names(model.client)
        said = await model.says(action="status")
    assert "rig/find_it is not shown as a tool of ours: n_find_it is the name of rig/find.it already" in said
    assert "is over 64 characters" in said


async def test_names_that_nearly_fit_are_understood(tmp_path: Path, rig: Host) -> None:
    two = {"one": entry(rig.serve(), prefix="n"), "other": entry(rig.serve())}
    async with host(tmp_path, two) as model:
        await model.says(action="search", query="echo")
        for name in ("one.echo", "one:echo", "n_echo", "other_echo"):
            assert "hi" in await model.says(action="call", tool=name, arguments={"text": "hi"})
            assert not model.failed
        said = await model.says(action="call", tool="echo", arguments={"text": "hi"})
        assert "with its server before it: one/echo, other/echo" in said
