"""A hand-written MCP server over Streamable HTTP, of both eras, that answers wrongly when it is told to."""

import asyncio
import gzip
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from rigs.faults import BARRING, Fault, misbehave, until_left
from rigs.listings import WELL
from tests.support.http_apps import served_by_thread
from tests.support.news import News

JSON = {"content-type": "application/json"}
EVENTS = {"content-type": "text/event-stream"}
MODERN = "2026-07-28"
Form = Literal["json", "events", "gzip", "sse"]


@dataclass(frozen=True)
class Heard:
    """One message that came in; `method` is "GET" or "DELETE" for requests that hold none."""

    method: str
    params: dict[str, Any]
    headers: dict[str, str]
    id: int | str | None = None


@dataclass
class FaultyServer:
    """One server. `on` are the methods its fault is shown for ("*": all), `times` how often before it is well again.

    `tools` is its list, or gives the list for the how-manieth listing it is (from 0). `page` splits it into pages; an
    `endless` list always has one more.
    `form` is how answers come: as JSON, as an event of their own response, that compressed, or by the older SSE.
    """

    url: str
    fault: Fault | None = None
    on: frozenset[str] = frozenset({"tools/call"})
    times: int | None = None
    retry_after: str = "1"
    modern: bool = False
    tools: list[dict[str, Any]] | Callable[[int], list[dict[str, Any]]] = field(default_factory=lambda: WELL)
    page: int | None = None
    endless: bool = False
    form: Form = "json"
    heard: list[Heard] = field(default_factory=list[Heard])
    did: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    listings: int = 0
    sessions: set[str] = field(default_factory=set[str])
    released: bool = False
    news: News = field(default_factory=News)  # of anything that is kept here
    streams: list[asyncio.Queue[dict[str, Any]]] = field(default_factory=list[asyncio.Queue[dict[str, Any]]])

    def asked(self, method: str) -> int:
        """How often a method was asked for."""
        return sum(one.method == method for one in self.heard)

    def release(self) -> None:
        """Let what hangs come to its end."""
        self.released = True
        self.news.tell()

    def forget_sessions(self) -> None:
        """Answer 404 to every session there is, as a server does that was restarted."""
        self.sessions.clear()

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        message: dict[str, Any] = json.loads(body) if body else {}
        method = message.get("method", request.method)
        headers = dict(request.headers)
        self.heard.append(Heard(method, message.get("params") or {}, headers, message.get("id")))
        self.news.tell()
        if self.fault is not None and self._struck(method):
            if self.fault not in BARRING and method == "tools/call":
                self._done(message)
            await misbehave(self, request, message, send)
            return
        await self._well(request, message, receive, send)

    def _struck(self, method: str) -> bool:
        if "*" not in self.on and method not in self.on:
            return False
        if self.times is not None:
            if self.times <= 0:
                return False
            self.times -= 1
        return True

    async def _well(self, request: Request, message: dict[str, Any], receive: Receive, send: Send) -> None:
        scope, method = request.scope, message.get("method", request.method)
        if request.method == "DELETE":
            self.sessions.discard(request.headers.get("mcp-session-id", ""))
            await Response(status_code=200)(scope, receive, send)
        elif request.method == "GET" or method == "subscriptions/listen":
            await self._stream(request, message, receive, send)
        elif "id" not in message:
            await Response(status_code=202)(scope, receive, send)
        else:
            status, more, answer = self._answer(request, method, message.get("params") or {})
            reply = {"jsonrpc": "2.0", "id": message["id"], **answer}
            await self._replied(reply, status, more)(scope, receive, send)

    def _replied(self, reply: dict[str, Any], status: int, more: dict[str, str]) -> Response:
        if self.form == "sse":
            self._put(reply)
            return Response(status_code=202)
        if self.form == "json" or status != 200:
            return Response(json.dumps(reply), status, {**JSON, **more})
        if self.form == "events":
            return Response(_event_of(reply), status, {**EVENTS, **more})
        return Response(gzip.compress(_event_of(reply)), status, {**EVENTS, **more, "content-encoding": "gzip"})

    def _answer(
        self, request: Request, method: str, params: dict[str, Any]
    ) -> tuple[int, dict[str, str], dict[str, Any]]:
        session = request.headers.get("mcp-session-id") if self.form != "sse" else "the stream"
        if method == "initialize" and not self.modern:
            name = f"s{len(self.heard)}"
            self.sessions.add(name)
            return 200, {"mcp-session-id": name}, {"result": self._hello(params.get("protocolVersion", ""))}
        if not self.modern and session is None:
            return 400, {}, {"error": {"code": -32600, "message": "Bad Request: Missing session ID"}}
        if not self.modern and session not in {*self.sessions, "the stream"}:
            return 404, {}, {"error": {"code": -32600, "message": "Session not found"}}
        answers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "tools/list": self._list,
            "tools/call": self._call,
            "ping": lambda _: {},
        }
        if self.modern:
            answers["server/discover"] = lambda _: self._discovered()
        if method not in answers:
            return (
                400 if self.modern else 200,
                {},
                {"error": {"code": -32601, "message": f"Method not found: {method}"}},
            )
        return 200, {}, {"result": self._stamped(answers[method](params))}

    def _hello(self, asked: str) -> dict[str, Any]:
        version = asked if asked in {"2025-03-26", "2025-06-18", "2025-11-25"} else "2025-11-25"
        return {"protocolVersion": version, "capabilities": CAPABILITIES, "serverInfo": INFO}

    def _discovered(self) -> dict[str, Any]:
        return {"supportedVersions": [MODERN], "capabilities": CAPABILITIES, "ttlMs": 0, "cacheScope": "private"}

    def _stamped(self, result: dict[str, Any]) -> dict[str, Any]:
        if not self.modern:
            return result
        return {"resultType": "complete", "_meta": {"io.modelcontextprotocol/serverInfo": INFO}, **result}

    def _list(self, params: dict[str, Any]) -> dict[str, Any]:
        start = int(params.get("cursor") or 0)
        tools = self.tools(self.listings) if callable(self.tools) else self.tools
        end = len(tools) if self.page is None else start + self.page
        more = {"nextCursor": str(end)} if self.endless or end < len(tools) else {}
        self.listings += not more
        self.news.tell()
        kept = {"ttlMs": 0, "cacheScope": "private"} if self.modern else {}
        return {"tools": tools[start:end], **more, **kept}

    def _done(self, message: dict[str, Any]) -> dict[str, Any]:
        params = message.get("params") or {}
        self.did.append({"name": params.get("name"), **(params.get("arguments") or {})})
        return params

    def _call(self, params: dict[str, Any]) -> dict[str, Any]:
        self._done({"params": params})
        arguments = params.get("arguments") or {}
        return {"content": [{"type": "text", "text": str(arguments.get("text", "done"))}], "isError": False}

    async def _stream(self, request: Request, message: dict[str, Any], receive: Receive, send: Send) -> None:
        """Keep a stream of changes open, and send what `announce` is given."""
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        await send({"type": "http.response.start", "status": 200, "headers": _raw(EVENTS)})
        meta = {"io.modelcontextprotocol/subscriptionId": message.get("id")} if message else None
        if meta is not None:
            acknowledged = {"notifications": {"toolsListChanged": True}, "_meta": meta}
            await _event(send, {"method": "notifications/subscriptions/acknowledged", "params": acknowledged})
        else:
            hello = f"event: endpoint\ndata: {self.url}\n\n".encode() if self.form == "sse" else b": open\n\n"
            await send({"type": "http.response.body", "body": hello, "more_body": True})
        self.streams.append(queue)
        self.news.tell()
        leaving = asyncio.create_task(until_left(receive))
        try:
            while not leaving.done():
                coming = asyncio.create_task(queue.get())
                done, _ = await asyncio.wait({coming, leaving}, return_when=asyncio.FIRST_COMPLETED)
                if coming not in done:
                    coming.cancel()
                    break
                note = coming.result()
                await _event(send, {**note, "params": {"_meta": meta}} if meta else note)
        finally:
            leaving.cancel()
            self.streams.remove(queue)

    def announce(self, method: str = "notifications/tools/list_changed") -> None:
        """Send a notification on every stream of changes that is open (from the loop of the host; see `Host.do`)."""
        self._put({"method": method})

    def _put(self, message: dict[str, Any]) -> None:
        for queue in self.streams:
            queue.put_nowait(message)


