"""Lines that a change took out: quoted, they are evidence that something is gone, and of nothing else."""

from pathlib import Path

import pytest
from mcp.server.mcpserver import MCPServer

from tests.support.host import Answer, Host, connected
from tests.support.repositories import committed

pytestmark = pytest.mark.asyncio
GUARD = '    if percent > 100:\n        raise ValueError("more than all of it")\n'
PLACE = {"file": "src/cart.py", "line": 18}
QUOTE = {"file": "src/cart.py", "quote": 'raise ValueError("more than all of it")', "supports": "I1"}


@pytest.fixture
def changed(project: Path) -> Path:
    """The project after a change that took a guard out of discounted()."""
    cart = project / "src" / "cart.py"
    text = cart.read_text()
    head, sign, tail = text.partition('    """Return the total after a discount."""\n')
    assert sign
    cart.write_text(head + sign + GUARD + tail)
    committed(project)
    cart.write_text(text)
    return project


async def claimed(host: Host, tool: str, description: str) -> Answer:
    first = await host.open(tool, step="Check the change of discounted()")
    issue = {"severity": "high", "description": description, **PLACE}
    said = {"findings": "read the diff", "files_checked": ["src/cart.py"], "issues_found": [issue]}
    return await host.step(tool, 2, first.id, **said, evidence=[QUOTE])


@pytest.mark.parametrize("tool", ["precommit", "codereview", "refactor", "debug"])
async def test_a_deleted_line_is_evidence_of_a_removal(app: MCPServer, changed: Path, tool: str) -> None:
    async with connected(app, changed) as host:
        told = await claimed(host, tool, "discounted() no longer refuses more than 100 percent")
    assert told.sent["assessment"]["evidence"] == {"removed": 1}
    assert "src/cart.py:20: removed by the change; proves only that it is gone" in told.text
    assert not any("I1" in line for line in told.open)


async def test_a_deleted_line_proves_nothing_else(app: MCPServer, changed: Path) -> None:
    async with connected(app, changed) as host:
        told = await claimed(host, "precommit", "discounted() rounds the percent twice")
    assert any("which proves only that it is gone" in line for line in told.open)


async def test_at_the_end_it_is_told_apart_and_never_called_gone_since(app: MCPServer, changed: Path) -> None:
    async with connected(app, changed) as host:
        told = await claimed(host, "precommit", "discounted() no longer refuses more than 100 percent")
        done = await host.step("precommit", 3, told.id, findings="nothing else", next_step_required=False)
        done = done if done.done else await host.step("precommit", 4, told.id, findings="x", next_step_required=False)
    assert "1 of 1 quote found (1 in what the change removed)" in done.verdict
    assert "gone since" not in done.verdict


@pytest.mark.parametrize(
    ("tool", "quote"),
    [("tracer", QUOTE["quote"]), ("precommit", 'raise ValueError("something that nobody ever wrote")')],
)
async def test_what_the_change_did_not_take_out_stays_refuted(
    app: MCPServer, changed: Path, tool: str, quote: str
) -> None:
    async with connected(app, changed) as host:
        first = await host.open(tool, step="Look at discounted()")
        told = await host.step(tool, 2, first.id, evidence=[{"file": "src/cart.py", "quote": quote}])
    assert told.sent["assessment"]["evidence"] == {"refuted": 1}


async def test_without_a_repository_it_stays_refuted(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug", step="Look at discounted()")
        told = await host.step("debug", 2, first.id, evidence=[{"file": "src/cart.py", "quote": QUOTE["quote"]}])
    assert told.sent["assessment"]["evidence"] == {"refuted": 1}
