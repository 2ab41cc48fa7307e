"""A command that takes long to start is waited for by one call after the other, and never begun again."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from hosting import host
from recorded import called, text_of, upstreams
from rigs.command import command

from stepwarden.errors import UpstreamDown

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
        assert '; its last line: "Downloading 12/70 ?[2K". ' in said
        assert 'last line: "Downloading' in found.server("rig").state.reason
        await open_gate(gate)
        await found.server("rig").connect(wait_s=60)
        assert text_of(await called(found, "rig/echo", text="a")) == "a"
    assert gate.with_suffix(".started").read_text().count("started") == 1


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
