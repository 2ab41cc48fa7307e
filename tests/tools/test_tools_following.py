"""Retries, backtracks, follow-ups, revisions and branches: what a thread remembers and what it lets go."""

import copy
from pathlib import Path
from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from tests.support.host import MODES, Answer, connected, each, each_in_either_era
from tests.support.project import CART, FAULT, FAULT_LINE

pytestmark = pytest.mark.asyncio

PROOF = {
    "hypothesis": "it subtracts",
    "evidence": [{"file": "src/cart.py", "line": FAULT_LINE, "quote": FAULT, "supports": "hypothesis"}],
    "files_checked": ["src/cart.py"],
}


def assert_replayed(again: Answer, first: Answer, following: int) -> None:
    """Assert that both say the same but for the number of the next step."""
    expected = copy.deepcopy(first.sent)
    expected["next_step_number"] = following
    expected["next_steps"] = first.sent["next_steps"].replace(f"step_number={first.next}", f"step_number={following}")
    assert again.sent == expected
    assert again.is_error == first.is_error


@each_in_either_era()
async def test_every_step_sent_again_is_answered_the_same_and_recorded_once(
    app: MCPServer, project: Path, tool: str, mode: str
) -> None:
    async with connected(app, project, mode) as host:
        first = await host.open(tool)
        calls: list[tuple[dict[str, Any], Answer]] = []
        for number, fields in (
            (2, PROOF | {"findings": "found it"}),
            (3, {"findings": "a second look", "issues_found": [{"severity": "high", "description": "wrong total"}]}),
            (4, {"findings": "ask", "next_step_required": False}),
            (5, {"findings": "ask again", "next_step_required": False}),
        ):
            said = {"step": f"s{number}", "step_number": number, "next_step_required": True}
            said |= {"continuation_id": first.id} | fields
            calls.append((said, await host.send(tool, said)))
            assert_replayed(await host.send(tool, said), calls[-1][1], number + 1)
        assert calls[2][1].verdict.startswith("HELD")
        assert calls[3][1].done
        for said, answer in reversed(calls):
            assert_replayed(await host.send(tool, said), answer, 6)
        assert await host.steps_recorded(first.id) == 5


@each()
async def test_a_retry_reads_no_file(app: MCPServer, project: Path, tool: str) -> None:
    async with connected(app, project) as host:
        first = await host.open(tool)
        said = {"step": "s", "step_number": 2, "next_step_required": True, "continuation_id": first.id} | PROOF
        sent = await host.send(tool, said)
        cart = project / "src/cart.py"
        for change in ("altered", "gone", "a directory"):
            cart.write_text(CART.replace("-", "*")) if change == "altered" else cart.unlink()
            if change == "a directory":
                cart.mkdir()
            assert_replayed(await host.send(tool, said), sent, 3)
            if change == "a directory":
                cart.rmdir()
            cart.write_text(CART)
        ask = {"step": "end", "step_number": 3, "next_step_required": False, "continuation_id": first.id}
        asked = await host.send(tool, ask)
        cart.unlink()
        assert_replayed(await host.send(tool, ask), asked, 4)


