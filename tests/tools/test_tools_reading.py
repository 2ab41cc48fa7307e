"""Reading back: status, resources, prompts, completions."""

import json
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp.types import PromptReference, ResourceTemplateReference, TextResourceContents

from server import build_server
from stepwarden import __version__
from stepwarden.runtime import build_runtime
from stepwarden.settings import load_settings
from tests.support.host import MODES, MOST_BYTES, TOOLS, Host, connected
from tests.support.project import FAULT, FAULT_LINE, make_project

pytestmark = pytest.mark.asyncio

HISTORY = ResourceTemplateReference(uri="stepwarden://threads/{continuation_id}/history{?after}")


async def resource(host: Host, uri: str) -> str:
    read = await host.client.read_resource(uri)
    contents = read.contents[0]
    assert isinstance(contents, TextResourceContents)
    return contents.text


async def long_thread(host: Host, steps: int) -> str:
    first = await host.open("debug", findings="finding 1")
    for number in range(2, steps + 1):
        answer = await host.step("debug", number, first.id, findings=f"finding {number} " + "at length " * 100)
        assert answer.number == number
    return first.id


@pytest.mark.parametrize("mode", MODES)
async def test_status_shows_version_configuration_and_threads_in_both_parts(
    app: MCPServer, project: Path, mode: str
) -> None:
    async with connected(app, project, mode) as host:
        first = await host.open("tracer", step="Trace LISTED-TASK")
        status = await host.status()
        assert status.sent["version"] == __version__
        assert f"stepwarden {__version__}" in status.text
        assert set(TOOLS) <= set(status.sent["configuration"]["tools"].split(", "))
        row = next(row for row in status.sent["threads"] if row["continuation_id"] == first.id)
        assert (row["tool"], row["outcome"], row["steps"]) == ("tracer", "open", 1)
        assert "LISTED-TASK" in row["task"]
        assert f"{first.id} open 1/" in status.text
        only = await host.status(tool="tracer")
        assert {row["tool"] for row in only.sent["threads"]} == {"tracer"}


async def test_status_of_a_tool_without_threads_lists_none(tmp_path: Path) -> None:
    runtime = build_runtime(load_settings(home=tmp_path / "home"))
    async with connected(build_server(runtime.settings, runtime), make_project(tmp_path / "shop")) as host:
        status = await host.status()
        assert status.sent["threads"] == []
        assert "No threads yet" in status.text
        assert (await host.status(tool="planner")).sent["threads"] == []
    await runtime.close()


