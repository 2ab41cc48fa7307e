"""What git knows of a project: changed files are what to review, files that change often what to refactor."""

from pathlib import Path

import pytest
from mcp.server.mcpserver import MCPServer

from tests.support.host import connected
from tests.support.repositories import commit, committed

pytestmark = pytest.mark.asyncio

BRANCHES = "def pick(a):\n" + "".join(f"    if a > {n}:\n        return {n}\n" for n in range(12)) + "    return a\n"


async def test_codereview_reviews_what_differs_from_the_last_commit_where_no_file_is_named(
    app: MCPServer, project: Path
) -> None:
    committed(project)
    (project / "src" / "cart.py").write_text("def total(lines):\n    return 0\n")
    (project / "src" / "added.py").write_text("def added():\n    return 1\n")
    async with connected(app, project) as host:
        answer = await host.open("codereview", step="Review it")
        assert "changed since the last commit" in answer.sent["facts"][0], answer.text
        assert {"src/cart.py", "src/added.py"} <= {
            word for clause in answer.open for word in clause.replace(":", " ").split()
        }, answer.open


async def test_codereview_of_a_directory_below_the_top_reviews_what_changed_in_it(
    app: MCPServer, project: Path
) -> None:
    committed(project)
    (project / "src" / "cart.py").write_text("def total(lines):\n    return 0\n")
    (project / "README.md").write_text("changed\n")
    async with connected(app, project / "src") as host:
        answer = await host.open("codereview", step="Review it")
        assert "changed since the last commit" in answer.sent["facts"][0], answer.text
        assert any("cart.py" in clause for clause in answer.open), answer.open
        assert not any("README" in clause for clause in answer.open), answer.open


async def test_refactor_names_complex_files_that_change_often(app: MCPServer, project: Path) -> None:
    committed(project)
    (project / "src" / "pick.py").write_text(BRANCHES)
    commit(project)
    (project / "src" / "pick.py").write_text(BRANCHES + "\n\nLATER = 1\n")
    commit(project)
    async with connected(app, project) as host:
        first = await host.open("refactor", step="Find what wants another shape in this project")
        found = (await host.status(continuation_id=first.id)).sent["result"]["facts"]
        assert any(fact.startswith("Hotspot: src/pick.py, 2 commits in 365 days") for fact in found), found
