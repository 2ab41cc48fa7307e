"""Connections that are left half open, by one client or by many of one address."""

import asyncio
import json
import logging
import socket
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn  # noqa: TID253 - tests need not start fast
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState  # noqa: TID253 - as above

from stepwarden.http import connections
from stepwarden.http.connections import BODY_S, HEAD_S, WAITING_PER_ADDRESS, ClientConnection, OpenConnections
from tests.support.http_server import HttpServer, requests
from tests.support.loop_clock import LoopClock

pytestmark = pytest.mark.anyio

HALF = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Le"
WITHOUT_BODY = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
WHOLE = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Wire(asyncio.Transport):
    """The server's end of a connection, whose other end is a test."""

    def __init__(self, address: str) -> None:
        super().__init__({"peername": (address, 4711)})
        self.written = b""
        self.ended = False

    def write(self, data: "bytes | bytearray | memoryview[int]") -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.ended = True

    def abort(self) -> None:
        self.ended = True

    def is_closing(self) -> bool:
        return self.ended

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


async def answer_all(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer when the whole body is there, but never a GET: a stream that is open."""
    while (await receive()).get("more_body"):
        pass
    if scope["method"] == "GET":
        await asyncio.get_running_loop().create_future()
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
async def opened() -> Callable[..., tuple[ClientConnection, Wire]]:
    """Opens a connection of an address."""
    config = uvicorn.Config(answer_all, lifespan="off", log_config=None, ws="none")
    state = ServerState()
    in_all = OpenConnections(most=200)

    def opened(address: str = "192.0.2.1") -> tuple[ClientConnection, Wire]:
        wire = Wire(address)
        connection = ClientConnection(open_connections=in_all, config=config, server_state=state, app_state={})
        connection.connection_made(wire)
        return connection, wire

    return opened


Opened = Callable[..., tuple[ClientConnection, Wire]]


async def test_a_head_that_does_not_come_ends_the_connection_however_slowly_it_drips(opened: Opened) -> None:
    clock = LoopClock()
    clock.stop()
    (_, silent), (dripping, drips) = opened(), opened()
    for place in range(9):
        clock.forward(HEAD_S / 10)
        await clock.settled()
        dripping.data_received(HALF[place : place + 1])
    assert (silent.ended, drips.ended) == (False, False)
    clock.forward(HEAD_S / 10)
    await clock.settled()
    assert (silent.ended, drips.ended) == (True, True)


async def test_a_body_has_its_time_for_each_part(opened: Opened) -> None:
    clock = LoopClock()
    clock.stop()
    connection, wire = opened()
    connection.data_received(WITHOUT_BODY)
    for _ in range(9):
        clock.forward(BODY_S * 0.9)
        await clock.settled()
        connection.data_received(b"0123456789")
    assert not wire.ended
    clock.forward(BODY_S)
    await clock.settled()
    assert wire.ended


async def test_an_answer_may_take_any_time_and_a_connection_that_was_answered_waits_for_a_head_again(
    opened: Opened,
) -> None:
    clock = LoopClock()
    clock.stop()
    (streaming, stream), (posting, posted) = opened(), opened()
    streaming.data_received(WHOLE)
    posting.data_received(WITHOUT_BODY + b"0" * 100)
    await clock.settled()
    assert b"204" in posted.written
    posting.data_received(HALF)
    clock.forward(HEAD_S * 100)
    await clock.settled()
    assert (stream.ended, posted.ended) == (False, True)


async def test_of_too_many_connections_of_an_address_the_oldest_that_waits_gives_way(
    opened: Opened, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, connections.__name__):
        busy, busy_wire = opened()
        busy.data_received(WHOLE)
        _, other = opened("192.0.2.2")
        wires = [opened()[1] for _ in range(WAITING_PER_ADDRESS + 20)]
    assert [wire.ended for wire in wires] == [True] * 20 + [False] * WAITING_PER_ADDRESS
    assert not busy_wire.ended
    assert not other.ended
    assert [record.levelname for record in caplog.records] == ["WARNING"] + ["DEBUG"] * 19


async def test_an_address_whose_connections_all_work_gets_no_more_than_its_share(opened: Opened) -> None:
    wires: list[Wire] = []
    for _ in range(160):
        connection, wire = opened()
        wires.append(wire)
        if not wire.ended:
            connection.data_received(WHOLE)
    assert [wire.ended for wire in wires] == [False] * 150 + [True] * 10
    assert all(wire.written.startswith(b"HTTP/1.1 503 ") for wire in wires[150:])
    assert not any(wire.ended for wire in [opened("192.0.2.2")[1] for _ in range(50)])
    _, over = opened("192.0.2.3")
    assert not over.ended, "one that waits gave way, of whatever address"


async def test_a_connection_that_has_ended_counts_no_more(opened: Opened) -> None:
    for _ in range(WAITING_PER_ADDRESS):
        connection, _ = opened()
        connection.connection_lost(None)
    wires = [opened()[1] for _ in range(WAITING_PER_ADDRESS)]
    assert not any(wire.ended for wire in wires)


@pytest.mark.parametrize("sent", [b"", HALF, WITHOUT_BODY], ids=["silent", "half a head", "no body"])
async def test_three_hundred_half_open_connections_leave_the_server_answering_and_its_log_short(
    serving: Callable[..., HttpServer], sent: bytes
) -> None:
    server = serving()
    host, _, port = server.base.removeprefix("http://").rpartition(":")
    opened: list[socket.socket] = []
    try:
        for _ in range(300):
            opened.append(socket.create_connection((host, int(port))))
            opened[-1].sendall(sent)
        async with requests() as http:
            assert (await http.get(f"{server.base}/health")).json()["status"] == "ok"
        gone = [each for each in opened[: 300 - WAITING_PER_ADDRESS] if _ended(each)]
        assert len(gone) == 300 - WAITING_PER_ADDRESS
        assert not any(_readable(each) for each in opened[-WAITING_PER_ADDRESS + 1 :])
    finally:
        for each in opened:
            each.close()
    server.end()
    told: list[dict[str, Any]] = [json.loads(line) for line in server.log().splitlines()]
    assert ["too many connections" in row["message"] for row in told] == [True]


def _ended(client: socket.socket) -> bool:
    """Wait for the end of a connection, which it may have been sent already."""
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True


def _readable(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        client.recv(1)
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    return True
