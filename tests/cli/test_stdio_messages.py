"""Messages over standard input and output: whole, in order, and without a thread where the system needs none."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCError, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from stepwarden.cli.stdio import LINES_AHEAD, OpenRequests, StdinMessages, StdoutMessages
from tests.support.processes import unmeasured
from tests.support.stdio_server import message

pytestmark = pytest.mark.asyncio


@dataclass
class Pipe:
    reads: int
    writes: int

    def close_reader(self) -> None:
        os.close(self.reads)
        self.reads = -1

    def close_writer(self) -> None:
        os.close(self.writes)
        self.writes = -1


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe(*os.pipe())
    yield pipe
    for descriptor in (pipe.reads, pipe.writes):
        if descriptor >= 0:
            os.close(descriptor)


class Refusals:
    """What a host would be told of its lines that are no messages."""

    def __init__(self) -> None:
        self.errors = list[tuple[int, object]]()

    async def send(self, answer: SessionMessage) -> None:
        assert isinstance(answer.message, JSONRPCError)
        self.errors.append((answer.message.error.code, answer.message.id))


def reading(
    descriptor: int,
    ended: asyncio.Event | None = None,
    requests: OpenRequests | None = None,
    refusals: Refusals | None = None,
) -> StdinMessages:
    send = (refusals or Refusals()).send
    return StdinMessages(descriptor, ended or asyncio.Event(), requests or Unwatched(), send)


def writing(descriptor: int, ended: asyncio.Event | None = None) -> StdoutMessages:
    return StdoutMessages(descriptor, ended or asyncio.Event(), OpenRequests())


class Unwatched(OpenRequests):
    """For a test that answers nothing: the end of the input is told at once."""

    async def settle(self) -> None:
        return


def ids(messages: list[SessionMessage | Exception]) -> list[object]:
    found = [each.message for each in messages if isinstance(each, SessionMessage)]
    assert len(found) == len(messages)
    return [each.id for each in found if isinstance(each, JSONRPCRequest)]


def note(text: str) -> SessionMessage:
    return SessionMessage(JSONRPCNotification(jsonrpc="2.0", method="note", params={"text": text}))


def read_all(descriptor: int) -> bytes:
    data = b""
    while more := os.read(descriptor, 1 << 16):
        data += more
    return data


async def test_lines_cut_and_glued_anywhere_arrive_whole_and_in_order(pipe: Pipe) -> None:
    messages = reading(pipe.reads)
    data = b"".join(message("ping", number, text="wide 語 " * 9) for number in range(40))

    def write() -> None:
        for place in range(0, len(data), 31):
            os.write(pipe.writes, data[place : place + 31])
        pipe.close_writer()

    writing = asyncio.create_task(asyncio.to_thread(write))
    assert ids([each async for each in messages]) == list(range(40))
    await writing


async def test_the_last_line_needs_no_end_and_the_end_is_told_before_the_lines_are_taken(pipe: Pipe) -> None:
    ended = asyncio.Event()
    messages = reading(pipe.reads, ended)
    os.write(pipe.writes, message("ping", 1) + message("ping", 2).rstrip())
    pipe.close_writer()
    await ended.wait()
    assert ids([each async for each in messages]) == [1, 2]
    with pytest.raises(anyio.EndOfStream):
        await messages.receive()


async def test_a_file_is_read_as_well(tmp_path: Path) -> None:
    ended, file = asyncio.Event(), tmp_path / "said"
    file.write_bytes(b"".join(message("ping", number, text="x" * 5_000) for number in range(40)))
    with file.open("rb") as opened:
        messages = reading(opened.fileno(), ended)
        assert ids([each async for each in messages]) == list(range(40))
    assert ended.is_set()


async def test_a_host_that_writes_far_ahead_waits_until_its_lines_are_taken(pipe: Pipe) -> None:
    messages = reading(pipe.reads)
    line = message("ping", 1, text="x" * 30_000)
    os.set_blocking(pipe.writes, False)
    written = b""
    for _ in range(100 * LINES_AHEAD):
        try:
            written += line[: os.write(pipe.writes, line)]
        except BlockingIOError:
            break
        await asyncio.sleep(0)  # the event loop reads what there is
    else:
        pytest.fail("everything is read at once, however much it is")
    os.set_blocking(pipe.writes, True)
    writing = asyncio.create_task(asyncio.to_thread(os.write, pipe.writes, b"\n"))
    taken = [await messages.receive() for _ in range(written.count(b"\n"))]
    assert len(taken) >= LINES_AHEAD
    await writing


async def test_what_is_no_message_is_answered_and_told_once_and_the_next_one_is_read(
    pipe: Pipe, caplog: pytest.LogCaptureFixture
) -> None:
    refusals = Refusals()
    messages = reading(pipe.reads, refusals=refusals)
    os.write(pipe.writes, b"nonsense\n\n\r\n" + b'{"jsonrpc": "2.0", "id": 7}\n' + b"5\n" + message("ping", 3))
    assert ids([await messages.receive()]) == [3]
    assert refusals.errors == [(-32700, None), (-32600, 7), (-32600, None)]
    assert [record.levelname for record in caplog.records if record.name == "stepwarden.cli.stdio"] == ["WARNING"]


async def test_the_input_ends_once_all_that_came_before_its_end_is_answered_or_cancelled(pipe: Pipe) -> None:
    requests = OpenRequests()
    messages = reading(pipe.reads, requests=requests)
    os.write(pipe.writes, message("ping", 1) + message("ping", 2))
    os.write(pipe.writes, message("notifications/cancelled", None, requestId=2))
    pipe.close_writer()
    assert ids([await messages.receive() for _ in range(3)]) == [1, 2]
    ending = asyncio.create_task(messages.receive())
    for _ in range(9):
        await asyncio.sleep(0)
    assert not ending.done()
    requests.answer(JSONRPCResponse(jsonrpc="2.0", id=1, result={}))
    with pytest.raises(anyio.EndOfStream):
        await ending


async def test_whoever_waits_is_told_when_the_messages_are_closed(pipe: Pipe) -> None:
    messages = reading(pipe.reads)
    waiting = asyncio.create_task(messages.receive())
    await asyncio.sleep(0)
    await messages.aclose()
    with pytest.raises(anyio.ClosedResourceError):
        await waiting


async def test_a_descriptor_that_does_not_block_is_read_and_written_like_any_other(pipe: Pipe) -> None:
    os.set_blocking(pipe.reads, False)
    os.set_blocking(pipe.writes, False)
    incoming, outgoing = reading(pipe.reads), writing(pipe.writes)
    text = "x" * 1_000_000  # many times what a pipe holds
    sending = asyncio.create_task(outgoing.send(note(text)))
    said = await incoming.receive()
    await sending
    assert said == note(text)


async def test_small_messages_start_no_thread(pipe: Pipe) -> None:
    before = set(threading.enumerate())
    incoming, outgoing = reading(pipe.reads), writing(pipe.writes)
    for number in range(20):
        await outgoing.send(note(f"{number}" * 900))
        assert await incoming.receive() == note(f"{number}" * 900)
    assert set(threading.enumerate()) <= before


async def test_answers_to_a_host_that_does_not_read_wait_and_are_not_mixed(pipe: Pipe) -> None:
    outgoing = writing(pipe.writes)
    notes = [note(letter * 300_000) for letter in "qwz"]
    sending = [asyncio.create_task(outgoing.send(each)) for each in notes]
    for _ in range(50):
        await asyncio.sleep(0)  # the event loop goes on meanwhile
    assert not any(each.done() for each in sending)
    reading = asyncio.create_task(asyncio.to_thread(read_all, pipe.reads))
    await asyncio.gather(*sending)
    pipe.close_writer()
    lines = (await reading).splitlines()
    assert [line.count(letter) for line, letter in zip(lines, (b"q", b"w", b"z"), strict=True)] == [300_000] * 3


async def test_a_host_that_reads_no_more_ends_the_session(pipe: Pipe) -> None:
    ended = asyncio.Event()
    outgoing = writing(pipe.writes, ended)
    pipe.close_reader()
    with pytest.raises(anyio.BrokenResourceError):
        await outgoing.send(note("hello"))
    assert ended.is_set()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
async def test_an_output_that_takes_no_more_ends_the_session() -> None:
    stopped, full = asyncio.Event(), os.open("/dev/full", os.O_WRONLY)
    outgoing = writing(full, stopped)
    with pytest.raises(anyio.BrokenResourceError):
        await outgoing.send(note("hello"))
    assert stopped.is_set()
    with pytest.raises(anyio.ClosedResourceError):
        await outgoing.send(note("never behind half a line"))
    os.close(full)


async def test_nothing_is_written_once_the_messages_are_closed(pipe: Pipe) -> None:
    outgoing = writing(pipe.writes)
    await outgoing.aclose()
    with pytest.raises(anyio.ClosedResourceError):
        await outgoing.send(note("late"))
    pipe.close_writer()
    assert read_all(pipe.reads) == b""


async def test_what_a_server_prints_or_a_child_reads_by_mistake_is_no_part_of_the_protocol() -> None:
    code = (
        "import os, subprocess, sys; from stepwarden.cli.stdio import claim_stdio; stdin, stdout = claim_stdio();"
        "print('printed', flush=True); subprocess.run(['cat'], check=True);"
        "os.write(stdout, b'said: ' + os.read(stdin, 99)); assert min(stdin, stdout) > 2"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=b"heard", capture_output=True, check=True, env=unmeasured()
    )
    assert (done.stdout, done.stderr) == (b"said: heard", b"printed\n")
