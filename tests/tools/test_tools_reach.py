"""Whose threads and which files a caller reaches: its own, and those below the roots."""

from pathlib import Path

import pytest
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp.types import ResourceTemplateReference

from server import build_server
from stepwarden.runtime import Runtime, build_runtime
from stepwarden.settings import load_settings
from stepwarden.threads.calls import Caller, StepCall, StepReply
from tests.support.host import TOOLS, Host, connected
from tests.support.project import FAULT, make_project
from tools import debug

pytestmark = pytest.mark.asyncio


async def thread_of_somebody_else(runtime: Runtime) -> str:
    said = debug.DebugRequest.model_validate(
        {"step": "FOREIGN-TASK", "step_number": 1, "next_step_required": True}
    ).submission()
    reply = await runtime.threads.submit(StepCall(Caller("alice"), debug.WORKFLOW.policy, said))
    assert isinstance(reply, StepReply)
    return reply.thread.id


async def test_the_thread_of_another_principal_is_as_if_it_were_not_there(
    app: MCPServer, runtime: Runtime, project: Path
) -> None:
    async with connected(app, project) as host:
        await host.open("debug")
        foreign = await thread_of_somebody_else(runtime)
        unknown = "debug-" + "a" * 26
        for number, fields in ((2, {}), (1, {}), (2, {"backtrack_from_step": 1})):
            for tool in TOOLS:
                told = await host.step(tool, number, foreign, **fields)
                assert told.is_error
                assert told.text == (await host.step(tool, number, unknown, **fields)).text.replace(unknown, foreign)
        assert (await host.status(continuation_id=foreign)).is_error
        assert "FOREIGN-TASK" not in (await host.status()).text
        for tail in ("", "/history", "/report"):
            with pytest.raises(MCPError) as caught:
                await host.client.read_resource(f"stepwarden://threads/{foreign}{tail}")
            assert caught.value.error.code == -32602
        ref = ResourceTemplateReference(uri="stepwarden://threads/{continuation_id}/report")
        offered = await host.client.complete(ref, {"name": "continuation_id", "value": foreign[:20]})
        assert offered.completion.values == []


async def test_where_roots_are_set_nothing_else_is_read_and_other_directories_are_refused(tmp_path: Path) -> None:
    shop, other = make_project(tmp_path / "shop"), make_project(tmp_path / "other")
    runtime = build_runtime(load_settings(home=tmp_path / "home", roots=(str(shop),)))
    async with connected(build_server(runtime.settings, runtime), shop) as host:
        refused = await host.step("debug", 1, working_directory=str(other))
        assert refused.is_error
        assert refused.text.startswith("Not recorded. ")
        assert str(shop) in refused.text
        first = await host.step("debug", 1)
        second = await host.step("debug", 2, first.id, evidence=[{"file": "src/cart.py", "quote": FAULT}])
        assert second.sent["assessment"]["evidence"] == {"verified": 1}, "one root needs no working_directory"
        outside = {"file": str(other / "src/cart.py"), "quote": FAULT}
        third = await host.step("debug", 3, first.id, evidence=[outside])
        assert third.sent["assessment"]["evidence"] == {"verified": 1, "unreachable": 1}
        moved = await host.step("debug", 4, first.id, findings="x", working_directory=str(other))
        assert moved.is_error
        inside = await host.step("debug", 4, first.id, findings="x", working_directory=str(shop / "src"))
        assert inside.number == 4
        quote = {"file": "cart.py", "quote": "def discounted(lines, percent):"}
        fifth = await host.step("debug", 5, first.id, evidence=[quote])
        assert fifth.sent["assessment"]["evidence"]["verified"] == 2
    await runtime.close()


@pytest.mark.parametrize("hidden", [".ssh", ".config/thing", ".aws"])
async def test_a_hidden_directory_in_the_home_is_no_root(
    app: MCPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hidden: str
) -> None:
    user = tmp_path / "user"
    (user / hidden).mkdir(parents=True)
    monkeypatch.setenv("HOME", str(user))
    async with connected(app, tmp_path) as host:
        for directory in (user, user / hidden):
            refused = await host.step("debug", 1, working_directory=str(directory))
            assert refused.is_error
            assert refused.text.startswith("Not recorded. working_directory ")


async def test_a_link_to_a_directory_that_is_no_root_is_none_either(app: MCPServer, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    async with connected(app, tmp_path) as host:
        refused = await host.step("debug", 1, working_directory=str(tmp_path / "link"))
        assert refused.is_error
        assert "directory of the system" in refused.text


async def test_a_thread_whose_directory_has_gone_since_says_so_and_goes_on_elsewhere(
    app: MCPServer, project: Path
) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug")
        await host.step("debug", 2, first.id, files_checked=["src/cart.py"])
        project.rename(project.with_name("moved"))
        gone = await host.step("debug", 3, first.id, findings="more")
        if gone.is_error:
            assert "is not a directory that exists" in gone.text
        number = 3 if gone.is_error else 4
        there = Host(host.client, project.with_name("moved"))
        answer = await there.step(
            "debug",
            number,
            first.id,
            working_directory=str(there.directory),
            evidence=[{"file": "src/cart.py", "quote": FAULT}],
        )
        assert answer.sent["assessment"]["evidence"] == {"verified": 1}
