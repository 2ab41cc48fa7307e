"""Chosen tools of upstreams as tools of ours, under a prefix: schemas, annotations and results as they are."""

import logging
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, InputRequiredResult, TextContent, ToolAnnotations
from mcp.types import Tool as WireTool

from stepwarden.errors import StepwardenError
from stepwarden.upstream.config import matches
from stepwarden.upstream.deferred import DeferredUpstreams
from stepwarden.upstream.gateway import Server
from stepwarden.upstream.results import without_stamp
from stepwarden.upstream.tool import UpstreamTool
from tools.shared.edge import current_caller
from tools.upstream_asking import answers_for, approval_of

logger = logging.getLogger(__name__)

FIRST_LIST_S = 5.0  # for the lists that are not known yet; a host waits for its own list meanwhile
NAME_CHARS = 64  # what every host's backend takes
UPSTREAM_KEY = "org.stepwarden/upstream"


class ExposingServer(MCPServer):
    """An MCP server that shows chosen tools of upstreams beside its own; set `deferred` before it serves."""

    deferred: DeferredUpstreams | None = None

    async def list_tools(self) -> list[WireTool]:
        """List our own tools, and then those that are exposed, sorted by name."""
        own = await super().list_tools()
        taken = {tool.name for tool in own}
        exposed = await self._exposed()
        return [*own, *(_shown(name, *exposed[name]) for name in sorted(exposed) if name not in taken)]

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool of ours, which wins, or an exposed one."""
        if self._tool_manager.get_tool(name) is None and context is not None:
            found = (await self._exposed()).get(name)
            if found is not None:
                return await self._carried_through(f"{found[0].config.name}/{found[1].name}", arguments, context)
        return await super().call_tool(name, arguments, context)

    async def _exposed(self) -> dict[str, tuple[Server, UpstreamTool]]:
        assert self.deferred is not None
        upstreams = self.deferred.open()[0]
        servers = [server for server in upstreams.servers() if server.config.expose]
        if any(server.registry.listed_at is None for server in servers):
            await upstreams.list_all(timeout_s=FIRST_LIST_S)
        found: dict[str, tuple[Server, UpstreamTool]] = {}
        for server in servers:
            for tool in server.registry.tools.values():
                name = f"{server.config.tool_prefix}_{tool.name}".replace(".", "_").replace("/", "_")
                fits = matches(tool.name, server.config.expose) and len(name) <= NAME_CHARS
                if fits and not server.registry.drift(tool.name):
                    found.setdefault(name, (server, tool))
        return found

    async def _carried_through(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any]
    ) -> CallToolResult | InputRequiredResult:
        try:
            return await self._called(name, arguments, context)
        except MCPError:
            raise
        except StepwardenError as error:
            return _refused(str(error))
        except Exception:
            logger.exception("tool %s failed", name)
            return _refused(f"{name} failed inside; the server's log says why. It may have been carried out: look.")

    async def _called(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any]
    ) -> CallToolResult | InputRequiredResult:
        assert self.deferred is not None
        upstreams, recorder = self.deferred.open()
        principal = current_caller().principal
        prepared = await upstreams.prepare(name, arguments)
        approval = await approval_of(prepared, context, principal, None, upstreams.confirmations, exposed=True)
        if isinstance(approval, InputRequiredResult):
            return approval
        if approval.refused:
            return _refused(approval.refused)
        async with answers_for(context):
            ended = await upstreams.call(
                prepared,
                by=principal,
                recorder=recorder,
                approved=approval.by,
                on_progress=context.report_progress,
                answers=approval.answers,
                state=approval.state,
            )
        if isinstance(ended.answer, InputRequiredResult):
            return approval.passed_on(ended.answer, context, name)
        if ended.misfit and not ended.answer.is_error:
            return _refused(
                f"{name}: {ended.misfit}. It was carried out; call it through the tool upstream to read it."
            )
        return ended.answer.model_copy(update={"meta": without_stamp(ended.answer)})


def _shown(name: str, server: Server, tool: UpstreamTool) -> WireTool:
    return WireTool(
        name=name,
        title=tool.title or None,
        description=f"[{server.config.name}] {tool.description}".strip(),
        input_schema=dict(tool.schema),
        output_schema=None if tool.output_schema is None else dict(tool.output_schema),
        annotations=ToolAnnotations.model_validate(tool.wire.get("annotations") or {}),
        _meta={UPSTREAM_KEY: server.config.name},
    )


def _refused(text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)
