"""An upstream that is a command: its process, and lines of JSON-RPC over its pipes, bounded.

The SDK's own transport waits for the end of a line however long it gets, and drops stderr, where a command says why it
does not start.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import mcp_types
from anyio.abc import ByteReceiveStream, Process
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage
from pydantic import ValidationError

from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.failures import CallFailed, Failure, FailureKind, quoted
from stepwarden.upstream.transport.json_nesting import readable

LINE_BYTES = 8 * 1024 * 1024  # of one message
MESSAGES_AT_ONCE = 20_000  # in FLOOD_S; a server that sends more is ended
FLOOD_S = 10.0
GARBAGE_LINES = 100  # lines that are not messages; a banner or a stray print is forgiven
LAST_LINES = 5  # lines of stderr that are kept
GRACE_S = 2.0  # for the process to end once its input is closed, and once more after SIGTERM

Streams = tuple[MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]]


@dataclass
class _Pipes:
    """One process, its last lines of stderr, and who hears of its end."""

    process: Process
    config: UpstreamConfig
    on_failure: Callable[[Failure], None]
    on_line: Callable[[str], None]
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))
    ending: bool = False
    read_out: anyio.Event = field(default_factory=anyio.Event)

    async def read(self, out: MemoryObjectSendStream[SessionMessage | Exception]) -> None:
        """Pass on the messages of its stdout until it ends or breaks a limit; the rest is dropped."""
        assert self.process.stdout is not None
        await self._hand_on(self.process.stdout, out)
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError, OSError):
            async for _ in _chunks(self.process.stdout):  # a pipe is closed where its end was read
                pass
        self.read_out.set()

    async def _hand_on(
        self, stdout: ByteReceiveStream, out: MemoryObjectSendStream[SessionMessage | Exception]
    ) -> None:
        async with out:  # closed last: so that waiting calls get the reason first
            try:
                await self._read_lines(stdout, out)
            except (anyio.BrokenResourceError, anyio.ClosedResourceError, ConnectionError):
                pass  # our own end closed the pipe, or nobody reads any more
            except CallFailed as error:
                self.on_failure(error.failure)
                return
            if not self.ending:
                with anyio.move_on_after(0.5):  # so that its last words and its exit code are known
                    await self.process.wait()
                self.on_failure(Failure(FailureKind.BROKEN, self._end_words()))

    async def _read_lines(
        self, stdout: ByteReceiveStream, out: MemoryObjectSendStream[SessionMessage | Exception]
    ) -> None:
        buffer = bytearray()
        garbage, seen, since = 0, 0, anyio.current_time()
        async for chunk in _chunks(stdout):
            buffer += chunk
            if len(buffer) > LINE_BYTES:
                raise CallFailed(
                    Failure(FailureKind.TOO_LARGE, f"it sent a line over {LINE_BYTES >> 20} MiB and was ended")
                )
            if b"\n" not in chunk:
                continue
            *lines, rest = bytes(buffer).split(b"\n")
            buffer = bytearray(rest)
            now = anyio.current_time()
            seen, since = (len(lines), now) if now - since > FLOOD_S else (seen + len(lines), since)
            if seen > MESSAGES_AT_ONCE:
                raise CallFailed(
                    Failure(
                        FailureKind.GARBAGE,
                        f"it sent over {MESSAGES_AT_ONCE} messages in {FLOOD_S:.0f} s and was ended",
                    )
                )
            for line in filter(None, (line.strip() for line in lines)):
                message = _message(line)
                if message is None:
                    garbage += 1
                    if garbage >= GARBAGE_LINES:
                        example = quoted(line.decode(errors="replace"), 80)
                        words = f"it prints lines that are not MCP messages, such as: {example}"
                        raise CallFailed(Failure(FailureKind.GARBAGE, words))
                    continue
                await out.send(SessionMessage(message))

    async def write(self, messages: MemoryObjectReceiveStream[SessionMessage]) -> None:
        """Send messages to its stdin."""
        assert self.process.stdin is not None
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError, OSError):
            async with messages:
                async for message in messages:
                    line = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                    await self.process.stdin.send(line.encode(errors="replace") + b"\n")

    async def keep_stderr(self) -> None:
        """Keep the last lines of its stderr."""
        assert self.process.stderr is not None
        rest = b""
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError, OSError):
            async for chunk in _chunks(self.process.stderr):
                *lines, rest = (rest[-4_096:] + chunk).replace(b"\r", b"\n").split(b"\n")
                said = [quoted(line.decode(errors="replace")) for line in lines[-LAST_LINES:] if line.strip()]
                self.last_lines.extend(said)
                if rest.strip():  # such as a bar that shows how far a download is
                    self.on_line(quoted(rest.decode(errors="replace")))
                elif said:
                    self.on_line(said[-1])

    def _end_words(self) -> str:
        code = self.process.returncode
        how = "it closed its output" if code is None else f"its process ended with code {code}"
        return f"{how}: {self.last_lines[-1].rstrip('.')}" if self.last_lines else how

    async def end(self) -> None:
        """End the process and all it started: by closing its input, then by signals."""
        self.ending = True
        assert self.process.stdin is not None
        with suppress(OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            await self.process.stdin.aclose()
        with anyio.move_on_after(GRACE_S):
            await self.process.wait()
        await _end_tree(self.process)
        with anyio.move_on_after(0.5):  # a child that left the group could hold the pipe
            await self.process.wait()
            await self.read_out.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                with suppress(OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
                    await stream.aclose()


async def _end_tree(process: Process) -> None:
    if sys.platform == "win32":  # no groups there: what the command started itself is left to it
        if process.returncode is None:
            process.kill()
        return
    from mcp.os.posix.utilities import terminate_posix_process_tree

    await terminate_posix_process_tree(process, GRACE_S)


def left_to_end(group: int) -> None:
    """Leave a command and all it started to a shell that asks them to end, and kills what is left after 2 s.

    It stops looking as soon as they are gone, so that it cannot hit another group under the same number.
    """
    if sys.platform == "win32":
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGTERM)
        subprocess.Popen(  # noqa: S603 - our own words and a number
            ["/bin/sh", "-c", _REAPER, "reaper", str(group)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


_REAPER = "for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 0.2; kill -s 0 -- -$1 || exit 0; done; kill -s KILL -- -$1"


@asynccontextmanager
async def stdio_streams(
    config: UpstreamConfig,
    on_failure: Callable[[Failure], None],
    on_start: Callable[[int], None],
    on_line: Callable[[str], None],
) -> AsyncGenerator[Streams]:
    """Start the command and give the streams of its messages; it is ended with them.

    `on_start` gets its process group, `on_line` what it says last on stderr, again and again. Raises
    CallFailed where it cannot be started. It gets the usual harmless variables and `env`, nothing else of ours.
    """
    env = get_default_environment() | {name: value.get_secret_value() for name, value in config.env.items()}
    process = await _start(config, env)
    on_start(process.pid)  # which leads a group of its own
    to_us, inbound = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    outbound, to_it = anyio.create_memory_object_stream[SessionMessage](0)
    pipes = _Pipes(process, config, on_failure, on_line)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pipes.keep_stderr)
        tasks.start_soon(pipes.read, to_us)
        tasks.start_soon(pipes.write, to_it)
        try:
            yield inbound, outbound
        finally:
            with anyio.CancelScope(shield=True):
                inbound.close()
                outbound.close()
                await _undisturbed(pipes.end())
            tasks.cancel_scope.cancel()
    for stream in (to_us, to_it):
        stream.close()


async def _undisturbed(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` to its end, also where the task is cancelled meanwhile: that passes the shields of anyio."""
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    task.result()
    if cancelled:
        raise asyncio.CancelledError


