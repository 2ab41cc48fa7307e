"""Whole threads of every workflow tool, from the first step to their end, without any model."""

from pathlib import Path
from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from tests.support.host import TOOLS, Answer, Host, connected, each, each_in_either_era
from tests.support.project import FAULT, FAULT_LINE

pytestmark = pytest.mark.asyncio

HYPOTHESIS = "total() subtracts the count from the price where it should multiply"
OWN: dict[str, dict[str, Any]] = {
    "analyze": {"analysis_type": "quality"},
    "codereview": {"review_type": "full"},
    "precommit": {"include_staged": False},
    "refactor": {"refactor_type": "codesmells", "issues_found": [{"severity": "low", "description": "long name"}]},
    "secaudit": {"audit_focus": "owasp"},
    "tracer": {"trace_mode": "precision"},
}


def survey(tool: str) -> dict[str, Any]:
    """A second step that closes each clause of the tool but those of evidence."""
    aim = " Goal: the totals agree. Constraints: none." if tool == "planner" else ""
    return OWN.get(tool, {}) | {
        "findings": f"{tool}: the sum is off by the count, in one place only.{aim}",
        "files_checked": ["src/cart.py", "tests/test_cart.py"],
        "relevant_files": ["tests/test_cart.py"],
        "confidence": "medium",
    }


BESIDE = {"file": "src/cart.py", "quote": "return total(lines) * (100 - percent) // 100"}
"""A line of another function that the hypothesis would show in as well."""


def proof() -> dict[str, Any]:
    return {
        "hypothesis": HYPOTHESIS,
        "evidence": [{"file": "src/cart.py", "line": FAULT_LINE, "quote": FAULT, "supports": "hypothesis"}],
    }


async def finish(host: Host, tool: str, answer: Answer, **fields: Any) -> Answer:
    said = {"step": f"Finish after {answer.number}", "next_step_required": False, "confidence": "high"}
    return await host.step(tool, answer.next, answer.id, **(said | fields))


@each_in_either_era(usual=TOOLS)
async def test_a_thread_with_evidence_is_done_and_verified(app: MCPServer, project: Path, tool: str, mode: str) -> None:
    async with connected(app, project, mode) as host:
        first = await host.open(tool)
        second = await host.step(tool, 2, first.id, **survey(tool), **proof())
        assert second.sent["assessment"]["evidence"] == {"verified": 1}
        assert second.sent["assessment"]["assurance"] == "verified"
        third = await finish(host, tool, second, evidence=[BESIDE])
        assert third.verdict.startswith("DONE")
        assert "3 steps. 2 of 2 quotes found; a further quote at step 3, nothing run" in third.verdict
        unproven = "not evidenced" in third.verdict  # an issue of a step's own that rests on nothing
        assert unproven is not third.verdict.startswith("DONE (verified).")
        assert third.sent["verdict"] == third.verdict
        assert third.sent["assessment"]["outcome"] == "done"
        assert third.sent["assessment"]["assurance"] == "verified"
        assert third.open == []
        result = third.sent["result"]
        assert result["hypothesis"]["text"] == HYPOTHESIS
        assert result["hypothesis"]["at"].startswith(f"src/cart.py:{FAULT_LINE}")
        assert HYPOTHESIS in third.text
        status = await host.status(continuation_id=third.id)
        assert [step["number"] for step in status.sent["result"]["steps"]] == [1, 2, 3]
        assert {"src/cart.py", "tests/test_cart.py"} <= set(status.sent["result"]["files"])


@each(TOOLS)
async def test_a_quote_alone_is_found_and_not_called_verified(app: MCPServer, project: Path, tool: str) -> None:
    async with connected(app, project) as host:
        first = await host.open(tool)
        await host.step(tool, 2, first.id, **survey(tool), **proof())
        third = await host.step(tool, 3, first.id, findings="and nothing else speaks against it")
        done = await finish(host, tool, third)
        assert done.verdict.startswith("DONE. 4 steps. 1 of 1 quote found; conclusion not tested")


