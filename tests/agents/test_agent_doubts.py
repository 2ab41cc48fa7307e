"""A write that was lost: the run finds out by itself what became of it, and tells whatever nobody can find out."""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from run_rig import Start, calls, ended, until, word

from providers.scripted import ScriptedReply
from stepwarden.agents.run_request import RunRequest
from stepwarden.agents.run_text import doubt_lines, verdict_of, waiting_calls
from stepwarden.agents.runs import Runs
from stepwarden.cli.examples.tracker import SiteFile
from stepwarden.runs.run import Run, RunStatus
from stepwarden.runs.run_calls import Approval, CallState
from stepwarden.runs.run_events import CallSent
from stepwarden.settings import load_settings
from stepwarden.storage import Store
from stepwarden.threads.calls import LOCAL
from stepwarden.upstream.calls.prepared_call import prepare_call
from stepwarden.upstream.calls.records import CallRecord, SessionRecorder, new_id
from stepwarden.upstream.doubts.left_marks import clean_mark, left_marks
from stepwarden.upstream.doubts.marks import PATTERN, key_of
from tools.upstream.approval_text import approval_text

pytestmark = pytest.mark.asyncio
COMMENT = ("jira/jira_add_comment", {"issue_key": "SHOP-1", "body": "I look at it."})
LABEL = ("jira/confluence_add_label", {"page_id": "502", "name": "seen"})
PAGE = ("jira/confluence_create_page", {"space_key": "TEAM", "title": "Notes", "content": "One."})


def site_upstream(home: Path, **more: Any) -> SiteFile:
    """Let the example site be the upstream `jira`, with an issue and a page; nothing is ever late in it."""
    home.mkdir(exist_ok=True)
    file = SiteFile(home / "site.jsonl")
    file.done("create_issue", summary="Totals are off by one cent")
    file.done("create_page", title="Runbook", body="Restart it.")
    command = ["-m", "stepwarden.cli.examples.tracker_server", str(file.path)]
    entry = {"preset": "mcp-atlassian", "command": sys.executable, "args": command, "approve": "never", **more}
    (home / "upstreams.json").write_text(json.dumps({"upstreams": {"jira": entry}}))
    return file


def comments(file: SiteFile) -> list[str]:
    return [one["body"] for one in file.site().issue("SHOP-1")["comments"]]


async def lost(
    runs: Runs,
    home: Path,
    call: tuple[str, dict[str, Any]],
    *,
    ago_s: float = 3_600.0,
    begun: bool = True,
    outcome: str = "",
) -> Run:
    """Leave a run as a process leaves it that is killed while it sends a write, so long ago."""
    run = await runs.start(RunRequest("go on", tools=[call[0]]), LOCAL, via="test")
    run = await until(runs, run.id, lambda run: bool(waiting_calls(run)))
    loaded = await runs.journal.load(run.id, LOCAL.principal)
    (key,) = [one.key for one in loaded.run.open_calls]
    await runs.journal.append(loaded, [CallSent(key)])
    if begun:
        await begun_by_another(runs, home, (run.id, key, outcome), call, time.time() - ago_s)
    return run


async def begun_by_another(
    runs: Runs, home: Path, known: tuple[str, str, str], call: tuple[str, dict[str, Any]], at: float
) -> None:
    """Record what that process recorded before it sent the write, and perhaps how that ended."""
    assert runs.upstreams is not None
    run_id, key, outcome = known
    prepared = await prepare_call(runs.upstreams.open().index, call[0], call[1])
    has_mark = prepared.server.config.look_of(prepared.tool.name) is not None
    record = CallRecord(
        new_id("call"), "intended", "jira", prepared.tool.name, "write", LOCAL.principal, "",
        same=prepared.sameness, thread=run_id, key=key_of(run_id, key), has_mark=has_mark,
    )  # fmt: skip
    store = Store(load_settings(home=home).store_url, clock=lambda: at)
    recorder = SessionRecorder(store)
    await recorder.record(record)
    if outcome:
        await recorder.record(replace(record, phase="ended", outcome="ok", summary=outcome))
    await store.close()


def is_later(run: Run) -> bool:
    return run.looks_at > time.time() + 10


async def settled(runs: Runs, run: Run) -> Run:
    await runs.engine.offer(run.id)
    return await until(runs, run.id, lambda run: run.status.is_end or not run.is_at_work or is_later(run))


def by(events: Sequence[Any]) -> list[tuple[str, str]]:
    told = [json.loads(event.payload) for event in events if event.kind == "resolved"]
    return [(one["verdict"], one["by"]) for one in told]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


async def test_a_write_that_was_never_begun_is_sent(started: Start, home: Path) -> None:
    file = site_upstream(home)
    runs = await started([calls(COMMENT), "Done."])
    run = await settled(runs, await lost(runs, home, COMMENT, begun=False))
    assert (run.status, comments(file)) == (RunStatus.COMPLETED, ["I look at it."])
    assert by(await runs.journal.store.read(run.id)) == [("not_done", "record")]


async def test_a_write_whose_answer_was_recorded_is_not_sent_again(started: Start, home: Path) -> None:
    file = site_upstream(home)
    answer = ScriptedReply(text="It is there.", when="its answer was recorded", times=None)
    runs = await started([calls(COMMENT), answer])
    run = await settled(runs, await lost(runs, home, COMMENT, outcome="comment 7"))
    assert (run.answer.text, comments(file)) == ("It is there.", [])
    assert by(await runs.journal.store.read(run.id)) == [("done", "record")]


async def test_an_idempotent_write_is_sent_again(started: Start, home: Path) -> None:
    file = site_upstream(home)
    runs = await started([calls(LABEL), "Done."])
    run = await settled(runs, await lost(runs, home, LABEL))
    assert (run.status, file.site().page("502")["labels"]) == (RunStatus.COMPLETED, ["seen"])
    assert by(await runs.journal.store.read(run.id)) == [("not_done", "idempotent")]


