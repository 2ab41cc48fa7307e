"""`stepwarden serve`: one server process, from its first signal handler to its end."""

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

GRACE_S = 0.3  # for calls in flight to be answered, once the host has gone or a signal came
CLOSE_S = 0.3  # for the store: a call that waits for a busy one cannot be interrupted


def serve(*, http: bool = False, host: str | None = None, port: int | None = None) -> None:
    """Serve stdio, or HTTP, until the host goes or a signal comes; `host` and `port` win over the settings.

    Raises SettingsError where a setting has no usable value, or HTTP would be open to other machines without a token.
    """
    _on_signals(lambda: _leave(0))
    overrides = {"host": host, "port": port}
    settings = load_settings(**{name: value for name, value in overrides.items() if value is not None})
    if http:
        asyncio.run(_http(settings))
    import server

    _settle_garbage()
    asyncio.run(_stdio(server.mcp, server.runtime))


def _settle_garbage() -> None:
    """Leave what is imported and built by now out of every collection: it stays as long as the process."""
    gc.freeze()
    gc.enable()


async def _http(settings: Settings) -> NoReturn:
    from stepwarden.http.access import access

    allowed = access(settings)  # before anything heavy: a refusal comes at once
    from stepwarden.http.app import build_app
    from stepwarden.http.server import bind
    from stepwarden.http.server import serve as serve_app

    listener = bind(settings.host, settings.port)
    import server

    _settle_garbage()
    # uvicorn takes the signals over, and hands them back to our handler, the end of the process, when it is done.
    await serve_app(build_app(server.mcp, server.runtime, allowed), settings, listener)
    server.runtime.abandon()
    _leave(0)


async def _stdio(mcp: MCPServer, runtime: Runtime) -> NoReturn:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    _on_signals(lambda: loop.call_soon_threadsafe(ending.set))
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
    _leave(1 if error is not None else 0)


async def _session(mcp: MCPServer, ending: asyncio.Event) -> None:
    """Speak the protocol over stdin and stdout.

    Sets `ending` at the end of either: calls in flight outlast it, and the thread that reads an open stdin does too.
    """
    # Not `run_stdio_async`, which keeps the end of stdin to itself until the last call in flight has ended.
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
        pass  # the host closed our stdout: it has gone


def _read_leniently(message: SessionMessage | Exception) -> SessionMessage | Exception:
    r"""Return a message that only Python's JSON reader takes: half of a surrogate pair (`"\ud800"`) in some text.

    The SDK's reader drops such a line, and the host would wait for its answer for ever; the tool can tell it what is
    wrong.
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


def _on_signals(act: Callable[[], object]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: act())


def _leave(code: int) -> NoReturn:
    """End the process here and now.

    A thread that reads stdin, or waits for a busy store, can neither be interrupted nor left alone: Python waits for
    every thread at its exit. Nothing is lost by not waiting: what was acknowledged is on disk, and a transaction cut
    off is none.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
