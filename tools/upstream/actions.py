"""What `upstream` does, action by action; imported at its first call, since it loads the client of upstreams."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult

from stepwarden.threads.calls import Caller
from stepwarden.upstream.deferred import DeferredUpstreams
from tools.shared.edge import Progress
from tools.upstream.action_call import ActionCall
from tools.upstream.dialog import EndsWithQuestion
from tools.upstream.host_person import HostRequest, person_of
from tools.upstream.lookup import accept, describe, search
from tools.upstream.request import Action, Sent, UpstreamRequest
from tools.upstream.results import call_tool, page, read_source
from tools.upstream.server_status import status

ACTIONS: Mapping[Action, Callable[[ActionCall], Awaitable[CallToolResult]]] = {
    "search": search,
    "describe": describe,
    "call": call_tool,
    "read": read_source,
    "accept": accept,
    "page": page,
    "status": status,
}


def host_request(
    context: Context[Any, Any] | None, caller: Caller, on_progress: Progress, request: UpstreamRequest
) -> HostRequest:
    """Return the request of a host that calls `upstream`."""

    async def tell(progress: float, total: float | None, message: str | None) -> None:
        await on_progress(progress, total or 0.0, message or "")

    thread = request.continuation_id or ""
    return HostRequest(context, caller.principal, tell, request.confirm, thread=thread)


async def act(deferred: DeferredUpstreams, request: UpstreamRequest, host: HostRequest) -> Sent:
    """Do what is asked; the servers are put together at their first use."""
    client = deferred.open()
    try:
        return await ACTIONS[request.action](ActionCall(client, person_of(host, client), request))
    except EndsWithQuestion as end:
        return end.result
