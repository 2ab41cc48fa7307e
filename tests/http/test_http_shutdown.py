"""A server that is told to end while it is in the middle of things."""

import json
import signal
from collections.abc import Callable

import anyio
import httpx2
import pytest

from tests.support.calls import step
from tests.support.http_server import ACCEPTING, OPENING, HttpServer, drop_in_the_middle, requests
from tests.support.store import locked

pytestmark = pytest.mark.anyio

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
async def test_open_streams_of_every_kind_are_ended_properly(
    serving: Callable[..., HttpServer], by: signal.Signals
) -> None:
    server = serving()
    modern = ACCEPTING | {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "subscriptions/listen"}
    async with requests() as http:
        opening = await http.post(server.url, headers=ACCEPTING, json=OPENING)
        session = ACCEPTING | {"Mcp-Session-Id": opening.headers["mcp-session-id"]}
        async with (
            http.stream("POST", server.url, headers=modern, json=listening()) as listen,
            http.stream("GET", server.url, headers=session) as standing,
            http.stream("GET", f"{server.base}/sse") as sse,
        ):
            assert [stream.status_code for stream in (listen, standing, sse)] == [200] * 3
            await anyio.to_thread.run_sync(server.end, by)  # while they all are held open
            for stream in (listen, standing, sse):
                await stream.aread()  # raises when the response was cut off in the middle
    assert server.process.returncode == 0
    assert server.log() == ""


async def test_a_call_that_waits_for_the_store_does_not_keep_the_server_alive(
    serving: Callable[..., HttpServer],
) -> None:
    server = serving()
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "debug", "arguments": step()}}
    async with requests() as http:
        opening = await http.post(server.url, headers=ACCEPTING, json=OPENING)
        session = ACCEPTING | {"Mcp-Session-Id": opening.headers["mcp-session-id"]}
        assert (await http.get(f"{server.base}/health")).status_code == 200
        answers: list[str] = []

        async def ask() -> None:
            try:
                answers.append((await http.post(server.url, headers=session, json=call | {"id": 3})).text)
            except httpx2.TransportError as error:
                answers.append(repr(error))

        with locked(server.state / "stepwarden.db"):
            async with anyio.create_task_group() as group:
                group.start_soon(ask)
                await drop_in_the_middle(server, http, session, call)  # a 2025-era call goes on without its connection
                await anyio.to_thread.run_sync(server.end)
        assert '"id"' not in answers[0], "it is gone, and the call would still wait for the store"
    assert server.process.returncode == 0
    assert all(json.loads(line) for line in server.log().splitlines())


@SIGNALS
async def test_an_idle_server_ends_well(serving: Callable[..., HttpServer], by: signal.Signals) -> None:
    server = serving()
    server.end(by)
    assert (server.process.returncode, server.log()) == (0, "")
