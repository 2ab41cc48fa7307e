"""MCP over standard input and output, without a thread on the way of a call.

The SDK's transport hands every line that is read, written or flushed to a worker thread and back, and every message
from task to task: a third of what a small call costs. Here the event loop is told by the system when there is something
to read, and writes at once what the system takes. A thread does what cannot be had so: input from a file, Windows, an
answer that the host is slow to read.
"""

import asyncio
import contextlib
import json
import os
import select
import sys
from collections import deque
from types import TracebackType
from typing import Self

import anyio
import anyio.to_thread
from mcp.shared.message import SessionMessage
from mcp.types import jsonrpc_message_adapter
from pydantic import ValidationError

CHUNK_BYTES = 64 * 1024
LINES_AHEAD = 64  # read before they are taken; then the host waits
PARTS_AT_ONCE = 16  # of an answer, before other calls get a turn
# Where the system says that there is room, a write of so many bytes to a pipe does not block.
_PART_BYTES: int = getattr(select, "PIPE_BUF", 0)


class StdinMessages:
    """The messages of a host, one a line, as the SDK reads a stream; `ended` is set when there will be no more."""

    def __init__(self, descriptor: int, ended: asyncio.Event) -> None:
        self._descriptor = descriptor
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._lines = deque[str]()
        self._begun = bytearray()  # the line whose end has not come
        self._news = asyncio.Event()
        self._watching = self._closed = False
        self._watch()
        self._can_watch = self._watching

    async def receive(self) -> SessionMessage | Exception:
        """Return the next message, or what was wrong with its line.

        Raises EndOfStream after the last one, ClosedResourceError once this was closed.
        """
        while not self._lines:
            if self._closed:
                raise anyio.ClosedResourceError
            if self._ended.is_set():
                raise anyio.EndOfStream
            if self._can_watch:
                self._watch()
                self._news.clear()
                await self._news.wait()
            else:
                data = await anyio.to_thread.run_sync(_read_some, self._descriptor, abandon_on_cancel=True)
                self._take(data)
        return read_message(self._lines.popleft())

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

    def __init__(self, descriptor: int, ended: asyncio.Event) -> None:
        self._descriptor = descriptor
        self._ended = ended
        self._turn = asyncio.Lock()
        self._closed = False
        self._room = select.poll() if _PART_BYTES else None
        if self._room is not None:
            self._room.register(descriptor, select.POLLOUT)

    async def send(self, item: SessionMessage) -> None:
        """Write one message, whole when this returns.

        Raises BrokenResourceError where the host reads no more, ClosedResourceError once this was closed.
        """
        line = item.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n"
        async with self._turn:
            if self._closed:
                raise anyio.ClosedResourceError
            try:
                if rest := self._write_at_once(line):
                    await anyio.to_thread.run_sync(self._write, rest)
            except (BrokenPipeError, ConnectionResetError) as error:
                self._ended.set()
                raise anyio.BrokenResourceError from error

    async def aclose(self) -> None:
        """Write nothing more; the descriptor stays open, since a thread may still write to it."""
        self._closed = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        await self.aclose()

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


def read_message(line: str) -> SessionMessage | Exception:
    r"""Return the message of a line, or what is wrong with it.

    One with half a surrogate pair (`"\ud800"`) in some text is read too, which only Python's JSON reader accepts: the
    tool can say what is wrong, where the SDK would drop the line and its host never get a reply.
    """
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValidationError as error:
        if "\\ud" not in line.lower():
            return error
        try:
            return SessionMessage(jsonrpc_message_adapter.validate_python(json.loads(line), by_name=False))
        except ValueError:  # pydantic's ValidationError is one too
            return error


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
