"""Sixteen clients that call an HTTP server as fast as it answers, a bare one and ours in turns.

`python -m bench.http_load BARE_PORT OUR_PORT SECONDS ROUNDS`. A process of its own, with as little of its own to do as
possible: one socket a client, the answers searched, not read.
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

from bench.servers import echo, step

CLIENTS = 16
_ID = re.compile(rb"debug-[a-z2-7]{26}")
_INITIALIZE = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "bench", "version": "1"},
}


class Client:
    """One host: a session over one connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._session = ""
        self._ids = count(1)

    async def open(self) -> None:
        """Connect, and shake hands."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        await self._request("initialize", _INITIALIZE)
        await self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    async def call(self, tool: str, arguments: dict[str, Any]) -> bytes:
        """Return the raw answer to one call."""
        answer = await self._request("tools/call", {"name": tool, "arguments": arguments})
        if b'"isError":true' in answer or b'"error":{' in answer:
            raise RuntimeError(answer[:500])
        return answer

    async def _request(self, method: str, params: dict[str, Any]) -> bytes:
        return await self._send({"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params})

    async def _send(self, message: dict[str, Any]) -> bytes:
        body = json.dumps(message).encode()
        head = (
            f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nContent-Type: application/json\r\n"
            f"Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2025-06-18\r\n{self._session}"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        head_bytes = await self._reader.readuntil(b"\r\n\r\n")
        if found := re.search(rb"(?i)mcp-session-id: (\S+)", head_bytes):
            self._session = f"Mcp-Session-Id: {found[1].decode()}\r\n"
        if found := re.search(rb"(?i)content-length: (\d+)", head_bytes):
            return await self._reader.readexactly(int(found[1]))
        return await self._chunks()

    async def _chunks(self) -> bytes:
        body = b""
        while size := int(await self._reader.readline(), 16):
            body += await self._reader.readexactly(size + 2)
        await self._reader.readexactly(2)
        return body


Work = Callable[[Client, float], Awaitable[int]]
"""Calls as one client until a moment, and returns how often."""


async def _take_steps(client: Client, until: float) -> int:
    number, thread = 0, None
    while time.monotonic() < until:
        number += 1
        answer = await client.call("debug", step(number, thread))
        if thread is None:
            found = _ID.search(answer)
            assert found is not None, answer[:300]
            thread = found[0].decode()
    return number


async def _echo(client: Client, until: float) -> int:
    number = 0
    while time.monotonic() < until:
        number += 1
        await client.call("echo", echo(number))
    return number


async def calls_per_second(bare: int, ours: int, seconds: float, rounds: int) -> list[tuple[float, float]]:
    """Return how many calls of all clients together were answered in a second: by the bare server, and by ours.

    The two take turns, so that whatever else the machine does meets both. The first round loads what is loaded late,
    and does not count.
    """
    places = [(_echo, [Client(bare) for _ in range(CLIENTS)]), (_take_steps, [Client(ours) for _ in range(CLIENTS)])]
    for _, clients in places:
        await asyncio.gather(*(client.open() for client in clients))
    rates: list[tuple[float, float]] = []
    for _ in range(rounds + 1):
        one, two = [await _rate(work, clients, seconds) for work, clients in places]
        rates.append((one, two))
    return rates[1:]


async def _rate(work: Work, clients: list[Client], seconds: float) -> float:
    start = time.monotonic()
    done = await asyncio.gather(*(work(client, start + seconds) for client in clients))
    return sum(done) / (time.monotonic() - start)


def main() -> None:
    """Print the rates of each round as JSON."""
    bare, ours, seconds, rounds = sys.argv[1:]
    rates = asyncio.run(calls_per_second(int(bare), int(ours), float(seconds), int(rounds)))
    sys.stdout.write(json.dumps(rates))


if __name__ == "__main__":
    main()
