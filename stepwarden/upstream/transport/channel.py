"""The channel of one connection: HTTP, the older SSE, or a command over pipes, with their failures."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from mcp.shared.exceptions import MCPError

from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.failures import Failure
from stepwarden.upstream.transport.http import ANSWER_BYTES, DiagnosticClient, new_client
from stepwarden.upstream.transport.sdk_failures import failure_of_end, failure_of_error
from stepwarden.upstream.transport.stdio import left_to_end, stdio_streams

SSE_READ_S = 300.0


@dataclass(eq=False)
class Channel:
    """Carries the messages of one connection; `on_failure` hears of what goes wrong below the protocol."""

    config: UpstreamConfig
    auth: httpx2.Auth | None
    on_failure: Callable[[Failure], None]
    _http: DiagnosticClient | None = None
    last_line: str = ""
    _process_group: int | None = None

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[Any]:
        """Give what the SDK's client connects over; a command is started and ended by it."""
        if self.config.transport == "stdio":
            yield stdio_streams(self.config, self.on_failure, self._note_group, self._note_line)
            return
        assert self.config.url is not None
        self._http = new_client(self.config, self.auth, self.on_failure)
        if self.config.transport == "sse":
            from mcp.client.sse import sse_client

            # The SDK opens and closes the client that its factory gives; each connection has its own.
            yield sse_client(
                self.config.url, sse_read_timeout=SSE_READ_S, httpx_client_factory=_GivenClient(self._http)
            )
            return
        async with self._http:
            from mcp.client.streamable_http import streamable_http_client

            yield streamable_http_client(self.config.url, http_client=self._http, max_sse_event_size=ANSWER_BYTES)

    def failure_of(self, error: MCPError, earlier: Failure | None, *, modern: bool = False) -> Failure:
        """Return what a protocol error means: what the HTTP client knows of its request, else what it says."""
        known = self._http.failure_in(error.code, error.data) if self._http is not None else None
        return known or failure_of_error(error, earlier, modern=modern)

    def failure_of_end(self, error: BaseException, earlier: Failure | None) -> Failure:
        """Return why the connection ended with `error`."""
        failure = failure_of_end(error, earlier)
        return self.failure_of(failure, earlier) if isinstance(failure, MCPError) else failure

    def abandon(self) -> None:
        """Leave its command, where it has one, to be ended after this process."""
        if self._process_group is not None:
            left_to_end(self._process_group)

    def _note_group(self, group: int) -> None:
        self._process_group = group

    def _note_line(self, line: str) -> None:
        self.last_line = line


@dataclass(frozen=True)
class _GivenClient:
    """A factory of HTTP clients that gives the one there is."""

    client: DiagnosticClient

    def __call__(
        self,
        headers: dict[str, str] | None = None,
        timeout: httpx2.Timeout | None = None,
        auth: httpx2.Auth | None = None,
    ) -> httpx2.AsyncClient:
        return self.client