@each_in_either_era()
async def test_a_thread_whose_files_cannot_be_read_is_done_and_asserted(
    app: MCPServer, project: Path, tool: str, mode: str
) -> None:
    async with connected(app, project, mode) as host:
        first = await host.step(tool, 1)
        second = await host.step(tool, 2, first.id, **survey(tool), hypothesis=HYPOTHESIS)
        third = await finish(host, tool, second)
        assert third.verdict.startswith("DONE (asserted).")
        assert third.sent["assessment"]["assurance"] == "asserted"


@each()
async def test_the_first_ask_is_held_clause_by_clause_and_the_next_one_completes(
    app: MCPServer, project: Path, tool: str
) -> None:
    async with connected(app, project) as host:
        first = await host.open(tool)
        claim = {"severity": "high", "description": "The total is wrong", "file": "src/cart.py", "line": FAULT_LINE}
        held = await finish(host, tool, first, issues_found=[claim], hypothesis=HYPOTHESIS)
        assert held.verdict.startswith("HELD 2/")
        assert held.status == f"pause_for_{tool}"
        assert held.next == 3
        assert any("I1" in clause for clause in held.open)
        assert any("hypothesis" in clause for clause in held.open)
        assert "required_actions" not in held.sent  # what is open says what to do
        assert "outcome" not in held.sent["assessment"]  # it has none yet
        assert held.sent["assessment"]["assurance"] == "asserted"
        assert not held.is_error
        done = await finish(host, tool, held)
        assert done.verdict.startswith("DONE (asserted).")
        assert "Passed over: " in done.text
        assert done.sent["result"]["issues"][0]["evidenced"] is False


@each()
async def test_a_held_thread_that_closes_its_clauses_is_done_and_verified(
    app: MCPServer, project: Path, tool: str
) -> None:
    async with connected(app, project) as host:
        first = await host.open(tool)
        held = await finish(host, tool, first, hypothesis=HYPOTHESIS, **(survey(tool) | {"confidence": "high"}))
        assert held.verdict.startswith("HELD 2/")
        done = await finish(host, tool, held, **proof())
        assert done.verdict.startswith("DONE.")  # found, and nothing more: its first quote is what it was seen in
        assert done.sent["assessment"]["assurance"] == "verified"
        assert "Passed over" not in done.text


@each()
async def test_asking_in_the_first_step_is_held(app: MCPServer, project: Path, tool: str) -> None:
    async with connected(app, project) as host:
        held = await host.step(
            tool, 1, **survey(tool), **proof(), next_step_required=False, working_directory=str(project)
        )
        assert held.verdict.startswith("HELD 1/")
        acts = {"debug": "failing test with the fix", "planner": "write the plan", "analyze": "speaks against"}
        assert any(acts.get(tool, "report") in clause for clause in held.open)


@each([tool for tool in TOOLS if tool != "planner"])
async def test_finishing_while_nothing_new_is_found_is_inconclusive(app: MCPServer, project: Path, tool: str) -> None:
    async with connected(app, project) as host:
        first = await host.open(tool)
        refused = await host.step(tool, 2, first.id, step="again", findings="THE total  of the cart is wrong")
        assert refused.status == f"{tool}_refused"
        assert "nothing new" in refused.text
        assert refused.sent["required_actions"] == first.sent["required_actions"]
        for action in first.sent["required_actions"]:
            assert f"- {action}" in refused.text.splitlines()
        stalled = await host.step(tool, 2, first.id, step="once more", findings="the total of the cart is wrong")
        assert stalled.sent["assessment"]["stalled"] is True
        assert "Stalled." in stalled.verdict
        ended = await finish(host, tool, stalled, findings="")
        if ended.verdict.startswith("HELD"):
            ended = await finish(host, tool, ended, findings="")
        assert ended.verdict.startswith("DONE (inconclusive).")
        assert ended.sent["assessment"]["outcome"] == "inconclusive"
        assert ended.status == f"{tool}_complete"


