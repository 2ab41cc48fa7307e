"""ASGI applications on loopback: in the loop of the test that asks them, or in a thread for all tests."""

import asyncio
import socket
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

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


@contextmanager
def served_by_thread(app: ASGIApp, listener: socket.socket, **options: Any) -> Generator[None]:
    """Serve `app` from a thread of its own; `options` are uvicorn's."""
    running = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1, **options))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield
    finally:
        running.should_exit = True
        thread.join()


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
