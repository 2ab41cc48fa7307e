"""What hosts send that is not quite the schema, and is understood all the same."""

import json
from pathlib import Path
from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from tests.support.host import TOOLS, connected, each
from tests.support.project import FAULT

pytestmark = pytest.mark.asyncio

ISSUE = {"severity": "low", "description": "odd name"}
QUOTE = {"file": "src/cart.py", "quote": FAULT}

LENIENT: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("a number as text", {"step_number": "2"}, {"step_number": 2}),
    ("a number with a fraction of nothing", {"step_number": 2.0}, {"step_number": 2}),
    ("true as text", {"next_step_required": "true"}, {"next_step_required": True}),
    ("False as text", {"next_step_required": "False"}, {"next_step_required": False}),
    ("confidence in capitals", {"confidence": "VERY HIGH"}, {"confidence": "very_high"}),
    ("confidence with a hyphen", {"confidence": " Almost-Certain "}, {"confidence": "almost_certain"}),
    ("one path for a list", {"files_checked": "src/cart.py"}, {"files_checked": ["src/cart.py"]}),
    ("a list as JSON text", {"files_checked": '["src/cart.py"]'}, {"files_checked": ["src/cart.py"]}),
    ("blank paths", {"files_checked": [" src/cart.py ", "", " "]}, {"files_checked": ["src/cart.py"]}),
    ("one issue for a list", {"issues_found": ISSUE}, {"issues_found": [ISSUE]}),
    ("issues as JSON text", {"issues_found": json.dumps([ISSUE])}, {"issues_found": [ISSUE]}),
    ("severity in capitals", {"issues_found": [ISSUE | {"severity": "LOW"}]}, {"issues_found": [ISSUE]}),
    ("one quote for a list", {"evidence": QUOTE}, {"evidence": [QUOTE]}),
    ("a quote as JSON text", {"evidence": json.dumps(QUOTE)}, {"evidence": [QUOTE]}),
    ("line as text", {"evidence": [QUOTE | {"line": "14"}]}, {"evidence": [QUOTE | {"line": 14}]}),
    ("null in an item", {"evidence": [QUOTE | {"line": None, "supports": None}]}, {"evidence": [QUOTE]}),
    (
        "null for all that is optional",
        dict.fromkeys(
            ("confidence", "hypothesis", "files_checked", "issues_found", "evidence", "total_steps", "model", "images")
        ),
        {},
    ),
    (
        "the empty value for all that is optional",
        {"confidence": "", "hypothesis": "", "files_checked": [], "relevant_files": "", "evidence": []}
        | {"backtrack_from_step": 0, "total_steps": 0, "working_directory": "", "model": "", "thinking_mode": ""},
        {},
    ),
    (
        "-1 and the word null",
        {"backtrack_from_step": -1, "total_steps": "0", "confidence": "null", "model": "null"},
        {},
    ),
    ("the empty values of an item", {"evidence": [QUOTE | {"line": 0, "supports": ""}]}, {"evidence": [QUOTE]}),
    (
        "the empty values of an issue",
        {"issues_found": [ISSUE | {"file": "", "line": -1, "id": "null", "withdrawn": False}]},
        {"issues_found": [ISSUE]},
    ),
    ("an item that says nothing", {"evidence": [QUOTE, {"file": "", "quote": "", "line": 0}]}, {"evidence": [QUOTE]}),
    ("items as JSON text", {"evidence": [json.dumps(QUOTE)]}, {"evidence": [QUOTE]}),
    (
        "a list of items as the text of one",
        {"issues_found": [json.dumps([ISSUE, ISSUE])]},
        {"issues_found": [ISSUE] * 2},
    ),
    ("a list of paths as the text of one", {"files_checked": ['["src/cart.py"]']}, {"files_checked": ["src/cart.py"]}),
    ("nulls in a list", {"files_checked": [None, "null", "src/cart.py"]}, {"files_checked": ["src/cart.py"]}),
    ("a path with brackets", {"files_checked": "[id]/page.tsx"}, {"files_checked": ["[id]/page.tsx"]}),
    ("a null id of a step to go back to", {"backtrack_from_step": None}, {}),
    ("an empty list as text", {"files_checked": ""}, {"files_checked": []}),
]


