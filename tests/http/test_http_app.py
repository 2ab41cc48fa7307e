"""One app for everybody on this machine: both eras, SSE, health, and what anonymous callers may."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from mcp import Client
from mcp.client.sse import sse_client
from mcp.types import PromptReference

from stepwarden import __version__
from tests.support.calls import said, step
from tests.support.http_server import ACCEPTING, OPENING, HttpServer, drop_in_the_middle, requests
from tests.support.store import locked

pytestmark = pytest.mark.anyio

ROUTES = ["/mcp", "/sse", "/messages/", "/health", "/nowhere"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def opened_thread(client: Client) -> str:
    reply = await client.call_tool("debug", step())
    assert reply.structured_content
    return reply.structured_content["continuation_id"]


@pytest.mark.parametrize(("mode", "version"), [("legacy", "2025-11-25"), ("auto", "2026-07-28")])
async def test_a_thread_goes_on_from_call_to_call_in_both_eras(anonymous: HttpServer, mode: str, version: str) -> None:
    async with anonymous.client(mode) as client:
        assert client.protocol_version == version
        thread = await opened_thread(client)
    async with anonymous.client(mode) as client:
        reply = await client.call_tool("debug", step(2, thread))
        assert said(reply).startswith("ACCEPTED 2/")


async def test_an_old_host_on_sse_works_on_the_threads_of_new_ones(anonymous: HttpServer) -> None:
    async with Client(sse_client(f"{anonymous.base}/sse")) as old:
        thread = await opened_thread(old)
    async with anonymous.client() as new:
        reply = await new.call_tool("debug", step(2, thread))
        assert said(reply).startswith("ACCEPTED 2/")


async def test_nobody_in_particular_is_shown_no_threads_but_may_go_on_with_an_id(anonymous: HttpServer) -> None:
    async with anonymous.client() as client:
        thread = await opened_thread(client)
        overview = await client.call_tool("status", {})
        assert overview.structured_content
        assert overview.structured_content["threads"] == []
        completed = await client.complete(
            PromptReference(type="ref/prompt", name="debug"), {"name": "continuation_id", "value": "debug"}
        )
        assert completed.completion.values == []
        shown = await client.call_tool("status", {"continuation_id": thread})
        assert shown.structured_content
        assert shown.structured_content["continuation_id"] == thread


async def test_health_says_how_it_is_and_nothing_else(anonymous: HttpServer) -> None:
    async with requests() as http:
        answer = await http.get(f"{anonymous.base}/health")
        idle = {"runs": {"running": 0, "waiting": 0}, "driver": {"serves": True, "drives": 0}}
        assert (answer.status_code, answer.json()) == (200, {"status": "ok", "version": __version__, **idle})
        assert (await http.post(f"{anonymous.base}/health")).status_code == 405


async def test_health_is_unavailable_when_the_store_cannot_be_read(
    serving: Callable[..., HttpServer], tmp_path: Path
) -> None:
    with sqlite3.connect(tmp_path / "stepwarden.db") as foreign:
        foreign.execute("CREATE TABLE somebody (elses INTEGER)")
    foreign.close()
    server = serving()
    async with requests() as http:
        answer = await http.get(f"{server.base}/health")
        assert (answer.status_code, answer.json()) == (503, {"status": "unavailable", "version": __version__})
    server.end()
    assert {json.loads(line)["level"] for line in server.log().splitlines()} == {"warning"}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8000", "localhost@evil.example", ""])
async def test_requests_for_other_hosts_are_refused_on_every_route(
    anonymous: HttpServer, route: str, host: str
) -> None:
    async with requests() as http:
        for method in ("GET", "POST"):
            answer = await http.request(method, anonymous.base + route, headers={"Host": host}, content=b"{}")
            assert answer.status_code == 421


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("origin", ["http://evil.example", "https://127.0.0.1.evil.example", "null", "file://"])
async def test_requests_of_other_origins_are_refused_on_every_route(
    anonymous: HttpServer, route: str, origin: str
) -> None:
    async with requests() as http:
        for method in ("GET", "POST"):
            answer = await http.request(method, anonymous.base + route, headers={"Origin": origin}, content=b"{}")
            assert answer.status_code == 403


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST:1234"])
async def test_this_machine_is_answered_by_all_its_names(anonymous: HttpServer, name: str) -> None:
    async with requests() as http:
        headers = {"Host": name, "Origin": f"http://{name}"}
        assert (await http.get(f"{anonymous.base}/health", headers=headers)).status_code == 200


async def test_a_request_larger_than_four_mebibytes_is_refused(anonymous: HttpServer) -> None:
    async with requests() as http:
        answer = await http.post(anonymous.url, headers=ACCEPTING, json=OPENING | {"more": "x" * 4_200_000})
        assert answer.status_code == 413


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_step_whose_connection_dropped_is_answered_on_retry_and_recorded_once(
    anonymous: HttpServer, mode: str
) -> None:
    async with anonymous.client() as client:
        thread = await opened_thread(client)
    second = step(2, thread)
    with locked(anonymous.state / "stepwarden.db"):  # so that the call is in the middle of its work
        async with anonymous.client(mode) as client, requests() as dropping:
            headers = ACCEPTING | {"MCP-Protocol-Version": client.protocol_version}
            call = {"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": {"name": "debug", "arguments": second}}
            if mode == "auto":
                headers |= {"Mcp-Method": "tools/call", "Mcp-Name": "debug"}
                key = "io.modelcontextprotocol"
                meta = {f"{key}/protocolVersion": client.protocol_version, f"{key}/clientCapabilities": {}}
                call["params"] |= {"_meta": meta}
            else:
                opening = await dropping.post(anonymous.url, headers=ACCEPTING, json=OPENING)
                headers |= {"Mcp-Session-Id": opening.headers["mcp-session-id"]}
            await drop_in_the_middle(anonymous, dropping, headers, call)
    async with anonymous.client(mode) as client:
        reply = await client.call_tool("debug", second)
        assert said(reply).startswith("ACCEPTED 2/")
        shown = await client.call_tool("status", {"continuation_id": thread})
        assert shown.structured_content
        assert [row["event"][:7] for row in shown.structured_content["history"]].count("step 2:") == 1
