"""Measures what calls to upstream servers cost here, on loopback: `uv run python -m bench.upstream.figures`.

The bare call is the SDK's client alone, on the same server: what a pass-through proxy would add nothing to.
"""

import asyncio
import logging
import socket
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn  # noqa: TID253 - the bench's own server
from mcp import Client
from mcp.server.mcpserver import MCPServer
from mcp.types import ToolAnnotations

from stepwarden.storage import Store
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.gateway import Upstreams
from stepwarden.upstream.records import CallRecord, Recorder, SessionRecorder

CALLS = 300


class Nowhere:
    """A recorder that keeps nothing."""

    async def record(self, record: CallRecord) -> None:
        del record


def echo_server() -> MCPServer:
    mcp = MCPServer("bench", log_level="ERROR")

    @mcp.tool(annotations=ToolAnnotations(read_only_hint=True))
    async def echo(text: str) -> str:
        """Give a text back."""
        return text

    @mcp.tool(annotations=ToolAnnotations(read_only_hint=True))
    async def nap(seconds: float) -> str:
        """Answer later."""
        await asyncio.sleep(seconds)
        return "awake"

    return mcp


@asynccontextmanager
async def serving(port: int = 0) -> AsyncGenerator[int]:
    # By its protocol's number, or asyncio leaves Nagle's algorithm on and every answer takes 40 ms.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(64)
        config = uvicorn.Config(echo_server().streamable_http_app(), log_config=None, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await task


def upstreams(port: int, **more: object) -> Upstreams:
    entry = {"name": "bench", "url": f"http://127.0.0.1:{port}/mcp", "auth": {"type": "none"}, **more}
    return Upstreams([UpstreamConfig.model_validate(entry)], None, lambda _: None)


async def call(found: Upstreams, recorder: Recorder, tool: str = "echo", **arguments: object) -> None:
    prepared = await found.prepare(f"bench/{tool}", arguments)
    await found.call(prepared, by="local", recorder=recorder)


async def median_ms(act: Callable[[], Awaitable[object]]) -> float:
    taken: list[float] = []
    for _ in range(CALLS):
        began = time.perf_counter()
        await act()
        taken.append((time.perf_counter() - began) * 1_000)
    return statistics.median(taken)


async def one_call(port: int, home: Path) -> None:
    found = upstreams(port)
    store = Store(f"sqlite:///{home / 'bench.db'}")
    recorded = SessionRecorder(store)
    await call(found, Nowhere(), text="x")
    async with Client(f"http://127.0.0.1:{port}/mcp") as client:
        await client.list_tools()
        bare = await median_ms(lambda: client.call_tool("echo", {"text": "x"}))
    ours = await median_ms(lambda: call(found, Nowhere(), text="x"))
    kept = await median_ms(lambda: call(found, recorded, text="x"))
    print(f"one call, median of {CALLS}: bare {bare:.2f} ms, ours {ours:.2f} ms, recorded on disk {kept:.2f} ms")
    await found.close()
    await store.close()


async def at_once(port: int) -> None:
    found = upstreams(port)
    await call(found, Nowhere(), text="x")
    began = time.perf_counter()
    await asyncio.gather(*(call(found, Nowhere(), "nap", seconds=0.5) for _ in range(5)))
    print(f"5 calls of 0.5 s at once: {time.perf_counter() - began:.2f} s")
    await found.close()


async def restarted() -> None:
    async with serving() as port:
        found = upstreams(port)
        await call(found, Nowhere(), text="x")
    try:
        await call(found, Nowhere(), text="x")
    except Exception as error:  # noqa: BLE001 - whatever it is, it is shown
        print(f"while it is gone: {error}")
    await asyncio.sleep(1.0)
    async with serving(port):
        began = time.perf_counter()
        while found.standing(found.server("bench")).state != "up":  # noqa: ASYNC110 - it is looked at from outside
            await asyncio.sleep(0.005)
        print(f"back by itself after {time.perf_counter() - began:.2f} s")
        began = time.perf_counter()
        await call(found, Nowhere(), text="x")
        print(f"the call after that: {(time.perf_counter() - began) * 1_000:.0f} ms")
    async with serving(port):  # restarted between two calls: nobody saw it go
        began = time.perf_counter()
        await call(found, Nowhere(), text="x")
        print(f"a call after a restart that nobody saw: {(time.perf_counter() - began) * 1_000:.0f} ms")
        await found.close()


async def main() -> None:
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as home:
        async with serving() as port:
            await one_call(port, Path(home))
            await at_once(port)
        await restarted()


if __name__ == "__main__":
    asyncio.run(main())
