"""precommit over the protocol: it reads the change itself, asks for what is risky, and says what nobody looked at."""

from pathlib import Path
from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from tests.support.host import connected
from tests.support.repositories import committed, git


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


pytestmark = pytest.mark.asyncio


async def test_a_change_is_read_asked_for_and_covered(app: MCPServer, project: Path) -> None:
    cart = committed(project) / "src" / "cart.py"
    edit(cart, "def total(lines):\n", "def total(lines, rate):\n    breakpoint()\n")
    async with connected(app, project) as host:
        first = await host.open("precommit")
        assert first.facts[0].startswith("1 file +2 -1 since ")
        assert "interface" in first.text
        held = await host.step(
            "precommit",
            2,
            first.id,
            findings="read the change",
            files_checked=["src/cart.py"],
            next_step_required=False,
        )
        assert held.verdict.startswith("HELD")
        assert any("total takes rate too" in clause for clause in held.open)
        edit(cart, "    breakpoint()\n", "")
        done = await host.step(
            "precommit",
            3,
            first.id,
            findings="the test still calls it with one argument",
            files_checked=["tests/test_cart.py"],
            evidence=[{"file": "src/cart.py", "quote": "def total(lines, rate):"}],
            next_step_required=False,
        )
        assert done.done
        assert "Passed over" not in done.text
        assert ". COMMIT. " in done.verdict
        assert done.sent["verdict"] == done.verdict
        assert done.text.count("1 hunk: 1 quoted, named or in an issue.") == 1


async def test_a_public_name_that_nothing_here_uses_may_be_used_outside(app: MCPServer, project: Path) -> None:
    (project / "src" / "prices.py").write_text("def gross(net):\n    return net\n\n\ndef _own(net):\n    return net\n")
    committed(project)
    (project / "src" / "prices.py").write_text("")
    async with connected(app, project) as host:
        first = await host.open("precommit")
    assert "Interface: src/prices.py:1 gross is gone; users outside may have it." in first.facts
    assert "_own" not in first.text


async def test_what_stands_on_disk_at_the_end_speaks_against_the_commit(app: MCPServer, project: Path) -> None:
    committed(project)
    edit(project / "src" / "cart.py", "def total(", "KEY = 'ghp_R4nd0mLookingT0kenWith36Characters12'\n\n\ndef total(")
    async with connected(app, project) as host:
        first = await host.open("precommit")
        issue = {"severity": "medium", "description": "a key in the source", "file": "src/cart.py"}
        said = {"files_checked": ["src/cart.py"], "issues_found": [issue], "next_step_required": False}
        done = await host.step("precommit", 2, first.id, findings="a key is in it", **said)
        if not done.done:
            done = await host.step("precommit", 3, first.id, findings="it stays", next_step_required=False)
        assert "DO NOT COMMIT: secret src/cart.py" in done.verdict


async def test_what_is_staged_without_what_it_needs_speaks_against_the_commit_until_it_is_staged_too(
    app: MCPServer, project: Path
) -> None:
    cart = committed(project) / "src" / "cart.py"
    (project / "src" / "tax.py").write_text("def add_tax(net):\n    return net\n")
    cart.write_text(f"from tax import add_tax\n\n\n{cart.read_text()}\n\ndef gross(net):\n    return add_tax(net)\n")
    git(project, "add", "src/cart.py")
    async with connected(app, project) as host:
        first = await host.open("precommit")
        told = "Partly staged: src/cart.py:1 imports tax; src/tax.py is not staged."
        assert any(told in fact for fact in first.facts)
        said = {"files_checked": ["src/cart.py", "src/tax.py", "tests/test_cart.py"], "next_step_required": False}
        held = await host.step("precommit", 2, first.id, findings="read all of it", **said)
        assert any(clause.startswith("stage it too, or take out src/cart.py:1") for clause in held.open)
        git(project, "add", "-A")
        done = await host.step("precommit", 3, first.id, findings="staged the rest of it", next_step_required=False)
        assert "DO NOT" not in done.verdict
        assert "Partly staged" not in done.text


async def test_a_name_that_a_module_handed_on_and_others_import_there_is_told(app: MCPServer, project: Path) -> None:
    source = project / "src"
    (source / "tax.py").write_text("def add_tax(net):\n    return net\n\n\ndef other(net):\n    return net\n")
    (source / "prices.py").write_text("from tax import add_tax, other\n\n\ndef gross(net):\n    return add_tax(net)\n")
    (source / "bill.py").write_text("from prices import (\n    gross,\n    other,\n)\nfrom tax import add_tax\n")
    (source / "a.ts").write_text("export { load } from './b';\nexport const x = 1;\n")
    (source / "c.ts").write_text("import { load } from './a';\nload();\n")
    committed(project)
    (source / "prices.py").write_text("def gross(net):\n    return net\n")
    (source / "a.ts").write_text("export const x = 1;\n")
    async with connected(app, project) as host:
        first = await host.open("precommit")
    told = [fact for fact in first.facts if "hands on" in fact]
    assert [fact.partition("src/")[2] for fact in told] == [
        "a.ts:1 no longer hands on load, imported at src/c.ts:1.",
        "prices.py:1 no longer hands on other, imported at src/bill.py:1.",
    ]


