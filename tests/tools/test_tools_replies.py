"""What every reply is like: words, parts, size. The driver checks each reply; here are the hard ones."""

import json
from pathlib import Path
from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from tests.support.host import (
    MODES,
    MOST_BYTES,
    Answer,
    allowed_bytes,
    connected,
    each,
    each_in_either_era,
)
from tests.support.project import FAULT, FAULT_LINE

pytestmark = pytest.mark.asyncio

LONG = "a_rather_long_name_of_a_directory/" * 5  # about as deep as monorepos get
ISSUE = {"severity": "high", "description": "Totals are wrong", "file": "src/cart.py", "line": FAULT_LINE}


def keeps_budget(answer: Answer, arguments: dict[str, Any]) -> bool:
    return answer.seen_bytes <= allowed_bytes(arguments)


@each_in_either_era()
async def test_short_requests_get_short_replies_through_a_whole_thread(
    app: MCPServer, project: Path, tool: str, mode: str
) -> None:
    async with connected(app, project, mode) as host:
        answer = await host.send(tool, {"step": "Fix it", "step_number": 1, "next_step_required": True})
        for number in range(2, 16):
            said = {"step": f"s{number}", "step_number": number, "next_step_required": True}
            answer = await host.send(tool, said | {"continuation_id": answer.id})
            assert answer.status == f"pause_for_{tool}"
        said = {"step": "end", "step_number": 16, "next_step_required": False, "continuation_id": answer.id}
        ended = await host.send(tool, said)
        assert ended.status in {f"pause_for_{tool}", f"{tool}_complete"}


@each()
async def test_steps_full_of_claims_get_replies_within_the_budget(app: MCPServer, project: Path, tool: str) -> None:
    async with connected(app, project) as host:
        first = await host.open(tool)
        for number in range(2, 7):
            await host.step(
                tool,
                number,
                first.id,
                step=f"looked {number}",
                hypothesis=f"theory {number}",
                issues_found=[{"severity": "high", "description": f"issue {number}"}],
                files_checked=[f"src/c{number}.py"],
                evidence=[{"file": f"src/c{number}.py", "quote": f"quote {number} that is nowhere"}],
                next_step_required=number not in {4, 6},
            )


@each()
async def test_a_held_reply_with_everything_open_keeps_its_budget(app: MCPServer, project: Path, tool: str) -> None:
    async with connected(app, project) as host:
        first = await host.send(
            tool, {"step": "x", "step_number": 1, "next_step_required": True, "working_directory": str(project)}
        )
        issues = [{"severity": "high", "description": f"d{number}"} for number in range(12)]
        quotes = [{"file": f"src/f{number}.py", "quote": "no such line at all"} for number in range(6)]
        second = await host.step(
            tool, 2, first.id, issues_found=issues, evidence=quotes, hypothesis="h", relevant_files=["src/cart.py"]
        )
        assert second.sent["assessment"]["evidence"] == {"refuted": 6}
        said = {"step": "e", "step_number": 3, "next_step_required": False, "continuation_id": first.id}
        held = await host.send(tool, said)
        assert held.verdict.startswith("HELD 3/")
        assert keeps_budget(held, said)


@each()
async def test_a_held_reply_about_files_with_long_paths_keeps_its_budget(
    app: MCPServer, project: Path, tool: str
) -> None:
    async with connected(app, project) as host:
        first = await host.open(tool)
        quotes = [{"file": f"{LONG}{number}.py", "quote": "no such line at all"} for number in range(6)]
        await host.step(tool, 2, first.id, evidence=quotes, hypothesis="h")
        said = {"step": "e", "step_number": 3, "next_step_required": False, "continuation_id": first.id}
        held = await host.send(tool, said)
        assert held.verdict.startswith("HELD 3/")
        assert keeps_budget(held, said)


