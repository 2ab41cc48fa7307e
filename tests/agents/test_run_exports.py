"""A run with everything in it, exported: four forms of one history, with nothing alive and nothing missing in them."""

import asyncio
import csv
import html
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from run_rig import calls, notes_upstream, starting

from providers.scripted import ScriptedReply
from stepwarden.agents.run_report import WholeRun, run_as_csv, run_as_html, run_as_json, run_as_markdown
from stepwarden.agents.run_request import RunRequest
from stepwarden.agents.run_text import waiting_calls
from stepwarden.agents.runs import Runs
from stepwarden.runs.limits import DEFAULT_LIMITS
from stepwarden.runs.run import Run, RunStatus
from stepwarden.runs.run_calls import CallState
from stepwarden.runs.run_commands import RunCommand, RunCommandKind
from stepwarden.runs.run_events import CallDoubted, CallSent, RunEvent
from stepwarden.threads.calls import LOCAL
from stepwarden.threads.retention import ended_runs

pytestmark = pytest.mark.asyncio
SECRET = "sk-ant-" + "a1B2c3D4" * 6
HOSTILE = "<script>alert(1)</script>\u202egnp.exe ![x](https://evil.example/a.png) Grüße 日本語"
LAST = "line 500 of the huge file"
HUGE = "\n".join(f"line {number} of the huge file" for number in range(3_000))


@dataclass
class Everything:
    """The run, and the runs of its process."""

    runs: Runs
    run_id: str
    asked: int = 0

    async def until(self, holds: Callable[[Run], bool]) -> Run:
        serving = asyncio.create_task(self.runs.serve(only=self.run_id))
        try:
            while not holds(run := await self.runs.look(self.run_id, LOCAL)):
                assert not serving.done()
                await asyncio.sleep(0.01)
            return run
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    async def say(self, kind: RunCommandKind, **arguments: Any) -> None:
        self.asked += 1
        word = RunCommand(f"word{self.asked}", kind, "user", "test", arguments)
        await self.runs.tell(self.run_id, word, LOCAL)

    async def record(self, *events: RunEvent) -> None:
        """Record what a driver that is gone would have."""
        journal = self.runs.journal
        await journal.append(await journal.load(self.run_id, None), events)

    async def allow(self) -> str:
        (call,) = waiting_calls(await self.until(lambda run: bool(waiting_calls(run)) and not run.is_at_work))
        await self.say(RunCommandKind.APPROVE, call=call.key, about=call.about)
        return call.key

    async def whole(self) -> WholeRun:
        return await self.runs.whole(self.run_id, LOCAL)


