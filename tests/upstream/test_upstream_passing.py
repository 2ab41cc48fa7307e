"""What passes through between a host and an upstream on the real SDK: questions, progress, structure, ends."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from mcp import Client
from mcp.server.mcpserver import MCPServer
from mcp.types import ElicitResult, InputRequiredResult

from server import build_server
from stepwarden.runtime import Runtime, build_runtime
from stepwarden.settings import load_settings
from stepwarden.upstream.tool_call import PERSON_S
from tests.support.loop_clock import LoopClock

pytestmark = pytest.mark.asyncio(loop_scope="module")

UPSTREAM = """
import asyncio, socket
from typing import Annotated
from pydantic import BaseModel
from mcp.server.mcpserver import Context, Elicit, MCPServer, Resolve
from mcp.types import ToolAnnotations

mcp = MCPServer("asker", log_level="ERROR")
reads = ToolAnnotations(read_only_hint=True)


class Sure(BaseModel):
    sure: bool


class Row(BaseModel):
    key: str
    words: str


class Rows(BaseModel):
    total: int
    rows: list[Row]


class Issue(BaseModel):
    key: str
    text: str


def tell(port: int, words: str) -> None:
    with socket.create_connection(("127.0.0.1", port)) as listener:
        listener.sendall(words.encode())


@mcp.tool(annotations=reads)
async def risky(count: int, answer: Annotated[Sure, Resolve(lambda count: Elicit(f"Really {count}?", Sure))]) -> str:
    return f"{count}: {answer.sure}"


@mcp.tool(annotations=reads)
async def twice(ctx: Context, port: int = 0) -> str:
    answers = []
    for number in range(2):
        await ctx.report_progress(number + 1, 2, f"question {number + 1}")
        answer = await ctx.elicit(f"Number {number + 1}?", Sure)
        answers.append(answer.action)
    if port:
        tell(port, " ".join(answers))
    return " ".join(answers)


@mcp.tool(annotations=reads)
async def issue(size: int) -> Issue:
    return Issue(key="A-1", text="x" * size)


@mcp.tool(annotations=reads)
async def rows(count: int) -> Rows:
    return Rows(total=count, rows=[Row(key=f"A-{number}", words="w" * 40) for number in range(count)])


@mcp.tool(annotations=reads)
async def endless(port: int, ctx: Context) -> str:
    try:
        await ctx.report_progress(1, 2, "step 1")
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        tell(port, "cancelled")
        raise
    return "done"


mcp.run()
"""
CALL_S = 20.0


class Askers:
    """A server of ours for each protocol of one upstream, shared by the tests: what a test may change is its host."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[str, tuple[Runtime, MCPServer]] = {}

    def server(self, protocol: str) -> MCPServer:
        """Return the server of ours whose upstream speaks `protocol`."""
        if protocol not in self._made:
            home = self._folder / protocol
            home.mkdir()
            entry = {"command": sys.executable, "args": ["-c", UPSTREAM], "protocol": protocol, "timeout_s": CALL_S}
            shown = {"expose": ["*"], "prefix": "u", "result_bytes": 2_000}
            (home / "upstreams.json").write_text(json.dumps({"upstreams": {"asker": entry | shown}}))
            settings = load_settings(home=home)
            runtime = build_runtime(settings)
            self._made[protocol] = runtime, build_server(settings, runtime)
        return self._made[protocol][1]

    async def close(self) -> None:
        for runtime, _ in self._made.values():
            await runtime.close()

    @asynccontextmanager
    async def host(
        self,
        *,
        mode: str,
        upstream: str = "auto",
        answer: ElicitResult | None = None,
        before_answering: Callable[[], None] = lambda: None,
    ) -> AsyncGenerator[tuple[Client, list[str]]]:
        """Connect a host whose user gives `answer`; gives what its user was asked too."""
        asked: list[str] = []

        async def put(context: Any, params: Any) -> ElicitResult:
            assert answer is not None
            asked.append(params.message)
            before_answering()
            return answer

        app = self.server(upstream)
        async with Client(app, mode=mode, elicitation_callback=put if answer else None) as client:
            await client.list_tools()
            yield client, asked


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def askers(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Askers]:
    made = Askers(tmp_path_factory.mktemp("askers"))
    yield made
    await made.close()


