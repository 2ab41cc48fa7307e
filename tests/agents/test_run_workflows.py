"""Stepwarden's own workflows as tools of a run: its principal, directory and limits, and each names the other."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from run_rig import Start, calls, ended, until

from providers.scripted import ScriptedCall, ScriptedReply
from stepwarden.agents.run_report import run_as_json, run_as_markdown
from stepwarden.agents.run_request import RunRequest
from stepwarden.agents.runs import Runs
from stepwarden.agents.toolbox import CallContext
from stepwarden.errors import RunRefused
from stepwarden.runs.limits import DEFAULT_LIMITS, NOTHING, Amount
from stepwarden.runs.run import Run, RunStatus
from stepwarden.runs.run_calls import CallState, ProposedCall
from stepwarden.runs.run_events import CallReserved, QuestionAnswered, QuestionAsked, RunAttached
from stepwarden.storage import HeadQuery, kinds
from stepwarden.threads.calls import LOCAL
from stepwarden.threads.exports import as_json, as_markdown
from stepwarden.threads.journal import Journal
from stepwarden.threads.queries import ThreadQueries

pytestmark = pytest.mark.asyncio

SHOP = "def total(prices):\n    return sum(prices) * 1.2\n"
FIRST: dict[str, Any] = {
    "step": "Why is the total wrong for an empty cart?",
    "step_number": 1,
    "total_steps": 2,
    "next_step_required": True,
    "findings": "I look at shop.py.",
    "relevant_files": ["shop.py"],
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "shop.py").write_text(SHOP)
    return shop


def text_of(run: Run, step: int = 0) -> str:
    return run.jobs["main"].steps[step].calls[0].result.text


async def heads(runs: Runs, kind: Any = kinds.THREAD) -> Any:
    return await runs.journal.store.heads(HeadQuery("local", kind=kind, limit=10))


async def test_a_run_takes_a_step_of_a_workflow_and_both_name_each_other(started: Start, project: Path) -> None:
    runs = await started([calls(("stepwarden/debug", FIRST)), "looked"])
    run = await ended(runs, RunRequest("debug it", directory=str(project), tools=["debug"]))
    assert (run.status, run.jobs["main"].steps[0].calls[0].state) == (RunStatus.COMPLETED, CallState.DONE)
    (thread_id,) = run.threads
    assert thread_id.startswith("debug-")
    assert thread_id in text_of(run)
    assert thread_id in run_as_markdown(await runs.whole(run.id, LOCAL))
    assert json.loads(run_as_json(await runs.whole(run.id, LOCAL)))["threads"] == [thread_id]
    queries = ThreadQueries(Journal(runs.journal.store))
    thread = await queries.thread(thread_id, LOCAL)
    history = await queries.history(thread_id, LOCAL)
    assert (thread.run, thread.directory) == (run.id, str(project))
    assert json.loads(as_json(thread, history))["run"] == run.id
    assert f"by the model of {run.id}" in as_markdown(thread, history)
    assert await runs.journal.store.verify(thread_id) is None


async def test_a_thread_that_started_a_run_is_in_both(started: Start, project: Path) -> None:
    runs = await started([calls(("stepwarden/debug", FIRST)), "looked", "done"])
    first = await ended(runs, RunRequest("debug it", directory=str(project), tools=["debug"]))
    (thread_id,) = first.threads
    run = await ended(runs, RunRequest("go on with it", thread=thread_id))
    assert f"Asked for in the thread {thread_id}." in run_as_markdown(await runs.whole(run.id, LOCAL))
    assert json.loads(run_as_json(await runs.whole(run.id, LOCAL)))["thread"] == thread_id
    queries = ThreadQueries(Journal(runs.journal.store))
    made = await queries.calls(thread_id, LOCAL)
    assert [entry.data["run"] for entry in made] == [run.id]
    told = as_markdown(await queries.thread(thread_id, LOCAL), await queries.history(thread_id, LOCAL), made)
    assert f"started {run.id}" in told


async def test_workflows_are_there_where_they_are_named_and_bring_what_reads(started: Start, project: Path) -> None:
    def names(run: Run) -> set[str]:
        return {grant.name for grant in run.jobs["main"].plan.tools}

    runs = await started(["done"])
    wanted = RunRequest("look", directory=str(project))
    assert not {name for name in names(await ended(runs, wanted)) if name.startswith("stepwarden/")}
    one = names(await ended(runs, replace(wanted, request="one", tools=["codereview"])))
    assert one == {"stepwarden/codereview", "list_files", "read_file", "search_files", "outline_file"} | {
        "find_definition",
        "find_calls",
        "read_git",
        "check_files",
        "check_change",
    }
    every = names(await ended(runs, replace(wanted, request="every", tools=["stepwarden/*", "calculate"])))
    assert len({name for name in every if name.startswith("stepwarden/")}) == 12
    assert "calculate" in every


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("execute", "A run cannot start runs"),
        ("stepwarden/run", "A run cannot start runs"),
        ("codereveiw", "did you mean codereview"),
        ("stepwarden/codereveiw", "did you mean stepwarden/codereview"),
        ("nothing", "stepwarden/*"),
    ],
)
async def test_a_tool_that_no_run_has_is_told(started: Start, named: str, told: str) -> None:
    runs = await started(["never"])
    with pytest.raises(RunRefused) as refused:
        await runs.start(RunRequest("look", tools=[named]), LOCAL, via="test")
    assert told in str(refused.value)


async def test_no_step_of_a_run_reads_another_directory(started: Start, project: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "secret.py").write_text("def hidden(): ...\n")
    asked = {**FIRST, "working_directory": str(tmp_path / "other"), "relevant_files": ["secret.py"]}
    runs = await started([calls(("stepwarden/debug", asked)), "looked"])
    run = await ended(runs, RunRequest("debug it", directory=str(project), tools=["debug"]))
    queries = ThreadQueries(Journal(runs.journal.store))
    assert (await queries.thread(run.threads[0], LOCAL)).directory == str(project)
    runs = await started([calls(("stepwarden/debug", asked)), "looked"])
    run = await ended(runs, RunRequest("debug it without a directory", tools=["debug"]))
    assert (await queries.thread(run.threads[0], LOCAL)).directory is None


PANEL: dict[str, Any] = {
    "step": "Should totals be rounded?",
    "step_number": 1,
    "total_steps": 2,
    "next_step_required": True,
    "findings": "Rounding at the end is simplest.",
    "models": [{"model": "scripted", "stance": "for"}, {"model": "scripted", "stance": "against"}],
}
VOTE = {"vote": "yes", "summary": "Round at the end.", "confidence": "high", "reasons": [], "conditions": []}


def voter() -> ScriptedReply:
    return ScriptedReply(answer=VOTE, when="Should totals be rounded", usage=(1_000, 200), times=None)


async def test_the_models_of_a_step_count_into_the_limits_of_the_run(started: Start) -> None:
    asks = ScriptedReply(
        calls=(ScriptedCall(name="stepwarden/consensus", arguments=PANEL),), when="ask the panel", usage=(10, 5)
    )
    runs = await started([asks, ScriptedReply(text="heard", when="ask the panel", times=None), voter()])
    run = await ended(runs, RunRequest("ask the panel", tools=["consensus"]))
    call = run.jobs["main"].steps[0].calls[0]
    assert call.state is CallState.DONE, call.result.text
    assert call.spent.tokens >= 1_200
    assert run.spent.tokens == call.spent.tokens + 30
    assert run.reserved == NOTHING
    kinds_of = [row.kind for row in await runs.journal.store.read(run.id)]
    assert kinds_of.index("call_reserved") < kinds_of.index("call_ended")


async def test_without_room_for_it_no_expert_is_asked_and_the_model_is_told(started: Start) -> None:
    asks = ScriptedReply(calls=(ScriptedCall(name="stepwarden/consensus", arguments=PANEL),), when="ask the panel")
    runs = await started([asks, ScriptedReply(text="alone", when="ask the panel", times=None), voter()])
    limits = replace(DEFAULT_LIMITS, tokens=60_000)
    run = await ended(runs, RunRequest("ask the panel", tools=["consensus"], limits=limits))
    assert "call_reserved" not in [row.kind for row in await runs.journal.store.read(run.id)]
    assert "what is left of the run's limits" in text_of(run)
    assert run.spent.tokens == 30


async def test_a_step_that_was_taken_by_a_driver_who_is_gone_opens_no_second_thread(
    started: Start, project: Path
) -> None:
    runs = await started(["looked"])
    run = await runs.start(RunRequest("debug it", directory=str(project), tools=["debug"]), LOCAL, via="test")
    loaded = await runs.journal.load(run.id, None)
    asked = ProposedCall("c1", "stepwarden/debug", json.dumps(FIRST))
    gone = [
        RunAttached("gone"),
        QuestionAsked("main/1", "main", "scripted", Amount(100), 100),
        QuestionAnswered("main/1", calls=(asked,)),
        CallReserved("main/1/1", Amount(500)),
    ]
    loaded = await runs.journal.append(loaded, gone)
    tool = (await runs._toolbox_of(loaded.run, "local")).tools[asked.tool]  # pyright: ignore[reportPrivateUsage]
    taken = await tool.call(CallContext(loaded.run, "local", FIRST, key="main/1/1", seconds=60))
    run = await until(runs, run.id, lambda run: run.status.is_end)
    assert run.threads == (taken.thread,)
    assert [head.stream for head in await heads(runs)] == [taken.thread]
    assert run.spent.tokens == 500 + 15  # what was set aside for the lost call is charged
    assert run.reserved == NOTHING
