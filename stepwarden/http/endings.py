"""The end of requests that would not end by themselves: streams, and calls that are still in flight at a shutdown."""

from collections.abc import MutableMapping
from typing import Any

import anyio
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class Endings:
    """Wraps an app, so that every response that began is completed, also when the server stops in the middle of it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._open: set[anyio.CancelScope] = set()

    def end_all(self) -> None:
        """Cancel whatever is open; each client gets the proper end of its response."""
        for scope in list(self._open):
            scope.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        response = _Response(send)
        with anyio.CancelScope() as open_request:
            self._open.add(open_request)
            try:
                await self._app(scope, receive, response.send)
            finally:
                self._open.discard(open_request)
        if open_request.cancelled_caught and not response.begun:
            return await PlainTextResponse("The server stops; send it again.\n", 503)(scope, receive, send)
        if response.begun and not response.complete:
            await send({"type": "http.response.body", "body": b""})
        return None


class _Response:
    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False
        self.complete = False

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            if self.begun:  # the SDK answers an SSE request a second time when its stream was stopped
                return
            self.begun = True
        elif message["type"] == "http.response.body" and not message.get("more_body"):
            self.complete = True
        await self._send(message)
