"""MCP over standard input and output, without a thread on the way of a call.

The SDK's transport hands every line that is read, written or flushed to a worker thread and back, and every message
from task to task: a third of what a small call costs. Here the event loop is told by the system when there is something
to read, and writes at once what the system takes. A thread does what cannot be had so: input from a file, Windows, an
answer that the host is slow to read.
"""

import asyncio
import contextlib
import logging
import os
import select
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

import anyio
import anyio.to_thread
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCError, JSONRPCMessage, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from stepwarden.cli.message_lines import InvalidLine, format_line, read_line

CHUNK_BYTES = 64 * 1024
LINES_AHEAD = 64  # read before they are taken; then the host waits
PARTS_AT_ONCE = 16  # of an answer, before other calls get a turn
# Where the system says that there is room, a write of so many bytes to a pipe does not block.
_PART_BYTES: int = getattr(select, "PIPE_BUF", 0)

_logger = logging.getLogger(__name__)


class OpenRequests:
    """The requests that the host waits for: taken, and neither answered nor cancelled by it yet."""

    def __init__(self) -> None:
        self.answered = 0
        self._ids = set[int | str]()
        self._none = asyncio.Event()
        self._none.set()

    def take(self, message: JSONRPCMessage) -> None:
        """Note what comes from the host."""
        if isinstance(message, JSONRPCRequest):
            self._ids.add(message.id)
            self._none.clear()
        elif isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
            self._end((message.params or {}).get("requestId"))

    def answer(self, message: JSONRPCMessage) -> None:
        """Note what was written to the host, or cannot be."""
        if isinstance(message, JSONRPCResponse | JSONRPCError):
            self.answered += 1
            self._end(message.id)

    async def settle(self) -> None:
        """Wait until there is none."""
        await self._none.wait()

    def _end(self, message_id: object) -> None:
        if isinstance(message_id, int | str):
            self._ids.discard(message_id)
        if not self._ids:
            self._none.set()


class StdinMessages:
    """The messages of a host, one a line, as the SDK reads a stream; `ended` is set when there will be no more.

    `send` is told the error for a line that is no message: the SDK would say nothing, and its host wait. The first such
    line is told in the log. After the last message the stream ends once no request is open, because the SDK then
    cancels those that are.
    """

    def __init__(
        self,
        descriptor: int,
        ended: asyncio.Event,
        requests: OpenRequests,
        send: Callable[[SessionMessage], Awaitable[None]],
    ) -> None:
        self._descriptor = descriptor
        self._ended = ended
        self._requests = requests
        self._send = send
        self._ignored = 0
        self._loop = asyncio.get_running_loop()
        self._lines = deque[str]()
        self._begun = bytearray()  # the line whose end has not come
        self._news = asyncio.Event()
        self._watching = self._closed = False
        self._watch()
        self._can_watch = self._watching

    async def receive(self) -> SessionMessage | Exception:
        """Return the next message.

        Raises EndOfStream after the last one, ClosedResourceError once this was closed.
        """
        while True:
            line = await self._next_line()
            try:
                message = read_line(line)
            except InvalidLine as problem:
                await self._refuse(line, problem)
            else:
                self._requests.take(message.message)
                return message

    async def aclose(self) -> None:
        """Take no more lines; the descriptor stays open, since a thread may still read it."""
        self._closed = True
        self._unwatch()
        self._news.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _next_line(self) -> str:
        while not self._lines:
            if self._closed:
                raise anyio.ClosedResourceError
            if self._ended.is_set():
                await self._requests.settle()
                raise anyio.EndOfStream
            if self._can_watch:
                self._watch()
                self._news.clear()
                await self._news.wait()
            else:
                data = await anyio.to_thread.run_sync(_read_some, self._descriptor, abandon_on_cancel=True)
                self._take(data)
        return self._lines.popleft()

    async def _refuse(self, line: str, problem: InvalidLine) -> None:
        if not line.strip():
            return  # between messages, it does no harm
        self._ignored += 1
        _logger.log(
            logging.DEBUG if self._ignored > 1 else logging.WARNING,
            "a line of %d characters on standard input is no message and was ignored: %s",
            len(line),
            problem,
        )
        if problem.answer is not None:
            with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                await self._send(SessionMessage(problem.answer))

    def _watch(self) -> None:
        """Let the event loop read whenever there is something, where the system can tell when."""
        if not self._watching:
            with contextlib.suppress(OSError, NotImplementedError):
                self._loop.add_reader(self._descriptor, lambda: self._take(_read_some(self._descriptor)))
                self._watching = True

    def _unwatch(self) -> None:
        if self._watching:
            self._loop.remove_reader(self._descriptor)
            self._watching = False

    def _take(self, data: bytes | None) -> None:
        if data is None:
            return
        self._begun += data
        if b"\n" in data:
            *lines, self._begun = self._begun.split(b"\n")
            self._lines.extend(line.decode(errors="replace") for line in lines)
        if not data:
            if self._begun:
                self._lines.append(self._begun.decode(errors="replace"))
            self._ended.set()
        if not data or len(self._lines) >= LINES_AHEAD:
            self._unwatch()
        self._news.set()


