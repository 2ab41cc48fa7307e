"""The actions that give results: `call`, and `page` for more of a long one."""

from typing import Any

from mcp.types import CallToolResult, TextContent

from stepwarden.errors import SignInFailed, SignInNeeded, UpstreamDown
from stepwarden.upstream.calls.guarded_call import GuardedCalls
from stepwarden.upstream.calls.result_pages import cut
from stepwarden.upstream.calls.result_rows import in_rows, shortened
from stepwarden.upstream.calls.result_text import NOT_INSTRUCTIONS, fenced, text_of
from stepwarden.upstream.calls.source_read import SourceReads
from stepwarden.upstream.failures import quoted
from stepwarden.upstream.servers import UpstreamServer
from stepwarden.upstream.tool_result import LinkBlock, ToolResult
from stepwarden.upstream.transport.wire import write_block
from tools.upstream.action_call import ActionCall, text_result
from tools.upstream.request import PAGE_BYTES
from tools.upstream.upstream_text import IN_DOUBT, more_lines


async def call_tool(call: ActionCall) -> CallToolResult:
    """Call a tool, once it is approved where it has to be."""
    calls = GuardedCalls(call.client.upstreams, call.client.recorder, call.person)
    try:
        made = await calls.make(call.tool, call.request.arguments or {})
    except (UpstreamDown, SignInNeeded, SignInFailed):  # nothing was sent: what the user allowed is still to be done
        if call.person.word is not None:
            call.client.confirmations.give_back(call.person.word)
        raise
    note = IN_DOUBT if made.outcome.in_doubt else made.outcome.mismatch
    return _shown(call, made.prepared.server, made.prepared.name, made.result, note)


async def read_source(call: ActionCall) -> CallToolResult:
    """Return what a resource of a server, or a prompt, says: a link in a result is followed by it."""
    upstream, _, name = call.tool.partition("/")
    if name.startswith("/"):  # an address without its server
        upstream, name = call.client.index.only_server(call.tool), call.tool
    server = call.client.upstreams.server(upstream)
    reads = SourceReads(call.client.upstreams, call.client.recorder, call.person)
    result = await reads.read(server, name, call.request.arguments or {})
    return _shown(call, server, f"{server.name}/{quoted(name, 200)}", result)


async def page(call: ActionCall) -> CallToolResult:
    """Return more of a long result."""
    result = call.request.result or ""
    part = call.client.pages.page(call.person.principal, result, call.request.after, PAGE_BYTES)
    if not part.text:
        return text_result([f"The result ends at character {part.chars}."])
    return text_result([fenced(part.upstream, part.head + part.text), *more_lines(result, part)])


def _shown(call: ActionCall, server: UpstreamServer, name: str, result: ToolResult, note: str = "") -> CallToolResult:
    """Return a result between marks, its first page where it is long, and a note of ours on it."""
    text, media = text_of(result)
    if len(text.encode(errors="replace")) > server.config.result_bytes:
        text = in_rows(text)
    part = cut(text, 0, server.config.result_bytes)
    lines = [fenced(server.name, part.text)]
    if part.next is not None:
        lines += more_lines(call.client.pages.keep(call.person.principal, server.name, text), part)
    if any(isinstance(block, LinkBlock) for block in result.content):
        lines.append(f'Follow a link: upstream(action="read", tool="{server.name}/" and its address).')
    if note:
        lines.append(f"Note: {note}.")
    if result.is_error:
        lines.insert(0, f"{name} says that it failed:")
    content: list[Any] = [TextContent(type="text", text="\n".join(lines)), *map(write_block, media)]
    structured = structured_part(name, result, server.config.result_bytes)
    return CallToolResult(content=content, structured_content=structured, is_error=result.is_error)


def structured_part(name: str, result: ToolResult, most_bytes: int) -> dict[str, Any] | None:
    """Return the structured content of a result, marked as foreign and with as many rows as fit; None without one."""
    if result.structured_content is None:
        return None
    try:
        data = shortened(result.structured_content, most_bytes)
    except ValueError:
        return None
    shown: dict[str, Any] = {"from": name, "note": NOT_INSTRUCTIONS, "data": data}
    return shown if data == result.structured_content else {**shown, "shortened": True}