@each()
async def test_every_later_reply_of_a_thread_with_open_clauses_keeps_its_budget(
    app: MCPServer, project: Path, tool: str
) -> None:
    async with connected(app, project) as host:
        first = await host.open(tool)
        quotes = [{"file": f"{LONG}{number}.py", "quote": "no such line at all"} for number in range(6)]
        answer = await host.step(tool, 2, first.id, evidence=quotes, hypothesis="h", issues_found=[ISSUE] * 3)
        for number in range(3, 9):
            said = {"step": f"s{number}", "step_number": number, "next_step_required": True}
            answer = await host.send(tool, said | {"continuation_id": answer.id})
            assert answer.status == f"pause_for_{tool}"


@pytest.mark.parametrize("tool", ["codereview", "precommit"])
async def test_moved_and_refuted_quotes_are_told_as_far_as_the_budget_goes(
    app: MCPServer, project: Path, tool: str
) -> None:
    async with connected(app, project) as host:
        first = await host.open(tool)
        deep = project / LONG
        deep.mkdir(parents=True)
        quotes: list[dict[str, Any]] = []
        for number in range(40):
            (deep / f"{number}.py").write_text("\n\n" + FAULT + "\n")
            quotes.append({"file": f"{LONG}{number}.py", "quote": FAULT, "line": 1})
        moved = await host.step(tool, 2, first.id, evidence=quotes)
        assert moved.sent["assessment"]["evidence"] == {"moved": 40}
        assert "found at line 3" in moved.text
        assert "found at line 3" in json.dumps(moved.sent)


@each()
async def test_every_clause_of_a_held_reply_stands_in_both_parts(app: MCPServer, project: Path, tool: str) -> None:
    async with connected(app, project) as host:
        first = await host.open(tool)
        said = {"step": "e", "step_number": 2, "next_step_required": False, "continuation_id": first.id}
        held = await host.send(tool, said | {"issues_found": [ISSUE], "hypothesis": "it subtracts"})
        assert held.verdict.startswith("HELD 2/")
        assert len(held.open) >= 2
        for clause in held.open:
            assert clause in held.text


@each()
async def test_a_refusal_names_the_thread_and_the_next_number_in_both_parts(
    app: MCPServer, project: Path, tool: str
) -> None:
    async with connected(app, project) as host:
        first = await host.open(tool)
        second = await host.step(tool, 2, first.id, findings="new")
        base = {"step": "x", "step_number": 3, "next_step_required": True, "continuation_id": first.id}
        for fields in (
            {"step_number": 9},
            {"step_number": 2},
            {"backtrack_from_step": 7},
            {"issues_found": [{"id": "I4", "withdrawn": True}]},
        ):
            said = base | fields
            refused = await host.send(tool, said)
            assert refused.status == f"{tool}_refused"
            assert refused.id == second.id
            assert refused.next == 3
            assert f'step_number=3, continuation_id="{first.id}"' in refused.text
            assert keeps_budget(refused, said)


