"""`upstream`: one small tool before all tools of all upstream servers, found step by step."""

import logging
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceError
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, InputRequiredResult, InputResponses, TextContent, ToolAnnotations
from pydantic import BaseModel, ConfigDict, Field, ValidationError

import prompts
from stepwarden.errors import StepwardenError
from stepwarden.threads.calls import Caller
from stepwarden.upstream.deferred import DeferredUpstreams
from stepwarden.upstream.gateway import Ended, Prepared, Server, Upstreams
from stepwarden.upstream.records import Recorder
from stepwarden.upstream.results import PAGE_URI, cut, fenced, text_of
from tools.shared.edge import EdgeTool, Progress, current_caller
from tools.upstream_asking import Approval, approval_of, asked_through
from tools.upstream_telling import described, entry_line, more_lines
from tools.workflow.invalid import error_lines
from tools.workflow.schema import compact_schema

logger = logging.getLogger(__name__)

FIRST_LIST_S = 20.0  # for connecting to upstreams whose tools were never listed
FOUND = 8
PAGE_BYTES = 16_000

Action = Literal["search", "describe", "call", "status", "accept", "page"]
Sent = CallToolResult | InputRequiredResult


class UpstreamRequest(BaseModel):
    """What to do with upstream servers."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    action: Action
    query: str | None = Field(default=None, description="search: what you want to do, in a few words")
    tool: str | None = Field(default=None, description="Its name as search gives it: server/tool")
    arguments: dict[str, Any] | None = Field(default=None, description="call: the tool's own arguments")
    upstream: str | None = Field(default=None, description="search, status: this server alone")
    confirm: str | None = Field(default=None, description="The word that an earlier reply gave")
    result: str | None = Field(default=None, description="page: id of a long result")
    after: int = Field(default=0, ge=0, description="page: go on after this character")


_context: ContextVar[Context[Any, Any] | None] = ContextVar("context", default=None)


class UpstreamEdge(EdgeTool):
    """The edge of this tool: an error says itself what was sent and what to do, and none of it was a step."""

    async def run(self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False) -> Any:
        """Answer one call."""
        _context.set(context)
        try:
            return await self.fn(arguments, current_caller(), context.report_progress)
        except MCPError:
            raise
        except StepwardenError as error:
            return _refused(str(error))
        except Exception:
            logger.exception("tool %s failed", self.name)
            return _refused(
                "upstream failed inside; the server's log says why. A write may have been carried out: look first."
            )


@dataclass(frozen=True)
class _Desk:
    """Answers each action; `open` gives the upstreams of the process."""

    deferred: DeferredUpstreams

    @property
    def upstreams(self) -> Upstreams:
        return self.deferred.open()[0]

    @property
    def recorder(self) -> Recorder:
        return self.deferred.open()[1]

    async def search(self, request: UpstreamRequest, _caller: Caller, _progress: Progress) -> Sent:
        troubles = await self.upstreams.list_all(timeout_s=FIRST_LIST_S)
        query = request.query or ""
        found = await self.upstreams.search(query, upstream=request.upstream, most=FOUND)
        count = len(self.upstreams.entries(request.upstream))
        lines = [entry_line(entry) for entry in found]
        if found:
            head = f"{len(found)} of {count} tools (* is required; the words after ] are the upstreams' own):"
            lines = [head, *lines, f'Next: upstream(action="describe", tool="{found[0].name}"), or call it at once.']
        else:
            where = request.upstream or ", ".join(self.deferred.names)
            lines = [f"None of {count} tools of {where} fits {query!r}; use other words, such as issue, page, search."]
        return _told([*lines, *troubles.values()])

    async def describe(self, request: UpstreamRequest, _caller: Caller, _progress: Progress) -> Sent:
        server, name = await self.upstreams.find(request.tool or "")
        registry = server.registry
        if name not in registry.tools:
            registry.tool(name)  # raises, and says why
        tool = registry.tools[name]
        registry.checker(name)
        asks = server.config.approve == "all" or (server.config.approve == "writes" and not tool.reads_only)
        return _told([described(server, tool, registry.drift(name), asks=asks)])

    async def accept(self, request: UpstreamRequest, _caller: Caller, _progress: Progress) -> Sent:
        server, name = await self.upstreams.find(request.tool or "")
        server.registry.accept(name, request.confirm or "")
        return _told([f"{server.config.name}/{name} is trusted as it is now, and may be called."])

    async def call(self, request: UpstreamRequest, caller: Caller, progress: Progress) -> Sent:
        prepared = await self.upstreams.prepare(request.tool or "", request.arguments or {})
        approval = await approval_of(
            prepared, _context.get(), caller.principal, request.confirm, self.upstreams.confirmations
        )
        if isinstance(approval, InputRequiredResult):
            return approval
        if approval.refused:
            return _refused(approval.refused)
        return await self._made(prepared, approval, caller, progress)

    async def _made(self, prepared: Prepared, approval: Approval, caller: Caller, tell: Progress) -> Sent:
        async def told(progress: float, total: float | None, message: str | None) -> None:
            await tell(progress, total or 0.0, message or "")

        async def call(answers: InputResponses | None, state: str | None) -> Ended:
            return await self.upstreams.call(
                prepared,
                by=caller.principal,
                recorder=self.recorder,
                approved=approval.by,
                on_progress=told,
                answers=answers,
                state=state,
            )

        ended = await asked_through(call, approval, _context.get(), prepared.name)
        if isinstance(ended, InputRequiredResult):
            return ended
        assert isinstance(ended.answer, CallToolResult)
        server = prepared.server
        text, media = text_of(ended.answer)
        page = cut(text, 0, server.config.result_bytes)
        lines = [fenced(server.config.name, page.text)]
        if page.next is not None:
            result = self.upstreams.pages.keep(caller.principal, text)
            lines += more_lines(result, page)
        if ended.misfit:
            lines.append(f"Note: {ended.misfit}.")
        if ended.answer.is_error:
            lines.insert(0, f"{prepared.name} says that it failed:")
        content: list[Any] = [TextContent(type="text", text="\n".join(lines)), *media]
        return CallToolResult(content=content, is_error=bool(ended.answer.is_error))

    async def page(self, request: UpstreamRequest, caller: Caller, _progress: Progress) -> Sent:
        result = request.result or ""
        page = self.upstreams.pages.page(caller.principal, result, request.after, PAGE_BYTES)
        return _told([fenced("upstream", page.text), *(more_lines(result, page) if page.next is not None else [])])

    async def status(self, request: UpstreamRequest, _caller: Caller, _progress: Progress) -> Sent:
        if request.upstream is not None:
            check = await self.upstreams.check(self.upstreams.server(request.upstream))
            return _told([check.told])
        return _told([self._standing(server) for server in self.upstreams.servers()])

    def _standing(self, server: Server) -> str:
        stands, registry, config = self.upstreams.standing(server), server.registry, server.config
        parts = [f"{config.name}: {stands.state}"]
        if stands.reason:
            parts.append(stands.reason)
        if stands.server:
            parts.append(f"{stands.server}, MCP {stands.protocol}")
        parts.append("its tools were never listed" if registry.listed_at is None else f"{len(registry.tools)} tools")
        if registry.barred:
            parts.append(f"changed and barred: {', '.join(registry.barred[:5])}")
        if registry.skipped:
            parts.append(f"{len(registry.skipped)} cannot be used, such as {registry.skipped[0].name}")
        if server.line.limited_s:
            parts.append(f"wants to be left alone for {server.line.limited_s:.0f} s")
        return "; ".join(parts)


_NEEDED: dict[str, tuple[str, ...]] = {
    "search": ("query",),
    "describe": ("tool",),
    "call": ("tool",),
    "accept": ("tool", "confirm"),
    "page": ("result",),
    "status": (),
}


def upstream_tool(deferred: DeferredUpstreams) -> EdgeTool:
    """Make the tool that stands before `deferred`."""
    prompt = prompts.load("upstream")
    desk = _Desk(deferred)

    async def answer(arguments: dict[str, Any], caller: Caller, progress: Progress) -> Sent:
        given = {name: value for name, value in arguments.items() if value is not None}
        try:
            request = UpstreamRequest.model_validate(given)
        except ValidationError as error:
            return _refused("\n".join(error_lines(error, UpstreamRequest)))
        missing = [name for name in _NEEDED[request.action] if not getattr(request, name)]
        if missing:
            return _refused(f"{request.action} needs {' and '.join(missing)}.")
        return await getattr(desk, request.action)(request, caller, progress)

    return UpstreamEdge(
        fn=answer,
        name="upstream",
        title=prompt.title,
        description=f"{prompt.description} Connected here: {', '.join(deferred.names[:12])}.",
        parameters=compact_schema(UpstreamRequest),
        fn_metadata=FuncMetadata(arg_model=ArgModelBase, output_schema=None),
        is_async=True,
        context_kwarg=None,
        annotations=ToolAnnotations(
            read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=True
        ),
    )


def add_upstream_resources(server: MCPServer, deferred: DeferredUpstreams) -> None:
    """Give `server` the results that were too long for one answer, to each caller its own."""

    @server.resource(
        PAGE_URI,
        name="upstream_result",
        title="Result of an upstream",
        description="The rest of a long result of an upstream server; paged by `after` (characters)",
        mime_type="text/plain",
    )
    async def result(result: str, after: int = 0) -> str:
        try:
            return deferred.open()[0].pages.page(current_caller().principal, result, after, PAGE_BYTES * 4).text
        except StepwardenError as error:
            raise ResourceError(str(error)) from error

    assert result is not None


def _told(lines: Sequence[str]) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text="\n".join(lines))])


def _refused(text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)
