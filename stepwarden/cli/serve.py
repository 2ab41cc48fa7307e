"""`stepwarden serve`: one server process, from its signal handlers to its exit."""

import asyncio
import contextlib
import gc
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterable, Callable
from typing import NoReturn

import anyio
from mcp.server.mcpserver import MCPServer
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp.types import jsonrpc_message_adapter
from pydantic import ValidationError

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
    # Not `run_stdio_async`, which does not report the end of stdin before the last call in flight has ended.
    lowlevel = mcp._lowlevel_server  # pyright: ignore[reportPrivateUsage]
    send, receive = anyio.create_memory_object_stream[SessionMessage | Exception]()

    async def relay(incoming: AsyncIterable[SessionMessage | Exception]) -> None:
        async with send:
            with contextlib.suppress(anyio.BrokenResourceError):
                async for message in incoming:
                    await send.send(_read_leniently(message))
        ending.set()

    try:
        async with stdio_server() as (incoming, outgoing):
            try:
                async with incoming, receive, anyio.create_task_group() as group:
                    group.start_soon(relay, incoming)
                    await lowlevel.run(receive, outgoing, lowlevel.create_initialization_options())
                    group.cancel_scope.cancel()
            finally:
                ending.set()
    except* BrokenPipeError:
        pass  # the host closed our stdout, so it has gone


def _read_leniently(message: SessionMessage | Exception) -> SessionMessage | Exception:
    r"""Parse a message with half a surrogate pair (`"\ud800"`) in some text, which only Python's JSON reader accepts.

    The SDK's reader drops such a line, so that the host would never get a reply; the tool can say what is wrong.
    """
    if not isinstance(message, ValidationError):
        return message
    line = message.errors(include_url=False)[0].get("input")
    if not isinstance(line, str) or "\\ud" not in line.lower():
        return message
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_python(json.loads(line), by_name=False))
    except ValueError:  # pydantic's ValidationError is one too
        return message


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
