"""The action `status`: how each upstream server stands, or a look at one."""

from mcp.types import CallToolResult

from stepwarden.threads.calls import ANONYMOUS
from stepwarden.upstream.calls.call_doubt import begun_at
from stepwarden.upstream.catalogue.exposure import exposures
from stepwarden.upstream.catalogue.tool import list_unusable
from stepwarden.upstream.failures import cited
from stepwarden.upstream.server_check import check_server
from stepwarden.upstream.servers import UpstreamServer
from tools.upstream.action_call import ActionCall, text_result

HIDDEN = 5
BARRED = 5
PAUSED = 3
DOUBTS = 10


async def status(call: ActionCall) -> CallToolResult:
    """Return how each server stands, or connect to one and look."""
    upstreams = call.client.upstreams
    if call.request.upstream is not None:
        check = await check_server(upstreams.server(call.request.upstream))
        return text_result([check.line])
    hidden = exposures(server.registry for server in upstreams.servers()).hidden
    not_shown = [f"{name} is not shown as a tool of ours: {why}" for name, why in hidden.items()]
    lines = not_shown if len(not_shown) <= HIDDEN else [*not_shown[:HIDDEN], f"+{len(not_shown) - HIDDEN} more"]
    principal = call.person.principal
    listed = principal != ANONYMOUS.principal  # whom nothing identifies, and whose calls may be somebody else's
    begun = await call.client.recorder.in_doubt(principal) if listed else ()
    doubts = [f"{one.tool} was begun at {begun_at(one)}; its outcome is unknown: {one.line}" for one in begun[-DOUBTS:]]
    return text_result([*map(_state_line, upstreams.servers()), *lines, *doubts])


def _state_line(server: UpstreamServer) -> str:
    state, registry, caller = server.state, server.registry, server.caller
    parts = [f"{server.name}: {state.state}"]
    if state.reason:
        parts.append(state.reason)
    if state.server:
        parts.append(f"{cited(state.server)}, MCP {state.protocol}")
    parts.append("its tools were never listed" if registry.listed_at is None else f"{len(registry.tools)} tools")
    if registry.barred:
        parts.append(f"changed and barred: {', '.join(registry.barred[:BARRED])}")
    if registry.unusable:
        parts.append(f"cannot be used: {list_unusable(registry.unusable, most=1)}")
    if caller.breakers.server.waits_s:
        parts.append(f"it failed repeatedly; calls are paused for {caller.breakers.server.waits_s:.0f} s")
    for tool, left_s in list(caller.breakers.paused.items())[:PAUSED]:
        parts.append(f"{tool} failed repeatedly; calls of it are paused for {left_s:.0f} s")
    if caller.limited_s:
        parts.append(f"it limits how often it is asked, for {caller.limited_s:.0f} s more")
    return "; ".join(parts)
