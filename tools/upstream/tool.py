"""`upstream`: one small tool in front of all tools of all upstream servers, which are found step by step."""

from collections.abc import Mapping
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp.types import CallToolResult, ToolAnnotations
from pydantic import ValidationError

import prompts
from stepwarden.errors import StepwardenError
from stepwarden.threads.calls import Caller
from stepwarden.upstream.calls.result_pages import PAGE_URI
from stepwarden.upstream.deferred import DeferredUpstreams
from tools.shared.edge import EdgeTool, Progress, current_caller, refused
from tools.shared.elicitation import current_context
from tools.shared.schema import listed_schema
from tools.upstream.request import PAGE_BYTES, Sent, UpstreamRequest
from tools.workflow.validation_errors import error_lines


class UpstreamEdge(EdgeTool):
    """The edge of this tool: its errors say themselves what was sent and what to do; none of it was a step."""

    @property
    def after_failure(self) -> str:
        """What to do after an unexpected failure."""
        return "A write may have been carried out: look first."

    def told(self, error: StepwardenError) -> CallToolResult:
        """Return the result that tells one of our own errors."""
        return refused(str(error))


_NEEDED: dict[str, tuple[str, ...]] = {  # one of these, and of which to speak
    "search": ("query", "upstream"),
    "describe": ("tool",),
    "call": ("tool",),
    "accept": ("tool",),
    "read": ("tool",),
    "page": ("result",),
    "status": (),
}


_WORDS = {
    "query": 'query="what you want to do, in a few words", or upstream="..." for the names of all its tools',
    "tool": 'tool="server/tool", as search gives it',
    "result": "result, the id that a long result came with",
}


def _mistakes(error: ValidationError, given: Mapping[str, Any]) -> list[str]:
    """Return one line for each mistake; arguments of a tool that stand beside `arguments` are sent there."""
    lines = error_lines(error, UpstreamRequest)
    if given.get("action") != "call" or "arguments" in given:
        return lines
    return [line.replace("; leave it out", "; a tool's own arguments go into arguments={...}") for line in lines]


def upstream_tool(deferred: DeferredUpstreams) -> EdgeTool:
    """Return the tool that gives access to `deferred`."""
    prompt = prompts.load("upstream")

    async def answer(arguments: dict[str, Any], caller: Caller, progress: Progress) -> Sent:
        given = {name: value for name, value in arguments.items() if value is not None}
        try:
            request = UpstreamRequest.model_validate(given)
        except ValidationError as error:
            return refused("\n".join(_mistakes(error, given)))
        needed = _NEEDED[request.action]
        if needed and not any(getattr(request, name) for name in needed):
            return refused(f"{request.action} needs {_WORDS[needed[0]]}.")
        from tools.upstream.actions import act, host_request

        return await act(deferred, request, host_request(current_context(), caller, progress, request))

    return UpstreamEdge(
        fn=answer,
        name="upstream",
        title=prompt.title,
        description=f"{prompt.description} Connected here: {', '.join(deferred.names[:12])}.",
        parameters=listed_schema("upstream", UpstreamRequest),
        fn_metadata=FuncMetadata(arg_model=ArgModelBase, output_schema=None),
        is_async=True,
        context_kwarg=None,
        annotations=ToolAnnotations(
            read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=True
        ),
    )


def add_upstream_resources(server: MCPServer, deferred: DeferredUpstreams) -> None:
    """Add to `server` the results that were too long for one answer, to each caller its own."""

    @server.resource(
        PAGE_URI,
        name="upstream_result",
        title="Result of an upstream",
        description="The rest of a long result of an upstream server; paged by `after` (characters)",
        mime_type="text/plain",
    )
    async def result(result: str, after: int = 0) -> str:
        try:
            return deferred.open().pages.page(current_caller().principal, result, after, PAGE_BYTES * 4).text
        except StepwardenError as error:
            raise ResourceError(str(error)) from error

    assert result is not None
