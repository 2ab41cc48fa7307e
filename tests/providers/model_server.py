"""A scripted endpoint in a thread of this process, asked by the real SDKs."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn  # noqa: TID253 - a test's server

from providers.retrying import Patience
from providers.scripted import Answering, Asked, Reply, Script
from providers.scripted_server import ScriptedServer
from stepwarden.models import Message, ModelRequest

QUICK = Patience(attempts=3, first_wait_s=0.0, longest_wait_s=0.0, jitter_s=0.0)
KEY = "sk-planted-0123456789abcdef"


class ModelServer(ScriptedServer):
    """A scripted endpoint, with its address."""

    url = ""

    @property
    def times_asked(self) -> int:
        return len(self.bodies)


@contextmanager
def serving(replies: list[Reply | str] | Answering) -> Iterator[ModelServer]:
    server = ModelServer(Script(replies))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        config = uvicorn.Config(server.app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        running = uvicorn.Server(config)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield server
        finally:
            running.should_exit = True
            thread.join()


class Gate:
    """Holds replies back until a test opens it; counts how many wait."""

    def __init__(self, reply: Reply | str = "late") -> None:
        self._opened = threading.Event()
        self._waiting = threading.Semaphore(0)
        self._reply = reply

    async def answer(self, asked: Asked) -> Reply | str:
        del asked
        self._waiting.release()
        while not self._opened.is_set():
            await asyncio.sleep(0.002)
        return self._reply

    def open(self) -> None:
        self._opened.set()

    async def until_asked(self, times: int = 1) -> None:
        for _ in range(times):
            assert await asyncio.to_thread(self._waiting.acquire, timeout=10)


def request(model: str = "m", text: str = "hi", **more: object) -> ModelRequest:
    return ModelRequest(model, (Message("user", text),), **more)  # pyright: ignore[reportArgumentType]
