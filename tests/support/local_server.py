"""The whole server in this process: a runtime, and the app that hosts in this process connect to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import MCPServer

from server import build_server
from stepwarden.models import Models
from stepwarden.runtime import Runtime, build_runtime
from stepwarden.settings import load_settings


@dataclass(frozen=True)
class LocalServer:
    """What a server process has, without the process."""

    runtime: Runtime
    app: MCPServer


@asynccontextmanager
async def local_server(
    home: Path, models: Models | None = None, *, call_seconds: float | None = None, **settings: Any
) -> AsyncIterator[LocalServer]:
    """Run a server on the state in `home`; without `models` it has those of its settings, by default all tools."""
    runtime = build_runtime(load_settings(**({"home": home, "roots": (), "tools": "all"} | settings)), models)
    if call_seconds is not None:
        runtime.threads.call_seconds = call_seconds
    try:
        yield LocalServer(runtime, build_server(runtime.settings, runtime))
    finally:
        await runtime.close()
