"""What `upstream` does, action by action; imported at its first call, since it loads the client of upstreams."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, InputRequiredResult, TextContent

from stepwarden.errors import SignInNeeded, StepwardenError
from stepwarden.threads.calls import Caller
from stepwarden.upstream.calls.records import Recorder
from stepwarden.upstream.calls.results import cut, fenced, text_of
from stepwarden.upstream.catalogue.exposure import exposures
from stepwarden.upstream.catalogue.tool import digest_of, told_skipped
from stepwarden.upstream.catalogue.tool_search import SearchEntry
from stepwarden.upstream.deferred import DeferredUpstreams
from stepwarden.upstream.servers import Upstreams, UpstreamServer
from tools.shared.edge import Progress
from tools.upstream.consent import Consent, ConsentRequest
from tools.upstream.host_call import HostCall, MadeCall
from tools.upstream.request import PAGE_BYTES, Sent, UpstreamRequest
from tools.upstream.upstream_text import change_lines, described, entry_line, more_lines

FIRST_LIST_S = 20.0  # for connecting to upstreams whose tools were never listed
FOUND = 8
HIDDEN = 5
TROUBLES = 2
NAMES_CHARS = 3_000


@dataclass(frozen=True)
class UpstreamActions:
    """Answers the actions of one call of `person`."""

    upstreams: Upstreams
    recorder: Recorder
    person: Consent

    @classmethod
    def of(cls, deferred: DeferredUpstreams, context: Context[Any, Any] | None, caller: Caller) -> "UpstreamActions":
        """Make the desk for one call; the servers are put together at their first use."""
        upstreams, recorder = deferred.open()
        return cls(upstreams, recorder, Consent(context, caller.principal, upstreams.confirmations))

    async def search(self, request: UpstreamRequest, _progress: Progress) -> Sent:
        """Return the few tools that fit some words, one line each."""
        return await self.person.signed_in_for(self.upstreams, lambda: self._found(request))

    async def _found(self, request: UpstreamRequest) -> Sent:
        upstreams = self.upstreams
        troubles = await upstreams.list_all(request.upstream, timeout_s=FIRST_LIST_S)
        unsigned = next(
            (error for error in troubles.values() if isinstance(error, SignInNeeded) and error.address), None
        )
        if unsigned is not None and self.person.may_sign_in:
            raise unsigned
        if not request.query:
            return _told(
                [*_names_of(upstreams.entries(request.upstream), request.upstream or ""), *map(str, troubles.values())]
            )
        query = request.query
        found = await upstreams.search(query, upstream=request.upstream, most=FOUND)
        count = len(upstreams.entries(request.upstream))
        lines = [entry_line(entry) for entry in found]
        if not count:
            lines = [] if troubles else [f"{request.upstream or 'No server'} offers no tool that the settings allow."]
        elif found:
            head = f"{len(found)} of {count} tools (* is required; the words after ] are the upstreams' own):"
            lines = [head, *lines, f'Next: upstream(action="describe", tool="{found[0].name}"), or call it at once.']
        else:
            where = request.upstream or ", ".join(server.config.name for server in upstreams.servers())
            lines = [f"None of {count} tools of {where} fits {query!r}; use other words, such as issue, page, search."]
        return _told([*lines, *_not_searched(troubles)])

    async def describe(self, request: UpstreamRequest, _progress: Progress) -> Sent:
        """Return all there is on one tool, and what changed in it."""
        return await self.person.signed_in_for(self.upstreams, lambda: self._described(request))

    async def _described(self, request: UpstreamRequest) -> Sent:
        server, name = await self.upstreams.find(_meant(request))
        registry = server.registry
        if name not in registry.tools:
            registry.tool(name)  # raises, and says why
        tool = registry.tools[name]
        registry.checker(name)
        asks = server.config.approve == "all" or (server.config.approve == "writes" and not tool.reads_only)
        return _told([described(server, tool, registry.drift(name), asks=asks)])

    async def accept(self, request: UpstreamRequest, _progress: Progress) -> Sent:
        """Trust a tool as it is now, if the user agrees: its words may be there to mislead the model."""
        server, own_name = await self.upstreams.find(_meant(request))
        registry, name = server.registry, f"{server.config.name}/{own_name}"
        if own_name not in registry.tools:
            registry.tool(own_name)  # raises, and says why
        changed = registry.drift(own_name)
        if not changed:
            return _told([f"{name} is trusted already."])
        tool = registry.tools[own_name]
        lines = "\n".join(change_lines(changed))
        marked = fenced(server.config.name, lines)
        again = f'upstream(action="accept", tool="{name}", confirm="{{confirm}}")'
        asked = ConsentRequest(
            about=digest_of({"accept": name, "is": tool.fingerprint}),
            message=f"{name} changed since you trusted it:\n{lines}\nTrust it as it is now?",
            yes="Trust it as it is now",
            how=f"Tell your user how {name} changed, and send {again} if they agree (within 10 minutes):\n{marked}",
            declined=f"The user did not accept {name} as it is now; it stays barred. Do without it.",
            nothing="Nothing was accepted yet.",
        )
        question = await self.person.allows(asked, request.confirm)
        if question is not None:
            return question
        self.upstreams.accept(server, own_name, tool.fingerprint)
        return _told([f"{name} is trusted as it is now, and may be called."])

    async def call(self, request: UpstreamRequest, told: Progress) -> Sent:
        """Call a tool, once it is approved where it has to be."""

        async def tell(progress: float, total: float | None, message: str | None) -> None:
            await told(progress, total or 0.0, message or "")

        calling = HostCall(self.upstreams, self.recorder, self.person, tell)
        made = await calling.call(_meant(request), request.arguments or {}, request.confirm)
        return made if isinstance(made, InputRequiredResult) else self._shown(made)

    def _shown(self, made: MadeCall) -> Sent:
        prepared, ended = made.prepared, made.ended
        assert isinstance(ended.answer, CallToolResult)
        server = prepared.server
        text, media = text_of(ended.answer)
        page = cut(text, 0, server.config.result_bytes)
        lines = [fenced(server.config.name, page.text)]
        if page.next is not None:
            result = self.upstreams.pages.keep(self.person.principal, server.config.name, text)
            lines += more_lines(result, page)
        if ended.misfit:
            lines.append(f"Note: {ended.misfit}.")
        if ended.answer.is_error:
            lines.insert(0, f"{prepared.name} says that it failed:")
        content: list[Any] = [TextContent(type="text", text="\n".join(lines)), *media]
        return CallToolResult(content=content, is_error=bool(ended.answer.is_error))

    async def page(self, request: UpstreamRequest, _progress: Progress) -> Sent:
        """Return more of a long result."""
        result = request.result or ""
        page = self.upstreams.pages.page(self.person.principal, result, request.after, PAGE_BYTES)
        if not page.text:
            return _told([f"The result ends at character {page.chars}."])
        return _told([fenced(page.upstream, page.text), *more_lines(result, page)])

    async def status(self, request: UpstreamRequest, _progress: Progress) -> Sent:
        """Return how each server stands, or look at one."""
        if request.upstream is not None:
            check = await self.upstreams.check(self.upstreams.server(request.upstream))
            return _told([check.told])
        servers = self.upstreams.servers()
        hidden = exposures(server.registry for server in servers).hidden
        not_shown = [f"{name} is not shown as a tool of ours: {why}" for name, why in hidden.items()]
        lines = not_shown if len(not_shown) <= HIDDEN else [*not_shown[:HIDDEN], f"+{len(not_shown) - HIDDEN} more"]
        return _told([*map(self._standing, servers), *lines])

    def _standing(self, server: UpstreamServer) -> str:
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
            parts.append(f"cannot be used: {told_skipped(registry.skipped, most=1)}")
        if server.line.breaker.waits_s:
            parts.append(f"it failed repeatedly and is left alone for {server.line.breaker.waits_s:.0f} s")
        if server.line.limited_s:
            parts.append(f"wants to be left alone for {server.line.limited_s:.0f} s")
        return "; ".join(parts)


def _meant(request: UpstreamRequest) -> str:
    """Return the tool that a request means, where its server may be named apart from it."""
    tool, upstream = (request.tool or "").strip(), request.upstream
    return f"{upstream}/{tool}" if upstream and not tool.startswith(f"{upstream}/") else tool


def _names_of(entries: Sequence[SearchEntry], upstream: str) -> Sequence[str]:
    """Return the names of all tools of one server, as many as fit."""
    names = ", ".join(entry.tool.name for entry in entries)
    shown = names if len(names) <= NAMES_CHARS else f"{names[:NAMES_CHARS].rpartition(', ')[0]}, ..."
    return [f"{len(entries)} tools of {upstream}: {shown or 'none'}", 'Next: search with query="...", or describe one.']


def _not_searched(troubles: Mapping[str, StepwardenError]) -> Sequence[str]:
    """Return of a server or two what is wrong, of more only which they are: every search says it again."""
    if len(troubles) <= TROUBLES:
        return [str(error) for error in troubles.values()]
    return [f'Not searched: {", ".join(troubles)}; upstream(action="status", upstream="...") says why.']


def _told(lines: Sequence[str]) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text="\n".join(lines))])
