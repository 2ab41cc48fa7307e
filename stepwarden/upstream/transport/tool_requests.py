"""The requests that go through one connection: calls of tools, and lists of them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import mcp_types as types
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import TypeAdapter, ValidationError

from stepwarden.upstream.call_request import CallReply, CallRequest
from stepwarden.upstream.catalogue.source import UpstreamSource
from stepwarden.upstream.failures import CallFailed, Failure, FailureKind
from stepwarden.upstream.transport.activity import SessionActivity
from stepwarden.upstream.transport.question_router import QuestionRouter
from stepwarden.upstream.transport.source_list import SourceList, read
from stepwarden.upstream.transport.tool_pages import all_tools
from stepwarden.upstream.transport.wire import read_reply, read_tool, write_call

OnTools = Callable[[Sequence[Mapping[str, Any]]], None]
"""Hears of every list of tools that a server gives, as the protocol has it."""


@dataclass(eq=False)
class ToolRequests:
    """Sends requests while `client` is open; `tools` is what the server listed last."""

    activity: SessionActivity
    questions: QuestionRouter
    failure_of: Callable[[MCPError], Failure]
    on_tools: OnTools
    client: Client | None = None
    tools: Sequence[Mapping[str, Any]] = ()
    source_list: SourceList = field(default_factory=SourceList)
    _listing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def modern(self) -> bool:
        """Whether a protocol of 2026 is spoken."""
        return self.client is not None and self.client.protocol_version in MODERN_PROTOCOL_VERSIONS

    @property
    def listing(self) -> bool:
        """Whether the tools are being listed now."""
        return self._listing.locked()

    async def call(self, request: CallRequest) -> CallReply:
        """Send one call and return its answer. Raises CallFailed; cancelling it cancels it there too."""
        client = self.client
        if client is None:
            raise CallFailed(Failure(FailureKind.UNREACHABLE, "the connection is closed"))
        with self.activity.call(), self.questions.call():
            try:
                return await self._sent(client, request)
            except MCPError as error:
                if error.code != types.HEADER_MISMATCH or not self.modern:
                    raise CallFailed(self.failure_of(error)) from error
            await self.list_tools()  # its schema changed since we listed it: MCP says to list and send once more
            try:
                return await self._sent(client, request)
            except MCPError as error:
                raise CallFailed(self.failure_of(error)) from error

    async def list_tools(self) -> None:
        """List the tools again, and tell `on_tools`. Raises CallFailed."""
        client = self.client
        if client is None:
            raise CallFailed(Failure(FailureKind.UNREACHABLE, "the connection is closed"))
        async with self._listing:
            try:
                self.tools = [read_tool(tool) for tool in await all_tools(client)]
            except MCPError as error:
                raise CallFailed(self.failure_of(error)) from error
            except ValidationError as error:
                raise CallFailed(Failure(FailureKind.GARBAGE, "its list of tools is not valid")) from error
        self.on_tools(self.tools)

    async def sources(self) -> tuple[UpstreamSource, ...]:
        """Return the resources and prompts that can be listed, none where the connection is closed."""
        return () if self.client is None else await self.source_list.get(self.client)

    async def _sent(self, client: Client, request: CallRequest) -> CallReply:
        if request.kind != "tool":
            try:
                return await read(client, request)
            except ValidationError as error:
                raise CallFailed(Failure(FailureKind.GARBAGE, "its answer is not valid")) from error
        wire = types.CallToolRequest(params=write_call(request))
        try:
            reply = await client.session.send_request(wire, _replies(), progress_callback=request.on_progress)
        except ValidationError as error:
            raise CallFailed(Failure(FailureKind.GARBAGE, "its answer is not a valid result of a tool")) from error
        return read_reply(reply)


@cache
def _replies() -> TypeAdapter[types.CallToolResult | types.InputRequiredResult]:
    return TypeAdapter(types.CallToolResult | types.InputRequiredResult)
