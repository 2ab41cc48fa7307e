"""An error of the protocol is the server's answer, and its code says whether the call may have been carried out."""

import re
from pathlib import Path
from typing import Any

import pytest
from hosting import Model, host
from rigs.command import command

pytestmark = pytest.mark.asyncio

NOT_DONE = [-32700, -32600, -32601, -32602]
LEAVE_OPEN = [-32603, -32000, -32001, -32002, -32020, -32022, -32099, -32100, 0, 500]
NOTE: dict[str, Any] = {"action": "call", "tool": "rig/add_note", "arguments": {"text": "a"}}


def answering(code: int, home: Path, **more: Any) -> dict[str, Any]:
    entry = command("answers_error", str(code), str(home / "did.txt"))
    return {"rig": {**entry, "approve": "never", "expose": ["add_*"], **more}}


def times_done(home: Path) -> int:
    return (home / "did.txt").read_text().count("\n")


def quoted(code: int) -> str:
    return f'rig: it answered with the error {code}: "the index is being built".'


async def exposed(model: Model) -> str:
    got = await model.client.call_tool("rig_add_note", NOTE["arguments"])
    return got.content[0].text  # pyright: ignore


@pytest.mark.parametrize("code", NOT_DONE)
async def test_an_error_that_says_that_nothing_was_done_leaves_no_doubt(tmp_path: Path, code: int) -> None:
    async with host(tmp_path, answering(code, tmp_path)) as model:
        for times in (1, 2):
            said = await model.says(**NOTE)
            assert said == f"{quoted(code)} Nothing was done. Correct the call."
            assert times_done(tmp_path) == times


@pytest.mark.parametrize("code", LEAVE_OPEN)
async def test_any_other_error_leaves_a_write_in_doubt_until_somebody_looked(tmp_path: Path, code: int) -> None:
    async with host(tmp_path, answering(code, tmp_path)) as model:
        said = await model.says(**NOTE)
        assert said.startswith(f"{quoted(code)} The call was sent and may have been carried out: look")
        for send in (lambda: model.says(**NOTE), lambda: exposed(model)):
            said = await send()
            assert "its outcome is unknown: its server answered with an error that leaves open what was done." in said
            assert times_done(tmp_path) == 1
        word = re.search(r'confirm="([\w-]+)"', said)
        assert word
        assert (await model.says(**NOTE, confirm=word[1])).startswith(quoted(code))
    assert times_done(tmp_path) == 2


async def test_a_write_of_an_exposed_tool_that_meets_such_an_error_is_in_doubt_too(tmp_path: Path) -> None:
    async with host(tmp_path, answering(-32603, tmp_path)) as model:
        await model.client.list_tools()
        assert "may have been carried out: look" in await exposed(model)
        assert "its outcome is unknown" in await exposed(model)
    assert times_done(tmp_path) == 1


async def test_a_read_that_meets_such_an_error_is_tried_again_and_leaves_no_doubt(tmp_path: Path) -> None:
    read = {"action": "call", "tool": "rig/echo", "arguments": {"text": "a"}}
    async with host(tmp_path, answering(-32603, tmp_path)) as model:
        assert f"{quoted(-32603)} Repeating it is safe" in await model.says(**read)
        assert times_done(tmp_path) == 3
        assert "in doubt" not in await model.says(action="status")
