"""A bare pass-through proxy on the same SDK, over stdio: `python -m bench.upstream.passthrough URL PREFIX`."""

import asyncio
import sys
from typing import Any

from mcp import Client
from mcp.server.mcpserver import Context, MCPServer
from mcp.types import CallToolResult, InputRequiredResult, Tool


class Proxy(MCPServer):
    """Hands every call on as it is; connects once and keeps nothing."""

    upstream: Client
    prefix = ""

    async def list_tools(self) -> list[Tool]:
        """List the upstream's tools under the prefix."""
        listed = await self.upstream.list_tools()
        return [tool.model_copy(update={"name": f"{self.prefix}_{tool.name}"}) for tool in listed.tools]

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Hand a call on."""
        report = None if context is None else context.report_progress
        own_name = name.removeprefix(f"{self.prefix}_")
        return await self.upstream.session.call_tool(own_name, arguments, progress_callback=report)


async def main(url: str, prefix: str) -> None:
    async with Client(url) as client:
        proxy = Proxy("proxy", log_level="ERROR")
        proxy.upstream, proxy.prefix = client, prefix
        await proxy.run_stdio_async()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
