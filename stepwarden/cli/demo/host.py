"""The host's side of the demo: a server process that can be killed, and the real MCP client connected to it."""

import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream, Process
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from anyio.streams.text import TextReceiveStream
from mcp import Client
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter
from pydantic import ValidationError

COMMAND = (sys.executable, "-P", "-c", "from stepwarden.cli import main; raise SystemExit(main())")
"""`stepwarden`, of this very installation."""
SERVER = (*COMMAND, "serve")

CALL_S = 60.0  # for one answer of the server, its start included, on a machine with much else to do
COMMAND_S = 60.0  # for one run of another command of ours
END_S = 20.0  # for the server to end by itself when its stdin closes

_Incoming = SessionMessage | Exception
_Streams = tuple[MemoryObjectReceiveStream[_Incoming], MemoryObjectSendStream[SessionMessage]]


@dataclass(frozen=True)
class DemoPaths:
    """The files of the demo, below `directory`."""

    directory: Path

    @property
    def home(self) -> Path:
        """The state of the server: its `STEPWARDEN_HOME`."""
        return self.directory / "home"

    @property
    def program(self) -> Path:
        """The copy of the sample program."""
        return self.directory / "program"

    @property
    def log(self) -> Path:
        """The stderr of the server."""
        return self.directory / "server.log"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the server: the SDK's default, and where its state and files are."""
        ours = {"STEPWARDEN_HOME": str(self.home), "STEPWARDEN_ROOTS": str(self.program)}
        return get_default_environment() | ours

    def stepwarden(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `stepwarden` with `arguments` on the state of the server."""
        return subprocess.run(  # noqa: S603 - our own command
            [*COMMAND, *arguments],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )

    def last_message(self) -> str:
        """Return the last line of the server's stderr, "" where there is none."""
        with suppress(OSError):
            lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")
            return next((line.strip() for line in reversed(lines) if line.strip()), "")
        return ""


@dataclass(frozen=True)
class DemoServer:
    """A running server and the client connected to it."""

    client: Client
    process: Process

    async def kill(self) -> int:
        """Kill the process as `kill -9` does, and return its exit code."""
        self.process.kill()
        return await self.process.wait()


@asynccontextmanager
async def start_server(command: Sequence[str], paths: DemoPaths) -> AsyncGenerator[DemoServer, None]:
    """Start a server and connect to it; it has ended when the block is left.

    Raises OSError where it cannot be started, MCPError where it does not answer.
    """
    with paths.log.open("ab") as log:
        process = await anyio.open_process(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=paths.directory,
            env=paths.environment,
        )
    async with Client(_connect(process), read_timeout_seconds=CALL_S) as client:
        yield DemoServer(client, process)


@asynccontextmanager
async def _connect(process: Process) -> AsyncGenerator[_Streams, None]:
    """Carry the messages of the client over the pipes of `process`.

    The SDK's own `stdio_client` does the same, but does not expose the process, which the demo has to kill.
    """
    received, incoming = anyio.create_memory_object_stream[_Incoming](0)
    outgoing, sent = anyio.create_memory_object_stream[SessionMessage](0)
    assert process.stdin is not None
    assert process.stdout is not None
    async with anyio.create_task_group() as group:
        group.start_soon(_read, process.stdout, received)
        group.start_soon(_write, sent, process.stdin)
        try:
            yield incoming, outgoing
        finally:
            with anyio.CancelScope(shield=True):
                await _end(process)
            incoming.close()
            outgoing.close()
            group.cancel_scope.cancel()


async def _read(stdout: ByteReceiveStream, received: MemoryObjectSendStream[_Incoming]) -> None:
    unfinished = ""
    with received, suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        async for text in TextReceiveStream(stdout):
            *lines, unfinished = (unfinished + text).split("\n")
            for line in lines:
                await received.send(_message(line))


def _message(line: str) -> _Incoming:
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValidationError as error:
        return error


async def _write(sent: MemoryObjectReceiveStream[SessionMessage], stdin: ByteSendStream) -> None:
    with sent, suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
        async for message in sent:
            json = message.message.model_dump_json(by_alias=True, exclude_unset=True)
            await stdin.send(f"{json}\n".encode())


async def _end(process: Process) -> None:
    """Close stdin, as hosts do at their end, and kill a process that does not end by that."""
    assert process.stdin is not None
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
        await process.stdin.aclose()
    with anyio.move_on_after(END_S):
        await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()