INFO = {"name": "rig", "version": "1.0"}
CAPABILITIES = {"tools": {"listChanged": True}}


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _event_of(message: dict[str, Any]) -> bytes:
    return f"event: message\ndata: {json.dumps({'jsonrpc': '2.0', **message})}\n\n".encode()


async def _event(send: Send, message: dict[str, Any]) -> None:
    await send({"type": "http.response.body", "body": _event_of(message), "more_body": True})


class Host:
    """All faulty servers of a test run behind one port, each under a path of its own: a server is slow to stop."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.loop: asyncio.AbstractEventLoop | None = None
        self._servers: list[FaultyServer] = []

    def serve(self, fault: Fault | None = None, *, on: str = "tools/call", **more: Any) -> FaultyServer:
        """Add a server; `on` are methods with blanks between them."""
        url = f"{self.address}/{len(self._servers)}/mcp"
        server = FaultyServer(url, fault, frozenset(on.split()), **more)
        self._servers.append(server)
        return server

    def do(self, action: Callable[[], None]) -> None:
        """Do something in the thread of the servers, such as `server.announce`."""
        assert self.loop is not None
        self.loop.call_soon_threadsafe(action)

    def release(self) -> None:
        for server in self._servers:
            server.release()

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.loop = asyncio.get_running_loop()
        number, _, rest = scope["path"].lstrip("/").partition("/")
        if not number.isdigit() or int(number) >= len(self._servers) or rest.startswith(".well-known"):
            await Response("Not Found", 404)(scope, receive, send)
            return
        await self._servers[int(number)].app(scope, receive, send)


@contextmanager
def hosting(**options: Any) -> Iterator[Host]:
    """Serve from a thread; `options` are uvicorn's, such as those for TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        scheme = "https" if "ssl_certfile" in options else "http"
        host = Host(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}")
        with served_by_thread(host.app, listener, interface="asgi3", lifespan="off", **options):
            try:
                yield host
            finally:
                host.release()