@pytest.mark.parametrize(("what", "sent", "meant"), LENIENT, ids=[row[0] for row in LENIENT])
async def test_what_a_host_means_is_the_same_request(
    app: MCPServer, project: Path, what: str, sent: dict[str, Any], meant: dict[str, Any]
) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug")
        base = {"step": "second", "step_number": 2, "next_step_required": True, "findings": "new"}
        base["continuation_id"] = first.id
        one = await host.send("debug", base | sent)
        assert not one.is_error, one.text
        two = await host.send("debug", base | meant)
        assert two.sent == one.sent
        assert await host.steps_recorded(first.id) == 2


ZEROS: list[tuple[str, dict[str, Any]]] = [
    ("codereview", {"review_type": ""}),
    ("tracer", {"trace_mode": ""}),
    ("planner", {"revises_step_number": 0, "branch_from_step": -1, "branch_id": ""}),
    ("precommit", {"compare_to": "", "path": ""}),
    ("docgen", {"style": "", "num_files_documented": 0}),
]


@pytest.mark.parametrize(("tool", "zeros"), ZEROS, ids=[row[0] for row in ZEROS])
async def test_a_tools_own_fields_at_their_empty_value_are_left_out(
    app: MCPServer, project: Path, tool: str, zeros: dict[str, Any]
) -> None:
    async with connected(app, project) as host:
        plain, zeroed = await host.open(tool), await host.open(tool, **zeros)
        assert not zeroed.is_error, zeroed.text
        assert zeroed.sent["assessment"] == plain.sent["assessment"]


async def test_numbers_for_which_nothing_is_a_value_keep_it(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        refused = await host.send("debug", {"step": "x", "step_number": 0, "next_step_required": True})
        assert "step_number: send 1 or more" in refused.text
        refused = await host.send(
            "debug", {"step": "x", "step_number": 1, "next_step_required": True, "total_steps": -2}
        )
        assert "total_steps: send 1 or more" in refused.text


async def test_empty_findings_say_that_nothing_was_found(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug", findings="")
        refused = await host.step("debug", 2, first.id, step="Read the cart: it subtracts", findings="")
        assert refused.status == "debug_refused"
        again = await host.step("debug", 2, first.id, step="Read the cart: it subtracts")
        assert again.status == "pause_for_debug"


@each()
async def test_fields_of_the_zen_family_are_passed_over_with_a_note(app: MCPServer, project: Path, tool: str) -> None:
    async with connected(app, project) as host:
        foreign = {"use_websearch": True, "output_format": "detailed"}
        answer = await host.open(tool, **foreign)
        assert answer.sent["notes"][0] == "Ignored: output_format, use_websearch."
        second = await host.step(tool, 2, answer.id, findings="new")
        assert "notes" not in second.sent


@each()
async def test_what_is_accepted_but_not_listed_is_taken_without_a_note(
    app: MCPServer, project: Path, tool: str
) -> None:
    async with connected(app, project) as host:
        answer = await host.open(
            tool,
            relevant_context=["total"],
            images=[],
            model="auto",
            use_assistant_model=False,
            temperature=0.2,
            thinking_mode="high",
        )
        assert not [note for note in answer.sent.get("notes", []) if "stand for its quote" not in note]


async def test_compare_to_belongs_to_precommit_and_problem_context_to_thinkdeep(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        for tool in TOOLS:
            for field, owner in (("compare_to", "precommit"), ("problem_context", "thinkdeep")):
                if (tool, field) == ("precommit", "compare_to"):
                    continue  # it needs a repository: test_precommit.py
                answer = await host.open(tool, **{field: "main"})
                notes = [note for note in answer.sent.get("notes", []) if "stand for its quote" not in note]
                assert notes == ([] if tool == owner else [f"Ignored: {field}."])


async def test_findings_left_out_mean_the_words_of_the_step(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug")
        second = await host.step("debug", 2, first.id, step="Read the cart: it subtracts")
        assert second.status == "pause_for_debug"
        third = await host.step("debug", 3, first.id, step="Then", findings="read the CART: it  subtracts")
        assert third.status == "debug_refused"
