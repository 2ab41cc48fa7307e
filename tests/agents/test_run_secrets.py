"""Secrets that reach a run from every side: none of them is anywhere afterwards."""

import logging
from pathlib import Path

import pytest
from run_rig import Start, calls, ended, notes_upstream, until, word

from providers.scripted import ScriptedReply
from stepwarden.agents.run_report import run_as_csv, run_as_html, run_as_json, run_as_markdown
from stepwarden.agents.run_request import RunRequest
from stepwarden.agents.run_text import spent_line, step_lines, verdict_of
from stepwarden.runs.run import RunStatus
from stepwarden.threads.calls import LOCAL

pytestmark = pytest.mark.asyncio


def planted(number: int) -> str:
    """Return a key as a vendor issues it, unlike all others."""
    return "AKIA" + "QX6ZP2LM4RT5WV" + "ABCDEFGHIJKL"[number] + "3"


async def test_twelve_planted_secrets_are_nowhere(
    started: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "stepwarden")
    caplog.set_level(logging.DEBUG, "providers")
    work, home = tmp_path / "work", tmp_path / "home"
    work.mkdir()
    for number, name in enumerate(("settings.py", "long.txt", "notes.md", "data.json")):
        filler = "word " * 2_000 if name == "long.txt" else ""
        (work / name).write_text(f'{filler}\nAWS_ACCESS_KEY_ID = "{planted(number)}"\n{filler}')
    (work / ".env").write_text(f"AWS_ACCESS_KEY_ID={planted(4)}\n")
    notes_upstream(home).write_text(f"the key is {planted(5)}\n")
    reads = [("read_file", {"path": name}) for name in ("settings.py", "long.txt", "notes.md", "data.json", ".env")]
    failing = ScriptedReply(status=400, text=f"no tools for {planted(6)}")
    replies = [
        calls(*reads, ("search_files", {"pattern": "AKIA"}), ("notes/read_notes", {}), text=f"I know {planted(7)}."),
        failing,
        calls(("notes/add_note", {"text": "one"})),
        f"It is {planted(8)}. " + "And so on. " * 400,
    ]
    runs = await started(replies)
    wanted = RunRequest(
        f"what is {planted(9)}",
        directory=str(work),
        essential=["notes/add_note"],
        metadata={"ticket": f"key {planted(10)}"},
    )
    run = await runs.start(wanted, LOCAL, via="test")
    run = await until(runs, run.id, lambda run: not run.is_at_work)
    (call,) = run.open_calls
    await runs.tell(run.id, word("refuse", call=call.key, reason=f"not with {planted(11)}"), LOCAL)
    run = await until(runs, run.id, lambda run: run.status.is_end)
    assert run.status is RunStatus.COMPLETED
    found = await runs.whole(run.id, LOCAL)
    forms = [make(found) for make in (run_as_json, run_as_csv, run_as_markdown, run_as_html)]
    shown = [verdict_of(run), spent_line(run, 0.0), *step_lines(run.jobs["main"]), *found.texts.values()]
    seen = "\n".join([*forms, *shown, caplog.text]).encode()
    kept = b"".join(path.read_bytes() for path in home.glob("stepwarden.db*") if path.is_file())
    for number in range(12):
        assert planted(number).encode() not in seen, number
        assert planted(number).encode() not in kept, number
    assert b"It is " in seen


async def test_it_would_be_seen_if_one_were_there(started: Start) -> None:
    runs = await started(["It is 42."])
    run = await ended(runs, RunRequest("what is it"))
    assert "It is 42." in run_as_json(await runs.whole(run.id, LOCAL))
