"""Streams of a run's events: whole and in order across processes, kills and restarts, and bounded in number."""

import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx2
import pytest
from run_server import NOTE, scripted_home, talking

from stepwarden.http.event_streams import MOST_STREAMS_EACH
from tests.support.http_server import TOKENS, TOKENS_SETTING, HttpServer

pytestmark = pytest.mark.anyio
STEPS = 8
PROGRESS: dict[str, Any] = {"calls": [{"name": "update_state", "arguments": {"progress": 0.5}}], "times": STEPS}
SLOW: list[dict[str, Any]] = [
    {"when": "note it", "calls": [NOTE], "times": None},
    *({"when": f"slowly, {what}", "latency_s": 0.25, **PROGRESS} for what in ("at first", "within", "and", "for")),
    {"text": "42", "times": None},
]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    with _started(tmp_path_factory.mktemp("streams")) as served:
        yield served


def _started(home: Path, *arguments: str) -> HttpServer:
    return HttpServer(home, *arguments, STEPWARDEN_TOKENS=TOKENS_SETTING, **scripted_home(home, SLOW))


async def rest_of(messages: AsyncIterator[dict[str, Any]]) -> list[dict[str, Any]]:
    return [message async for message in messages]


async def some_of(messages: AsyncIterator[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    return [await anext(messages) for _ in range(count)]


def numbers_of(messages: list[dict[str, Any]]) -> list[int]:
    """Return the ids of the events among messages."""
    assert all(int(message["id"]) == message["data"]["seq"] for message in messages if "id" in message)
    return [int(message["id"]) for message in messages if "id" in message]


async def test_a_stream_gives_every_event_as_it_comes_and_says_that_it_is_over(server: HttpServer) -> None:
    async with talking(server) as ana:
        run_id = await ana.started("slowly, at first")
        async with ana.stream(run_id) as messages:
            seen = await rest_of(messages)
        run = await ana.get(f"/{run_id}")
        assert run["status"] == "completed"
        assert numbers_of(seen) == list(range(1, run["cursor"] + 1))
        assert (seen[0]["data"]["type"], seen[-2]["data"]["type"]) == ("workflow_started", "workflow_completed")
        end = {"run_id": run_id, "status": "completed", "verdict": "DONE", "cursor": run["cursor"]}
        assert seen[-1] == {"event": "end", "data": end}
        for last in (0, 3, run["cursor"], run["cursor"] + 7):
            async with ana.stream(run_id, last) as messages:
                later = await rest_of(messages)
            assert numbers_of(later) == list(range(last + 1, run["cursor"] + 1))
            assert later[-1] == seen[-1]
        async with ana.stream(run_id, after=run["cursor"] - 1) as messages:
            assert len(await rest_of(messages)) == 2
        for last in ("-1", "x", "1.5", "9" * 20):
            headers = ana.headers | {"Last-Event-ID": last}
            refused = await ana.http.get(f"{ana.base}/{run_id}/stream", headers=headers)
            assert (refused.status_code, refused.json()["error"][:13]) == (400, "Last-Event-ID")


async def test_a_stream_outlives_the_end_of_a_run_that_is_extended_and_follows_it(server: HttpServer) -> None:
    async with talking(server) as ana:
        run_id = await ana.started("slowly, within 3 steps", limits={"steps": 3})
        stopped = await ana.ended(run_id)
        assert stopped["status"] == "stopped"
        await ana.post(f"/{run_id}/commands", {"action": "extend", "limits": {"steps": 20}, "seen": stopped["cursor"]})
        async with ana.stream(run_id) as messages:
            seen = await rest_of(messages)
        types = [message["data"]["type"] for message in seen if "id" in message]
        assert [name for name in types if name not in {"workflow_updated", "workflow_started"}] == [
            "workflow_stopped",
            "workflow_completed",
        ]
        assert numbers_of(seen) == list(range(1, len(types) + 1))


async def test_a_stream_shows_what_another_server_drives_and_goes_on_after_that_is_killed(tmp_path: Path) -> None:
    with _started(tmp_path) as one, _started(tmp_path) as two:
        async with talking(one) as ana:
            run_id = await ana.started("slowly, and killed")
            driver = (await ana.until(run_id, lambda run: run["driver"] is not None))["driver"]
        by_pid = {str(server.process.pid): server for server in (one, two)}
        [killed] = [
            server for pid, server in by_pid.items() if pid in driver.replace("-", " ").replace(":", " ").split()
        ]
        other = two if killed is one else one
        async with talking(other) as ana, ana.stream(run_id) as messages:
            seen = await some_of(messages, 8)  # by the one, through the store
            await anyio.to_thread.run_sync(killed.end, signal.SIGKILL)
            seen += await rest_of(messages)
            run = await ana.get(f"/{run_id}")
        assert (run["status"], run["answer"]) == ("completed", "42")
        assert numbers_of(seen) == list(range(1, run["cursor"] + 1))
        drivers = [message["data"]["data"]["driver"] for message in seen if message["data"].get("kind") == "attached"]
        assert len(set(drivers)) == 2


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL])
async def test_a_stream_is_resumed_at_a_server_that_was_started_again(tmp_path: Path, by: signal.Signals) -> None:
    with _started(tmp_path) as first:
        async with talking(first) as ana:
            run_id = await ana.started("slowly, and started again")
            async with ana.stream(run_id) as messages:
                seen = await some_of(messages, 6)
                await anyio.to_thread.run_sync(first.end, by)
                try:
                    seen += await rest_of(messages)  # what was on its way
                except httpx2.TransportError:
                    assert by is signal.SIGKILL  # a server that stops ends its streams properly
        assert first.log() == ""
        with _started(tmp_path) as second:
            async with talking(second) as ana, ana.stream(run_id, int(seen[-1]["id"])) as messages:
                seen += await rest_of(messages)
                run = await ana.get(f"/{run_id}")
        assert (run["status"], numbers_of(seen)) == ("completed", list(range(1, run["cursor"] + 1)))
        assert by is signal.SIGKILL or second.log() == ""


