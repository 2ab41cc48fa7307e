"""Every valid line on stdio is answered, whatever is called with whatever: upstream, exposed and workflow tools."""

import json
import os
import random
import string
from pathlib import Path
from typing import Any

import pytest
from rigs.command import command

from tests.support.stdio_server import StdioServer

CALLS = int(os.environ.get("STEPWARDEN_TEST_FUZZ_CALLS", "300"))
LONGEST_TEXT = 20_000
DEEPEST = 40
TOOLS = ("upstream", "rig_echo", "rig_add_note", "debug", "codereview", "consensus", "status", "planner", "nothing")
FIELDS = (
    *("action", "query", "tool", "arguments", "upstream", "confirm", "continuation_id", "result", "after", "text"),
    *("step", "step_number", "total_steps", "next_step_required", "findings", "hypothesis", "confidence", "issues"),
    *("relevant_files", "evidence", "model", "use_assistant_model", "backtrack_from_step", "models", "directory"),
)
WORDS = (
    *("call", "search", "describe", "read", "status", "page", "accept", "rig/echo", "rig/add_note", "rig/none", "rig"),
    *("", " ", "\x00", "\ud800", "\u202e", "../../etc/passwd", "looked-000000000000", "${HOME}", "certain", "none"),
    *("debug-none", "result-none", "é" * 50, '{"text": "a"}', "[1,", "stepwarden://threads", "-1", "1e999"),
)
NUMBERS: tuple[Any, ...] = (0, 1, -1, 2, 10**30, 1.5, -0.0, 1e300, True, False, None)


def text(chance: random.Random) -> str:
    if chance.random() < 0.7:
        return chance.choice(WORDS)
    letters = string.printable + "äß漢🙂\u200b"
    return "".join(chance.choices(letters, k=int(LONGEST_TEXT ** chance.random())))


def value(chance: random.Random, depth: int = 0) -> Any:
    kind = chance.random()
    if kind < 0.45 or depth > 3:
        return text(chance)
    if kind < 0.65:
        return chance.choice(NUMBERS)
    if kind < 0.7:
        return nested(chance)
    if kind < 0.85:
        return [value(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {chance.choice((*FIELDS, text(chance))): value(chance, depth + 1) for _ in range(chance.randrange(5))}


def nested(chance: random.Random) -> Any:
    found: Any = text(chance)
    for _ in range(chance.randrange(DEEPEST)):
        found = [found] if chance.random() < 0.5 else {"a": found}
    return found


def arguments(chance: random.Random) -> dict[str, Any]:
    """Return what to call a tool with: often nearly right, so that it comes further than the first check."""
    given = {chance.choice(FIELDS): value(chance) for _ in range(chance.randrange(6))}
    if chance.random() < 0.4:
        given |= {"action": chance.choice(WORDS[:7]), "tool": chance.choice(WORDS[7:11])}
    if chance.random() < 0.4:
        given |= {"step": text(chance), "step_number": 1, "total_steps": 1, "next_step_required": False}
        given["findings"] = text(chance)
    return given


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_every_call_is_answered_and_none_ends_the_server(tmp_path: Path) -> None:
    """`STEPWARDEN_TEST_FUZZ_CALLS` says how many are made."""
    entry = {**command(), "approve": "never", "expose": ["*"]}
    (tmp_path / "upstreams.json").write_text(json.dumps({"upstreams": {"rig": entry}}))
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    server = StdioServer(tmp_path).greeted()
    try:
        for number in range(CALLS):
            name, given = chance.choice(TOOLS), arguments(chance)
            answer = server.answer_to(server.begin(name, given))
            assert ("result" in answer) != ("error" in answer), (seed, number)
            told = answer["result"]["content"] if "result" in answer else answer["error"]["message"]
            assert told, (seed, number)
            assert "failed inside" not in json.dumps(told), (seed, number, name, server.log()[-3_000:])
        well = server.call("upstream", {"action": "call", "tool": "rig/echo", "arguments": {"text": "well"}})
        assert "well" in json.dumps(well), seed
        assert server.end() == []
        assert "Traceback" not in server.log(), (seed, server.log()[-3_000:])
    finally:
        server.kill()
        server.bury()
