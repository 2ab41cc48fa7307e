"""Hears that an upstream's list of tools changed, in both protocol eras, and lists it again."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass

import mcp_types as types
from mcp.client import Client
from mcp.client.subscriptions import SubscriptionLost
from mcp.shared.exceptions import MCPError

from stepwarden.upstream.failures import CallFailed
from stepwarden.upstream.transport.tool_requests import ToolRequests

logger = logging.getLogger(__name__)

RELISTEN_S = 5.0  # between two streams of changes, where a server ends them in good order


@dataclass(frozen=True)
class ToolListWatch:
    """Watches the list of one connection."""

    requests: ToolRequests

    async def hear(self, message: types.ServerNotification | Exception) -> None:
        """Hear a message of a server of 2025 (the SDK's message handler)."""
        if isinstance(message, types.ResourceListChangedNotification | types.PromptListChangedNotification):
            self.requests.source_list.forget()
        changed = isinstance(message, types.ToolListChangedNotification) and not self.requests.modern
        if changed and self.requests.client is not None and not self.requests.listing:  # one at a time
            with suppress(CallFailed):
                await self.requests.list_tools()

    async def follow(self, client: Client) -> None:
        """Follow the stream of changes of a server of 2026; returns only where the connection was lost with it."""
        tools = client.server_capabilities.tools
        if not self.requests.modern or tools is None or not tools.list_changed:
            await asyncio.Event().wait()  # there is no stream: such a server notifies, or never changes its list
        while True:
            try:
                async with client.listen(tools_list_changed=True) as changes:
                    async for _ in changes:
                        await self.requests.list_tools()
            except SubscriptionLost as error:
                logger.info("the stream of changes of an upstream was lost: %s", type(error).__name__)
                return
            except (MCPError, CallFailed) as error:
                logger.info("the stream of changes of an upstream ended: %s", type(error).__name__)
            await asyncio.sleep(RELISTEN_S)