async def test_a_retry_asks_no_manager_even_where_more_steps_came_since(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug")
        said = {"step": "s", "step_number": 2, "next_step_required": True, "continuation_id": first.id} | PROOF
        second = await host.send("debug", said)
        for number in range(3, 15):
            await host.step("debug", number, first.id, findings=f"finding {number}")
        rows = await host.history(first.id)
        assert_replayed(await host.send("debug", said), second, 15)
        assert await host.history(first.id) == rows


async def test_quotes_that_went_from_their_file_are_stale_at_the_gate_and_still_count(
    app: MCPServer, project: Path
) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug")
        second = await host.step("debug", 2, first.id, **PROOF)
        (project / "src/cart.py").write_text(CART.replace("line.price - line.count", "line.price * line.count"))
        done = await host.step("debug", 3, second.id, findings="fixed it", next_step_required=False)
        assert done.verdict == "DONE. 3 steps. 1 of 1 quote found, 1 gone since; conclusion not tested."
        assert done.sent["assessment"]["evidence"] == {"verified": 1, "stale": 1}


@each()
async def test_a_backtrack_supersedes_what_follows_and_the_history_keeps_it(
    app: MCPServer, project: Path, tool: str
) -> None:
    async with connected(app, project) as host:
        answer = await host.open(tool)
        old = {"step": "wrong turn", "step_number": 3, "next_step_required": True, "findings": "SUPERSEDED-WORDS"}
        old["continuation_id"] = answer.id
        await host.step(tool, 2, answer.id, findings="kept")
        await host.send(tool, old)
        await host.step(tool, 4, answer.id, findings="MORE-SUPERSEDED-WORDS")
        back = await host.step(tool, 5, answer.id, step="right", findings="another way", backtrack_from_step=3)
        assert back.number == 3
        assert back.next == 4
        assert back.sent["progress"]["breadcrumb"] == "1 > 2 > 3'"
        stale = await host.send(tool, old)
        assert stale.status == f"{tool}_refused"
        assert "superseded" in stale.text
        assert stale.next == 4
        reworded = await host.send(tool, old | {"step_number": 4, "step": "wrong turn, looked at again"})
        assert reworded.number == 4
        status = await host.status(continuation_id=answer.id)
        live = [step.get("findings") for step in status.sent["result"]["steps"]]
        assert "MORE-SUPERSEDED-WORDS" not in live
        history = [row.get("findings") for row in await host.history(answer.id)]
        assert "MORE-SUPERSEDED-WORDS" in history


async def test_a_backtrack_to_a_step_that_is_not_there_names_the_range(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug")
        await host.step("debug", 2, first.id, findings="new")
        refused = await host.step("debug", 3, first.id, findings="newer", backtrack_from_step=9)
        assert refused.status == "debug_refused"
        assert "steps 1 to 2" in refused.text


async def test_going_back_to_the_first_step_sizes_the_work_anew_and_keeps_the_directory(
    app: MCPServer, project: Path
) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug")
        await host.step("debug", 2, first.id, findings="kept")
        back = await host.step("debug", 1, first.id, step="Traceback in src/cart.py line 14", backtrack_from_step=1)
        assert back.number == 1
        assert back.id == first.id
        assert back.sent["plan"]["likely"] < first.sent["plan"]["likely"]
        second = await host.step("debug", 2, first.id, **PROOF)
        assert second.sent["assessment"]["evidence"] == {"verified": 1}


@pytest.mark.parametrize("mode", MODES)
async def test_one_tool_follows_up_anothers_thread_and_sees_its_context(
    app: MCPServer, project: Path, mode: str
) -> None:
    async with connected(app, project, mode) as host:
        origin = await host.open("debug", step="The total is wrong, ORIGIN-TASK")
        await host.step("debug", 2, origin.id, **(PROOF | {"hypothesis": "ORIGIN-THEORY: it subtracts"}))
        before = await host.history(origin.id)
        follow = await host.step("codereview", 1, origin.id, step="Review the fix", working_directory=str(project))
        assert follow.id != origin.id
        assert follow.id.startswith("codereview-")
        assert follow.number == 1
        assert origin.id in follow.text
        for word in ("ORIGIN-TASK", "ORIGIN-THEORY", "src/cart.py"):
            assert word in follow.text
            assert word in follow.sent["follows"]
        assert await host.history(origin.id) == before
        second = await host.step("codereview", 2, follow.id, findings="new")
        assert "ORIGIN" not in second.text
        third = await host.step("debug", 3, origin.id, findings="goes on")
        assert third.number == 3


@each()
async def test_a_finished_thread_can_be_followed_up_by_its_own_tool(app: MCPServer, project: Path, tool: str) -> None:
    async with connected(app, project) as host:
        answer = await host.open(tool)
        for number in (2, 3, 4):
            answer = await host.step(tool, number, answer.id, findings=f"new {number}", next_step_required=False)
            if answer.done:
                break
        assert answer.done
        follow = await host.step(tool, 1, answer.id, step="And what of the discount?")
        assert follow.id != answer.id
        assert follow.sent["follows"]


async def test_the_first_step_with_its_own_id_is_a_retry_and_opens_nothing(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        said = {"step": "task", "step_number": 1, "next_step_required": True, "working_directory": str(project)}
        first = await host.send("debug", said)
        again = await host.send("debug", said | {"continuation_id": first.id})
        assert again.id == first.id
        assert_replayed(again, first, 2)


async def test_the_final_plan_gives_every_live_step_by_branch(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.step("planner", 1, step="Move the shop to a new cart", working_directory=str(project))
        plan: list[dict[str, Any]] = [
            {"step": "Write the new cart"},
            {"step": "OLD: switch in one night"},
            {"step": "Switch by customer", "is_step_revision": True, "revises_step_number": 3},
            {"step": "Buy a cart", "is_branch_point": True, "branch_from_step": 2, "branch_id": "buy"},
            {"step": "Ask three vendors", "branch_id": "buy", "more_steps_needed": True},
        ]
        for number, fields in enumerate(plan, start=2):
            answer = await host.step("planner", number, first.id, **fields)
            assert answer.number == number
        done = await host.step("planner", 7, first.id, step="Choose", next_step_required=False)
        if not done.done:
            done = await host.step("planner", 8, first.id, step="Choose now", next_step_required=False)
        assert done.status == "planner_complete"
        steps = {step["number"]: step for step in done.sent["result"]["steps"]}
        assert 3 not in steps
        assert {1, 2, 4, 5, 6, 7} <= steps.keys()
        assert [steps[number].get("branch_id") for number in (1, 2, 4, 5, 6)] == [None, None, None, "buy", "buy"]
        order = list(steps)
        assert order.index(4) == order.index(2) + 1, "a revision stands where the step that it revises stood"
        for words in ("Write the new cart", "Switch by customer", "Buy a cart", "Ask three vendors"):
            assert words in done.text
        assert "OLD:" not in done.text
        assert "[buy] Buy a cart" in done.text


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"is_step_revision": True}, "is_step_revision needs revises_step_number"),
        ({"is_branch_point": True}, "is_branch_point needs branch_from_step and branch_id"),
        ({"revises_step_number": 5}, "send a number below 3"),
        ({"branch_from_step": 3, "branch_id": "b"}, "send a number below 3"),
        ({"revises_step_number": -2}, "send 1 or more"),
    ],
)
async def test_labels_of_a_plan_that_make_no_sense_are_told(
    app: MCPServer, project: Path, fields: dict[str, Any], says: str
) -> None:
    async with connected(app, project) as host:
        first = await host.open("planner")
        await host.step("planner", 2, first.id)
        answer = await host.step("planner", 3, first.id, **fields)
        assert answer.is_error
        assert says in answer.text
        assert (await host.step("planner", 3, first.id)).number == 3


async def test_a_step_that_was_revised_cannot_be_revised_again(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("planner")
        await host.step("planner", 2, first.id, step="a")
        await host.step("planner", 3, first.id, step="b", revises_step_number=2)
        refused = await host.step("planner", 4, first.id, step="c", revises_step_number=2)
        assert refused.status == "planner_refused"
        answer = await host.step("planner", 4, first.id, step="c", revises_step_number=3)
        assert answer.number == 4