@pytest.mark.parametrize("was_done", [True, False])
async def test_a_look_for_the_mark_tells_whether_it_is_sent_again(started: Start, home: Path, was_done: bool) -> None:
    file = site_upstream(home, marks=True)
    runs = await started([calls(COMMENT), "Done."])
    run = await lost(runs, home, COMMENT)
    key = key_of(run.id, "main/1/1")
    if was_done:
        file.done("comment", key="SHOP-1", body=f"I look at it.\n\n{key}")
    run = await settled(runs, run)
    assert (run.status, comments(file)) == (RunStatus.COMPLETED, [f"I look at it.\n\n{key}"])
    verdict = "done" if was_done else "not_done"
    assert by(await runs.journal.store.read(run.id)) == [(verdict, "look")]


async def test_a_look_without_a_mark_tells_too(started: Start, home: Path) -> None:
    file = site_upstream(home)
    runs = await started([calls(PAGE), "Done."])
    run = await settled(runs, await lost(runs, home, PAGE))
    assert [page["title"] for page in file.site().pages.values()] == ["Runbook", "Notes"]
    assert run.status is RunStatus.COMPLETED


async def test_nothing_found_tells_nothing_before_the_write_can_no_longer_be_carried_out(
    started: Start, home: Path
) -> None:
    file = site_upstream(home, marks=True, timeout_s=30, commit_delay_s=10)
    runs = await started([calls(COMMENT), "Done."])
    begun = time.time()
    run = await settled(runs, await lost(runs, home, COMMENT, ago_s=0))
    assert begun + 40 <= run.looks_at <= time.time() + 40
    assert "nobody knows yet what became of write jira/jira_add_comment; a look tells at" in verdict_of(run)
    assert (comments(file), waiting_calls(run)) == ([], [])
    heads = await runs.engine.unserved()
    assert run.id not in {one.stream for one in heads}, "it is due later, and holds nobody until then"


async def test_what_is_found_tells_at_once(started: Start, home: Path) -> None:
    file = site_upstream(home, marks=True, timeout_s=3_000)
    runs = await started([calls(COMMENT), "Done."])
    run = await lost(runs, home, COMMENT, ago_s=0)
    file.done("comment", key="SHOP-1", body=key_of(run.id, "main/1/1"))
    run = await settled(runs, run)
    assert (run.status, len(comments(file))) == (RunStatus.COMPLETED, 1)


async def test_without_marks_a_person_says_what_became_of_it_and_is_told_why(started: Start, home: Path) -> None:
    file = site_upstream(home)
    runs = await started([calls(COMMENT), "Done."])
    run = await settled(runs, await lost(runs, home, COMMENT))
    assert verdict_of(run) == "WAITING for you: nobody knows what became of write jira/jira_add_comment"
    (waiting,) = waiting_calls(run)
    assert waiting.doubt == "no look is declared for jira/jira_add_comment"
    await runs.tell(run.id, word("stop"), LOCAL)
    run = await until(runs, run.id, lambda run: run.status.is_end)
    assert (len(doubt_lines(run)), comments(file)) == (1, [])


async def test_looks_that_fail_are_made_again_and_then_a_person_is_asked(
    started: Start, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stepwarden.upstream.doubts.resolution.AGAIN_S", 0.0)
    look = {"mark": {"argument": "body"}, "tool": "jira_get_issue", "arguments": {"issue_key": "SHOP-99"}}
    site_upstream(home, marks=True, looks={"jira_add_comment": look})
    runs = await started([calls(COMMENT), "Done."])
    run = await settled(runs, await lost(runs, home, COMMENT))
    (waiting,) = waiting_calls(run)
    assert waiting.doubt == "the look with jira/jira_get_issue gave an error"
    assert run.open_calls[0].looks > 3
    assert run.open_calls[0].state is CallState.IN_DOUBT


async def test_marks_are_listed_and_taken_out_and_what_was_written_stays(started: Start, home: Path) -> None:
    file = site_upstream(home, marks=True)
    issue = ("jira/jira_create_issue", {"project_key": "SHOP", "issue_type": "Bug", "summary": "Slow"})
    labelled = (issue[0], {**issue[1], "additional_fields": '{"labels": ["ours"]}'})
    runs = await started([calls(COMMENT, issue, labelled), "Done."])
    wanted = RunRequest("go on", tools=[COMMENT[0], issue[0]], approval=Approval.DESTRUCTIVE)
    assert (await ended(runs, wanted)).status is RunStatus.COMPLETED
    assert PATTERN.search(comments(file)[0])
    store = runs.journal.store
    marks = await left_marks(store)
    assert [mark.tool for mark in marks].count("jira_create_issue") == 2
    assert {"issue_key": "SHOP-1"} in [mark.where for mark in marks]
    assert runs.upstreams is not None
    client = runs.upstreams.open()
    told = [await clean_mark(client.upstreams, client.recorder, mark) for mark in marks]
    assert [one.words for one in told] == ["taken out of 1"] * 3
    assert comments(file) == ["I look at it."]
    assert sorted(one["labels"] for one in file.site().issues.values()) == [[], [], ["ours"]]
    assert await left_marks(store) == []


async def test_a_person_is_told_of_the_mark_before_they_allow_it(started: Start, home: Path) -> None:
    site_upstream(home, marks=True)
    runs = await started(["Done."])
    assert runs.upstreams is not None
    index = runs.upstreams.open().index
    for call, mark in ((COMMENT, True), (LABEL, False)):
        asked = (await prepare_call(index, *call)).approval()
        assert ("gets a mark" in approval_text(asked, exposed=False).message) == mark
