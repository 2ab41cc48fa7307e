"""A command that takes long to start is waited for by one call after the other, and never begun again."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from hosting import host
from recorded import called, text_of, upstreams
from rigs.command import command
from rigs.faulty import Host

from stepwarden.errors import UpstreamDown
from stepwarden.upstream.calls.prepared_call import prepare_call
from stepwarden.upstream.calls.recorded_call import RecordedCalls
from stepwarden.upstream.tool_index import ToolIndex
from tests.support.call_records import Records

pytestmark = pytest.mark.asyncio
IMPATIENT: dict[str, Any] = {"connect_timeout_s": 0.4}


def gate_in(folder: Path) -> Path:
    gate = folder / "gate"
    os.mkfifo(gate)
    return gate


async def open_gate(gate: Path) -> None:
    await asyncio.to_thread(gate.write_text, "go")


async def test_calls_are_told_how_far_a_start_is_and_the_next_one_after_it_goes_through(tmp_path: Path) -> None:
    gate = gate_in(tmp_path)
    async with upstreams({"name": "rig", **command("starts_late", str(gate)), **IMPATIENT}) as found:
        for _ in range(3):
            with pytest.raises(UpstreamDown) as raised:
                await called(found, "rig/echo", text="a")
            said = str(raised.value)
            assert said.startswith("rig is still starting for ")
            assert "Nothing was sent. It goes on starting, for 300 s in all (start_timeout_s in its entry)" in said
        assert said.endswith("; a call waits 0.4 s for it (connect_timeout_s). Send the same call again in a moment.")
        assert '; its last line: "Downloading 12/70 ?[2K". ' in said
        assert 'last line: "Downloading' in found.server("rig").state.reason
        await open_gate(gate)
        await found.server("rig").connect(wait_s=60)
        assert text_of(await called(found, "rig/echo", text="a")) == "a"
    assert gate.with_suffix(".started").read_text().count("started") == 1


async def test_a_call_waits_for_a_start_no_longer_than_its_own_time(tmp_path: Path) -> None:
    entry = {"name": "rig", **command("starts_late", str(gate_in(tmp_path))), "timeout_s": 0.2}
    async with upstreams(entry) as found:
        for _ in range(2):
            with pytest.raises(UpstreamDown, match=r"; the 0\.2 s of this call are over \(timeout_s\)\. Send"):
                await called(found, "rig/echo", text="a")


async def test_finding_a_tool_counts_into_the_time_of_its_call(rig: Host) -> None:
    server, records = rig.serve(), Records()
    async with upstreams({"name": "rig", "url": server.url, "auth": {"type": "none"}}) as found:
        prepared = await prepare_call(ToolIndex(found), "rig/add_note", {"text": "a"}, spent_s=44.0)
        assert prepared.spent_s > 44.0
        again = await prepare_call(ToolIndex(found), "rig/add_note", {"text": "a"}, spent_s=45.0)
        with pytest.raises(UpstreamDown, match=r"the 45 s of the call \(timeout_s\) were over before it could be sent"):
            await RecordedCalls(records, "ana").make(again)
    assert server.did == []
    assert [one.outcome for one in records.kept] == ["", "not_sent"]


async def test_a_start_that_takes_too_long_is_given_up_with_the_setting_that_says_so(tmp_path: Path) -> None:
    entry = {"name": "rig", **command("starts_late", str(gate_in(tmp_path))), **IMPATIENT, "start_timeout_s": 0.4}
    async with upstreams(entry) as found:
        with pytest.raises(
            UpstreamDown, match=r'did not answer within 0\.4 s \(start_timeout_s\); its last line: "Down'
        ):
            await called(found, "rig/echo", text="a")


async def test_a_search_names_a_server_that_is_starting(tmp_path: Path) -> None:
    gate = gate_in(tmp_path)
    entries = {"rig": {**command("starts_late", str(gate)), **IMPATIENT}}
    async with host(tmp_path, entries) as model:
        said = await model.says(action="call", tool="rig/echo", arguments={"text": "a"})
        assert "rig is still starting for " in said
        assert model.failed
        assert "rig: connecting; starting for " in await model.says(action="status")
        await open_gate(gate)
