"""What a step changed of those before it is told: a hypothesis, a step of the plan, an assumption, a branch."""

from pathlib import Path

import pytest
from mcp.server.mcpserver import MCPServer

from tests.support.host import connected
from tests.support.project import FAULT, FAULT_LINE

pytestmark = pytest.mark.asyncio
PROOF = {"file": "src/cart.py", "line": FAULT_LINE, "quote": FAULT, "supports": "hypothesis"}


async def test_a_changed_hypothesis_says_what_the_old_one_rested_on(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug", hypothesis="total() takes the count off the price", evidence=[PROOF])
        other = await host.step("debug", 2, first.id, hypothesis="discounted() rounds the percent down")
        again = await host.step("debug", 3, first.id, hypothesis="discounted() rounds the percent down", findings="x y")
    told = f"The hypothesis before rested on src/cart.py:{FAULT_LINE}; they prove nothing of the new one."
    assert told in other.text
    assert told in other.sent["assessment"]["quotes"]
    assert "The hypothesis before" not in first.text + again.text


async def test_a_hypothesis_in_other_words_asks_for_its_quotes_again(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug", hypothesis="total() takes the count off the price", evidence=[PROOF])
        other = await host.step("debug", 2, first.id, hypothesis="the price in total() has its count taken off")
    assert "; quote them again for its new words." in other.text


async def test_a_quote_far_from_its_issue_is_told_how_far(app: MCPServer, project: Path) -> None:
    cart = project / "src" / "cart.py"
    cart.write_text(cart.read_text() + "\n" * 60 + "def late(lines):\n    return discounted(lines, 100)\n")
    line = cart.read_text().splitlines().index("    return discounted(lines, 100)") + 1
    issue = {"severity": "high", "description": "discounted() gives all away", "file": "src/cart.py", "line": 17}
    quote = {"file": "src/cart.py", "line": line, "quote": "return discounted(lines, 100)", "supports": "I1"}
    async with connected(app, project) as host:
        first = await host.open("codereview")
        told = await host.step("codereview", 2, first.id, issues_found=[issue], evidence=[quote])
    assert f"Quote src/cart.py:{line}: {line - 17} lines from I1, which stands at line 17" in told.text


async def test_a_revision_of_a_plan_is_confirmed_with_the_steps_that_stand(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("planner")
        await host.step("planner", 2, first.id, step="Build it")
        await host.step("planner", 3, first.id, step="Ship it")
        told = await host.step("planner", 4, first.id, step="Build it with tests", revises_step_number=2)
        back = await host.step("planner", 5, first.id, step="Ship it slowly", backtrack_from_step=3)
    assert told.sent["notes"] == ["Step 4 stands in the place of step 2. The plan is now: 1, 4, 3."]
    assert back.sent["notes"] == ["Replaced: steps 3 to 4 superseded."]


async def test_a_plan_with_branches_asks_which_one_was_chosen(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("planner")
        await host.step("planner", 2, first.id, step="Write it anew", branch_id="rewrite", branch_from_step=1)
        aim = "Goal: one module that the tests cover. Constraints: none."
        held = await host.step("planner", 3, first.id, step="That is the plan", findings=aim, next_step_required=False)
        done = await host.step("planner", 4, first.id, step="The rewrite, for its tests", next_step_required=False)
    assert held.open == ["findings: which branch you chose, and why"]
    assert done.done
    assert done.open == []


async def test_an_assumption_that_nobody_checked_stands_in_the_end(app: MCPServer, project: Path) -> None:
    words = "Assumptions: the load stays low (not checked); one host (not checked)."
    async with connected(app, project) as host:
        first = await host.open("thinkdeep", findings=words)
        second = await host.step(
            "thinkdeep", 2, first.id, findings="One host (checked): ops says so", confidence="high"
        )
        held = await host.step(
            "thinkdeep", 3, first.id, findings="so be it", confidence="high", next_step_required=False
        )
        done = await host.step("thinkdeep", 4, first.id, findings="enough", confidence="high", next_step_required=False)
    assert "not checked: the load stays low" in first.open
    assert second.open == ["not checked: the load stays low"]
    assert held.open == ["not checked: the load stays low"]
    assert "Passed over: not checked: the load stays low." in done.text
    assert done.sent["assessment"]["assurance"] != "verified"
