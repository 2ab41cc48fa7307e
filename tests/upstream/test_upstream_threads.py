"""A call carries the thread it was made for, a thread shows its calls, and sessions of calls are read like threads."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hosting import Model, entry, host
from rigs.faults import Fault
from rigs.faulty import Host

from stepwarden.cli import main
from tests.support.calls import step
from tools.upstream.session_threads import THREAD_KEY

NOTE: dict[str, Any] = {"action": "call", "tool": "rig/add_note", "arguments": {"text": "planted"}}


def exit_code(*arguments: str) -> object:
    try:
        return main(["threads", *arguments])
    except SystemExit as end:
        return end.code or 0


async def made(home: Path, rig: Host) -> tuple[str, str]:
    """Make a call for a thread, and one whose outcome nobody knows; return the ids of the thread and of its session."""
    server = rig.serve()
    async with host(home, {"rig": entry(server, approve="never")}) as model:
        opened = await model.client.call_tool("debug", step(1))
        thread = opened.structured_content["continuation_id"]  # pyright: ignore
        assert "planted" in await model.says(**NOTE, continuation_id=thread)
        server.fault = Fault.DROPS
        lost = {**NOTE, "arguments": {"text": "lost"}}
        assert "may have been carried out" in await model.says(**lost, continuation_id=thread)
        shown = await model.client.call_tool("status", {"continuation_id": thread})
        text = shown.content[0].text  # pyright: ignore
        assert "Calls to upstream servers made for it (4 entries, the last):" in text
        assert text.count("called rig/add_note") == 2
        listed = (await model.client.call_tool("status", {})).content[0].text  # pyright: ignore
        session = re.search(r"upstream-\w+", listed)
        assert session
        read = await model.client.read_resource(f"stepwarden://threads/{session[0]}/report")
        assert "outcome is unknown" in read.contents[0].text  # pyright: ignore
        told = await model.client.call_tool("status", {"continuation_id": session[0]})
        assert f"made for {thread}" in told.content[0].text  # pyright: ignore
    return thread, session[0]


@pytest.mark.asyncio
async def test_a_thread_that_is_not_the_callers_is_refused_before_anything_is_sent(tmp_path: Path, rig: Host) -> None:
    server = rig.serve()
    async with host(tmp_path, {"rig": entry(server, approve="never")}) as model:
        assert "No thread of yours has the id debug-none" in await model.says(**NOTE, continuation_id="debug-none")
    assert server.did == []


@pytest.mark.asyncio
async def test_the_reports_and_exports_of_a_thread_and_of_a_session_show_the_calls(
    tmp_path: Path, rig: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    thread, session = await made(tmp_path, rig)
    monkeypatch.setenv("STEPWARDEN_HOME", str(tmp_path))

    async def run(*arguments: str) -> str:
        capsys.readouterr()
        assert await asyncio.to_thread(exit_code, *arguments) == 0, arguments
        return capsys.readouterr().out

    assert "Calls to upstream servers" in await run("show", session)
    for form in ("markdown", "html"):
        for name in (thread, session):
            said = await run("export", name, "--format", form)
            assert "about to call rig/add" in said
            assert said.count("arguments ") >= 4
        assert "In doubt" in said
    of_thread, of_session = [json.loads(await run("export", name)) for name in (thread, session)]
    assert [one["data"]["phase"] for one in of_thread["calls"]] == ["intended", "ended"] * 2
    assert of_session["events"] == of_thread["calls"]
    assert of_session["origin"] == {"thread": thread}
    assert "1 checked, 0 broken" in await run("verify", session)
    assert "2 checked, 0 broken" in await run("verify")


LATEST = "while this was the latest open thread of its session"


async def shown_for(model: Model, thread: str) -> str:
    shown = await model.client.call_tool("status", {"continuation_id": thread})
    return shown.content[0].text  # pyright: ignore


async def opened(model: Model) -> str:
    return (await model.client.call_tool("debug", step(1))).structured_content["continuation_id"]  # pyright: ignore


@pytest.mark.asyncio
async def test_a_call_of_an_exposed_tool_is_shown_by_the_latest_open_thread_of_its_session(
    tmp_path: Path, rig: Host
) -> None:
    exposing = {"rig": entry(rig.serve(), approve="never", expose=["*"])}
    async with host(tmp_path, exposing, mode="legacy") as model:
        before = await model.client.call_tool("rig_add_note", {"text": "before"})
        assert THREAD_KEY not in (before.meta or {})
        earlier, latest = await opened(model), await opened(model)
        made = await model.client.call_tool("rig_add_note", {"text": "planted"})
        assert made.meta
        assert made.meta[THREAD_KEY] == latest
        told = await shown_for(model, latest)
        assert told.count("called rig/add_note") == 1
        assert LATEST in told
        assert "rig/add_note" not in await shown_for(model, earlier)


@pytest.mark.asyncio
async def test_a_call_of_an_exposed_tool_can_name_its_thread_in_its_metadata(tmp_path: Path, rig: Host) -> None:
    server = rig.serve()
    async with host(tmp_path, {"rig": entry(server, approve="never", expose=["*"])}) as model:
        earlier, latest = await opened(model), await opened(model)
        meta: Any = {THREAD_KEY: earlier}
        await model.client.call_tool("rig_add_note", {"text": "planted"}, meta=meta)
        assert "called rig/add_note" in (told := await shown_for(model, earlier))
        assert LATEST not in told
        assert "rig/add_note" not in await shown_for(model, latest)
        meta = {THREAD_KEY: "debug-none"}
        refused = await model.client.call_tool("rig_add_note", {"text": "another"}, meta=meta)
        assert "No thread of yours has the id debug-none" in refused.content[0].text  # pyright: ignore
    assert len(server.did) == 1


@pytest.mark.asyncio
async def test_the_threads_of_another_session_are_not_those_of_a_call(tmp_path: Path, rig: Host) -> None:
    server = rig.serve()
    async with host(tmp_path, {"rig": entry(server, approve="never", expose=["*"])}, mode="legacy") as model:
        await opened(model)
    async with host(tmp_path, {"rig": entry(server, approve="never", expose=["*"])}, mode="legacy") as model:
        made = await model.client.call_tool("rig_add_note", {"text": "planted"})
        assert THREAD_KEY not in (made.meta or {})
