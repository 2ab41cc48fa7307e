"""Runs that an agent reports: kept, shown, counted apart, never refuted, and never a reason to say verified."""

from pathlib import Path
from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from tests.support.host import Answer, Host, connected
from tests.support.project import FAULT, FAULT_LINE
from tests.tools.test_tools_reading import resource
from tests.tools.test_tools_threads import BESIDE, HYPOTHESIS, finish, proof, survey

pytestmark = pytest.mark.asyncio

COMMAND = "pytest -q tests/test_cart.py"
FAILING = {"command": COMMAND, "output": "E  assert 90 == 900\n1 failed", "exit": 1}
PASSING = {"command": COMMAND, "output": "3 passed", "exit": 0}
QUOTE = {"file": "src/cart.py", "line": FAULT_LINE, "quote": FAULT, "supports": "hypothesis"}


async def _whole(host: Host, *runs: dict[str, Any], tool: str = "debug", **more: Any) -> Answer:
    """A first step that states a cause, quotes it, reports `runs` and asks to finish."""
    said = {
        "step": "The total of the cart is wrong",
        "working_directory": str(host.directory),
        "hypothesis": HYPOTHESIS,
        "evidence": [QUOTE, *runs],
        "next_step_required": False,
    }
    return await host.step(tool, 1, **(said | more))


async def test_a_first_step_with_a_quote_and_both_runs_is_done_and_not_called_verified(
    app: MCPServer, project: Path
) -> None:
    async with connected(app, project) as host:
        done = await _whole(host, FAILING, PASSING)
        assert done.verdict.startswith("DONE (partly verified). 1 step. 1 of 1 quote found; ")
        assert f"reported by the agent, not run here: `{COMMAND}` failed, then passed" in done.verdict
        assert "nothing run" not in done.verdict
        assert done.sent["assessment"]["assurance"] == "partly_verified"
        assert done.sent["assessment"]["evidence"] == {"verified": 1, "reported_runs": 2}


@pytest.mark.parametrize(
    "runs",
    [
        [],
        [PASSING],
        [FAILING],
        [PASSING, FAILING],
        [FAILING, PASSING | {"command": "pytest -q"}],
        [FAILING | {"output": ""}, PASSING | {"output": ""}],
        [FAILING | {"output": "3 passed"}, PASSING],
        [{"command": COMMAND, "output": "1 failed"}, {"command": COMMAND, "output": "3 passed"}],
    ],
)
async def test_less_than_a_run_that_failed_and_passes_now_ends_no_first_step(
    app: MCPServer, project: Path, runs: list[dict[str, Any]]
) -> None:
    async with connected(app, project) as host:
        held = await _whole(host, *runs)
        assert held.verdict.startswith("HELD 1/")


async def test_both_runs_end_no_first_step_without_a_quote_that_is_about_the_cause(
    app: MCPServer, project: Path
) -> None:
    aside = BESIDE | {"supports": "hypothesis"}
    async with connected(app, project) as host:
        invented = "a deadlock between the pool and the journal"
        held = await _whole(host, hypothesis=invented, evidence=[aside, FAILING, PASSING])
        assert held.verdict.startswith("HELD 1/")


async def test_a_further_quote_beside_the_runs_is_what_verifies(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug")
        second = await host.step("debug", 2, first.id, **survey("debug"), **proof())
        done = await finish(host, "debug", second, evidence=[BESIDE, FAILING, PASSING])
        assert done.verdict.startswith("DONE (verified). 3 steps. 2 of 2 quotes found; a further quote at step 3; ")
        assert done.sent["assessment"]["evidence"] == {"verified": 2, "reported_runs": 2}


async def test_the_runs_of_one_hypothesis_test_no_later_one(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug")
        said = survey("debug") | {"hypothesis": "the voucher is counted twice in discounted()"}
        second = await host.step("debug", 2, first.id, **said, evidence=[FAILING, PASSING])
        held = await finish(host, "debug", second, **proof())
        assert held.verdict.startswith("HELD 3/")
        assert any("conclusion not tested" in clause for clause in held.open)


async def test_runs_are_kept_shown_and_exported_as_they_were_told(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug")
        told = {"command": "make check", "output": "boom", "exit_code": 2, "supports": "hypothesis"}
        second = await host.step("debug", 2, first.id, **survey("debug"), **proof())
        third = await host.step("debug", 3, first.id, findings="make check breaks", evidence=[told])
        assert third.sent["assessment"]["evidence"] == {"verified": 1, "reported_runs": 1}
        assert second.sent["assessment"]["evidence"] == {"verified": 1}
        status = await host.status(continuation_id=first.id)
        assert status.sent["result"]["reported_runs"] == [{"command": "make check", "output": "boom", "exit": 2}]
        report = await resource(host, f"stepwarden://threads/{first.id}/report")
        assert "## Runs that the agent reports" in report
        assert "- step 3, exit 2: `make check`" in report
        page = await resource(host, f"stepwarden://threads/{first.id}/report.html")
        assert "exit 2, not seen by the server" in page


async def test_a_run_is_a_fact_and_the_same_one_is_not(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug", findings="it fails")
        second = await host.step("debug", 2, first.id, findings="it fails", evidence=[FAILING])
        assert second.verdict.startswith("ACCEPTED 2/")
        again = await host.step("debug", 3, first.id, findings="it fails", evidence=[FAILING])
        assert again.verdict.startswith("REFUSED. Not recorded: nothing new")


async def test_a_quote_without_a_file_is_told_and_the_step_is_taken(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug")
        said = survey("debug") | proof()
        nowhere = {"quote": "def total(lines):"}
        second = await host.step("debug", 2, first.id, **(said | {"evidence": [nowhere, *proof()["evidence"]]}))
        assert second.verdict.startswith("ACCEPTED 2/")
        assert "Evidence 1: no file named, passed over; send file, line and quote." in second.text
        assert second.sent["assessment"]["evidence"] == {"verified": 1}


async def test_a_secret_in_a_run_is_hidden_before_it_is_stored(app: MCPServer, project: Path) -> None:
    key = "sk-proj-" + "a1B2c3D4" * 6
    async with connected(app, project) as host:
        first = await host.open("debug")
        run = {"command": f"OPENAI_API_KEY={key} pytest", "output": f"used {key}", "exit": 0}
        second = await host.step("debug", 2, first.id, **survey("debug"), evidence=[run])
        status = await host.status(continuation_id=first.id)
        report = await resource(host, f"stepwarden://threads/{first.id}/report")
        assert key not in second.text + status.text + str(status.sent) + report
        assert "<secret withheld>" in str(status.sent["result"]["reported_runs"])