def _read_some(descriptor: int) -> bytes | None:
    """Return what has come, None for nothing yet, no bytes at the end, which a host that has gone is as well."""
    try:
        return os.read(descriptor, CHUNK_BYTES)
    except BlockingIOError:
        return None
    except OSError:
        return b""


class StdoutMessages:
    """Where messages to a host are written, one a line; `ended` is set when it reads no more."""

    def __init__(self, descriptor: int, ended: asyncio.Event, requests: OpenRequests) -> None:
        self._descriptor = descriptor
        self._ended = ended
        self._requests = requests
        self._turn = asyncio.Lock()
        self._closed = False
        self._room = select.poll() if _PART_BYTES else None
        if self._room is not None:
            self._room.register(descriptor, select.POLLOUT)

    async def send(self, item: SessionMessage) -> None:
        """Write one message, whole when this returns.

        Raises BrokenResourceError where nothing more can be written, ClosedResourceError once this was closed.
        """
        line = format_line(item.message)
        try:
            async with self._turn:
                if self._closed:
                    raise anyio.ClosedResourceError
                await self._write_line(line)
        finally:
            self._requests.answer(item.message)

    async def aclose(self) -> None:
        """Write nothing more; the descriptor stays open, since a thread may still write to it."""
        self._closed = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _write_line(self, line: bytes) -> None:
        try:
            if rest := self._write_at_once(line):
                await anyio.to_thread.run_sync(self._write, rest)
        except OSError as error:  # it has gone, or what it made of our output cannot take it: a full disk
            if not isinstance(error, BrokenPipeError | ConnectionResetError):
                _logger.warning("standard output cannot be written, so the session ends: %s", error)
            self._closed = True  # what follows would be glued to half a line
            self._ended.set()
            raise anyio.BrokenResourceError from error

    def _write_at_once(self, data: bytes) -> bytes:
        """Write what the system takes without blocking, and return the rest."""
        if self._room is None:
            return data
        with contextlib.suppress(BlockingIOError):
            for _ in range(PARTS_AT_ONCE):
                if not data or not self._room.poll(0):
                    break
                data = data[os.write(self._descriptor, data[:_PART_BYTES]) :]
        return data

    def _write(self, data: bytes) -> None:
        """Write all of it, however long the host takes to read."""
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:  # somebody set it so
                assert self._room is not None
                self._room.poll()


def open_missing_descriptors() -> None:
    """Give this process the standard descriptors that it was started without.

    Whatever it opens first would take their numbers, and be taken for them.
    """
    for _ in range(3):
        descriptor = os.open(os.devnull, os.O_RDWR)
        if descriptor > 2:
            os.close(descriptor)
            return
        os.set_inheritable(descriptor, True)


def claim_stdio() -> tuple[int, int]:
    """Return descriptors of our own for what are standard input and output now.

    From then on the standard ones lead nowhere and to standard error: whatever this process or a child of it reads or
    prints by mistake is no part of the protocol.
    """
    private = _duplicate(0), _duplicate(1)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    os.dup2(2, 1)
    return private


def _duplicate(descriptor: int) -> int:
    """Return a duplicate that no child inherits, never one of the standard descriptors."""
    if sys.platform == "win32":
        return os.dup(descriptor)
    import fcntl

    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
