"""What `upstream` does, action by action; imported at its first call, since it loads the client of upstreams."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, InputRequiredResult, InputResponses, TextContent

from stepwarden.threads.calls import Caller
from stepwarden.upstream.deferred import DeferredUpstreams
from stepwarden.upstream.gateway import Ended, Prepared, Server, Upstreams
from stepwarden.upstream.records import Recorder
from stepwarden.upstream.results import cut, fenced, text_of
from tools.shared.edge import Progress
from tools.upstream_asking import Approval, approval_of, asked_through
from tools.upstream_request import PAGE_BYTES, Sent, UpstreamRequest, refused
from tools.upstream_telling import described, entry_line, more_lines

FIRST_LIST_S = 20.0  # for connecting to upstreams whose tools were never listed
FOUND = 8


@dataclass(frozen=True)
class Desk:
    """Answers the actions of one call; `context` is the call's, for questions to its user."""

    deferred: DeferredUpstreams
    context: Context[Any, Any] | None

    @property
    def upstreams(self) -> Upstreams:
        """The servers, put together at their first use."""
        return self.deferred.open()[0]

    @property
    def recorder(self) -> Recorder:
        """Where calls are recorded."""
        return self.deferred.open()[1]

    async def search(self, request: UpstreamRequest, _caller: Caller, _progress: Progress) -> Sent:
        """Give the few tools that fit some words, one line each."""
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
        """Give all there is on one tool, and what changed in it."""
        server, name = await self.upstreams.find(request.tool or "")
        registry = server.registry
        if name not in registry.tools:
            registry.tool(name)  # raises, and says why
        tool = registry.tools[name]
        registry.checker(name)
        asks = server.config.approve == "all" or (server.config.approve == "writes" and not tool.reads_only)
        return _told([described(server, tool, registry.drift(name), asks=asks)])

    async def accept(self, request: UpstreamRequest, _caller: Caller, _progress: Progress) -> Sent:
        """Trust a tool as it is now, by the word that its description gave."""
        server, name = await self.upstreams.find(request.tool or "")
        server.registry.accept(name, request.confirm or "")
        return _told([f"{server.config.name}/{name} is trusted as it is now, and may be called."])

    async def call(self, request: UpstreamRequest, caller: Caller, progress: Progress) -> Sent:
        """Call a tool, once it is approved where it has to be."""
        prepared = await self.upstreams.prepare(request.tool or "", request.arguments or {})
        approval = await approval_of(
            prepared, self.context, caller.principal, request.confirm, self.upstreams.confirmations
        )
        if isinstance(approval, InputRequiredResult):
            return approval
        if approval.refused:
            return refused(approval.refused)
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

        ended = await asked_through(call, approval, self.context, prepared.name)
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
        """Give more of a long result."""
        result = request.result or ""
        page = self.upstreams.pages.page(caller.principal, result, request.after, PAGE_BYTES)
        return _told([fenced("upstream", page.text), *(more_lines(result, page) if page.next is not None else [])])

    async def status(self, request: UpstreamRequest, _caller: Caller, _progress: Progress) -> Sent:
        """Say how each server stands, or look at one."""
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


def _told(lines: Sequence[str]) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text="\n".join(lines))])
