"""The installed command as an HTTP server of its own process."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

SCRIPT = Path(sys.executable).with_name("stepwarden")
DEADLINE_S = 20.0
TOKENS = {"ana": "ana-0123456789abcdef", "ben": "ben-0123456789abcdef"}
TOKENS_SETTING = ",".join(f"{name}:{token}" for name, token in TOKENS.items())
OPENING = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}
ACCEPTING = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STEPWARDEN_")}
    return kept | {"STEPWARDEN_HOME": str(home), "PYTHONWARNINGS": "error"} | more


def step(number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "step": f"Look into part {number} of the failing parser",
        "step_number": number,
        "next_step_required": True,
        "findings": f"Part {number} reads one byte too many.",
    } | more


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKENS[name]}"}


def requests(timeout: float = DEADLINE_S, **more: Any) -> httpx2.AsyncClient:
    """A client for plain HTTP, which needs none of the certificates that others load for 30 ms."""
    return httpx2.AsyncClient(timeout=timeout, verify=False, **more)


class Server:
    """A server on a free port of this machine; `log` gives what else it wrote on stderr."""

    def __init__(self, home: Path, *arguments: str, **more: str) -> None:
        self.home = home
        command = [str(SCRIPT), "serve", "--transport", "streamable-http", "--port", "0", *arguments]
        self.process = subprocess.Popen(
            command,
            env=environment(home, **more),
            cwd=home,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            bufsize=0,
        )
        self._before: list[str] = []
        while not (line := self._line()).startswith("listening on "):
            self._before.append(line)
        self.url = line.removeprefix("listening on ").strip()
        self.base = self.url.removesuffix("/mcp")

    def _line(self) -> str:
        assert self.process.stderr
        ready, _, _ = select.select([self.process.stderr], [], [], DEADLINE_S)
        line = self.process.stderr.readline().decode() if ready else ""
        assert line, f"it never said where it listens: {self._before}"
        return line

    @asynccontextmanager
    async def client(self, mode: str = "auto", headers: dict[str, str] | None = None) -> AsyncIterator[Client]:
        async with (
            requests(headers=headers) as http,
            Client(streamable_http_client(self.url, http_client=http), mode=mode) as client,
        ):
            yield client

    def end(self, by: signal.Signals = signal.SIGTERM) -> float:
        began = time.monotonic()
        self.process.send_signal(by)
        self.process.wait(DEADLINE_S)
        return time.monotonic() - began

    def log(self) -> str:
        assert self.process.stderr
        return "".join(self._before) + self.process.stderr.read().decode()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stderr
        self.process.stderr.close()
