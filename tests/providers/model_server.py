"""A scripted endpoint in a thread of this process, asked by the real SDKs."""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager

from starlette.types import Receive, Scope, Send

from providers.retry import RetryPolicy
from providers.scripted import Answering, Script, ScriptedReply, ScriptedRequest
from providers.scripted_server import ScriptedServer
from stepwarden.models import Message, ModelRequest
from tests.support.http_apps import served_by_thread
from tests.support.news import News

QUICK = RetryPolicy(attempts=3, first_wait_s=0.0, longest_wait_s=0.0, jitter_s=0.0)
KEY = "sk-planted-0123456789abcdef"


class ModelServer(ScriptedServer):
    """A scripted endpoint, with its address."""

    url = ""

    @property
    def times_asked(self) -> int:
        return len(self.bodies)


class Host:
    """All scripted endpoints of a test run behind one port, each under a path of its own: a server is slow to stop."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._servers: list[ModelServer] = []

    def serve(self, replies: list[ScriptedReply | str] | Answering) -> ModelServer:
        server = ModelServer(Script(replies))
        server.url = f"{self._address}/{len(self._servers)}/v1"
        self._servers.append(server)
        return server

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        _, number, rest = scope["path"].split("/", 2)
        await self._servers[int(number)].app({**scope, "path": f"/{rest}", "raw_path": b""}, receive, send)


@contextmanager
def hosting() -> Iterator[Host]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = Host(f"http://127.0.0.1:{listener.getsockname()[1]}")
        with served_by_thread(host.app, listener, interface="asgi3", lifespan="off"):
            yield host


class Gate:
    """Holds replies back until a test opens it; counts how many wait."""

    def __init__(self, reply: ScriptedReply | str = "late") -> None:
        self._opened = False
        self._asked = 0
        self._news = News()
        self._reply = reply

    async def answer(self, asked: ScriptedRequest) -> ScriptedReply | str:
        del asked
        self._asked += 1
        self._news.tell()
        await self._news.until(lambda: self._opened)
        return self._reply

    def open(self) -> None:
        self._opened = True
        self._news.tell()

    async def until_asked(self, times: int = 1) -> None:
        """Wait until it was asked so often in all."""
        await self._news.until(lambda: self._asked >= times)


def request(model: str = "m", text: str = "hi", **more: object) -> ModelRequest:
    return ModelRequest(model, (Message("user", text),), **more)  # pyright: ignore[reportArgumentType]


ANSWER = json.dumps({"choices": [{"message": {"content": "well"}, "finish_reason": "stop"}]}).encode()


@asynccontextmanager
async def answering(reply: bytes, context: ssl.SSLContext | None = None) -> AsyncIterator[tuple[int, list[str]]]:
    """Answer every request with `reply` on a port of loopback; return it, and the first lines that came."""
    lines: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            head = await reader.readuntil(b"\r\n\r\n")
            lines.append(head.decode().partition("\r\n")[0])
            writer.write(reply)
            await writer.drain()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1], lines


def response(body: bytes = ANSWER, status: str = "200 OK", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n{more}"
    return f"{head}connection: close\r\n\r\n".encode() + body
