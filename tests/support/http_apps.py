"""ASGI applications on loopback, in the loop of the test that asks them."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

import uvicorn  # noqa: TID253 - the tests' own servers
from starlette.types import ASGIApp
from uvicorn.server import ServerState  # noqa: TID253


def free_listener() -> socket.socket:
    """Return a listening socket on a port of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    return listener


def address_of(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@asynccontextmanager
async def served(app: ASGIApp, listener: socket.socket) -> AsyncGenerator[None]:
    """Serve `app` by uvicorn's protocol. It is there at once and gone at once: `uvicorn.Server` looks every 0.1 s."""
    config = uvicorn.Config(app, log_config=None, lifespan="off")
    config.load()
    state = ServerState()
    protocol = partial(config.http_protocol_class, config=config, server_state=state, app_state={})  # pyright: ignore
    server = await asyncio.get_running_loop().create_server(protocol, sock=listener)
    try:
        yield
    finally:
        server.close()
        for connection in list(state.connections):
            connection.shutdown()
        for task in (tasks := set(state.tasks)):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
