"""The upstream servers of a process: each of them, and the list of all."""

import asyncio
import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from stepwarden.errors import UnknownUpstream
from stepwarden.upstream.catalogue.registry import Registry
from stepwarden.upstream.catalogue.source import UpstreamSource
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.connection import Connection, ConnectionState, ConnectionWait
from stepwarden.upstream.failures import quoted
from stepwarden.upstream.server_auth import AuthOf, MissingScopes, ServerAuth, none_missing
from stepwarden.upstream.tool_call import ToolCaller
from stepwarden.upstream.transport.session import UpstreamSession


@dataclass
class UpstreamServer:
    """One upstream: its tools, the caller of them, and its sign-in."""

    config: UpstreamConfig
    registry: Registry
    auth: ServerAuth
    caller: ToolCaller

    @property
    def name(self) -> str:
        """Its name in the file of upstreams."""
        return self.config.name

    @property
    def state(self) -> ConnectionState:
        """The state of its connection, without asking it."""
        return self.caller.connection.state

    async def connect(self, wait_s: float | None = None) -> UpstreamSession:
        """Return the open session, connecting where there is none; its tools are listed then.

        Raises UpstreamDown and SignInNeeded.
        """
        return await self.caller.connection.session(None if wait_s is None else ConnectionWait(wait_s))

    async def sources(self) -> Sequence[UpstreamSource]:
        """Return its resources and prompts, connecting where it is not. Raises UpstreamDown and SignInNeeded."""
        listed = await (await self.connect()).requests.sources()
        hide = self.config.without_secrets
        return [replace(source, name=hide(source.name), words=hide(source.words)) for source in listed]

    async def close(self) -> None:
        """End its connections; calls in flight end with an error."""
        await self.caller.connection.close()

    def abandon(self) -> None:
        """Leave a command that did not end in time to be ended after this process."""
        self.caller.connection.abandon()


@dataclass
class Upstreams:
    """Every configured upstream. `directory` keeps the lists of tools, None keeps none; `auth_of` signs in.

    `on_tools` hears of every change of a list of tools.
    """

    configs: Sequence[UpstreamConfig]
    directory: Path | None
    auth_of: AuthOf
    missing_scopes_of: MissingScopes = none_missing
    on_tools: Callable[[], None] = lambda: None
    _servers: dict[str, UpstreamServer] = field(default_factory=dict[str, UpstreamServer])

    def __post_init__(self) -> None:
        for config in self.configs:
            path = None if self.directory is None else self.directory / f"{config.name}.json"
            registry = Registry(config, path, on_change=self._note_change)
            auth = ServerAuth(config, self.auth_of, self.missing_scopes_of)
            caller = ToolCaller(config, Connection(config, auth.get, registry.update))
            self._servers[config.name] = UpstreamServer(config, registry, auth, caller)

    def servers(self, name: str | None = None) -> list[UpstreamServer]:
        """Return all of them in the order of the file, or the one of this name. Raises UnknownUpstream."""
        return list(self._servers.values()) if name is None else [self.server(name)]

    def server(self, name: str) -> UpstreamServer:
        """Return one by name. Raises UnknownUpstream."""
        if name not in self._servers:
            near = difflib.get_close_matches(name, self._servers, n=1)
            meant = f"; did you mean {near[0]}?" if near else "."
            raise UnknownUpstream(f"No upstream {quoted(name, 40)!r}{meant} There are: {', '.join(self._servers)}.")
        return self._servers[name]

    def _note_change(self) -> None:
        self.on_tools()

    async def close(self) -> None:
        """End every connection, and then the work of signing in."""
        await asyncio.gather(*(server.close() for server in self.servers()))
        for server in self.servers():
            await server.auth.close()

    def abandon(self) -> None:
        """Leave commands that did not end in time to be ended after this process."""
        for server in self.servers():
            server.abandon()
