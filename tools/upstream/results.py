"""The actions that give results: `call`, and `page` for more of a long one."""

from typing import Any

from mcp.types import CallToolResult, TextContent

from stepwarden.upstream.calls.guarded_call import GuardedCalls, MadeCall
from stepwarden.upstream.calls.result_pages import cut
from stepwarden.upstream.calls.result_text import fenced, text_of
from stepwarden.upstream.transport.wire import write_block
from tools.upstream.action_call import ActionCall, text_result
from tools.upstream.request import PAGE_BYTES
from tools.upstream.upstream_text import more_lines


async def call_tool(call: ActionCall) -> CallToolResult:
    """Call a tool, once it is approved where it has to be."""
    calls = GuardedCalls(call.client.upstreams, call.client.recorder, call.person)
    return _shown(call, await calls.make(call.tool, call.request.arguments or {}))


async def page(call: ActionCall) -> CallToolResult:
    """Return more of a long result."""
    result = call.request.result or ""
    part = call.client.pages.page(call.person.principal, result, call.request.after, PAGE_BYTES)
    if not part.text:
        return text_result([f"The result ends at character {part.chars}."])
    return text_result([fenced(part.upstream, part.text), *more_lines(result, part)])


def _shown(call: ActionCall, made: MadeCall) -> CallToolResult:
    """Return a result between marks, its first page where it is long."""
    server = made.prepared.server
    text, media = text_of(made.result)
    part = cut(text, 0, server.config.result_bytes)
    lines = [fenced(server.name, part.text)]
    if part.next is not None:
        result = call.client.pages.keep(call.person.principal, server.name, text)
        lines += more_lines(result, part)
    if made.outcome.mismatch:
        lines.append(f"Note: {made.outcome.mismatch}.")
    if made.result.is_error:
        lines.insert(0, f"{made.prepared.name} says that it failed:")
    content: list[Any] = [TextContent(type="text", text="\n".join(lines)), *map(write_block, media)]
    return CallToolResult(content=content, is_error=made.result.is_error)
