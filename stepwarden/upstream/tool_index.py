"""The tools of all upstreams of a process: listed, searched, and found by the names that callers use."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from stepwarden.errors import StepwardenError, UnknownUpstream
from stepwarden.upstream.catalogue.source import UpstreamSource
from stepwarden.upstream.catalogue.tool_search import SearchEntry, search_tools
from stepwarden.upstream.failures import quoted
from stepwarden.upstream.servers import Upstreams, UpstreamServer


@dataclass(frozen=True)
class ToolIndex:
    """Finds tools of `upstreams`; `upstream` names one of them, None all."""

    upstreams: Upstreams

    async def list_unlisted(self, upstream: str | None = None, *, timeout_s: float) -> dict[str, StepwardenError]:
        """Connect to those whose tools were never listed, all at once; return what was wrong, by name."""
        unlisted = [server for server in self.upstreams.servers(upstream) if server.registry.listed_at is None]
        errors = await asyncio.gather(*(_list(server, timeout_s) for server in unlisted))
        found = zip((server.name for server in unlisted), errors, strict=True)
        return {name: error for name, error in found if error is not None}

    def entries(self, upstream: str | None = None) -> list[SearchEntry]:
        """Return every tool that the settings allow."""
        return [
            SearchEntry(server.name, tool, bool(server.registry.drift(name)))
            for server in self.upstreams.servers(upstream)
            for name, tool in server.registry.tools.items()
        ]

    def search(self, query: str, upstream: str | None = None, *, most: int = 8) -> list[SearchEntry]:
        """Return the tools that fit the words best."""
        return search_tools(query, self.entries(upstream), most)

    async def sources(self, upstream: str | None = None) -> list[SearchEntry]:
        """Return the resources and prompts that the settings allow: of one server, or of all that are connected."""
        servers = [one for one in self.upstreams.servers(upstream) if upstream is not None or one.state.state == "up"]
        listed = await asyncio.gather(*(_sources_of(server) for server in servers))
        return [
            SearchEntry(server.name, source.as_tool, source=source.kind)
            for server, sources in zip(servers, listed, strict=True)
            for source in sources
            if server.config.permits(f"{source.kind}:{source.name}")
        ]

    async def find(self, name: str) -> tuple[UpstreamServer, str]:
        """Return the server and the tool's own name for `upstream/tool`, connecting where its list may lack it.

        A tool's own name alone means the one upstream that has it. Raises UnknownUpstream, and what connecting raises.
        """
        upstream, slash, tool = name.partition("/")
        if not slash:
            known = self._find_listed(name)
            if known is not None:
                return known
            upstream, tool = self.only_server(name), name
        server = self.upstreams.server(upstream)
        if tool not in server.registry.tools:
            await server.caller.session(server.caller.end)  # it may be new there
        return server, tool

    def _find_listed(self, name: str) -> tuple[UpstreamServer, str] | None:
        """Return what a name without a slash means: a tool's own, or one with another sign after its server.

        Raises UnknownUpstream where several upstreams have it.
        """
        owners = [server for server in self.upstreams.servers() if name in server.registry.tools]
        if len(owners) == 1:
            return owners[0], name
        for server in self.upstreams.servers():
            for before in (server.name, server.config.tool_prefix):
                separator, tool = name[len(before) : len(before) + 1], name[len(before) + 1 :]
                if name.startswith(before) and separator in ".:_" and tool in server.registry.tools:
                    return server, tool
        if owners:
            meant = ", ".join(f"{server.name}/{name}" for server in owners)
            raise UnknownUpstream(f"Send the tool with its server before it: {meant}.")
        return None

    def only_server(self, tool: str) -> str:
        """Return the one server that a tool or address not known yet can be of. Raises UnknownUpstream."""
        names = [server.name for server in self.upstreams.servers()]
        if len(names) == 1 and tool not in names:
            return names[0]
        look = 'upstream(action="search", query="...")'
        raise UnknownUpstream(f"No server has a tool {quoted(tool, 80)!r}. Look it up: {look}.")


async def _sources_of(server: UpstreamServer) -> Sequence[UpstreamSource]:
    try:
        return await server.sources()
    except StepwardenError:  # which its tools tell of
        return ()


async def _list(server: UpstreamServer, timeout_s: float) -> StepwardenError | None:
    try:
        await server.connect(timeout_s)
    except StepwardenError as error:
        return error
    return None
