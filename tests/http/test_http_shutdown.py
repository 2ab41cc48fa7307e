"""A server that is told to end while it is in the middle of things."""

import json
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager

import anyio
import httpx2
import pytest
from http_server import ACCEPTING, OPENING, Server, requests, step

pytestmark = pytest.mark.anyio

Lock = Callable[[Server], AbstractContextManager[None]]
SIGNALS = pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def listening() -> dict[str, object]:
    key = "io.modelcontextprotocol"
    meta = {f"{key}/protocolVersion": "2026-07-28", f"{key}/clientCapabilities": {}}
    params = {"notifications": {"toolsListChanged": True}, "_meta": meta}
    return {"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": params}


@SIGNALS
async def test_open_streams_of_every_kind_are_ended_properly_and_in_time(
    serving: Callable[..., Server], by: signal.Signals
) -> None:
    server = serving()
    modern = ACCEPTING | {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "subscriptions/listen"}
    async with requests(timeout=20) as http:
        opening = await http.post(server.url, headers=ACCEPTING, json=OPENING)
        session = ACCEPTING | {"Mcp-Session-Id": opening.headers["mcp-session-id"]}
        async with (
            http.stream("POST", server.url, headers=modern, json=listening()) as listen,
            http.stream("GET", server.url, headers=session) as standing,
            http.stream("GET", f"{server.base}/sse") as sse,
        ):
            assert [stream.status_code for stream in (listen, standing, sse)] == [200] * 3
            assert await anyio.to_thread.run_sync(server.end, by) < 3
            for stream in (listen, standing, sse):
                await stream.aread()  # raises when the response was cut off in the middle
    assert server.process.returncode == 0
    assert server.log() == ""


async def test_a_call_that_waits_for_the_store_does_not_keep_the_server_alive(
    serving: Callable[..., Server], locked: Lock
) -> None:
    server = serving()
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "debug", "arguments": step()}}
    async with requests(timeout=20) as http:
        opening = await http.post(server.url, headers=ACCEPTING, json=OPENING)
        session = ACCEPTING | {"Mcp-Session-Id": opening.headers["mcp-session-id"]}
        assert (await http.get(f"{server.base}/health")).status_code == 200
        with locked(server):
            with pytest.raises(httpx2.ReadTimeout):  # a 2025-era call goes on without its connection
                await http.post(server.url, headers=session, json=call, timeout=0.3)
            assert await anyio.to_thread.run_sync(server.end) < 3
    assert server.process.returncode == 0
    assert all(json.loads(line) for line in server.log().splitlines())


@SIGNALS
async def test_an_idle_server_ends_at_once(serving: Callable[..., Server], by: signal.Signals) -> None:
    server = serving()
    assert server.end(by) < 4  # a busy machine included
    assert (server.process.returncode, server.log()) == (0, "")
