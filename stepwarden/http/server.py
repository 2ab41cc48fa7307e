"""Serving the app: a socket, and a uvicorn that ends in time."""

import asyncio
import os
import socket
import sys
from functools import partial
from typing import cast

import anyio
import uvicorn  # noqa: TID253 - this module is itself imported lazily
from starlette.types import ASGIApp

from stepwarden.errors import StepwardenError
from stepwarden.http.connections import ACCEPTED_AT_ONCE, ClientConnection, OpenConnections
from stepwarden.http.endings import Endings
from stepwarden.settings import Settings

GRACE_S = 0.5  # for calls in flight to be answered; then they are ended, and the streams, which never end themselves
CANCEL_S = 1  # until uvicorn cancels what that did not end
BACKLOG = 2048  # connections that the system holds until they are accepted
LIMIT_S = 1.5  # until what is left is left: a call that waits for a busy store cannot be interrupted


class AddressTaken(StepwardenError):
    """The address cannot be listened on: the user has to choose another one."""


def bind(host: str, port: int) -> socket.socket:
    """Listen on an address; raises AddressTaken where that cannot be."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.create_server(address[:2], family=family, backlog=BACKLOG)  # pyright: ignore[reportArgumentType]
        # Connections inherit it; asyncio sets it only on sockets made with the number of their protocol. Without it the
        # second write of an answer waits 40 ms for the host's acknowledgement of the first.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The system asks after a client that says nothing, so that a stream to one that is gone ends.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return listener
    except OSError as error:
        # create_server puts the address into its own text; a name that is not found has no number of the system's.
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise AddressTaken(f"Cannot listen on {host}:{port}: {reason}; choose another --host or --port.") from error


async def serve(app: ASGIApp, settings: Settings, listener: socket.socket, path: str = "/mcp") -> None:
    """Serve until SIGINT or SIGTERM; then end open calls and streams, and the app's lifespan, within `LIMIT_S`.

    `path` is the one that people are told of.
    """
    endings = Endings(app)
    config = uvicorn.Config(
        endings,
        http=cast("type[asyncio.Protocol]", partial(ClientConnection, open_connections=OpenConnections())),
        backlog=ACCEPTED_AT_ONCE,
        log_config=None,  # its loggers hand their records to ours
        log_level=settings.log_level.lower(),
        access_log=settings.log_level in {"DEBUG", "INFO"},
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=CANCEL_S,
    )
    await _Server(config, endings, path).serve([listener])


class _Server(uvicorn.Server):
    """uvicorn that says where it listens, and whose shutdown has an end."""

    def __init__(self, config: uvicorn.Config, endings: Endings, path: str) -> None:
        super().__init__(config)
        self._path = path
        self._endings = endings

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or []:
            listener.listen(BACKLOG)  # asyncio has set it to as many as it accepts at once
            host, port = listener.getsockname()[:2]
            place = f"[{host}]" if ":" in host else host
            sys.stderr.write(f"listening on http://{place}:{port}{self._path}\n")
            sys.stderr.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().call_later(GRACE_S, self._endings.end_all)
        with anyio.move_on_after(LIMIT_S):
            await super().shutdown(sockets)
