"""Where driving a run goes wrong by our own fault, by an outage, or because a newer version wrote it."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from run_rig import Start, calls, ended, until, word

import stepwarden.agents.driver
import stepwarden.agents.run_journal
from providers.scripted import ScriptedReply
from stepwarden.agents.run_request import RunRequest
from stepwarden.agents.run_text import spent_line, verdict_of
from stepwarden.agents.runs import Runs
from stepwarden.errors import NewerRun
from stepwarden.runs.decide import MOST_CRASHES
from stepwarden.runs.limits import DEFAULT_LIMITS
from stepwarden.runs.run import Run, RunStatus
from stepwarden.runs.run_events import CallEnded
from stepwarden.storage import Append, NewEvent
from stepwarden.threads.calls import LOCAL

pytestmark = pytest.mark.asyncio
SUM = ("calculate", {"expression": "6*7"})


def _broken(*_: Any) -> Any:
    raise ZeroDivisionError("a secret of ours")


def _decide_breaks(_: Runs, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(stepwarden.agents.driver, "decide", _broken)


def _toolbox_breaks(runs: Runs, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(runs, "_toolbox_of", _broken)


def _journal_breaks(_: Runs, patch: pytest.MonkeyPatch) -> None:
    written = stepwarden.agents.run_journal.encode_run_event

    def encode(event: Any) -> tuple[str, str]:
        return _broken() if isinstance(event, CallEnded) else written(event)

    patch.setattr(stepwarden.agents.run_journal, "encode_run_event", encode)


def _model_breaks(runs: Runs, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(runs.models, "complete", _broken)


@pytest.mark.parametrize("breaks", [_decide_breaks, _toolbox_breaks, _journal_breaks, _model_breaks])
async def test_a_run_that_crashes_wherever_it_does_ends_as_failed_with_its_work_and_says_where(
    started: Start,
    breaks: Callable[[Runs, pytest.MonkeyPatch], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    runs = await started([calls(SUM, text="Half of it.", latency_s=0.2), calls(SUM), "done"])
    run = await runs.start(RunRequest("go on"), LOCAL, via="test")
    await until(runs, run.id, lambda run: run.steps > 0)
    breaks(runs, monkeypatch)
    monkeypatch.setattr("stepwarden.agents.runs.AGAIN_S", 0.01)
    run = await until(runs, run.id, lambda run: run.status.is_end)
    assert (run.status, run.answer.text) == (RunStatus.FAILED, "Half of it.")
    assert f"crashed {MOST_CRASHES} times, a fault of ours: ZeroDivisionError in test_agent_faults.py" in run.why
    stored = await runs.journal.store.read(run.id)
    assert [row.kind for row in stored].count("crashed") == MOST_CRASHES
    assert "a secret of ours" not in "".join(row.payload for row in stored)
    assert "crashed" in caplog.text
    assert await runs.journal.store.verify(run.id) is None


async def test_a_run_whose_history_does_not_fit_together_ends_with_its_work(started: Start) -> None:
    runs = await started([calls(SUM, text="Half of it."), ScriptedReply(text="late", latency_s=60)])
    run = await _with(runs, await _at_rest(runs), NewEvent("sent", '{"call": "nobody/1/1"}'))
    assert (run.status, run.answer.text) == (RunStatus.FAILED, "Half of it.")
    assert f"its event {run.version - 4} does not fit what was recorded before (KeyError)" in run.why


async def _at_rest(runs: Runs) -> Run:
    """Return a run that rests after its first step."""
    run = await runs.start(RunRequest("go on"), LOCAL, via="test")
    await until(runs, run.id, lambda run: run.steps > 0)
    if not (await runs.look(run.id, LOCAL)).status.is_end:
        await runs.tell(run.id, word("pause"), LOCAL)
    return await runs.look(run.id, LOCAL)


async def _with(runs: Runs, run: Run, event: NewEvent) -> Run:
    """Let somebody record an event behind our back, and drive the run on."""
    loaded = await runs.journal.load(run.id, None)
    resumed = NewEvent("commanded", json.dumps({"id": "x", "kind": "resume", "by": "user", "via": "test"}))
    change = stepwarden.agents.run_journal._head_of(run, [], loaded.principal)  # pyright: ignore[reportPrivateUsage]
    await runs.journal.store.append(Append(run.id, run.version, [event, resumed], change, {}, loaded.hash))
    await runs.engine.wake(run.id)
    return await until(runs, run.id, lambda run: run.status.is_end)


async def test_a_run_of_a_newer_version_is_left_alone_says_so_and_keeps_nobody_from_another(
    started: Start, caplog: pytest.LogCaptureFixture
) -> None:
    runs = await started([calls(SUM), "done"])
    run = await runs.start(RunRequest("go on"), LOCAL, via="test")
    loaded = await runs.journal.load(run.id, None)
    change = stepwarden.agents.run_journal._head_of(run, [], loaded.principal)  # pyright: ignore[reportPrivateUsage]
    newer = NewEvent("from_the_future", '{"what": 1}')
    await runs.journal.store.append(Append(run.id, run.version, [newer], change, {}, loaded.hash))
    serving = asyncio.create_task(runs.serve(only=run.id))
    while "is left alone" not in caplog.text:
        await asyncio.sleep(0.01)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    with pytest.raises(NewerRun, match="written by a newer stepwarden; upgrade"):
        await runs.look(run.id, LOCAL)
    with pytest.raises(NewerRun):
        await runs.tell(run.id, word("stop"), LOCAL)
    assert await runs.same(RunRequest("go on"), LOCAL) is None
    assert [row.kind for row in await runs.journal.store.read(run.id)][-1] == "from_the_future"
    assert (await ended(runs, RunRequest("another"))).status is RunStatus.COMPLETED


async def test_a_rate_limit_takes_no_tools_away_and_is_shown_while_it_is_waited_out(started: Start) -> None:
    limited = ScriptedReply(status=429, text="slow down", retry_after_s=0.3)
    runs = await started([calls(SUM), *[limited] * 3, "done"])
    run = await runs.start(RunRequest("go on"), LOCAL, via="test")
    run = await until(runs, run.id, lambda run: bool(run.jobs["main"].outages) or run.status.is_end)
    if run.status is RunStatus.RUNNING:
        assert "and waits: " in verdict_of(run)
    run = await until(runs, run.id, lambda run: run.status.is_end)
    assert (run.status, run.answer.text) == (RunStatus.COMPLETED, "done")
    asked = [json.loads(row.payload) for row in await runs.journal.store.read(run.id) if row.kind == "asked"]
    assert {each.get("level", "full") for each in asked} == {"full"}


async def test_whoever_lets_go_of_a_run_says_so_and_however_often_it_is_no_crash(started: Start) -> None:
    runs = await started([calls(SUM), ScriptedReply(text="late", latency_s=60)])
    run = await runs.start(RunRequest("go on"), LOCAL, via="test")
    for number in range(2, 8):
        key = f"main/{number}"
        await until(runs, run.id, lambda run, key=key: _asks(run, key))
    run = await runs.look(run.id, LOCAL)
    assert (run.status, run.jobs["main"].question) == (RunStatus.RUNNING, None)
    assert run.spent.tokens > 6 * run.limits.answer_tokens


def _asks(run: Run, key: str) -> bool:
    question = run.jobs["main"].question
    return question is not None and question.key == key


@pytest.mark.parametrize("apart", [False, True], ids=["one process", "two"])
async def test_of_stops_at_once_from_two_sides_one_counts_and_the_other_is_told(started: Start, apart: bool) -> None:
    runs = await started([ScriptedReply(text="late", latency_s=60)])
    other = await started(["never"]) if apart else runs
    run = await runs.start(RunRequest("go on"), LOCAL, via="test")
    serving = asyncio.create_task(runs.serve(only=run.id))
    while (await runs.look(run.id, LOCAL)).jobs["main"].question is None:
        await asyncio.sleep(0.01)
    said = await asyncio.gather(
        *(side.tell(run.id, word("stop"), LOCAL) for side in (runs, other, runs, other)), return_exceptions=True
    )
    refused = [str(each) for each in said if isinstance(each, BaseException)]
    assert len(refused) == 3
    assert all("stop: user stopped it before" in each or "the run is stopped" in each for each in refused)
    while not (run := await other.look(run.id, LOCAL)).status.is_end:
        await asyncio.sleep(0.01)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    assert (run.status, run.why) == (RunStatus.STOPPED, "user stopped it")
    assert [row.kind for row in await runs.journal.store.read(run.id)].count("ended") == 1


async def test_a_vendor_that_bills_above_what_was_set_aside_passes_the_limit_by_that_call_and_it_is_said(
    started: Start,
) -> None:
    bills = calls(SUM, text="So far.", usage=(40_000, 9_000))
    runs = await started([bills])
    run = await ended(runs, RunRequest("go on", limits=replace(DEFAULT_LIMITS, tokens=20_000)))
    answered = [row for row in await runs.journal.store.read(run.id) if row.kind == "answered"]
    assert (run.status, run.spent.tokens, len(answered)) == (RunStatus.STOPPED, 49_000, 1)
    assert run.overspent.tokens > 40_000
    assert f"billed above what was set aside: {run.overspent.tokens} tokens" in spent_line(run, 0.0)
