"""A host with our server in it, and its model, which calls the tool `upstream`."""

import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mcp import Client
from mcp.types import CallToolResult, ElicitResult
from rigs.faulty import FaultyServer, Host

from server import build_server
from stepwarden.runtime import build_runtime
from stepwarden.settings import load_settings


class Model:
    """A host's model: it sends arguments and reads the text that comes back. `asked` is what its user was asked."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.failed = False
        self.asked: list[Any] = []

    async def says(self, **arguments: Any) -> str:
        got = await self.client.call_tool("upstream", arguments)
        assert isinstance(got, CallToolResult)
        self.failed = bool(got.is_error)
        return "\n".join(block.text for block in got.content)  # pyright: ignore

    async def hears_of(self, change: str, server: FaultyServer, rig: Host, **arguments: Any) -> None:
        """Let a rig announce that its tools changed; then send a call until its answer speaks of the change."""
        await server.news.until(lambda: len(server.streams) == 1)
        known = server.listings
        rig.do(server.announce)
        await server.news.until(lambda: server.listings > known)
        while change not in await self.says(**arguments):
            pass  # the list is on its way

    async def confirms(self, **arguments: Any) -> str:
        """Send a call, and again with the word that it is answered with."""
        word = re.search(r'confirm="(\w+)"', await self.says(**arguments))
        assert word
        return await self.says(**arguments, confirm=word[1])


@asynccontextmanager
async def host(
    home: Path, entries: dict[str, Any], *, mode: str = "auto", answer: ElicitResult | None = None, **options: Any
) -> AsyncGenerator[Model]:
    """Run a host whose user gives `answer`; without one it cannot ask. `options` go to the SDK's client."""
    (home / "upstreams.json").write_text(json.dumps({"upstreams": entries}))
    settings = load_settings(home=home)
    runtime = build_runtime(settings)
    asked: list[Any] = []

    async def put(_context: Any, params: Any) -> ElicitResult:
        assert answer is not None
        asked.append(params)
        return answer

    options = {"elicitation_callback": put if answer else None, **options}
    try:
        async with Client(build_server(settings, runtime), mode=mode, **options) as client:
            model = Model(client)
            model.asked = asked
            yield model
    finally:
        await runtime.close()


def entry(server: FaultyServer, **more: Any) -> dict[str, Any]:
    """Return the entry of a rig in the file of upstreams."""
    return {"url": server.url, "auth": {"type": "none"}, **more}