@asynccontextmanager
async def hearing() -> AsyncGenerator[tuple[int, "asyncio.Queue[str]"]]:
    """Listen on a port for what the upstream tells past its protocol."""
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.put_nowait((await reader.read()).decode())
        writer.close()

    async with await asyncio.start_server(hear, "127.0.0.1", 0) as listener:
        yield listener.sockets[0].getsockname()[1], heard


def text(result: Any) -> str:
    return "\n".join(block.text for block in result.content)


@pytest.mark.parametrize("upstream", ["legacy", "modern"])
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_question_of_an_upstream_reaches_the_user_of_its_call(askers: Askers, mode: str, upstream: str) -> None:
    answer = ElicitResult(action="accept", content={"sure": True})
    async with askers.host(mode=mode, upstream=upstream, answer=answer) as (client, asked):
        by_tool = await client.call_tool("upstream", {"action": "call", "tool": "risky", "arguments": {"count": 3}})
        exposed = await client.call_tool("u_risky", {"count": 4})
    assert "3: True" in text(by_tool)
    assert "4: True" in text(exposed)
    assert asked == ["Really 3?", "Really 4?"]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_call_that_asks_twice_goes_on_after_each_answer(askers: Askers, mode: str) -> None:
    answer, clock = ElicitResult(action="decline"), LoopClock()
    told: list[str] = []
    both_told = asyncio.Event()

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        told.append(message or "")
        if len(told) == 2:
            both_told.set()

    def a_second_passes() -> None:  # more progress than a host can take would be left out
        clock.forward(1.0)

    hosting = askers.host(mode=mode, upstream="legacy", answer=answer, before_answering=a_second_passes)
    async with hosting as (client, asked):
        got = await client.call_tool("u_twice", {}, progress_callback=on_progress)
        await both_told.wait()
    assert text(got) == "decline decline"
    assert asked == ["Number 1?", "Number 2?"]
    assert told == ["question 1", "question 2"]


async def test_an_answer_that_comes_twice_is_told_to_be_late(askers: Askers) -> None:
    answer = ElicitResult(action="accept", content={"sure": True})
    async with askers.host(mode="auto", upstream="legacy", answer=answer) as (client, _):
        first = await client.session.call_tool("u_risky", {"count": 3}, allow_input_required=True)
        assert isinstance(first, InputRequiredResult)
        (key,) = first.input_requests or {}
        again: dict[str, Any] = {"input_responses": {key: answer}, "request_state": first.request_state}
        done = await client.session.call_tool("u_risky", {"count": 3}, **again)
        late = await client.session.call_tool("u_risky", {"count": 3}, **again)
    assert "3: True" in text(done)
    assert "came too late" in text(late)


async def test_an_answer_after_its_time_answers_no_other_question(askers: Askers) -> None:
    clock = LoopClock()
    answer = ElicitResult(action="accept", content={"sure": True})
    hosting = askers.host(mode="auto", upstream="legacy", answer=answer)
    async with hosting as (client, asked), hearing() as (port, heard):
        first = await client.session.call_tool("u_twice", {"port": port}, allow_input_required=True)
        assert isinstance(first, InputRequiredResult)
        (key,) = first.input_requests or {}
        clock.forward(PERSON_S + 1.0)
        assert await heard.get() == "cancel cancel"
        late = await client.session.call_tool(
            "u_twice", {"port": port}, input_responses={key: answer}, request_state=first.request_state
        )
    assert late.is_error
    assert "came too late" in text(late)
    assert asked == []


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_person_may_take_longer_than_a_call(askers: Askers, mode: str) -> None:
    answer, clock = ElicitResult(action="accept", content={"sure": True}), LoopClock()

    def a_while_passes() -> None:
        clock.forward(CALL_S * 1.5)

    hosting = askers.host(mode=mode, upstream="legacy", answer=answer, before_answering=a_while_passes)
    async with hosting as (client, _):
        got = await client.call_tool("u_risky", {"count": 3})
    assert "3: True" in text(got)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_host_that_cannot_ask_is_told_what_was_wanted(askers: Askers, mode: str) -> None:
    async with askers.host(mode=mode, upstream="modern") as (client, _):
        got = await client.call_tool("u_risky", {"count": 3})
    assert got.is_error
    assert "asks the user" in text(got)
    assert "It asks: Really 3?" in text(got)


