"""The resources and prompts of a server, listed when somebody first asks for them; and what is read of one."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import mcp_types as types
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from stepwarden.upstream.call_request import CallRequest
from stepwarden.upstream.catalogue.source import MOST_SOURCES, UpstreamSource
from stepwarden.upstream.tool_result import ResourceBlock, TextBlock, ToolResult
from stepwarden.upstream.transport.wire import read_block

LIST_S = 5.0  # for all lists of one server


@dataclass(eq=False)
class SourceList:
    """The sources of one connection; what cannot be listed is left out, since tools work without it."""

    _listed: "tuple[UpstreamSource, ...] | None" = None
    _listing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self, client: Client) -> tuple[UpstreamSource, ...]:
        """Return the sources, listed once."""
        async with self._listing:
            if self._listed is None:
                self._listed = tuple(await _sources_of(client))[:MOST_SOURCES]
            return self._listed

    def forget(self) -> None:
        """List them again the next time: the server says that they changed."""
        self._listed = None


async def read(client: Client, request: CallRequest) -> ToolResult:
    """Return the contents of a resource, or the messages of a prompt. Raises what the SDK's client raises."""
    if request.kind == "resource":
        contents = (await client.read_resource(request.tool)).contents
        return ToolResult(tuple(_contents(one) for one in contents))
    given = {name: value if isinstance(value, str) else str(value) for name, value in request.arguments.items()}
    prompt = await client.get_prompt(request.tool, given)
    blocks = [block for one in prompt.messages for block in (TextBlock(f"{one.role}:"), read_block(one.content))]
    return ToolResult((*([TextBlock(prompt.description)] if prompt.description else []), *blocks))


async def _sources_of(client: Client) -> list[UpstreamSource]:
    able = client.server_capabilities
    found: list[UpstreamSource] = []
    try:
        async with asyncio.timeout(LIST_S):
            if able.prompts is not None:
                found += [_prompt(one) for one in (await client.list_prompts()).prompts]
            if able.resources is not None:
                found += [_resource(one) for one in (await client.list_resources()).resources]
                found += await _templates(client)
    except (MCPError, ValidationError, TimeoutError):
        pass
    return found


async def _templates(client: Client) -> list[UpstreamSource]:
    try:
        listed = (await client.list_resource_templates()).resource_templates
    except (MCPError, ValidationError):  # many servers with resources have no templates, and say so by an error
        return []
    return [UpstreamSource("resource", one.uri_template, one.description or one.title or one.name) for one in listed]


def _resource(one: types.Resource) -> UpstreamSource:
    words = [word for word in (one.title or one.name, one.description) if word]
    return UpstreamSource("resource", str(one.uri), ": ".join(words))


def _prompt(one: types.Prompt) -> UpstreamSource:
    arguments: Mapping[str, bool] = {given.name: bool(given.required) for given in one.arguments or []}
    return UpstreamSource("prompt", one.name, one.description or one.title or "", arguments)


def _contents(one: types.TextResourceContents | types.BlobResourceContents) -> ResourceBlock:
    if isinstance(one, types.TextResourceContents):
        return ResourceBlock(str(one.uri), one.text)
    return ResourceBlock(str(one.uri), None, one.blob)
