"""The list of a server's tools, page by page, up to a limit."""

import mcp_types as types
from mcp.client import Client
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from stepwarden.upstream.catalogue.tool import unusable_entry

MOST_PAGES = 50
MOST_TOOLS = 2_000


async def all_tools(client: Client) -> list[types.Tool]:
    """Return the tools; where there are too many, one that cannot be used stands for the rest.

    Raises what the SDK's client raises.
    """
    if client.server_capabilities.tools is None and client.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        return []
    found: list[types.Tool] = []
    cursor: str | None = None
    seen: set[str] = set()
    for _ in range(MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        found += page.tools
        cursor = page.next_cursor
        if cursor is None or cursor in seen or len(found) >= MOST_TOOLS:
            break
        seen.add(cursor)
    if cursor is None and len(found) <= MOST_TOOLS:
        return found
    found = found[:MOST_TOOLS]
    why = f"its list is too long or does not end; the first {len(found)} are known"
    return [*found, types.Tool.model_validate(unusable_entry("the rest", why))]
