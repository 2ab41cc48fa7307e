"""Shows chosen tools of upstreams as tools of ours, under a prefix; schemas and results stay as they are."""

import logging
import time
from collections.abc import Mapping
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, InputRequiredResult, TextContent, ToolAnnotations
from mcp.types import Tool as WireTool

from stepwarden.errors import StepwardenError
from stepwarden.upstream.calls.guarded_call import GuardedCalls, MadeCall
from stepwarden.upstream.calls.prepared_call import PreparedCall
from stepwarden.upstream.calls.result_pages import cut
from stepwarden.upstream.calls.result_rows import in_rows, repeats, rows_of, shortened, size_of
from stepwarden.upstream.calls.result_text import fenced_description, text_of
from stepwarden.upstream.catalogue.exposure import Exposure, Exposures, exposures
from stepwarden.upstream.catalogue.shown_schema import shown_title
from stepwarden.upstream.client import UpstreamClient
from stepwarden.upstream.deferred import DeferredUpstreams
from stepwarden.upstream.transport.wire import write_block, write_result
from tools.shared.edge import current_caller, refused
from tools.upstream.dialog import EndsWithQuestion
from tools.upstream.host_person import HostRequest, person_of
from tools.upstream.list_changed import ListChangedNotifier
from tools.upstream.session_threads import THREAD_KEY, SessionThreads
from tools.upstream.upstream_text import IN_DOUBT, more_lines

logger = logging.getLogger(__name__)

FIRST_LIST_S = 5.0  # for the lists that are not known yet; a host waits for its own list meanwhile
UPSTREAM_KEY = "org.stepwarden/upstream"


class ExposingServer(MCPServer):
    """An MCP server that shows chosen tools of upstreams beside its own, and tells hosts when they change."""

    def __init__(self, *arguments: Any, deferred: DeferredUpstreams, middleware: list[Any], **options: Any) -> None:
        announcer = ListChangedNotifier()
        middleware = [*middleware, announcer.note]
        super().__init__(*arguments, middleware=middleware, subscriptions=announcer.bus, **options)
        announcer.ready(self)
        self._announcer = announcer
        self._deferred = deferred
        self._listed: Exposures | None = None
        self._threads = SessionThreads()

    async def list_tools(self) -> list[WireTool]:
        """List our own tools, and then those that are exposed, sorted by name."""
        own = await super().list_tools()
        taken = {tool.name for tool in own}
        self._listed = await self._exposures()
        return [*own, *(_shown(name, found) for name, found in self._listed.shown.items() if name not in taken)]

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool of ours, which wins, or an exposed one."""
        if self._tool_manager.get_tool(name) is None and context is not None:
            began = time.monotonic()
            found = self._known().shown.get(name) or (await self._exposures()).shown.get(name)
            if found is not None:
                return await self._call_exposed(found.name, arguments, context, time.monotonic() - began)
        result = await super().call_tool(name, arguments, context)
        if context is not None:
            self._threads.note(context, result)
        return result

    def _client(self) -> UpstreamClient:
        client = self._deferred.open()
        client.upstreams.on_tools = self._changed
        return client

    def _known(self) -> Exposures:
        return exposures(server.registry for server in self._client().upstreams.servers())

    async def _exposures(self) -> Exposures:
        client = self._client()
        servers = client.upstreams.servers()
        if any(server.config.expose and server.registry.listed_at is None for server in servers):
            await client.index.list_unlisted(timeout_s=FIRST_LIST_S)
        return self._known()

    def _changed(self) -> None:
        """Hear of a list of an upstream; hosts are told where what is shown is not what they listed."""
        now = self._known()
        if self._listed is not None and now.shown != self._listed.shown:
            self._listed = now
            self._announcer.announce()

    async def _call_exposed(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any], spent_s: float
    ) -> CallToolResult | InputRequiredResult:
        client = self._client()
        principal = current_caller().principal
        made_for = self._threads.of(context)
        request = HostRequest(
            context,
            principal,
            context.report_progress,
            exposed=True,
            thread=made_for.id,
            by_session=made_for.by_session,
        )
        person = person_of(request, client)
        try:
            made = await GuardedCalls(client.upstreams, client.recorder, person, spent_s).make(name, arguments)
        except EndsWithQuestion as end:
            return end.result
        except MCPError:
            raise
        except StepwardenError as error:
            return refused(str(error))
        except Exception:
            logger.exception("tool %s failed", name)
            return refused(f"{name} failed inside; the server's log says why. It may have been carried out: look.")
        sent = _sent_on(client, principal, made)
        if made.thread:
            sent.meta = {**(sent.meta or {}), THREAD_KEY: made.thread}
        if made.outcome.in_doubt:
            sent.content.append(TextContent(type="text", text=f"Note: {IN_DOUBT}."))
        return sent


def _sent_on(client: UpstreamClient, principal: str, made: MadeCall) -> CallToolResult:
    """Return a result as it is; of one that is too long for one answer what fits, and how to page the rest."""
    prepared, result, mismatch = made.prepared, made.result, made.outcome.mismatch
    most_bytes, structured = prepared.server.config.result_bytes, result.structured_content
    text, media = text_of(result)
    size = len(text.encode(errors="replace"))
    if structured is not None:
        size = max(size, size_of(structured)) if repeats(text, structured) else size + size_of(structured)
    if size <= most_bytes and (not mismatch or result.is_error):
        return write_result(result)
    announced = structured is not None and prepared.tool.output_schema is not None
    text = rows_of(structured) if announced else in_rows(text)  # the text mostly repeats it
    page = cut(text, 0, most_bytes)
    lines = [page.text]
    if page.next is not None:
        lines += more_lines(client.pages.keep(principal, prepared.server.name, text), page)
    shown = None if mismatch else _shortened(prepared, structured)
    # Hosts refuse a result without the structure that the tool's schema announces, unless it is an error.
    failed = prepared.tool.output_schema is not None and not result.is_error and shown is None
    if shown != structured and not failed:
        lines.append("The structured copy holds only what fits, too.")
    if mismatch:
        lines.insert(0, f"Note: {mismatch}.")
    if failed:
        lines.insert(0, f"{prepared.name} was carried out; it is text because its schema allows no such result.")
    content = [TextContent(type="text", text="\n".join(lines)), *map(write_block, media)]
    return CallToolResult(content=content, structured_content=shown, is_error=result.is_error or failed)


def _shortened(prepared: PreparedCall, structured: Any) -> Any:
    """Return a structured result with as many rows as fit; the whole of one that its schema does not allow shorter."""
    if structured is None:
        return None
    try:
        fewer = shortened(structured, prepared.server.config.result_bytes)
    except ValueError:
        return structured
    checker = prepared.server.registry.checkers.result_of(prepared.tool)
    return structured if checker is not None and checker.errors_in(fewer) else fewer


def _shown(name: str, found: Exposure) -> WireTool:
    tool, upstream = found.tool, found.config.name
    given: Mapping[str, Any] = tool.wire.get("annotations") or {}
    hints = {name: value for name, value in given.items() if isinstance(value, bool)}
    whole = f'upstream(action="describe", tool="{upstream}/{tool.name}")'
    more = f"\n{whole} says more of its arguments." if tool.are_words_cut else ""
    return WireTool(
        name=name,
        title=shown_title(tool.title) or None,
        description=fenced_description(upstream, tool) + more,
        input_schema=dict(tool.shown_schema or {}),
        output_schema=None if tool.shown_output_schema is None else dict(tool.shown_output_schema),
        annotations=ToolAnnotations.model_validate(hints),
        _meta={UPSTREAM_KEY: upstream},
    )