async def test_a_principal_has_so_many_streams_and_leaves_room_for_others(server: HttpServer) -> None:
    async with talking(server) as ana, talking(server, "ben") as ben:
        run_id, own = await ana.started("note it, watched by many"), await ben.started("note it, watched by ben")
        await ana.waiting(run_id)
        async with AsyncExitStack() as stack:
            held = [await stack.enter_async_context(ana.stream(run_id)) for _ in range(MOST_STREAMS_EACH)]
            for messages in held:
                assert numbers_of(await some_of(messages, 1)) == [1]
            full = await ana.text(f"/{run_id}/stream")
            assert (full.status_code, full.headers["retry-after"]) == (429, "5")
            assert full.json() == {"error": f"You have {MOST_STREAMS_EACH} streams open: close some."}
            async with ben.stream(own) as messages:
                assert numbers_of(await some_of(messages, 1)) == [1]
            assert (await ana.get(f"/{run_id}"))["needs_you"] is True
        status = 429
        while status == 429:  # the server hears of the closed ones one after the other
            async with ana.http.stream("GET", f"{ana.base}/{run_id}/stream", headers=ana.headers) as again:
                status = again.status_code
        assert status == 200


async def test_who_never_reads_holds_up_nobody(server: HttpServer) -> None:
    host, port = server.base.removeprefix("http://").split(":")
    async with talking(server) as ana:
        run_id = await ana.started("slowly, for sleepers")
        lines = [
            f"GET /api/runs/{run_id}/stream HTTP/1.1",
            f"Host: {host}:{port}",
            f"Authorization: Bearer {TOKENS['ana']}",
        ]
        request = "\r\n".join([*lines, "", ""])
        sleepers = [socket.create_connection((host, int(port))) for _ in range(50)]
        for sleeper in sleepers:
            sleeper.sendall(request.encode())
        async with ana.stream(run_id) as messages:
            seen = await rest_of(messages)
        assert numbers_of(seen) == list(range(1, seen[-1]["data"]["cursor"] + 1))
        for sleeper in sleepers:
            sleeper.close()
        assert (await ana.http.get(f"{server.base}/health")).status_code == 200


async def test_asking_for_the_head_of_a_stream_opens_none(server: HttpServer) -> None:
    async with talking(server) as ana:
        run_id = await ana.started("note it, for its head")
        for _ in range(3):
            head = await ana.http.head(f"{ana.base}/{run_id}/stream", headers=ana.headers)
            assert (head.status_code, head.content) == (200, b"")