async def test_nothing_changed_is_said_and_done(app: MCPServer, project: Path) -> None:
    committed(project)
    async with connected(app, project) as host:
        answer = await host.step("precommit", 1, working_directory=str(project))
        assert answer.done
        assert "Nothing to check: no change in the repository (branch main), compared with" in answer.text


async def test_what_is_compared_is_chosen(app: MCPServer, project: Path) -> None:
    committed(project)
    git(project, "checkout", "-q", "-b", "topic")
    (project / "README.md").write_text("committed\n")
    git(project, "commit", "-q", "-a", "-m", "two")
    (project / "src" / "cart.py").write_text("staged = 1\n")
    git(project, "add", "-A")
    (project / "new.txt").write_text("new\n")
    async with connected(app, project) as host:
        for fields, files in (
            ({}, 2),
            ({"include_unstaged": False}, 1),
            ({"include_staged": False}, 1),
            ({"compare_to": "main"}, 3),
            ({"compare_to": "main", "include_unstaged": False, "include_staged": False}, 1),
            ({"path": "src"}, 1),
        ):
            answer = await host.open("precommit", **fields)
            assert answer.facts[0].startswith(f"{files} file"), fields


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"compare_to": "nope"}, "no commit here is called 'nope'. Send a branch, tag or commit, such as main"),
        ({"compare_to": "--output=x"}, "is not a git ref. Send a branch"),
        ({"path": "/etc"}, "is not a directory that may be read here"),
        ({"path": ".git"}, "is not a directory that may be read here"),
        ({"include_staged": False, "include_unstaged": False}, "there is nothing to check"),
    ],
)
async def test_what_cannot_be_compared_is_refused_with_what_to_send(
    app: MCPServer, project: Path, fields: dict[str, Any], words: str
) -> None:
    committed(project)
    async with connected(app, project) as host:
        answer = await host.step("precommit", 1, working_directory=str(project), **fields)
        assert answer.is_error
        assert words in answer.text


async def test_without_a_repository_the_agent_is_told_and_goes_on(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        answer = await host.open("precommit")
        assert answer.facts == ["No git repository here: name the changed files yourself, or send path."]
        refused = await host.step("precommit", 1, working_directory=str(project), path="src")
        assert refused.is_error
        assert "No git repository" in refused.text


async def test_several_repositories_are_read_together(app: MCPServer, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / "all" / name).mkdir(parents=True)
        (tmp_path / "all" / name / "a.txt").write_text("a\n")
        (committed(tmp_path / "all" / name) / "a.txt").write_text(f"{name}\n")
    async with connected(app, tmp_path / "all") as host:
        answer = await host.open("precommit")
        assert answer.facts[0].startswith("2 files +2 -2 since ")


async def test_the_interface_that_other_files_rest_on_is_told_before_one_that_none_names(
    app: MCPServer, tmp_path: Path
) -> None:
    (tmp_path / "prices.py").write_text("def gross(net):\n    return net\n\n\ndef sold(item):\n    return item\n")
    (tmp_path / "shop.py").write_text("from prices import sold\n\nsold(1)\n")
    committed(tmp_path)
    (tmp_path / "prices.py").write_text("def sold(many, item):\n    return item\n")
    async with connected(app, tmp_path) as host:
        first = await host.open("precommit")
        told = [fact for fact in first.facts if fact.startswith("Interface:")]
        assert told[0].startswith("Interface: prices.py:1 sold takes ")


async def test_what_held_a_thread_is_written_with_the_name_of_its_file(app: MCPServer, tmp_path: Path) -> None:
    (tmp_path / "__init__.py").write_text("A = 1\n")
    committed(tmp_path)
    (tmp_path / "__init__.py").write_text("A = 2\n")
    async with connected(app, tmp_path) as host:
        first = await host.open("precommit")
        proof = [{"file": "__init__.py", "quote": "def nothing_of_the_kind(): return 17"}]
        await host.step("precommit", 2, first.id, findings="read", files_checked=["__init__.py"], evidence=proof)
        held = await host.step("precommit", 3, first.id, findings="all read", next_step_required=False)
        assert held.verdict.startswith("HELD")
        report = await host.client.read_resource(f"stepwarden://threads/{first.id}/report.html")
        assert "refuted __init__.py" in str(report)
        assert "refuted init .py" not in str(report)


async def test_a_report_says_not_to_commit_as_the_reply_does(app: MCPServer, project: Path) -> None:
    cart = committed(project) / "src" / "cart.py"
    edit(cart, "def total(lines):\n", "def total(lines, rate):\n")
    async with connected(app, project) as host:
        first = await host.open("precommit")
        done = await host.step(
            "precommit",
            2,
            first.id,
            findings="the test calls it with one argument",
            files_checked=["src/cart.py", "tests/test_cart.py"],
            issues_found=[{"severity": "critical", "description": "callers break", "file": "src/cart.py", "line": 1}],
            evidence=[{"file": "src/cart.py", "quote": "def total(lines, rate):", "supports": "I1"}],
        )
        done = await host.step("precommit", 3, first.id, findings="no caller passes a rate", next_step_required=False)
        assert done.done, done.text
        assert "DO NOT COMMIT: I1." in done.verdict
        for ending in ("", ".html"):
            report = str(await host.client.read_resource(f"stepwarden://threads/{first.id}/report{ending}"))
            assert "DO NOT COMMIT: I1." in report
            assert "✓ Verified" not in report
            assert "**Verified.**" not in report
