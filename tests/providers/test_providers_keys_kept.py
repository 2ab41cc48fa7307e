"""Keys in what stays: whole threads are asked of endpoints that send keys back, and everything kept is searched."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from model_server import KEY, QUICK, ModelServer

from providers.models import build_models
from providers.scripted import ScriptedReply
from server import build_server
from stepwarden.runtime import build_runtime
from stepwarden.settings import Settings
from stepwarden.threads.calls import LOCAL
from stepwarden.threads.exports import as_html, as_json, as_markdown
from stepwarden.threads.queries import ThreadQueries

pytestmark = pytest.mark.asyncio

OTHER = "sk-another-1234567890abcdef"
ECHOES = [
    ScriptedReply(status=401, text=f"Incorrect API key provided: {KEY}"),
    ScriptedReply(status=500, text=f"upstream said {KEY}, {OTHER}"),
    ScriptedReply(body=f"<html>{KEY}</html>"),
]
MARK = "Find the leak in the pump"  # what is looked for to know that the search would find something


async def everything_said(client: Client, fields: list[tuple[str, dict[str, Any]]]) -> list[str]:
    said: list[str] = []
    for tool, arguments in fields:
        result = await client.call_tool(tool, arguments)
        said.append(result.model_dump_json())
        thread = (result.structured_content or {}).get("continuation_id")
        if thread:
            said.append((await client.call_tool("status", {"continuation_id": thread})).model_dump_json())
            said += [await resource(client, f"stepwarden://threads/{thread}{part}") for part in ("", "/history")]
    said.append((await client.call_tool("status", {})).model_dump_json())
    said.append((await client.call_tool("listmodels", {})).model_dump_json())
    return said


async def resource(client: Client, uri: str) -> str:
    return (await client.read_resource(uri)).model_dump_json()


@pytest.mark.parametrize("echo", ECHOES, ids=["refused", "broken", "garbled"])
async def test_a_key_that_an_endpoint_sends_back_is_kept_nowhere(
    echo: ScriptedReply,
    serve: Callable[..., ModelServer],
    settings: Callable[..., Settings],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    caplog.set_level(logging.DEBUG)
    server = serve(echo)
    chosen = settings(
        custom_api_url=server.url, custom_api_key=KEY, custom_model_name="m", tools="all", openai_api_key=OTHER
    )
    runtime = build_runtime(chosen, build_models(chosen, retry_policy=QUICK))
    step = {"step": MARK, "step_number": 1, "next_step_required": True}
    first = {**step, "step": f"{MARK}, first"}
    async with Client(build_server(chosen, runtime)) as client:
        opened = await client.call_tool("thinkdeep", first)
        assert opened.structured_content
        thread = opened.structured_content["continuation_id"]
        ended = {**step, "step_number": 2, "continuation_id": thread, "model": "m", "confidence": "high"}
        calls = [
            ("thinkdeep", {**ended, "step": "The seal is worn", "next_step_required": False}),
            ("thinkdeep", {**ended, "step": "That is all", "step_number": 3, "next_step_required": False}),
            ("chat", {"prompt": MARK, "model": "m"}),
            ("consensus", {**step, "models": [{"model": "m", "stance": "for"}, {"model": "m", "stance": "against"}]}),
        ]
        said = await everything_said(client, calls)
    assert server.times_asked >= 3, "the endpoint was asked, so its words could have been kept"
    archive = ThreadQueries(runtime.journal)
    for head in await archive.threads(LOCAL):
        history = await archive.history(head.stream, LOCAL)
        whole = await archive.whole(head.stream, LOCAL)
        said += [as_json(whole, history), as_markdown(whole, history), as_html(whole, history)]
    said += [json.dumps(runtime.configuration(("chat",))), repr(runtime), repr(chosen)]
    await runtime.close()
    said += [f"{record.getMessage()} {vars(record)}" for record in caplog.records]
    files = {path.name: path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file()}

    assert any(MARK in text for text in said)
    assert any(MARK.encode() in content for content in files.values())
    for key in (KEY, OTHER):
        assert [text[:80] for text in said if key in text] == []
        assert [name for name, content in files.items() if key.encode() in content] == []
