"""Measures what calls to upstream servers cost here, on loopback: `uv run python -m bench.upstream.figures`.

The bare call is the SDK's client alone, on the same server. Proxied calls go through a process on stdio: a bare
pass-through proxy on the same SDK (`passthrough.py`), and ours, whose record is on disk before the answer is given.
"""

import asyncio
import json
import logging
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import uvicorn  # noqa: TID253 - the bench's own server
from mcp import Client, StdioServerParameters, stdio_client
from mcp.server.mcpserver import MCPServer
from mcp.types import ToolAnnotations

from stepwarden.storage import Store
from stepwarden.upstream.calls.prepared_call import prepare_call
from stepwarden.upstream.calls.recorded_call import RecordedCalls
from stepwarden.upstream.calls.records import CallRecord, Recorder, SessionRecorder
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.servers import Upstreams
from stepwarden.upstream.tool_index import ToolIndex
from tests.support.call_records import Records

CALLS = 300


def echo_server() -> MCPServer:
    mcp = MCPServer("bench", log_level="ERROR")

    @mcp.tool(annotations=ToolAnnotations(read_only_hint=True))
    async def echo(text: str) -> str:
        """Return a text back."""
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
    prepared = await prepare_call(ToolIndex(found), f"bench/{tool}", arguments)
    await RecordedCalls(recorder, "local").make(prepared)


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
    await call(found, Records(), text="x")
    async with Client(f"http://127.0.0.1:{port}/mcp") as client:
        await client.list_tools()
        bare = await median_ms(lambda: client.call_tool("echo", {"text": "x"}))
    ours = await median_ms(lambda: call(found, Records(), text="x"))
    kept = await median_ms(lambda: call(found, recorded, text="x"))
    print(f"one call, median of {CALLS}: bare {bare:.2f} ms, ours {ours:.2f} ms, recorded on disk {kept:.2f} ms")
    await found.close()
    await store.close()


async def proxied(port: int, home: Path) -> None:
    url = f"http://127.0.0.1:{port}/mcp"
    entry = {"url": url, "auth": {"type": "none"}, "expose": ["*"], "prefix": "b"}
    (home / "upstreams.json").write_text(json.dumps({"upstreams": {"bench": entry}}))
    ours = StdioServerParameters(
        command=str(Path(sys.executable).with_name("stepwarden")),
        args=["serve"],
        env={**os.environ, "STEPWARDEN_HOME": str(home), "STEPWARDEN_LOG_LEVEL": "error"},
    )
    bare = StdioServerParameters(command=sys.executable, args=["-m", "bench.upstream.passthrough", url, "b"])
    async with Client(stdio_client(bare)) as by_proxy, Client(stdio_client(ours)) as by_ours:
        through: dict[str, tuple[Client, str, dict[str, object]]] = {
            "a bare proxy": (by_proxy, "b_echo", {"text": "x"}),
            "ours, exposed": (by_ours, "b_echo", {"text": "x"}),
            "ours, by `upstream`": (
                by_ours,
                "upstream",
                {"action": "call", "tool": "bench/echo", "arguments": {"text": "x"}},
            ),
        }
        rounds: dict[str, list[float]] = {name: [] for name in through}
        for client, tool, arguments in through.values():
            await client.list_tools()
            await client.call_tool(tool, arguments)
        for _ in range(3):  # in turn, so that a busy moment of the machine hits all of them
            for name, (client, tool, arguments) in through.items():
                rounds[name].append(await median_ms(partial(client.call_tool, tool, arguments)))
    store = Store(f"sqlite:///{home / 'records.db'}")
    recorder = SessionRecorder(store)
    record = CallRecord("call-x", "ended", "bench", "echo", "read", "local", "0" * 64, outcome="ok")
    await recorder.record(record)
    kept = await median_ms(lambda: recorder.record(record))
    await store.close()
    told = ", ".join(f"{name} {statistics.median(taken):.2f} ms" for name, taken in rounds.items())
    print(f"one proxied call over stdio, median of 3 x {CALLS}: {told}; one record with its fsync {kept:.2f} ms")


async def at_once(port: int) -> None:
    found = upstreams(port)
    await call(found, Records(), text="x")
    began = time.perf_counter()
    await asyncio.gather(*(call(found, Records(), "nap", seconds=0.5) for _ in range(5)))
    print(f"5 calls of 0.5 s at once: {time.perf_counter() - began:.2f} s")
    await found.close()


async def restarted() -> None:
    async with serving() as port:
        found = upstreams(port)
        await call(found, Records(), text="x")
    try:
        await call(found, Records(), text="x")
    except Exception as error:  # noqa: BLE001 - whatever it is, it is shown
        print(f"while it is gone: {error}")
    await asyncio.sleep(1.0)
    async with serving(port):
        began = time.perf_counter()
        while found.server("bench").state.state != "up":  # noqa: ASYNC110 - it is looked at from outside
            await asyncio.sleep(0.005)
        print(f"back by itself after {time.perf_counter() - began:.2f} s")
        began = time.perf_counter()
        await call(found, Records(), text="x")
        print(f"the call after that: {(time.perf_counter() - began) * 1_000:.0f} ms")
    async with serving(port):  # restarted between two calls: nobody saw it go
        began = time.perf_counter()
        await call(found, Records(), text="x")
        print(f"a call after a restart that nobody saw: {(time.perf_counter() - began) * 1_000:.0f} ms")
        await found.close()


async def main() -> None:
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as home:
        async with serving() as port:
            await one_call(port, Path(home))
            await proxied(port, Path(home))
            await at_once(port)
        await restarted()


if __name__ == "__main__":
    asyncio.run(main())
