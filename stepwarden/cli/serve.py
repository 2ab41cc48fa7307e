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

from stepwarden.cli.stdio import StdinMessages, StdoutMessages, claim_stdio
from stepwarden.runtime import Runtime
from stepwarden.settings import Settings, load_settings

logger = logging.getLogger(__name__)

GARBAGE_OBJECTS = 10_000  # made and not freed, before the youngest are looked through; Python's default is 700
GRACE_S = 0.3  # for calls in flight to finish, once the host has gone or a signal came
CLOSE_S = 0.3  # for closing the store: a call that waits for a lock cannot be interrupted


def serve(*, http: bool = False, host: str | None = None, port: int | None = None) -> None:
    """Serve stdio or HTTP until the host disconnects or a signal comes; `host` and `port` override the settings.

    Raises SettingsError where a setting is invalid, or HTTP would be open to other machines without a token.
    """
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
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    _handle_signals(lambda: loop.call_soon_threadsafe(ending.set))
    session = asyncio.create_task(_session(mcp, ending))
    waiting = asyncio.create_task(ending.wait())
    await asyncio.wait({session, waiting}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait({session}, timeout=GRACE_S)
    error = session.exception() if session.done() else None
    if error is not None:
        logger.error("the session on stdio failed", exc_info=error)
    session.cancel()
    with anyio.move_on_after(CLOSE_S):
        await runtime.close()
    runtime.abandon()
    _exit(1 if error is not None else 0)


async def _session(mcp: MCPServer, ending: asyncio.Event) -> None:
    """Serve the protocol over stdin and stdout.

    Sets `ending` at the end of either: calls in flight outlast it, and so does the thread that reads an open stdin.
    """
    # Not `run_stdio_async`, which reports the end of stdin only after the last call in flight has ended.
    lowlevel = mcp._lowlevel_server  # pyright: ignore[reportPrivateUsage]
    stdin, stdout = claim_stdio()
    incoming, outgoing = StdinMessages(stdin, ending), StdoutMessages(stdout, ending)
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
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
