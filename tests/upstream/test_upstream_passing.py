"""What passes through between a host and an upstream on the real SDK: questions, progress, structure, ends."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import ElicitResult, InputRequiredResult

from server import build_server
from stepwarden.runtime import build_runtime
from stepwarden.settings import load_settings

UPSTREAM = """
import asyncio, os, sys
from typing import Annotated
from pydantic import BaseModel
from mcp.server.mcpserver import Context, Elicit, MCPServer, Resolve
from mcp.types import ToolAnnotations

mcp = MCPServer("asker", log_level="ERROR")
reads = ToolAnnotations(read_only_hint=True)


class Sure(BaseModel):
    sure: bool


class Issue(BaseModel):
    key: str
    text: str


@mcp.tool(annotations=reads)
async def risky(count: int, answer: Annotated[Sure, Resolve(lambda count: Elicit(f"Really {count}?", Sure))]) -> str:
    return f"{count}: {answer.sure}"


@mcp.tool(annotations=reads)
async def twice(ctx: Context) -> str:
    answers = []
    for number in range(2):
        await asyncio.sleep(0.05)
        await ctx.report_progress(number + 1, 2, f"question {number + 1}")
        answer = await ctx.elicit(f"Number {number + 1}?", Sure)
        answers.append(answer.action)
    return " ".join(answers)


@mcp.tool(annotations=reads)
async def issue(size: int) -> Issue:
    return Issue(key="A-1", text="x" * size)


@mcp.tool(annotations=reads)
async def slow(path: str, ctx: Context) -> str:
    try:
        for step in range(200):
            await asyncio.sleep(0.05)
            await ctx.report_progress(step + 1, 200, f"step {step + 1}")
    except asyncio.CancelledError:
        open(path, "w").write("cancelled")
        raise
    return "done"


