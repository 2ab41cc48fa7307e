"""Chosen tools of upstreams as tools of ours, under a prefix: schemas, annotations and results as they are."""

import json
import logging
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, InputRequiredResult, InputResponses, TextContent, ToolAnnotations
from mcp.types import Tool as WireTool

from stepwarden.errors import StepwardenError
from stepwarden.upstream.config import matches
from stepwarden.upstream.deferred import DeferredUpstreams
from stepwarden.upstream.gateway import Ended, Prepared, Server, Upstreams
from stepwarden.upstream.results import cut, text_of, without_stamp
from stepwarden.upstream.tool import UpstreamTool
from tools.shared.edge import current_caller
from tools.upstream_asking import approval_of, asked_through
from tools.upstream_telling import more_lines

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

        async def call(answers: InputResponses | None, state: str | None) -> Ended:
            return await upstreams.call(
                prepared,
                by=principal,
                recorder=recorder,
                approved=approval.by,
                on_progress=context.report_progress,
                answers=answers,
                state=state,
            )

        ended = await asked_through(call, approval, context, name)
        if isinstance(ended, InputRequiredResult):
            return ended
        return _given(upstreams, principal, prepared, ended)


def _given(upstreams: Upstreams, principal: str, prepared: Prepared, ended: Ended) -> CallToolResult:
    """Give a result as it is; one that its schema forbids, or that is too long for one answer, as text to page."""
    result, limit = ended.answer, prepared.server.config.result_bytes
    assert isinstance(result, CallToolResult)
    text, media = text_of(result)
    structured = result.structured_content
    size = len(text.encode(errors="replace"))
    if structured is not None:
        size += len(json.dumps(structured, ensure_ascii=False, default=str).encode(errors="replace"))
    if size <= limit and (not ended.misfit or result.is_error):
        return result.model_copy(update={"meta": without_stamp(result)})
    if structured is not None and prepared.tool.output_schema is not None:
        text = json.dumps(structured, ensure_ascii=False, default=str, indent=1)  # the text mostly repeats it
    page = cut(text, 0, limit)
    lines = [page.text]
    if page.next is not None:
        lines += more_lines(upstreams.pages.keep(principal, text), page)
    if ended.misfit:
        lines.insert(0, f"Note: {ended.misfit}.")
    # Hosts refuse a result without the structure that the tool's schema announces, unless it is an error.
    failed = prepared.tool.output_schema is not None and not result.is_error
    if failed:
        lines.insert(
            0, f"{prepared.name} was carried out; this is text because it is no result its schema allows here."
        )
    content = [TextContent(type="text", text="\n".join(lines)), *media]
    return CallToolResult(content=content, is_error=bool(result.is_error) or failed)


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
