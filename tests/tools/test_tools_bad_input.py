"""Bad input: one clear line, nothing recorded, and a connection that answers the next call."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp.types import ResourceTemplateReference

from tests.support.host import TOOLS, Host, connected, each_in_either_era
from tests.support.project import FAULT, FAULT_LINE

pytestmark = pytest.mark.asyncio

GOOD = {"step": "second", "step_number": 2, "next_step_required": True, "findings": "something new"}
MISSING = object()

# (what is wrong, the fields that differ from GOOD, what the one line has to say)
INVALID: list[tuple[str, dict[str, Any], str]] = [
    ("a list that never ends, as text", {"evidence": "[" * 100_000}, r"evidence\[0\]: send an object"),
    ("step of another type", {"step": 7}, r"step: send text"),
    ("step a list", {"step": ["a"]}, r"step: send text"),
    ("step empty", {"step": "  \n "}, r"step: is empty"),
    ("step missing", {"step": MISSING}, r"step: is missing"),
    ("step null", {"step": None}, r"step: is missing"),
    ("number missing", {"step_number": MISSING}, r"step_number: is missing"),
    ("number null", {"step_number": None}, r"step_number: is missing"),
    ("next_step_required missing", {"next_step_required": MISSING}, r"next_step_required: is missing"),
    ("next_step_required null", {"next_step_required": None}, r"next_step_required: is missing"),
    ("number of words", {"step_number": "two"}, r"step_number: send a whole number"),
    ("number a fraction", {"step_number": 2.5}, r"step_number: send a whole number"),
    ("number a list", {"step_number": [2]}, r"step_number: send a whole number"),
    ("number zero", {"step_number": 0}, r"step_number: send 1 or more"),
    ("number negative", {"step_number": -3}, r"step_number: send 1 or more"),
    ("number enormous", {"step_number": 10**30}, r"step_number: send "),
    ("number of 5,000 digits", {"step_number": "9" * 5_000}, r"step_number: send "),
    ("a word for a boolean", {"next_step_required": "perhaps"}, r"next_step_required: send true or false"),
    ("unknown field", {"finding": "x"}, r"finding is unknown here; did you mean findings\?"),
    ("unknown field, no likeness", {"zzqx": 1}, r"zzqx is unknown here; leave it out"),
    ("unknown confidence", {"confidence": "sure"}, r"confidence: send one of .*certain"),
    ("confidence a number", {"confidence": 0.9}, r"confidence: send one of"),
    ("findings of 1 MB", {"findings": "x" * 1_000_000}, r"findings: 976 KB is over the limit of 256 KB"),
    ("findings of 1 MB of wide text", {"findings": "語" * 350_000}, r"findings: 1025 KB is over the limit of 256 KB"),
    ("hypothesis over the limit", {"hypothesis": "x" * 300_000}, r"hypothesis: \d+ KB is over the limit"),
    ("NUL in findings", {"findings": "a\x00b"}, r"findings: holds NUL bytes"),
    ("NUL in a path", {"files_checked": ["src/\x00cart.py"]}, r"files_checked\[0\]: holds NUL"),
    ("NUL in a quote", {"evidence": [{"file": "a", "quote": "x\x00"}]}, r"evidence\[0\].quote: holds NUL"),
    ("half of a surrogate pair", {"findings": "a\ud800b"}, r"findings: has broken characters"),
    ("half of a surrogate pair in a path", {"files_checked": ["\udfff"]}, r"files_checked\[0\]: has broken characters"),
    ("half a surrogate pair in an issue", {"issues_found": [{"description": "\udc80"}]}, r"description: has broken"),
    ("501 files", {"files_checked": ["x.py"] * 501}, r"files_checked: 501 items are over the limit of 500"),
    ("501 issues", {"issues_found": [{"description": "x"}] * 501}, r"issues_found: 501 items are over"),
    ("501 quotes", {"evidence": [{"file": "a", "quote": "b" * 12}] * 501}, r"evidence: 501 items are over"),
    ("files a number", {"files_checked": 3}, r"files_checked: send a list"),
    ("files of numbers", {"files_checked": ["a", 2]}, r"files_checked\[1\]: send text"),
    ("files an object", {"files_checked": {"a": 1}}, r"files_checked"),
    ("issue a number", {"issues_found": [5]}, r"issues_found\[0\]: send an object"),
    ("issue without words", {"issues_found": [{"severity": "high"}]}, r"issues_found\[0\]: send a severity and a"),
    ("issue of unknown severity", {"issues_found": [{"severity": "x", "description": "d"}]}, r"severity: send one of"),
    ("issue with an unknown field", {"issues_found": [{"descripton": "d"}]}, r"did you mean description\?"),
    ("issue at line -2", {"issues_found": [{"description": "d", "line": -2}]}, r"line: send 1 or more"),
    ("issue of a malformed id", {"issues_found": [{"id": "first", "withdrawn": True}]}, r"id: send an id such as I2"),
    ("withdrawn without an id", {"issues_found": [{"withdrawn": True}]}, r"send the issue's id with withdrawn"),
    ("withdrawn evidence without a file", {"evidence": [{"withdrawn": True}]}, r"name the file whose quotes"),
    ("evidence without a quote", {"evidence": [{"file": "a.py"}]}, r"evidence\[0\]: send the quote, word for word"),
    ("a run without its command", {"evidence": [{"output": "3 passed", "exit": 0}]}, r"name the command that was run"),
    ("evidence for nonsense", {"evidence": [{"file": "a", "quote": "q" * 12, "supports": "me"}]}, r"supports: send "),
    ("evidence a number", {"evidence": 7}, r"evidence: send a list"),
    (
        "an item's field, no likeness",
        {"evidence": [{"file": "a.py", "content": "total = 0"}]},
        r"evidence\[0\]\.content is unknown here; it takes file, quote, line, command, output, exit",
    ),
    (
        "an item's field that another list has",
        {"evidence": [{"file": "a.py", "description": "x"}]},
        r"evidence\[0\]\.description is unknown here; it takes file, quote,",
    ),
    ("a field of two lines", {"evil\nREFUSED": 1}, r"^Not recorded. evil\?REFUSED is unknown here; leave it out$"),
    ("a field of 9,000 characters", {"x" * 9_000: 1}, r"^Not recorded. x{77}\.\.\. is unknown here; leave it out$"),
    (
        "an item's field of two lines",
        {"issues_found": [{"description": "d", "e\x1b\n" + "x" * 9_000: 1}]},
        r"^Not recorded. issues_found\[0\]\.e\?\?x{74}\.\.\. is unknown here",
    ),
    ("nested garbage", {"issues_found": [[[[{"a": [{}]}]]]]}, r"issues_found\[0\]: send an object"),
    ("garbage as JSON text", {"issues_found": '[{"severity": ['}, r"issues_found\[0\]: send an object"),
    ("total below zero", {"total_steps": -3}, r"total_steps: send 1 or more"),
    ("backtrack below zero", {"backtrack_from_step": -3}, r"backtrack_from_step: send 1 or more"),
    ("relative directory", {"working_directory": "src"}, r"working_directory 'src' is not an absolute path"),
    ("a tilde for a directory", {"working_directory": "~/x"}, r"`~` is not expanded"),
    ("directory that is not there", {"working_directory": "/no/such"}, r"is not a directory that exists"),
    ("directory /etc", {"working_directory": "/etc"}, r"is a directory of the system"),
    ("directory below /etc", {"working_directory": "/etc/ssl"}, r"is a directory of the system"),
    ("directory /proc/self", {"working_directory": "/proc/self"}, r"is a directory of the system|does not|not a dir"),
    ("directory /", {"working_directory": "/"}, r"is a directory of the system"),
    ("directory /tmp", {"working_directory": "/tmp"}, r"is a directory of the system"),
    ("home itself", {"working_directory": str(Path.home())}, r"is a home directory itself"),
    ("directory with NUL", {"working_directory": "/tmp/\x00"}, r"working_directory: holds NUL"),
    ("directory a file", {"working_directory": "/etc/hostname"}, r"not a directory|of the system"),
    ("directory a device", {"working_directory": "/dev/zero"}, r"not a directory|of the system"),
    ("directory of 10,000 characters", {"working_directory": "/x" * 5_000}, r"not a directory that exists"),
    ("temperature of words", {"temperature": "warm"}, r"temperature: send a number"),
    ("unknown id", {"continuation_id": "debug-" + "a" * 26}, r"continuation_id: no thread debug-a+"),
    ("malformed id", {"continuation_id": "../../etc/passwd"}, r"continuation_id: no thread "),
    ("id of spaces", {"continuation_id": "   "}, r"continuation_id: no thread"),
    ("id of 100 KB", {"continuation_id": "d" * 100_000}, r"continuation_id: no thread that id"),
    ("id of 1 MB", {"continuation_id": "d" * 1_000_000}, r"continuation_id: 976 KB is over the limit"),
    ("id with a line break", {"continuation_id": "debug-\nREFUSED."}, r"continuation_id: no thread that id"),
    ("id with NUL", {"continuation_id": "debug-\x00"}, r"continuation_id: holds NUL"),
    ("id of half a surrogate pair", {"continuation_id": "\ud83d"}, r"continuation_id: has broken characters"),
    ("id a number", {"continuation_id": 17}, r"continuation_id: send text"),
    ("id a list", {"continuation_id": ["debug"]}, r"continuation_id: send text"),
]

# (what is wrong, the fields that differ from GOOD, what the refusal has to say)
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("a gap", {"step_number": 4}, r"expected step 2, not 4"),
    ("a large gap", {"step_number": 999_999}, r"expected step 2, not 999999"),
    ("step 1 with other content as a backtrack past the end", {"backtrack_from_step": 2}, r"steps 1 to 1 are there"),
    ("nothing new", {"findings": "THE TOTAL of the cart\n is wrong"}, r"nothing new"),
    ("no findings at all", {"findings": " "}, r"nothing new"),
    ("an issue that is not there", {"issues_found": [{"id": "I9", "withdrawn": True}]}, r"no live issue I9"),
    (
        "a quote for an issue that is not there",
        {"evidence": [{"file": "src/cart.py", "quote": FAULT, "supports": "I3"}]},
        r"no live issue I3",
    ),
]


def differing(fields: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (base | fields).items() if value is not MISSING}


async def check_still_works(host: Host, thread: str, tool: str = "debug") -> None:
    """Nothing was recorded by what went before, and the right call is taken."""
    assert await host.steps_recorded(thread) == 1
    answer = await host.send(tool, GOOD | {"continuation_id": thread})
    assert answer.status == f"pause_for_{tool}", answer.text
    assert answer.number == 2


async def test_an_invalid_request_is_told_in_one_line_and_recorded_nowhere(
    app: MCPServer, project: Path, subtests: pytest.Subtests
) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug")
        before = await host.status(continuation_id=first.id)
        for wrong, fields, says in INVALID:
            with subtests.test(wrong):
                answer = await host.send("debug", differing(fields, GOOD | {"continuation_id": first.id}))
                assert answer.is_error
                assert len(answer.text.splitlines()) == 1, answer.text
                assert answer.text.startswith("Not recorded. ")
                assert re.search(says, answer.text), answer.text
                assert len(answer.text) < 500
        assert (await host.status(continuation_id=first.id)).sent == before.sent
        await check_still_works(host, first.id)


async def test_a_refused_call_names_the_next_one_and_records_no_step(
    app: MCPServer, project: Path, subtests: pytest.Subtests
) -> None:
    async with connected(app, project) as host:
        for wrong, fields, says in REFUSED:
            with subtests.test(wrong):
                first = await host.open("debug")
                answer = await host.send("debug", differing(fields, GOOD | {"continuation_id": first.id}))
                assert answer.status == "debug_refused"
                assert re.search(says, answer.text), answer.text
                assert answer.next == 2
                assert (await host.history(first.id))[-1]["event"].startswith("refused step ")
                await check_still_works(host, first.id)


@each_in_either_era()
async def test_each_tool_refuses_what_is_wrong_in_either_era(
    app: MCPServer, project: Path, tool: str, mode: str
) -> None:
    async with connected(app, project, mode) as host:
        first = await host.open(tool)
        for fields, says in (
            ({"step": MISSING}, "step: is missing"),
            ({"step_number": 0}, "step_number: send 1 or more"),
            ({"stepp": 1}, "did you mean step?"),
            ({"findings": "x" * 1_000_000}, "over the limit of 256 KB"),
            ({"continuation_id": f"{tool}-{'a' * 26}"}, "no thread"),
            ({"working_directory": "/etc"}, "directory of the system"),
        ):
            answer = await host.send(tool, differing(fields, GOOD | {"continuation_id": first.id}))
            assert answer.is_error
            assert answer.text.startswith("Not recorded. ")
            assert says in answer.text
        answer = await host.send(tool, GOOD | {"continuation_id": first.id, "step_number": 3})
        assert answer.status == f"{tool}_refused"
        await check_still_works(host, first.id, tool)


async def test_no_arguments_at_all_names_each_field_that_is_missing(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        for tool in TOOLS:
            answer = await host.send(tool, {})
            assert answer.text.splitlines() == [
                "Not recorded. step: is missing; send it",
                "Not recorded. step_number: is missing; send it",
                "Not recorded. next_step_required: is missing; send it",
            ]


async def test_a_consensus_without_a_model_says_at_once_that_none_can_be_asked(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        for models in ({}, {"models": []}, {"models": ["a", "b"]}):
            answer = await host.send("consensus", {"step": "x", "step_number": 1, "next_step_required": True, **models})
            assert answer.text.startswith("Not recorded. No model is configured: set ")


async def test_the_arguments_may_be_left_out_of_the_call(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        result = await host.client.call_tool("debug")
        assert result.is_error
        status = await host.client.call_tool("status")
        assert not status.is_error


async def test_the_name_of_an_unknown_tool_is_told_cut_and_on_one_line(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        told = await host.client.call_tool("de\nbug" + "x" * 9_000, {})
        assert told.is_error
        assert told.content[0].type == "text"
        assert told.content[0].text == f"Unknown tool: de?bug{'x' * 71}..."


async def test_an_id_with_a_nul_is_unknown_wherever_it_is_sent(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        for tool, arguments in (("status", {}), ("chat", {"prompt": "x"})):
            told = await host.client.call_tool(tool, {"continuation_id": "debug-\x00", **arguments})
            assert told.is_error
        assert (await host.status(tool="debug\x00")).sent["threads"] == []
        for uri in ("stepwarden://threads/debug-%00", "stepwarden://threads/debug-%00/history"):
            with pytest.raises(MCPError) as caught:
                await host.client.read_resource(uri)
            assert caught.value.error.code == -32602
        ref = ResourceTemplateReference(uri="stepwarden://threads/{continuation_id}/report")
        offered = await host.client.complete(ref, {"name": "continuation_id", "value": "debug-\x00"})
        assert offered.completion.values == []


async def test_an_unknown_tool_is_an_error_and_the_connection_goes_on(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        result = await host.client.call_tool("debugg", GOOD)
        assert result.is_error
        assert (await host.open("debug")).number == 1


async def test_a_later_step_without_an_id_opens_nothing(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug")
        count = len((await host.status()).sent["threads"])
        answer = await host.send("debug", GOOD)
        assert answer.status == "debug_refused"
        assert "needs the continuation_id" in answer.text
        assert len((await host.status()).sent["threads"]) == count
        await check_still_works(host, first.id)


async def test_a_recorded_number_with_other_content_is_refused_and_changes_nothing(
    app: MCPServer, project: Path
) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug")
        second = await host.send("debug", GOOD | {"continuation_id": first.id})
        other = await host.send("debug", GOOD | {"continuation_id": first.id, "findings": "other words"})
        assert other.status == "debug_refused"
        assert "step 2 is recorded with other content" in other.text
        assert other.next == 3
        assert other.sent["debug_required"] is True
        assert "backtrack_from_step" in other.text
        assert await host.steps_recorded(first.id) == 2
        again = await host.send("debug", GOOD | {"continuation_id": first.id})
        assert again.number == second.number == 2


async def test_a_later_step_on_another_tools_thread_is_refused_with_its_name(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug")
        answer = await host.send("codereview", GOOD | {"continuation_id": first.id})
        assert answer.status == "codereview_refused"
        assert "belongs to debug" in answer.text
        assert answer.sent["debug_required"] is True
        assert "codereview_required" not in answer.sent
        await check_still_works(host, first.id)


# (what is quoted, verdict, what is said of it)
QUOTES: list[tuple[str, dict[str, Any], str, str]] = [
    ("a line", {"file": "src/cart.py", "line": FAULT_LINE, "quote": FAULT}, "verified", ""),
    (
        "a line with its number before it",
        {"file": "src/cart.py", "quote": f"{FAULT_LINE}\t    {FAULT}"},
        "verified",
        "",
    ),
    ("an absolute path", {"file": "{project}/src/cart.py", "quote": FAULT}, "verified", ""),
    ("the wrong line", {"file": "src/cart.py", "line": 2, "quote": FAULT}, "moved", f"found at line {FAULT_LINE}"),
    ("one sign off", {"file": "src/cart.py", "quote": FAULT.replace("-", "+")}, "refuted", "nearest is line 14"),
    ("too short", {"file": "src/cart.py", "quote": "lines"}, "too_short", "too short to find"),
    ("too short and not there", {"file": "src/cart.py", "quote": "lanes"}, "refuted", "nothing like it in the file"),
    ("a file that is not there", {"file": "src/none.py", "quote": FAULT}, "refuted", "no such file"),
    ("a directory", {"file": "src", "quote": FAULT}, "refuted", "directory"),
    ("outside the root", {"file": "../outside.py", "quote": FAULT}, "unreachable", "outside"),
    ("a system file", {"file": "/etc/passwd", "quote": "root:x:0:0:root"}, "unreachable", "outside"),
    ("a device", {"file": "/dev/zero", "quote": FAULT}, "unreachable", "outside"),
    ("a link out of the root", {"file": "src/link_out.py", "quote": FAULT}, "unreachable", "outside"),
    ("a link to a device", {"file": "src/link_zero", "quote": FAULT}, "unreachable", "outside"),
    ("a link to itself", {"file": "src/link_loop", "quote": FAULT}, "unreachable", "link"),
    (
        "a directory that links out",
        {"file": "src/link_etc/passwd", "quote": "root:x:0:0:root"},
        "unreachable",
        "outside",
    ),
    ("a named pipe", {"file": "src/pipe", "quote": FAULT}, "refuted", "not a regular file"),
    ("a secret", {"file": ".env", "quote": "TOKEN=abcdefghijkl"}, "unreachable", "secret"),
    ("a git file", {"file": ".git/config", "quote": "[core] bare = false"}, "unreachable", "secret"),
    ("a binary", {"file": "src/blob.bin", "quote": FAULT}, "unreachable", "binary"),
    ("a file of 9 MiB", {"file": "src/huge.txt", "quote": FAULT}, "unreachable", "larger"),
]


@pytest.fixture
def hostile(project: Path) -> Path:
    """The project, with everything in it that a quote may not be read from."""
    (project.parent / "outside.py").write_text(FAULT)
    (project / "src/link_out.py").symlink_to(project.parent / "outside.py")
    (project / "src/link_zero").symlink_to("/dev/zero")
    (project / "src/link_loop").symlink_to(project / "src/link_loop")
    (project / "src/link_etc").symlink_to("/etc")
    os.mkfifo(project / "src/pipe")
    (project / ".env").write_text("TOKEN=abcdefghijkl\n")
    (project / ".git").mkdir()
    (project / ".git/config").write_text("[core]\nbare = false\n")
    (project / "src/blob.bin").write_bytes(b"\x00\x01" + FAULT.encode())
    with (project / "src/huge.txt").open("wb") as huge:
        huge.truncate(9 * 1024 * 1024)
    return project


async def test_a_quote_gets_its_verdict_and_the_thread_goes_on(
    app: MCPServer, hostile: Path, subtests: pytest.Subtests
) -> None:
    async with connected(app, hostile) as host:
        for what, quote, verdict, says in QUOTES:
            with subtests.test(what):
                quoted = quote | {"file": quote["file"].replace("{project}", str(hostile))}
                said = {"evidence": [quoted], "files_checked": [quoted["file"]], "hypothesis": "the count is taken off"}
                first = await host.open("debug")
                answer = await host.step("debug", 2, first.id, **said)
                assert answer.sent["assessment"]["evidence"] == {verdict: 1}, answer.text
                if says:
                    assert says in answer.sent["assessment"]["quotes"][0]
                rests = verdict in {"verified", "moved"}
                assert answer.sent["assessment"]["assurance"] == ("verified" if rests else "asserted")
                third = await host.step("debug", 3, first.id, findings="and on it goes")
                assert third.number == 3


async def test_a_file_outside_the_roots_tells_nothing_of_whether_it_exists(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug")
        quote = "root:x:0:0:root:/root"
        there = await host.step("debug", 2, first.id, evidence=[{"file": "/etc/passwd", "quote": quote}])
        gone = await host.step("debug", 3, first.id, evidence=[{"file": "/etc/passwe", "quote": quote}])
        said = [answer.sent["assessment"]["quotes"][-1].replace("passwe", "passwd") for answer in (there, gone)]
        assert said[0] == said[1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"step": "x", "step_number": True, "next_step_required": True}, "step_number: send a whole number"),
        ({"step": "bad \ufffd bytes", "step_number": 1, "next_step_required": True}, "broken characters"),
        ({"step": "x", "step_number": 1, "next_step_required": True, "backtrack_from_step": 1}, "no live step 1"),
    ],
)
async def test_what_only_looks_like_a_first_step_opens_nothing(
    app: MCPServer, project: Path, arguments: dict[str, Any], says: str
) -> None:
    async with connected(app, project) as host:
        before = len((await host.status()).sent["threads"])
        answer = await host.send("debug", arguments)
        assert answer.is_error
        assert says in answer.text
        assert len((await host.status()).sent["threads"]) == before


async def test_a_revision_stays_in_the_branch_of_what_it_replaces(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("planner")
        await host.step("planner", 2, first.id, branch_id="A")
        await host.step("planner", 3, first.id, revises_step_number=2)
        said = "The goal is one store; it must stay up, and A is chosen."
        done = await host.step("planner", 4, first.id, findings=said, next_step_required=False)
        assert [step.get("branch_id") for step in done.sent["result"]["steps"]] == [None, "A", None]
