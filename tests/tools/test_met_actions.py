"""Advice fits what was sent: what a request has done already, or cannot do, is not asked for."""

from pathlib import Path
from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from prompts import load
from tests.support.host import connected
from tests.support.project import FAULT, FAULT_LINE
from tests.support.repositories import committed
from tools.shared.met_actions import MET

QUOTE = {"file": "src/cart.py", "line": FAULT_LINE, "quote": FAULT, "supports": "hypothesis"}
FAILED = {"command": "pytest", "output": "1 failed", "exit": 1}
TOOLS = (
    *("analyze", "codereview", "consensus", "debug", "docgen", "planner", "precommit", "refactor", "secaudit"),
    *("testgen", "thinkdeep", "tracer"),
)
PASSED = {"command": "pytest", "output": "1 passed", "exit": 0}
ISSUE = {"severity": "low", "description": "takes the count off", "file": "src/cart.py"}


def test_each_row_is_about_a_bullet_that_some_tool_gives() -> None:
    bullets = [bullet for tool in TOOLS for section in load(tool).sections.values() for bullet in section]
    unknown = [words for words in MET if not any(words in bullet for bullet in bullets)]
    assert unknown == []


async def asked(app: MCPServer, project: Path, tool: str, steps: list[dict[str, Any]]) -> list[str]:
    """Return all actions that a thread of these steps is given, the first step's included."""
    async with connected(app, project) as host:
        first = await host.open(tool, **steps[0])
        actions = list(first.sent["required_actions"])
        for number, fields in enumerate(steps[1:], 2):
            step = await host.step(tool, number, first.id, **{"findings": f"looked at part {number}", **fields})
            actions += step.sent.get("required_actions", [])
    return actions


ROWS: dict[str, tuple[str, list[dict[str, Any]], str]] = {
    "no log was sent": ("debug", [{}, {}, {}], "Read the log"),
    "a failing run was sent": ("debug", [{"evidence": [FAILED]}, {}], "Reproduce it"),
    "it was run before and after": (
        "debug",
        [{}, {"hypothesis": "takes the count off"}, {"evidence": [FAILED, PASSED]}, {}],
        "Run it before and after",
    ),
    "there is no issue to rate": ("codereview", [{}, {}, {}, {}, {}], "triggers each issue"),
    "the tests were read": ("codereview", [{"files_checked": ["tests/test_cart.py"]}, {}, {}], "Open the tests"),
    "two test files were read": (
        "testgen",
        [{"files_checked": ["tests/test_cart.py", "tests/test_other.py"]}, {}],
        "Open two of the project's tests",
    ),
    "nothing is untracked": ("precommit", [{}, {}, {}, {}, {}], "untracked"),
    "no secret was found": ("secaudit", [{}, {}, {}, {}, {}, {}], "leaked secret"),
    "there is a branch": ("planner", [{}, {}, {"branch_id": "b", "branch_from_step": 1}, {}, {}], "a second way"),
    "there is no branch": ("planner", [{}] * 7, "Choose between the branches"),
    "the tests ran and passed": ("refactor", [{"evidence": [PASSED]}, {}], "run them now"),
    "the tests were run": ("testgen", [{"evidence": [PASSED]}, {}, {}, {}], "Run the present tests"),
    "an assumption is marked": (
        "thinkdeep",
        [{"step": "move it? The load stays low (not checked)"}, {}, {}],
        "List the assumptions",
    ),
    "the answer is quoted": (
        "thinkdeep",
        [{}, {"hypothesis": "takes the count off", "evidence": [QUOTE]}, {"confidence": "high"}, {}, {}, {}],
        "State the answer as hypothesis",
    ),
    "the hypothesis is quoted": (
        "thinkdeep",
        [{}, {"hypothesis": "takes the count off", "evidence": [QUOTE]}, {}, {}, {}],
        "carries the hypothesis",
    ),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("row", ROWS)
async def test_what_is_met_or_cannot_be_met_is_not_asked_for(app: MCPServer, project: Path, row: str) -> None:
    tool, steps, words = ROWS[row]
    (project / "tests" / "test_other.py").write_text("def test_nothing():\n    assert True\n")
    committed(project)
    (project / "src" / "cart.py").write_text(f"{(project / 'src' / 'cart.py').read_text()}\nRATE = 2\n")
    actions = await asked(app, project, tool, steps)
    assert actions
    assert not [action for action in actions if words in action]


@pytest.mark.asyncio
async def test_what_can_be_done_is_asked_for(app: MCPServer, project: Path) -> None:
    log = await asked(app, project, "debug", [{"step": "why does it fail? the log says KeyError"}, {}, {}])
    assert any(action.startswith("Read the log") for action in log)
    thought = await asked(app, project, "thinkdeep", [{"step": "move it to the new store?"}, {}])
    assert any(action.startswith("List the assumptions") for action in thought)
    issues = await asked(app, project, "codereview", [{}, {"issues_found": [ISSUE]}, {}, {}, {}, {}, {}])
    assert any("issue" in action for action in issues)


@pytest.mark.asyncio
async def test_a_plan_is_asked_for_the_goal_and_the_constraints_that_its_first_reply_asked_for(
    app: MCPServer, project: Path
) -> None:
    async with connected(app, project) as host:
        first = await host.open("planner", step="move the shop to the new store")
        assert any("the goal" in action for action in first.sent["required_actions"])
        await host.step("planner", 2, first.id, step="copy the tables", findings="copy the tables")
        held = await host.step("planner", 3, first.id, step="switch", findings="switch", next_step_required=False)
        assert held.verdict.startswith("HELD")
        assert held.sent["assessment"]["open"] == [
            "findings: the goal, as something that can be checked when done",
            "findings: the constraints (time, people, compatibility), or that there are none",
        ]
        said = "Goal: the old store gets no query any more. Constraint: no downtime."
        done = await host.step("planner", 4, first.id, findings=said, next_step_required=False)
        assert done.done
        assert done.sent["assessment"]["open"] == []
