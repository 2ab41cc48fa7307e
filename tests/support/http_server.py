"""The installed command as an HTTP server of its own process."""

import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.support.processes import SCRIPT, environment, start

TOKENS = {"ana": "ana-0123456789abcdef", "ben": "ben-0123456789abcdef"}
TOKENS_SETTING = ",".join(f"{name}:{token}" for name, token in TOKENS.items())
OPENING = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}
ACCEPTING = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
LISTENING = "listening on "


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKENS[name]}"}


def requests(**more: Any) -> httpx2.AsyncClient:
    """Return a client for plain HTTP, which needs none of the certificates that others load for 30 ms."""
    return httpx2.AsyncClient(timeout=None, verify=False, **more)


class HttpServer:
    """A server on a free port of this machine, that listens once this is made."""

    def __init__(self, state: Path, *arguments: str, **more: str) -> None:
        self.state = state
        command = [str(SCRIPT), "serve", "--transport", "streamable-http", "--port", "0", *arguments]
        self.process = start(command, environment(state, **more), state)
        self._lines: list[str] = []
        self._listens = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self._listens.wait()
        said = [line for line in self._lines if line.startswith(LISTENING)]
        assert said, f"it never said where it listens: {self._lines}"
        self.url = said[0].removeprefix(LISTENING).strip()
        self.base = self.url.removesuffix("/mcp")

    def __enter__(self) -> "HttpServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        """Take what it writes on stderr until it ends: a pipe that nobody empties would stop it."""
        assert self.process.stderr
        for line in self.process.stderr:
            self._lines.append(line.decode())
            if self._lines[-1].startswith(LISTENING):
                self._listens.set()
        self._listens.set()

    @asynccontextmanager
    async def client(self, mode: str = "auto", headers: dict[str, str] | None = None) -> AsyncIterator[Client]:
        async with (
            requests(headers=headers) as http,
            Client(streamable_http_client(self.url, http_client=http), mode=mode) as client,
        ):
            yield client

    def end(self, by: signal.Signals = signal.SIGTERM) -> None:
        """End it by a signal, and wait until it is gone."""
        self.process.send_signal(by)
        self.process.wait()
        self._reader.join()

    def log(self) -> str:
        """Return what it wrote on stderr so far, but where it listens."""
        return "".join(line for line in self._lines if not line.startswith(LISTENING))

    def close(self) -> None:
        self.end()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()


async def drop_in_the_middle(
    server: HttpServer, http: httpx2.AsyncClient, headers: dict[str, str], call: dict[str, Any]
) -> None:
    """Send a call that cannot end now, and close its connection once the server has taken it."""
    sent = anyio.Event()

    async def note(event: str, _: object) -> None:
        if event == "http11.send_request_body.complete":
            sent.set()

    async def send() -> None:
        await http.post(server.url, headers=headers, json=call, extensions={"trace": note})

    async with anyio.create_task_group() as group:
        group.start_soon(send)
        await sent.wait()
        async with requests() as other:
            for _ in range(3):  # who has answered three requests since has read this one
                assert (await other.get(f"{server.base}/health")).status_code == 200
        group.cancel_scope.cancel()
