"""Tells hosts that our list of tools changed: the one place that reaches into the SDK for it.

Hosts of 2026 hear it on the stream that they opened for it. Older ones get a notification on their session; a server
has to announce such notifications at its start, which the SDK's server leaves out.
"""

import asyncio
import functools
import logging
from typing import Any
from weakref import WeakSet

from mcp.server.connection import Connection
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel import NotificationOptions
from mcp.server.mcpserver import MCPServer
from mcp.server.subscriptions import InMemorySubscriptionBus
from mcp.shared.subscriptions import ToolsListChanged

logger = logging.getLogger(__name__)

TOGETHER_S = 0.1  # changes so close to each other are told once
SEND_S = 5.0  # to a host that does not read


class ListChangedNotifier:
    """Knows which hosts listed our tools. Give `bus` and the middleware `note` to a server, and the server `ready`."""

    def __init__(self) -> None:
        self.bus = InMemorySubscriptionBus()
        self._connections: WeakSet[Connection] = WeakSet()
        self._task: asyncio.Task[None] | None = None

    def ready(self, server: MCPServer) -> None:
        """Let `server` say at the start of a session that its list of tools may change."""
        low = server._lowlevel_server  # pyright: ignore[reportPrivateUsage]
        options = NotificationOptions(tools_changed=True)
        start = functools.partial(low.create_initialization_options, notification_options=options)
        low.create_initialization_options = start  # pyright: ignore[reportAttributeAccessIssue] - nobody gives options

    async def note(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Note who lists our tools (an MCP middleware)."""
        if ctx.method == "tools/list":
            self._connections.add(ctx.session._connection)  # pyright: ignore[reportPrivateUsage]
        return await call_next(ctx)

    def announce(self) -> None:
        """Tell every host in a moment, in the background."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._announce())

    async def _announce(self) -> None:
        await asyncio.sleep(TOGETHER_S)
        await self.bus.publish(ToolsListChanged())
        await asyncio.gather(*(self._tell(connection) for connection in list(self._connections)))

    async def _tell(self, connection: Connection) -> None:
        try:
            async with asyncio.timeout(SEND_S):
                await connection.send_tool_list_changed()
        except Exception as error:  # noqa: BLE001 - a host that is gone fails in ways of its transport
            logger.debug("a host was not told of the new list: %s", error)
            self._connections.discard(connection)
