"""`stepwarden serve`: one server process, from its signal handlers to its exit."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

import anyio
from mcp.server.mcpserver import MCPServer

from stepwarden.cli.stdio import OpenRequests, StdinMessages, StdoutMessages, claim_stdio, open_missing_descriptors
from stepwarden.runtime import Runtime
from stepwarden.settings import Settings, load_settings

logger = logging.getLogger(__name__)

GARBAGE_OBJECTS = 10_000  # made and not freed, before the youngest are looked through; Python's default is 700
LAST_ANSWER_S = 5.0  # for each next answer, once the input has ended: a host that does not want them sends a signal
GRACE_S = 0.3  # for calls in flight to finish, once a signal came or the host reads no more
CLOSE_S = 0.3  # for closing the store: a call that waits for a lock cannot be interrupted


def serve(*, http: bool = False, host: str | None = None, port: int | None = None) -> None:
    """Serve stdio or HTTP until the host disconnects or a signal comes; `host` and `port` override the settings.

    Raises SettingsError where a setting is invalid, or HTTP would be open to other machines without a token.
    """
    open_missing_descriptors()
    _handle_signals(lambda: _exit(0))
    overrides = {"host": host, "port": port}
    settings = load_settings(**{name: value for name, value in overrides.items() if value is not None})
    if http:
        asyncio.run(_serve_http(settings))
    import server

    _freeze_imports()
    asyncio.run(_serve_stdio(server.mcp, server.runtime))


def _freeze_imports() -> None:
    """Exclude everything imported and built so far from garbage collection: it lives as long as the process.

    Look for garbage less often, too: what a call makes is freed by reference counts, but for the few cycles of errors.
    """
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS, 20, 20)
    gc.enable()


async def _serve_http(settings: Settings) -> NoReturn:
    from stepwarden.http.access import access

    allowed = access(settings)  # before heavy imports, so that a refusal comes at once
    from stepwarden.http.app import build_app
    from stepwarden.http.server import bind
    from stepwarden.http.server import serve as serve_app

    listener = bind(settings.host, settings.port)
    import server

    _freeze_imports()
    # uvicorn handles signals itself, and restores our handler, which exits, when it is done.
    await serve_app(build_app(server.mcp, server.runtime, allowed), settings, listener)
    server.runtime.abandon()
    _exit(0)


async def _serve_stdio(mcp: MCPServer, runtime: Runtime) -> NoReturn:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    _handle_signals(lambda: loop.call_soon_threadsafe(stopped.set))
    ended, requests = asyncio.Event(), OpenRequests()
    session = asyncio.create_task(_session(mcp, ended, stopped, requests))
    ending, stopping = asyncio.create_task(ended.wait()), asyncio.create_task(stopped.wait())
    await asyncio.wait({session, ending, stopping}, return_when=asyncio.FIRST_COMPLETED)
    answered = -1
    while not session.done() and not stopping.done() and answered < requests.answered:
        answered = requests.answered
        await asyncio.wait({session, stopping}, timeout=LAST_ANSWER_S, return_when=asyncio.FIRST_COMPLETED)
    if stopping.done():
        await asyncio.wait({session}, timeout=GRACE_S)
    error = session.exception() if session.done() else None
    if error is not None:
        logger.error("the session on stdio failed", exc_info=error)
    session.cancel()
    with anyio.move_on_after(CLOSE_S):
        await runtime.close()
    runtime.abandon()
    _exit(1 if error is not None else 0)


async def _session(mcp: MCPServer, ended: asyncio.Event, stopped: asyncio.Event, requests: OpenRequests) -> None:
    """Serve the protocol over stdin and stdout.

    Sets `ended` at the end of stdin and `stopped` at that of stdout: calls in flight outlast both, and so does the
    thread that reads an open stdin.
    """
    # Not `run_stdio_async`, which reports the end of stdin only after the last call in flight has ended.
    lowlevel = mcp._lowlevel_server  # pyright: ignore[reportPrivateUsage]
    stdin, stdout = claim_stdio()
    outgoing = StdoutMessages(stdout, stopped, requests)
    incoming = StdinMessages(stdin, ended, requests, outgoing.send)
    await lowlevel.run(incoming, outgoing, lowlevel.create_initialization_options())


def _handle_signals(act: Callable[[], object]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: act())


def _exit(code: int) -> NoReturn:
    """Exit the process at once.

    A thread that reads stdin or waits for a locked store can neither be interrupted nor abandoned: Python waits for
    every thread at exit. Nothing is lost by not waiting: what was acknowledged is on disk, and an interrupted
    transaction is rolled back.
    """
    for stream in filter(None, (sys.stdout, sys.stderr)):  # none where the process was started without it
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