@each([tool for tool in TOOLS if tool != "planner"])
async def test_a_thread_that_is_told_of_its_stall_and_brings_nothing_is_ended_and_the_next_number_reopens_it(
    app: MCPServer, project: Path, tool: str
) -> None:
    async with connected(app, project) as host:
        answer = await host.open(tool)
        for number in (2, 3):
            assert answer.status == f"pause_for_{tool}"
            refused = await host.step(tool, number, answer.id, step=f"again {number}", findings=" ")
            assert refused.status == f"{tool}_refused"
            same = {"step": f"once more {number}", "findings": "the total of the cart is wrong"}
            answer = await host.step(tool, number, answer.id, **same)
        assert answer.status == f"{tool}_complete"
        assert answer.verdict.startswith("DONE (inconclusive). 3 steps: 2 steps without new evidence")
        assert "step_number=4" in answer.text
        again = await host.step(tool, 4, answer.id, findings="The rounding is done twice", files_checked=["cart.py"])
        assert again.status == f"pause_for_{tool}"
        assert "Reopened." in again.verdict


@each()
async def test_the_manager_ends_a_converged_thread_early_and_the_next_number_reopens_it(
    app: MCPServer, project: Path, tool: str
) -> None:
    async with connected(app, project) as host:
        answer = await host.open(tool)
        answer = await host.step(tool, 2, answer.id, **survey(tool), **proof())
        looked = {"findings": "discounted() adds no fault of its own", "evidence": [BESIDE]}
        ended = await host.step(tool, 3, answer.id, **looked, confidence="certain")
        assert ended.status == f"{tool}_complete"
        assert ended.verdict.startswith("DONE")
        assert ": a new quote at step 3 changed no conclusion. 2 of 2 quotes found; a further quote" in ended.verdict
        assert ended.sent["next_step_required"] is False
        again = await host.step(tool, ended.next, ended.id, findings="One more place has the same fault")
        assert again.status == f"pause_for_{tool}"
        assert again.number == 4
        done = await finish(host, tool, again)
        assert "5 steps. 2 of 2 quotes found; a further quote at step 3, nothing run" in done.verdict


@each()
async def test_certainty_with_filler_ends_nothing(app: MCPServer, project: Path, tool: str) -> None:
    async with connected(app, project) as host:
        answer = await host.open(tool, confidence="certain")
        for number in range(2, 8):
            answer = await host.step(
                tool,
                number,
                answer.id,
                findings=f"I am entirely sure of it, as I said, for reason {number}",
                hypothesis="It is certainly the cart",
                confidence="certain",
            )
            assert answer.status == f"pause_for_{tool}"
            assert answer.sent["assessment"].get("assurance", "asserted") == "asserted"


@each()
async def test_a_thread_that_the_agent_finished_is_closed_and_a_backtrack_reopens_it(
    app: MCPServer, project: Path, tool: str
) -> None:
    async with connected(app, project) as host:
        answer = await host.open(tool)
        answer = await host.step(tool, 2, answer.id, **survey(tool), **proof())
        answer = await finish(host, tool, answer, evidence=[BESIDE])
        assert answer.done
        closed = await host.step(tool, 4, answer.id, findings="more")
        assert closed.status == f"{tool}_refused"
        assert "finished" in closed.text
        assert f"{tool}_required" not in closed.sent, "it has ended, whatever was sent"
        assert "backtrack_from_step" in closed.text
        assert "follows it up" in closed.text
        back = await host.step(tool, 3, answer.id, findings="another view of it", backtrack_from_step=3)
        assert back.status == f"pause_for_{tool}"
        assert back.number == 3
        assert back.sent["progress"]["breadcrumb"].endswith("3'")
        done = await finish(host, tool, back)
        assert done.done