async def _start(config: UpstreamConfig, env: dict[str, str]) -> Process:
    assert config.command is not None
    command = shutil.which(config.command, path=env.get("PATH")) or config.command
    try:
        return await anyio.open_process(
            [command, *config.args], env=env, cwd=config.cwd, start_new_session=sys.platform != "win32"
        )
    except FileNotFoundError as error:
        absolute = Path(config.command).is_absolute()
        words = f"there is no {config.command}{'' if absolute else '; give its absolute path'}"
        if config.cwd and not os.path.isdir(config.cwd):  # noqa: PTH112, ASYNC240
            words = f"there is no directory {config.cwd}, its cwd"
        raise CallFailed(Failure(FailureKind.UNREACHABLE, words)) from error
    except (OSError, ValueError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise CallFailed(Failure(FailureKind.UNREACHABLE, f"{config.command} cannot be started: {reason}")) from error


async def _chunks(stream: ByteReceiveStream) -> AsyncGenerator[bytes]:
    with suppress(anyio.EndOfStream):
        while True:
            yield await stream.receive(65_536)


def _message(line: bytes) -> mcp_types.JSONRPCMessage | None:
    try:
        return mcp_types.jsonrpc_message_adapter.validate_json(readable(line), by_name=False)
    except ValidationError:
        return None