async def test_a_structured_result_passes_as_it_is_and_a_long_one_is_paged(askers: Askers) -> None:
    async with askers.host(mode="auto") as (client, _):
        listed = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert listed["u_issue"].output_schema is not None
        short = await client.call_tool("u_issue", {"size": 20})
        assert short.structured_content == {"key": "A-1", "text": "x" * 20}
        assert not short.is_error
        long = await client.call_tool("u_issue", {"size": 9_000})
        assert len(text(long)) < 3_000
        assert not long.is_error
        assert long.structured_content
        assert long.structured_content["key"] == "A-1"
        assert 1_200 < len(long.structured_content["text"]) < 2_000
        found = re.search(r'result="(result-\w+)", after=(\d+)', text(long))
        assert found
        page = {"action": "page", "result": found[1], "after": int(found[2])}
        rest = await client.call_tool("upstream", page)
        assert text(rest).count("x") > 6_000
        resource = await client.read_resource(f"stepwarden://upstream/results/{found[1]}?after=0")
        assert "A-1" in resource.contents[0].text  # pyright: ignore


async def test_long_rows_are_paged_whole_and_stay_a_result_with_structure(askers: Askers) -> None:
    async with askers.host(mode="auto") as (client, _):
        await client.list_tools()
        exposed = await client.call_tool("u_rows", {"count": 200})
        called = {"action": "call", "tool": "asker/rows", "arguments": {"count": 200}}
        by_name = await client.call_tool("upstream", called)
        assert not exposed.is_error
        assert not by_name.is_error
        assert exposed.structured_content
        assert by_name.structured_content
        assert exposed.structured_content["total"] == 200
        assert exposed.structured_content["rows"][0] == {"key": "A-0", "words": "w" * 40}
        assert 10 < len(exposed.structured_content["rows"]) < 40
        assert by_name.structured_content["data"] == exposed.structured_content
        assert by_name.structured_content["shortened"] is True
        seen: list[str] = []
        said = text(by_name)
        while found := re.search(r'result="(result-\w+)", after=(\d+)', said):
            seen += [line for line in said.splitlines() if line.startswith('{"key"')]
            said = text(
                await client.call_tool("upstream", {"action": "page", "result": found[1], "after": int(found[2])})
            )
        seen += [line for line in said.splitlines() if line.startswith('{"key"')]
    assert [json.loads(line.rstrip(",").removesuffix("]}"))["key"] for line in seen] == [f"A-{n}" for n in range(200)]


async def test_a_text_and_its_structured_copy_count_once(askers: Askers) -> None:
    async with askers.host(mode="auto") as (client, _):
        await client.list_tools()
        got = await client.call_tool("u_issue", {"size": 1_500})
    assert got.structured_content == {"key": "A-1", "text": "x" * 1_500}
    assert "More:" not in text(got)


@pytest.mark.parametrize("upstream", ["legacy", "modern"])
@pytest.mark.parametrize("name", ["u_endless", "upstream"])
async def test_progress_passes_and_a_cancelled_call_ends_at_the_upstream_too(
    askers: Askers, name: str, upstream: str
) -> None:
    told: asyncio.Queue[str | None] = asyncio.Queue()

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        told.put_nowait(message)

    async with hearing() as (port, heard), askers.host(mode="auto", upstream=upstream) as (client, _):
        arguments: dict[str, Any] = {"port": port}
        if name == "upstream":
            arguments = {"action": "call", "tool": "asker/endless", "arguments": arguments}
        call = asyncio.create_task(client.call_tool(name, arguments, progress_callback=on_progress))
        assert await told.get() == "step 1"
        call.cancel()
        await asyncio.wait([call])
        assert await heard.get() == "cancelled"
