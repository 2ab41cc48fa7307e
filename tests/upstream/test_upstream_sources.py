"""Resources and prompts of upstreams are found by search and read by the one tool; links in results are followed."""

import sys
from pathlib import Path
from typing import Any

import pytest
from hosting import host
from rigs.faulty import Host

pytestmark = pytest.mark.asyncio
UPSTREAM = """
from mcp.server.mcpserver import MCPServer
from mcp.types import ResourceLink, ToolAnnotations

mcp = MCPServer("library", log_level="ERROR")

@mcp.resource("book://moby", name="moby", description="A novel on whales")
def moby() -> str:
    return "Call me Ishmael."

@mcp.resource("book://page/{number}", name="page", description="A page by its number")
def page(number: str) -> str:
    return f"page {number}: " + "word " * 2000

@mcp.prompt(description="Words for a weekly report")
def weekly(team: str) -> str:
    return f"Report on {team}."

@mcp.tool(annotations=ToolAnnotations(read_only_hint=True), structured_output=False)
def find_book() -> list[ResourceLink]:
    return [ResourceLink(type="resource_link", name="moby", uri="book://moby")]

mcp.run()
"""


def entry(**more: Any) -> dict[str, Any]:
    return {"command": sys.executable, "args": ["-c", UPSTREAM], "connect_timeout_s": 60, **more}


async def test_a_link_is_followed_a_resource_paged_and_a_prompt_filled_in(tmp_path: Path) -> None:
    async with host(tmp_path, {"lib": entry(result_bytes=2_000)}) as model:
        said = await model.says(action="call", tool="lib/find_book")
        assert "[resource moby: book://moby]" in said
        assert 'upstream(action="read", tool="lib/" and its address)' in said
        assert "\n[resource book://moby]\nCall me Ishmael.\n[end" in await model.says(
            action="read", tool="lib/book://moby"
        )
        assert "Call me Ishmael." in await model.says(action="read", upstream="lib", tool="book://moby")
        assert "Call me Ishmael." in await model.says(action="read", tool="book://moby")
        assert 'More: upstream(action="page"' in await model.says(action="read", tool="lib/book://page/7")
        assert "user:\nReport on ops." in await model.says(action="read", tool="lib/weekly", arguments={"team": "ops"})
        assert 'lib/book://moby (resource) [] "moby: A novel on whales"' in await model.says(
            action="search", query="novel about whales"
        )
        assert 'lib/weekly (prompt) [team*] "Words' in await model.says(action="search", query="weekly report")
        said = await model.says(action="search", upstream="lib")
        assert '2 resources, for action="read": book://moby, book://page/{number}' in said
        assert '"Unknown resource: book://none"' in await model.says(action="read", tool="lib/book://none")
        assert model.failed
        said = await model.says(action="read", upstream="lib")
        assert "read needs tool" in said


async def test_the_settings_bar_resources_as_they_bar_tools(tmp_path: Path) -> None:
    async with host(tmp_path, {"lib": entry(allow=["find_*", "resource:book://page/*"], approve="all")}) as model:
        assert "is not allowed by the file of upstreams" in await model.says(action="read", tool="lib/book://moby")
        assert "is not allowed by the file of upstreams" in await model.says(action="read", tool="lib/weekly")
        said = await model.confirms(action="read", tool="lib/book://page/7")
        assert "page 7: word" in said


async def test_a_server_without_any_is_searched_as_before(tmp_path: Path, rig: Host) -> None:
    server = rig.serve()
    async with host(tmp_path, {"rig": {"url": server.url, "auth": {"type": "none"}}}) as model:
        assert "for action" not in await model.says(action="search", upstream="rig")
        assert "rig/echo (read)" in await model.says(action="search", query="give back a text")
    assert server.asked("resources/list") == server.asked("prompts/list") == 0
