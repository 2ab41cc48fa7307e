"""`execute` and `run` as a host's model meets them, over real pipes; and the same runs from the command line."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from run_rig import notes_upstream

from tests.support.calls import Reply, text_of
from tests.support.processes import SCRIPT, environment
from tests.support.stdio_server import StdioServer, served


def scripted(home: Path, replies: Sequence[dict[str, Any]]) -> str:
    """Write a script, and return its path."""
    path = home / "script.json"
    path.write_text(json.dumps({"replies": list(replies)}))
    return str(path)


def asks(tool: str, arguments: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"calls": [{"name": tool, "arguments": arguments}], **more}


def called(server: StdioServer, tool: str, **arguments: Any) -> Reply:
    return server.request("tools/call", name=tool, arguments=arguments)["result"]


# A process begins its script anew, so what is answered depends on what the run has seen, not on how often it was asked.
NOTED = {"text": "Noted.", "when": "added one", "times": None}
ADD = [NOTED, asks("notes/add_note", {"text": "one"}, times=None)]
READ_AND_ADD = [
    NOTED,
    asks("notes/add_note", {"text": "one"}, when="no notes", times=None),
    asks("notes/read_notes", {}, times=None),
]


def test_a_run_is_started_waits_for_a_person_and_is_done(tmp_path: Path) -> None:
    book = notes_upstream(tmp_path)
    with served(tmp_path, STEPWARDEN_SCRIPTED=scripted(tmp_path, ADD)) as (server,):
        begun = called(server, "execute", mode="agent", request="add a note")
        told = begun["structuredContent"]
        assert told["verdict"] == "WAITING for you: allow write notes/add_note"
        assert told["next"] in text_of(begun)
        (waiting,) = told["waiting"]
        named = {"run_id": told["run_id"], "call": waiting["call"]}
        again = called(server, "execute", mode="agent", request="add a note")["structuredContent"]
        assert again["run_id"] == told["run_id"]
        assert "no second run" in again["notes"][0]
        unsaid = called(server, "run", action="approve", **named)
        assert unsaid["isError"]
        assert waiting["confirm"] in text_of(unsaid)
        assert called(server, "run", action="approve", **named, confirm="0" * 16)["isError"]
        assert not book.exists()
        done = called(server, "run", action="approve", **named, confirm=waiting["confirm"])
        assert (done["structuredContent"]["verdict"], done["structuredContent"]["answer"]) == ("DONE", "Noted.")
        assert book.read_text() == "one\n"
        assert called(server, "run", action="list")["structuredContent"]["runs"][0]["status"] == "completed"
        report = server.request("resources/read", uri=f"stepwarden://runs/{told['run_id']}/report")
        assert "Noted." in report["result"]["contents"][0]["text"]


def test_a_run_goes_on_in_another_process_after_a_kill(tmp_path: Path) -> None:
    book = notes_upstream(tmp_path, approve="never")
    script = scripted(tmp_path, READ_AND_ADD)
    server = StdioServer(tmp_path, STEPWARDEN_SCRIPTED=script).greeted()
    told = called(server, "execute", mode="agent", request="read, then add a note", wait_s=20)["structuredContent"]
    assert told["verdict"].startswith("WAITING")
    server.kill()
    server.bury()
    with served(tmp_path, STEPWARDEN_SCRIPTED=script) as (server,):
        (waiting,) = called(server, "run", action="wait", run_id=told["run_id"])["structuredContent"]["waiting"]
        said = {"run_id": told["run_id"], "call": waiting["call"], "confirm": waiting["confirm"]}
        assert called(server, "run", action="approve", **said)["structuredContent"]["verdict"] == "DONE"
    assert book.read_text() == "one\n"


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("execute", {}, "request"),
        ("execute", {"request": "x", "stop": {"tool_sen": "a"}}, "Did you mean tool_seen"),
        ("execute", {"request": "x", "limits": {"step": 3}}, "step"),
        ("execute", {"request": "x", "tools": ["read_fil"], "working_directory": "/nowhere"}, "working_directory"),
        ("execute", {"request": "x", "tools": ["calculat"]}, "did you mean calculate"),
        ("execute", {"request": "x", "continuation_id": "debug-none"}, "no thread of yours"),
        ("run", {"action": "dance"}, "action"),
        ("run", {"action": "stop"}, "needs run_id"),
        ("run", {"action": "look", "run_id": "run-none"}, "no such run of yours"),
    ],
)
def test_bad_input_is_told_with_what_to_send(tool: str, arguments: dict[str, Any], told: str, tmp_path: Path) -> None:
    script = scripted(tmp_path, [{"text": "never"}])
    with served(tmp_path, STEPWARDEN_SCRIPTED=script) as (server,):
        result = called(server, tool, **arguments)
        assert result["isError"]
        assert told in text_of(result)
        assert called(server, "run", action="list")["structuredContent"]["runs"] == []


def test_without_a_model_what_to_set_is_said(tmp_path: Path) -> None:
    with served(tmp_path) as (server,):
        result = called(server, "execute", mode="agent", request="x")
        assert result["isError"]
        assert "CUSTOM_API_URL" in text_of(result)


def command(home: Path, *words: str, **more: str) -> tuple[int, str]:
    """Return the exit code of a command, and what it printed."""
    done = subprocess.run((SCRIPT, *words), env=environment(home, **more), cwd=home, capture_output=True, check=False)
    return done.returncode, done.stdout.decode()


def test_a_run_from_the_command_line_is_shown_exported_and_verified(tmp_path: Path) -> None:
    script = scripted(tmp_path, [asks("calculate", {"expression": "6*7"}), {"text": "It is 42."}])
    words = ("run", "six times seven", "--metadata", "ticket=SHOP-7")
    code, out = command(tmp_path, *words, STEPWARDEN_SCRIPTED=script)
    assert code == 0
    assert "\nDONE\nIt is 42.\n" in out
    run_id = out.split(":")[0]
    assert command(tmp_path, "runs", "verify", run_id) == (0, f"{run_id}: whole\n")
    exported = json.loads(command(tmp_path, "runs", "export", run_id)[1])
    assert (exported["status"], exported["answer"]) == ("completed", "It is 42.")
    assert exported["metadata"] == {"ticket": "SHOP-7"}
    lines = command(tmp_path, "runs", "export", run_id, "--format", "csv")[1].splitlines()
    assert len(lines) == len(exported["events"]) + 1
    for form in ("markdown", "html"):
        assert "It is 42." in command(tmp_path, "runs", "export", run_id, "--format", form)[1]
    events = command(tmp_path, "runs", "events", run_id)[1].splitlines()
    assert [line.split(".")[0] for line in events] == [str(event["seq"]) for event in exported["events"]]
    assert command(tmp_path, "runs", "prune", "--older-than", "1")[1] == ""
    assert run_id in command(tmp_path, "runs", "prune", "--older-than", "0")[1]
    assert command(tmp_path, "runs", "show", run_id)[0] == 1


def test_a_run_waits_where_nobody_is_there_and_goes_on_by_words(tmp_path: Path) -> None:
    book = notes_upstream(tmp_path)
    script = scripted(tmp_path, ADD)
    code, out = command(tmp_path, "run", "add a note", "--mode", "agent", STEPWARDEN_SCRIPTED=script)
    run_id = out.split(":")[0]
    assert code == 2
    assert f"stepwarden runs approve {run_id} --call main/1/1" in out
    assert command(tmp_path, "runs", "approve", run_id)[0] == 0
    assert not book.exists()
    code, out = command(tmp_path, "runs", "drive", run_id, STEPWARDEN_SCRIPTED=script)
    assert (code, book.read_text()) == (0, "one\n")
    assert command(tmp_path, "runs", "stop", run_id)[0] == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("run", "add a note", "--yes", "writes"), "--yes 'writes': write one of read, write, destructive"),
        (("run", "add a note", "--tool", "add_note"), "There is no tool 'add_note'; did you mean notes/add_note?"),
        (("run", "add a note", "--tool", "nothing"), "notes/*, stepwarden/*."),
        (("runs", "verify", "run-x"), "There is no run 'run-x'; stepwarden runs list shows those there are."),
    ],
)
def test_a_word_that_does_not_fit_is_told_with_what_does(tmp_path: Path, words: Sequence[str], told: str) -> None:
    notes_upstream(tmp_path)
    around = environment(tmp_path, STEPWARDEN_SCRIPTED=scripted(tmp_path, ADD))
    done = subprocess.run((SCRIPT, *words), env=around, cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")
    assert told in done.stderr.decode()


def test_a_write_that_another_run_carried_out_is_told_in_words_for_a_run(tmp_path: Path) -> None:
    book = notes_upstream(tmp_path)
    script = scripted(tmp_path, ADD)
    assert (
        command(tmp_path, "run", "add a note", "--mode", "agent", "--yes", "write", STEPWARDEN_SCRIPTED=script)[0] == 0
    )
    again = [{"text": "It is there.", "when": "was begun at", "times": None}, *ADD[1:]]
    code, out = command(
        tmp_path,
        "run",
        "add a note",
        "--mode",
        "agent",
        "--yes",
        "write",
        STEPWARDEN_SCRIPTED=scripted(tmp_path, again),
    )
    assert (code, book.read_text()) == (0, "one\n")
    exported = command(tmp_path, "runs", "export", out.split(":")[0], "--format", "json")[1]
    assert "for example with notes/read_notes. Do not send it again in this run" in exported
    assert "upstream(action=" not in exported


def test_a_step_that_makes_its_process_grow_above_the_limit_of_memory_stops_the_run(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("def total(prices):\n    return sum(prices)\n")
    answers = [{"text": "So far.", "when": "No more tools", "times": None}, asks("check_files", {}, times=None)]
    script = scripted(tmp_path, answers)
    words = ("run", "look", "--directory", str(tmp_path), "--limit")
    code, out = command(tmp_path, *words, "memory_mb=1", STEPWARDEN_SCRIPTED=script)  # the grammars alone are more
    assert code == 1
    assert "STOPPED: memory: " in out
    assert "So far." in out
    run_id = out.split(":")[0]
    exported = json.loads(command(tmp_path, "runs", "export", run_id)[1])
    (ended,) = [event["payload"] for event in exported["events"] if event["kind"] == "call_ended"]
    assert ended["grown_mb"] > 1