async def test_total_steps_rises_with_the_steps_and_never_ends_the_thread(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        answer = await host.open("codereview", total_steps=2)
        assert answer.sent["total_steps"] == 2
        for number in range(2, 12):
            answer = await host.step("codereview", number, answer.id, findings=f"finding {number}")
            assert answer.sent["total_steps"] > number
        more = await host.step("codereview", 12, answer.id, findings="finding 12", total_steps=400)
        assert more.sent["total_steps"] < 400


async def test_the_plan_is_told_with_its_reason_when_it_is_made_and_when_it_changes(
    app: MCPServer, project: Path
) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug", step="Where does it fail?")
        assert first.sent["plan"].keys() == {"low", "likely", "high", "reason"}
        assert first.sent["plan"]["likely"] == first.sent["total_steps"]
        more = await host.step("debug", 2, first.id, findings="a lot to see", total_steps=15)
        assert more.sent["plan"]["was"] == first.sent["total_steps"]
        assert more.sent["plan"]["by"] == "agent"
        assert more.sent["total_steps"] == more.sent["plan"]["likely"]
        rows = [row["event"] for row in await host.history(first.id)]
        assert sum(row.startswith("planned ") for row in rows) == 2


async def test_an_end_without_a_claim_says_the_last_findings_in_both_parts(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("analyze")
        second = await host.step("analyze", 2, first.id, **survey("analyze"))
        held = await finish(host, "analyze", second, findings="the layers are clean")
        done = await finish(host, "analyze", held, findings="two layers, and no cycle")
        assert done.sent["result"]["findings"] == "two layers, and no cycle"
        assert "two layers, and no cycle" in done.text.split("\n")


async def test_an_issue_made_less_of_is_told_in_both_parts(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("codereview")
        severe = {"severity": "critical", "description": "the sum is wrong", "file": "src/cart.py", "line": FAULT_LINE}
        said = survey("codereview") | {"issues_found": [severe]}
        second = await host.step("codereview", 2, first.id, **said)
        lowered = [{"id": "I1", "severity": "medium", "description": "needs an odd price"}]
        done = await finish(host, "codereview", second, issues_found=lowered)
        done = done if done.done else await finish(host, "codereview", done)
        assert done.sent["result"]["lowered"] == ["I1 (critical to medium)"]
        assert "Lowered, not evidenced: I1 (critical to medium)." in done.text
        assert "steps. No quote given" in done.verdict


async def test_a_hold_counts_each_clause_as_the_end_does(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug")
        severe = [{"severity": "high", "description": f"fault {n}", "file": "src/cart.py"} for n in range(4)]
        said = survey("debug") | {"issues_found": severe, "hypothesis": HYPOTHESIS}
        second = await host.step("debug", 2, first.id, **said)
        held = await finish(host, "debug", second)
        assert held.verdict.startswith("HELD 3/")
        assert ": 5 clauses open." in held.verdict
        done = await finish(host, "debug", held)
        assert "5 clauses passed over" in done.verdict


async def test_that_every_file_was_read_is_told_once_and_at_the_end(app: MCPServer, project: Path) -> None:
    told = "Every file was named as read, or quoted."
    async with connected(app, project) as host:
        first = await host.open("codereview", relevant_files=["src/cart.py", "tests/test_cart.py"])
        second = await host.step("codereview", 2, first.id, **survey("codereview"))
        assert told in second.text
        third = await host.step("codereview", 3, first.id, findings="looked again", **proof())
        assert told not in third.text
        done = await finish(host, "codereview", third, evidence=[BESIDE])
        assert done.done
        assert told in done.text
        assert done.sent["facts"] == [told]


async def test_a_hold_over_the_hypothesis_says_how_a_later_quote_counts_for_it(app: MCPServer, project: Path) -> None:
    how = 'supports: "hypothesis"'
    async with connected(app, project) as host:
        first = await host.open("debug")
        aside = [{"file": "src/cart.py", "quote": BESIDE["quote"]}]
        claim = "an unknown voucher is charged twice"
        second = await host.step("debug", 2, first.id, **survey("debug"), hypothesis=claim, evidence=aside)
        held = await finish(host, "debug", second)
        assert held.verdict.startswith("HELD 3/")
        assert held.open[0].startswith("hypothesis: ")
        assert how in held.text
        assert how in held.sent["next_steps"]
        other = await host.open("codereview")
        held = await finish(host, "codereview", other)
        assert held.verdict.startswith("HELD 2/")
        assert how not in held.sent["next_steps"]