async def test_the_reply_to_many_mistakes_at_once_stays_short(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        base = {"step": "x", "step_number": 1, "next_step_required": True}
        for said in (
            dict.fromkeys((f"unknown_{number}" for number in range(30)), 1),
            base | {"issues_found": [{"severity": "low"}] * 500},
            base | {"evidence": [1, "x", None, {}] * 100},
        ):
            answer = await host.send("debug", said)
            assert answer.is_error
            assert keeps_budget(answer, said)


@pytest.mark.parametrize("field", ["files_checked", "evidence", "issues_found"])
async def test_a_path_of_thousands_of_characters_is_not_told_back_in_later_replies(
    app: MCPServer, project: Path, field: str
) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug")
        path = "x" * 5_000
        item = {"files_checked": path, "evidence": {"file": path, "quote": FAULT}}
        item["issues_found"] = {"severity": "high", "description": "d", "file": path}
        await host.step("debug", 2, first.id, findings="new", **{field: [item[field]]})
        third = await host.step("debug", 3, first.id, findings="newer")
        assert path not in third.text


@each(["debug", "refactor"])
async def test_a_huge_thread_hands_back_a_result_that_fits_and_says_where_the_rest_is(
    app: MCPServer, project: Path, tool: str
) -> None:
    async with connected(app, project) as host:
        answer = await host.open(tool, step="The task, at length. " + "why " * 5_000)
        for number in range(2, 5):
            issues = [
                {"severity": "high", "description": f"{number}.{count} " + "très long " * 400, "file": f"{LONG}{count}"}
                for count in range(30)
            ]
            answer = await host.step(
                tool,
                number,
                answer.id,
                step=f"did {number} " + "and so on " * 2_000,
                findings=f"{number}: " + "日本語の所見 " * 13_000,
                hypothesis="because of " + "this " * 4_000,
                issues_found=issues,
                files_checked=[f"{LONG}{number}/{count}.py" for count in range(300)],
            )
        said = {"step": "end", "next_step_required": False}
        answer = await host.step(tool, 5, answer.id, **said)
        answer = await host.step(tool, 6, answer.id, **said)
        assert answer.done
        assert answer.bytes <= MOST_BYTES
        assert answer.sent["result"]["more"].endswith("more issues: report")
        page = await host.status(continuation_id=answer.id)
        assert page.bytes <= MOST_BYTES


async def test_a_page_of_a_history_fits_however_long_its_steps_are(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        big = "日本語" * 28_000
        answer = await host.open("analyze", findings=big)
        answer = await host.step("analyze", 2, answer.id, step=big[:-1], findings=big[:-2], hypothesis=big[:-3])
        rows = await host.history(answer.id)
        assert sum(row["event"].startswith("step ") for row in rows) == 2


async def test_no_reply_echoes_what_was_said_before(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        answer = await host.open("debug", step="MARKER-TASK is wrong", findings="MARKER-ONE")
        for number, marker in enumerate(("MARKER-TWO", "MARKER-THREE", "MARKER-FOUR"), start=2):
            answer = await host.step("debug", number, answer.id, findings=f"{marker} was found")
            assert "MARKER" not in answer.text
            assert "MARKER" not in json.dumps(answer.sent)


@pytest.mark.parametrize("mode", MODES)
async def test_structured_content_and_text_both_tell_what_became_of_the_quotes_and_issues(
    app: MCPServer, project: Path, mode: str
) -> None:
    async with connected(app, project, mode) as host:
        first = await host.open("debug")
        answer = await host.step(
            "debug",
            2,
            first.id,
            issues_found=[ISSUE, {"severity": "low", "description": "odd name"}],
            evidence=[
                {"file": "src/cart.py", "line": 3, "quote": FAULT},
                {"file": "src/cart.py", "quote": "return sum(line.price + line.count for line in lines)"},
                {"file": "src/cart.py", "quote": "def total(lines):"},
                {"file": "/etc/hostname", "quote": "whatever it may say"},
            ],
        )
        counts = {"moved": 1, "verified": 1, "unreachable": 1}  # the refuted one has its words right in another
        assert answer.sent["assessment"]["evidence"] == counts
        assert answer.sent["assessment"]["issues"] == ["I1", "I2"]
        assert "Issues: I1, I2" in answer.text
        refuted, moved, unreachable = answer.sent["assessment"]["quotes"]
        assert moved == f"src/cart.py: found at line {FAULT_LINE}"
        assert f"nearest is line {FAULT_LINE}" in refuted
        assert "unreachable" in unreachable
        for line in (moved, refuted, unreachable):
            assert f"Quote {line}" in answer.text


async def test_without_a_root_the_working_directory_is_asked_for_at_step_1_and_with_the_first_quote(
    app: MCPServer, project: Path
) -> None:
    async with connected(app, project) as host:
        first = await host.step("debug", 1)
        quote = {"file": "src/cart.py", "quote": FAULT}
        second = await host.step("debug", 2, first.id, evidence=[quote])
        third = await host.step("debug", 3, first.id, evidence=[quote | {"quote": "def total(lines):"}])
        assert second.sent["assessment"]["evidence"] == {"unreachable": 1}
        told = [answer for answer in (first, second, third) if "working_directory" in answer.text]
        assert told == [first, second]  # what was lost is not the same: facts, then a verdict on the quote
        assert all("working_directory" in json.dumps(answer.sent) for answer in told)