@pytest_asyncio.fixture
async def everything(tmp_path: Path) -> Any:
    """A run with an approval, a refusal, a doubt, a retry, a limit and its extension, secrets and huge results."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "huge.txt").write_text(f"{SECRET}\n{HUGE}")
    (work / "rows.json").write_text(json.dumps([{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]))
    async with starting(tmp_path / "home") as start:
        notes_upstream(tmp_path / "home")
        note = ("notes/add_note", {"text": HOSTILE})
        runs = await start(
            [
                ScriptedReply(status=500, text="the server is ill", times=4),
                calls(("read_file", {"path": "huge.txt", "lines": 3_000}), ("calculate", {"expression": "6 * 7"})),
                calls(note, text=f"I note it. {HOSTILE} {SECRET}"),
                calls(("notes/add_note", {"text": "two"})),
                calls(("notes/clear_notes", {}), ("update_state", {"phase": "late", "data": {"found": HOSTILE}})),
                "So far: all of it.",
                calls(("calculate", {"expression": "1 +"})),
                f"Done. {HOSTILE}",
            ]
        )
        wanted = RunRequest(
            f"Do everything. {HOSTILE} {SECRET}",
            directory=str(work),
            essential=["read_file", "calculate", "notes/add_note", "notes/clear_notes", "update_state"],
            limits=replace(DEFAULT_LIMITS, steps=4),
            metadata={"ticket": HOSTILE},
        )
        run = Everything(runs, (await runs.start(wanted, LOCAL, via="test")).id)
        await run.allow()
        (second,) = waiting_calls(await run.until(lambda now: len(now.jobs["main"].steps) == 3 and not now.is_at_work))
        await run.say(RunCommandKind.APPROVE, call=second.key, about=second.about)
        await run.record(CallSent(second.key), CallDoubted(second.key, "whoever sent it is gone"))
        await run.say(RunCommandKind.RESOLVE, call=second.key, verdict="done", note="it is there")
        (third,) = waiting_calls(await run.until(lambda now: len(now.jobs["main"].steps) == 4 and not now.is_at_work))
        await run.say(RunCommandKind.REFUSE, call=third.key, reason="not now")
        await run.until(lambda now: now.status is RunStatus.STOPPED)
        await run.say(RunCommandKind.EXTEND, steps=3)
        await run.until(lambda now: now.status.is_end)
        yield run


def text_of(page: str) -> str:
    """Return what a person reads on a page."""
    body = page[page.index("<body>") :]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def unescaped(markdown: str) -> str:
    return " ".join(re.sub(r"\\([\\`*_{}\[\]<>#|~$&!.)=+-])", r"\1", markdown).split())


async def test_the_four_forms_of_a_run_agree_and_nothing_in_them_is_alive(everything: Everything) -> None:
    found = await everything.whole()
    run = found.run
    assert run.status is RunStatus.COMPLETED
    states = {call.state for step in run.jobs["main"].steps for call in step.calls}
    assert states == {CallState.DONE, CallState.FAILED, CallState.REFUSED}
    as_json, as_csv = run_as_json(found), run_as_csv(found)
    markdown, page = run_as_markdown(found), run_as_html(found)

    told = json.loads(as_json)
    rows = list(csv.DictReader(io.StringIO(as_csv)))
    assert [(row["seq"], row["kind"], row["hash"]) for row in rows] == [
        (str(event["seq"]), event["kind"], event["hash"]) for event in told["events"]
    ]
    assert [json.loads(row["payload"]) for row in rows] == [event["payload"] for event in told["events"]]
    read, plain = text_of(page), unescaped(markdown)
    huge = run.jobs["main"].steps[0].calls[0].summary
    for event in told["events"]:
        line = f"{event['seq']}. {rows[event['seq'] - 1]['at']} {event['kind'].replace('_', ' ')}"
        assert line in read
        assert line in plain
    for words in (told["verdict"], told["spent"], run.id, "Do everything.", "Done.", "Grüße 日本語", str(huge)):
        assert words in read, words
        assert words in plain, words
    assert told["rates"]["steps"] == len(told["step_metrics"]) == len(run.jobs["main"].steps)
    assert told["rates"]["refused"] == 1

    for form in (as_json, as_csv, markdown, page):
        assert SECRET not in form
    (text,) = json.loads(as_json)["texts"].values()
    assert LAST in text
    assert LAST in read
    assert LAST in plain
    assert "\u202e" not in markdown + page
    assert not re.search(r"<script|<img|src=|href=\"(?!#)|url\(", page)
    assert "![x](" not in markdown


async def test_a_result_is_told_by_what_data_it_holds(everything: Everything) -> None:
    run = (await everything.whole()).run
    summaries = [call.summary for step in run.jobs["main"].steps for call in step.calls]
    huge, number, *_ = summaries
    assert huge is not None
    assert (huge.type, huge.sample, huge.count > 100) == ("text", "huge.txt", True)
    assert number is not None
    assert (number.type, number.value, number.size) == ("number", 42, 2)


async def test_pruned_texts_are_gone_the_chain_is_whole_and_the_run_says_what_is_left(everything: Everything) -> None:
    store = everything.runs.journal.store
    before = await everything.whole()
    rules = [ended_runs(-1.0)]
    would = await store.maintenance.prune_kept(rules, dry_run=True)
    assert [(one.head.stream, one.count) for one in would] == [(everything.run_id, len(before.texts))]
    assert (await everything.whole()).texts == before.texts  # a dry run changes nothing
    assert await store.maintenance.prune_kept(rules) == would
    assert await store.maintenance.prune_kept(rules) == []
    after = await everything.whole()
    assert (dict(after.texts), after.history) == ({}, before.history)
    assert await store.verify(everything.run_id) is None
    for form in (run_as_markdown, run_as_html, run_as_json):
        assert LAST not in form(after)
    assert "bytes in all; the rest is not kept any more" in run_as_html(after)
    assert after.run == before.run


async def test_a_large_text_is_stored_once_and_compressed(everything: Everything) -> None:
    kept = await everything.runs.journal.store.transactions.read(
        lambda transaction: transaction.kept.of_stream(everything.run_id)
    )
    assert len(kept) == 1
    assert sum(map(len, kept.values())) < len(HUGE) / 2
