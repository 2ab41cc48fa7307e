"""The edge of a call: who calls, and the only place where an error becomes an answer that a model can read."""

import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, InputRequiredResult, TextContent, ToolAnnotations
from pydantic import BaseModel

from prompts import Prompt
from stepwarden.errors import StepwardenError
from stepwarden.threads.calls import ANONYMOUS, LOCAL, Caller
from tools.shared.echo import echoed
from tools.shared.elicitation import note_context
from tools.shared.schema import listed_schema

logger = logging.getLogger(__name__)

Progress = Callable[[float, float | None, str], Awaitable[None]]
"""Tells a host that asked for it how a call goes on: so far, in all, and in words. Otherwise it does nothing.

In all is None where nobody knows it."""

Handler = Callable[[dict[str, Any], Caller, Progress], Awaitable[CallToolResult | InputRequiredResult]]
"""What a tool does: its raw arguments, who calls and whom to tell on the way, to the result that is sent."""

READ_ONLY = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)

_caller: ContextVar[Caller] = ContextVar("caller", default=ANONYMOUS)


async def identify(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Note, for everything done for one inbound message, who sent it (an MCP middleware)."""
    token = _caller.set(_sender(ctx.request))
    try:
        return await call_next(ctx)
    finally:
        _caller.reset(token)


async def echo_tool_name(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Cut the name of a tool that cannot be one, since an answer repeats it to a model (an MCP middleware)."""
    name = (ctx.params or {}).get("name") if ctx.method == "tools/call" else None
    if isinstance(name, str) and (shown := echoed(name)) != name:
        ctx = replace(ctx, params={**(ctx.params or {}), "name": shown})
    return await call_next(ctx)


def _sender(request: Any) -> Caller:
    """Return the host on stdio, the principal of the message's own bearer token, or nobody in particular over HTTP."""
    if request is None:
        return LOCAL
    user = request.scope.get("user")
    return Caller(user.access_token.client_id) if isinstance(user, AuthenticatedUser) else ANONYMOUS


def current_caller() -> Caller:
    """Return who sent the message that is being answered."""
    return _caller.get()


class EdgeTool(Tool):
    """A tool whose handler takes the raw arguments, validates them itself and words its own errors."""

    async def run(self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False) -> Any:
        """Answer one call. Our own errors come back as one line; what we did not foresee is logged in full."""
        note_context(context)
        try:
            return await self.fn(arguments, current_caller(), context.report_progress)
        except MCPError:
            raise
        except StepwardenError as error:
            return self.told(error)
        except Exception:
            logger.exception("tool %s failed", self.name)
            text = f"{self.name} failed inside; the server's log says why. {self.after_failure}"
            return refused(text)

    @property
    def after_failure(self) -> str:
        """What to do after a failure that nobody foresaw."""
        return "Send the same call again: what was recorded is answered, not repeated."

    def told(self, error: StepwardenError) -> CallToolResult:
        """Return the result that tells one of our own errors."""
        return failure([str(error)])


def failure(lines: list[str]) -> CallToolResult:
    """Return the result of a call that is no valid request or could not be carried out: one line for each reason."""
    return refused("\n".join(line if line.startswith("Not recorded.") else f"Not recorded. {line}" for line in lines))


def refused(text: str) -> CallToolResult:
    """Return the result of a call that was not carried out."""
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)


def edge_tool(
    handler: Handler,
    prompt: Prompt,
    request: type[BaseModel],
    annotations: ToolAnnotations,
    output_schema: dict[str, Any] | None = None,
    *,
    kind: type[EdgeTool] = EdgeTool,
) -> EdgeTool:
    """Make the tool that serves `handler`, listed by the words of its prompt and the fields of its request."""
    return kind(
        fn=handler,
        name=prompt.name,
        title=prompt.title,
        description=prompt.description,
        parameters=listed_schema(prompt.name, request),
        fn_metadata=FuncMetadata(arg_model=ArgModelBase, output_schema=output_schema),
        is_async=True,
        context_kwarg=None,
        annotations=annotations,
    )