mcp.run()
"""


@asynccontextmanager
async def host(
    home: Path,
    *,
    mode: str,
    upstream: str = "auto",
    answer: ElicitResult | None = None,
    answer_after_s: float = 0.0,
    **more: Any,
) -> AsyncGenerator[tuple[Client, list[str]]]:
    entry = {
        "command": sys.executable,
        "args": ["-c", UPSTREAM],
        "protocol": upstream,
        "expose": ["*"],
        "prefix": "u",
        "result_bytes": 2_000,
        **more,
    }
    (home / "upstreams.json").write_text(json.dumps({"upstreams": {"asker": entry}}))
    settings = load_settings(home=home)
    runtime = build_runtime(settings)
    asked: list[str] = []

    async def put(context: Any, params: Any) -> ElicitResult:
        assert answer is not None
        asked.append(params.message)
        await asyncio.sleep(answer_after_s)
        return answer

    try:
        app = build_server(settings, runtime)
        async with Client(app, mode=mode, elicitation_callback=put if answer else None) as client:
            await client.list_tools()
            yield client, asked
    finally:
        await runtime.close()


def text(result: Any) -> str:
    return "\n".join(block.text for block in result.content)


@pytest.mark.asyncio
@pytest.mark.parametrize("upstream", ["legacy", "modern"])
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_question_of_an_upstream_reaches_the_user_of_its_call(tmp_path: Path, mode: str, upstream: str) -> None:
    answer = ElicitResult(action="accept", content={"sure": True})
    async with host(tmp_path, mode=mode, upstream=upstream, answer=answer) as (client, asked):
        by_tool = await client.call_tool("upstream", {"action": "call", "tool": "risky", "arguments": {"count": 3}})
        exposed = await client.call_tool("u_risky", {"count": 4})
    assert "3: True" in text(by_tool)
    assert "4: True" in text(exposed)
    assert asked == ["Really 3?", "Really 4?"]


@pytest.mark.asyncio
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_call_that_asks_twice_goes_on_after_each_answer(tmp_path: Path, mode: str) -> None:
    answer = ElicitResult(action="decline")
    told: list[str] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        told.append(message or "")

    async with host(tmp_path, mode=mode, upstream="legacy", answer=answer) as (client, asked):
        got = await client.call_tool("u_twice", {}, progress_callback=on_progress)
        await asyncio.sleep(0.1)
    assert text(got) == "decline decline"
    assert asked == ["Number 1?", "Number 2?"]
    assert told == ["question 1", "question 2"]


@pytest.mark.asyncio
async def test_an_answer_that_comes_twice_is_told_to_be_late(tmp_path: Path) -> None:
    answer = ElicitResult(action="accept", content={"sure": True})
    async with host(tmp_path, mode="auto", upstream="legacy", answer=answer) as (client, _):
        first = await client.session.call_tool("u_risky", {"count": 3}, allow_input_required=True)
        assert isinstance(first, InputRequiredResult)
        (key,) = first.input_requests or {}
        again: dict[str, Any] = {"input_responses": {key: answer}, "request_state": first.request_state}
        done = await client.session.call_tool("u_risky", {"count": 3}, **again)
        late = await client.session.call_tool("u_risky", {"count": 3}, **again)
    assert "3: True" in text(done)
    assert "came too late" in text(late)


@pytest.mark.asyncio
async def test_an_answer_after_its_time_answers_no_other_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stepwarden.upstream.tool_call.PERSON_S", 0.3)
    answer = ElicitResult(action="accept", content={"sure": True})
    async with host(tmp_path, mode="auto", upstream="legacy", answer=answer) as (client, asked):
        first = await client.session.call_tool("u_twice", {}, allow_input_required=True)
        assert isinstance(first, InputRequiredResult)
        (key,) = first.input_requests or {}
        await asyncio.sleep(0.8)
        late = await client.session.call_tool(
            "u_twice", {}, input_responses={key: answer}, request_state=first.request_state
        )
    assert late.is_error
    assert "came too late" in text(late)
    assert asked == []


@pytest.mark.asyncio
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_person_may_take_longer_than_a_call(tmp_path: Path, mode: str) -> None:
    answer = ElicitResult(action="accept", content={"sure": True})
    slow = host(tmp_path, mode=mode, upstream="legacy", answer=answer, answer_after_s=1.5, timeout_s=1.0)
    async with slow as (client, _):
        got = await client.call_tool("u_risky", {"count": 3})
    assert "3: True" in text(got)


@pytest.mark.asyncio
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_host_that_cannot_ask_is_told_what_was_wanted(tmp_path: Path, mode: str) -> None:
    async with host(tmp_path, mode=mode, upstream="modern") as (client, _):
        got = await client.call_tool("u_risky", {"count": 3})
    assert got.is_error
    assert "asks the user" in text(got)
    assert "It asks: Really 3?" in text(got)


@pytest.mark.asyncio
async def test_a_structured_result_passes_as_it_is_and_a_long_one_is_paged(tmp_path: Path) -> None:
    async with host(tmp_path, mode="auto") as (client, _):
        listed = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert listed["u_issue"].output_schema is not None
        short = await client.call_tool("u_issue", {"size": 20})
        assert short.structured_content == {"key": "A-1", "text": "x" * 20}
        assert not short.is_error
        long = await client.call_tool("u_issue", {"size": 9_000})
        assert len(text(long)) < 3_000
        assert "was carried out" in text(long)
        found = re.search(r'result="(result-\w+)", after=(\d+)', text(long))
        assert found
        page = {"action": "page", "result": found[1], "after": int(found[2])}
        rest = await client.call_tool("upstream", page)
        assert text(rest).count("x") > 6_000
        resource = await client.read_resource(f"stepwarden://upstream/results/{found[1]}?after=0")
        assert "A-1" in resource.contents[0].text  # pyright: ignore


@pytest.mark.asyncio
@pytest.mark.parametrize("upstream", ["legacy", "modern"])
@pytest.mark.parametrize("name", ["u_slow", "upstream"])
async def test_progress_passes_and_a_cancelled_call_ends_at_the_upstream_too(
    tmp_path: Path, name: str, upstream: str
) -> None:
    note = tmp_path / "note"
    arguments: dict[str, Any] = {"path": str(note)}
    if name == "upstream":
        arguments = {"action": "call", "tool": "asker/slow", "arguments": arguments}
    told: list[str] = []
    moving = asyncio.Event()

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        told.append(message or "")
        if len(told) >= 3:
            moving.set()

    async with host(tmp_path, mode="auto", upstream=upstream) as (client, _):
        call = asyncio.create_task(client.call_tool(name, arguments, progress_callback=on_progress))
        async with asyncio.timeout(20):
            await moving.wait()
        call.cancel()
        await asyncio.wait([call])
        async with asyncio.timeout(10):
            while not note.exists():
                await asyncio.sleep(0.02)
    assert told[:2] == ["step 1", "step 2"]
    assert note.read_text() == "cancelled"