async def test_status_refuses_what_it_does_not_know(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        for arguments, says in (
            ({"continuation": "x"}, "did you mean continuation_id?"),
            ({"continuation_id": "debug-" + "a" * 26}, "no such thread"),
            ({"continuation_id": "\x00"}, "no such thread"),
            ({"continuation_id": "x" * 1_000_000}, "no such thread"),
            ({"continuation_id": "\ud800"}, "Not recorded."),
            ({"continuation_id": 7}, "continuation_id: send text"),
            ({"after": -2}, "after: send 0 or more"),
        ):
            answer = await host.send("status", arguments)
            assert answer.is_error, (arguments, answer.text[:200])
            assert says in answer.text
            assert len(answer.text) < 500
        assert (await host.send("status", {"tool": "\x00"})).sent["threads"] == []


@pytest.mark.parametrize("after", [10**6, 10**15, 10**30])
async def test_status_after_the_end_of_a_history_shows_none_of_it(app: MCPServer, project: Path, after: int) -> None:
    async with connected(app, project) as host:
        answer = await host.status(continuation_id=(await host.open("debug")).id, after=after)
        assert "failed inside" not in answer.text
        assert answer.is_error or answer.sent["history"] == []


async def test_a_thread_of_sixty_steps_is_paged_to_its_end_without_a_gap(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        thread = await long_thread(host, 60)
        first = await host.status(continuation_id=thread)
        assert first.sent["next_step_number"] == 61
        assert "after" in first.sent
        assert f"after={first.sent['after']}" in first.text
        rows = await host.history(thread)
        assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
        steps = [row for row in rows if row["event"].startswith("step ")]
        assert len(steps) == 60
        for number, row in enumerate(steps, start=1):
            assert row["event"].startswith(f"step {number}: ")
            assert row["findings"].startswith(f"finding {number}")


async def test_the_history_resource_is_paged_to_its_end_with_a_chain_of_hashes(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        thread = await long_thread(host, 60)
        events: list[dict[str, Any]] = []
        after: int | None = 0
        while after is not None:
            text = await resource(host, f"stepwarden://threads/{thread}/history?after={after}")
            assert len(text.encode()) <= MOST_BYTES
            page = json.loads(text)
            events += page["events"]
            after = page["after"]
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        assert len({event["hash"] for event in events}) == len(events)
        assert sum(event["kind"] == "step" for event in events) == 60
        plain = json.loads(await resource(host, f"stepwarden://threads/{thread}/history"))
        assert plain["events"][0] == events[0]


@pytest.mark.parametrize("mode", MODES)
async def test_the_thread_resource_and_its_report_hold_what_was_found(app: MCPServer, project: Path, mode: str) -> None:
    async with connected(app, project, mode) as host:
        first = await host.open("debug")
        await host.step(
            "debug",
            2,
            first.id,
            findings="REPORTED-FINDING",
            hypothesis="REPORTED-THEORY",
            issues_found=[{"severity": "high", "description": "REPORTED-ISSUE", "file": "src/cart.py", "line": 14}],
            evidence=[{"file": "src/cart.py", "line": FAULT_LINE, "quote": FAULT}],
        )
        found = json.loads(await resource(host, f"stepwarden://threads/{first.id}"))
        assert found["continuation_id"] == first.id
        assert found["hypothesis"] == "REPORTED-THEORY"
        assert found["issues"][0]["description"] == "REPORTED-ISSUE"
        assert found["files"] == ["src/cart.py"]
        report = await resource(host, f"stepwarden://threads/{first.id}/report")
        for word in ("# debug: The total", "REPORTED-FINDING", "REPORTED-THEORY", "**I1** high", f"src/cart.py:{14}"):
            assert word in report
        read = await host.client.read_resource(f"stepwarden://threads/{first.id}/report.html")
        assert read.contents[0].mime_type == "text/html"
        page = await resource(host, f"stepwarden://threads/{first.id}/report.html")
        for word in ("<!DOCTYPE html>", "REPORTED-FINDING", "REPORTED-THEORY", "REPORTED-ISSUE", "✓ verified"):
            assert word in page


@pytest.mark.parametrize("mode", MODES)
async def test_the_latest_threads_and_their_reports_are_listed_and_can_be_read(tmp_path: Path, mode: str) -> None:
    runtime = build_runtime(load_settings(home=tmp_path / "home"))
    async with Client(build_server(runtime.settings, runtime), mode=mode) as client:
        host = Host(client, make_project(tmp_path / "shop"))
        assert (await client.list_resources()).resources == []
        opened = [(await host.open("debug", step=f"The cart  is wrong\nin case {case}")).id for case in range(12)]
        listed = (await client.list_resources(cache_mode="refresh")).resources
        assert [resource.name for resource in listed[::2]] == opened[:1:-1]
        assert [resource.name for resource in listed[1::2]] == [f"{name}-report" for name in opened[:1:-1]]
        assert listed[0].title == "debug, open: The cart is wrong in case 11"
        assert listed[1].title == "Report: debug, open: The cart is wrong in case 11"
        for found in listed[:2]:
            read = (await client.read_resource(found.uri)).contents[0]
            assert isinstance(read, TextResourceContents)
            assert "case 11" in read.text
            assert read.mime_type == found.mime_type
    await runtime.close()


async def test_the_reply_that_completes_names_the_report(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("planner")
        answer = await host.step("planner", 2, first.id, next_step_required=False)
        for number in range(3, 6):
            if answer.status == "planner_complete":
                break
            answer = await host.step("planner", number, first.id, next_step_required=False)
        assert answer.status == "planner_complete"
        uri = f"stepwarden://threads/{first.id}/report"
        assert uri in answer.text
        assert "# planner" in await resource(host, uri)


async def test_a_resource_of_no_thread_is_not_found(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        await host.open("debug")
        for tail in ("", "/history", "/report", "/report.html"):
            for name in ("debug-" + "a" * 26, "x" * 500, "%00", "%2e%2e"):
                with pytest.raises(MCPError) as caught:
                    await host.client.read_resource(f"stepwarden://threads/{name}{tail}")
                assert caught.value.error.code == -32602
        assert (await host.open("debug")).number == 1


async def test_a_history_after_nonsense_is_an_error_and_the_connection_goes_on(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug")
        with pytest.raises(MCPError):
            await host.client.read_resource(f"stepwarden://threads/{first.id}/history?after=soon")
        assert json.loads(await resource(host, f"stepwarden://threads/{first.id}/history?after=99"))["events"] == []
        assert json.loads(await resource(host, f"stepwarden://threads/{first.id}/history?after=-5"))["events"]


@pytest.mark.parametrize("mode", MODES)
async def test_each_workflow_tool_has_its_slash_command(app: MCPServer, project: Path, mode: str) -> None:
    async with connected(app, project, mode) as host:
        listed = {prompt.name: prompt for prompt in (await host.client.list_prompts()).prompts}
        assert set(listed) == {*TOOLS, "consensus", "docgen"}
        for tool, prompt in listed.items():
            assert prompt.title
            assert prompt.description
            assert [(argument.name, bool(argument.required)) for argument in prompt.arguments or []] == [
                ("task", False)
            ]
            text = await command_text(host, tool, "the total is wrong\nin src/cart.py")
            for words in (
                f"Call {tool} with",
                "for this task:\n\nthe total is wrong\nin src/cart.py\n",
                "step_number=1",
            ):
                assert words in text


async def command_text(host: Host, tool: str, task: str, **former: str) -> str:
    message = (await host.client.get_prompt(tool, {"task": task, **former})).messages[0]
    assert message.role == "user"
    assert message.content.type == "text"
    return message.content.text


async def test_a_thread_that_a_slash_command_names_is_followed_up(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug")
        named = f', and continuation_id="{first.id}", which follows that thread up.'
        for task in (f"go on with {first.id}: the other totals", f"{first.id}", f"(see {first.id})"):
            assert named in await command_text(host, "analyze", task)
        assert "where the task names a continuation_id" in await command_text(host, "analyze", "the debug-me flag")


async def test_a_host_that_hands_over_one_word_of_the_task_has_its_model_take_all_of_it(
    app: MCPServer, project: Path
) -> None:
    """Claude Code fills an argument with one word, and shows its model what was typed beside the prompt."""
    async with connected(app, project) as host:
        begins = "for all that the user typed after the command, which begins with:\n\nthe\n"
        assert begins in await command_text(host, "debug", "the")
        assert "all that the user typed" not in await command_text(host, "debug", "the total")


async def test_a_placeholder_for_the_task_stays_and_empty_arguments_are_none(app: MCPServer, project: Path) -> None:
    """opencode asks with "$1", which it fills in afterwards, and fills arguments that are not used with ""."""
    async with connected(app, project) as host:
        filled_in_later = await command_text(host, "debug", "$1")
        assert ", or if none stands here for what the user asked for before:\n\n$1\n\nCall debug" in filled_in_later
        plain = await command_text(host, "debug", "the total is wrong")
        assert await command_text(host, "debug", "the total is wrong", files="", other=" ") == plain
        former = await command_text(host, "debug", "the total is wrong", files="src/cart.py")
        assert "the total is wrong\nBegin with these files: src/cart.py\n" in former


@pytest.mark.parametrize("mode", MODES)
async def test_a_slash_command_alone_is_about_what_was_asked_before(app: MCPServer, project: Path, mode: str) -> None:
    async with connected(app, project, mode) as host:
        for tool in (*TOOLS, "docgen"):
            for given in (None, {}, {"task": "  "}):
                message = (await host.client.get_prompt(tool, given)).messages[0]
                assert message.content.type == "text"
                assert f"Use the {tool} tool of stepwarden for what the user asked for before (" in message.content.text
                assert "Ask the user only where" in message.content.text
                assert f"\n\nCall {tool} with step (the task)" in message.content.text
        files = (await host.client.get_prompt("precommit", {"files": "a.py"})).messages[0]
        assert files.content.type == "text"
        assert "for this task:\n\nBegin with these files: a.py\n" in files.content.text
        with pytest.raises(MCPError, match="no argument 'fils'"):
            await host.client.get_prompt("debug", {"task": "x", "fils": "y"})


@pytest.mark.parametrize("mode", MODES)
async def test_an_unknown_slash_command_is_invalid_and_named_without_a_traceback(
    app: MCPServer, project: Path, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(app, project, mode) as host:
        with pytest.raises(MCPError) as caught:
            await host.client.get_prompt("no\nthing" + "x" * 9_000, {"task": "x"})
        assert caught.value.error.code == -32602
        assert caught.value.error.message.startswith("there is no command 'no?thingxx")
        assert "...'; there are: debug, " in caught.value.error.message
        assert not [record for record in caplog.records if record.exc_info]
        assert (await host.client.get_prompt("debug", {"task": "x"})).messages


@pytest.mark.parametrize("mode", MODES)
async def test_ids_are_completed_from_their_beginning(app: MCPServer, project: Path, mode: str) -> None:
    async with connected(app, project, mode) as host:
        first = await host.open("secaudit")
        for ref in (HISTORY, PromptReference(name="secaudit")):
            offered = await host.client.complete(ref, {"name": "continuation_id", "value": first.id[:14]})
            assert offered.completion.values == [first.id]
            none = await host.client.complete(ref, {"name": "continuation_id", "value": "secaudit-%"})
            assert none.completion.values == []
            other = await host.client.complete(ref, {"name": "files", "value": "src"})
            assert other.completion.values == []


async def test_at_most_fifty_ids_are_offered_and_the_rest_is_told_of(tmp_path: Path) -> None:
    runtime = build_runtime(load_settings(home=tmp_path / "home"))
    async with Client(build_server(runtime.settings, runtime)) as client:
        host = Host(client, make_project(tmp_path / "shop"))
        for _ in range(52):
            await host.open("debug")
        offered = await client.complete(HISTORY, {"name": "continuation_id", "value": "debug-"})
        assert len(offered.completion.values) == 50
        assert offered.completion.has_more
        assert len((await host.status()).sent["threads"]) == 20
    await runtime.close()
