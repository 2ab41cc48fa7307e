"""A run as a task of its host: looked at, answered, cancelled; by the SDK's client with the extension."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from host_rig import (
    CLOSED,
    DECLINED,
    YES,
    HostTasks,
    Person,
    TaskDetail,
    answer_task,
    call,
    cancel_task,
    find_task,
    serving,
    told,
)
from mcp import Client, MCPError
from mcp.types import INVALID_PARAMS, METHOD_NOT_FOUND, MISSING_REQUIRED_CLIENT_CAPABILITY, ElicitResult
from run_rig import calls, notes_upstream

from providers.scripted import ScriptedReply
from stepwarden.errors import VersionConflict
from stepwarden.runs.run_events import RunPaused

pytestmark = pytest.mark.asyncio

SLOW = ScriptedReply(text="Done at last.", latency_s=1.0)
ENDLESS = ScriptedReply(text="never", latency_s=60.0)
TWO_WRITES = [calls(("notes/add_note", {"text": "one"}), ("notes/clear_notes", {})), "Both are dealt with."]


def answering(answer: ElicitResult) -> Callable[[Any, TaskDetail], Any]:
    """Return a host that answers every question the same way, one at a time."""

    async def watch(session: Any, task: TaskDetail) -> None:
        if task.input_requests:
            key = min(task.input_requests)
            await answer_task(session, task.task_id, {key: answer.model_dump(mode="json", exclude_none=True)})

    return watch


async def test_a_call_that_takes_long_is_the_task_of_its_run(tmp_path: Path) -> None:
    tasks = HostTasks()
    async with serving(tmp_path / "home", [SLOW]) as (server, _), Client(server, extensions=[tasks]) as client:
        done = told(await call(client, "execute", mode="agent", request="be slow"))
        assert (done["verdict"], done["answer"]) == ("DONE", "Done at last.")
        assert {task.status for task in tasks.seen} == {"working", "completed"}
        assert {task.task_id for task in tasks.seen} == {done["run_id"]}
        assert tasks.seen[0].status_message == "RUNNING: step 1 of at most 15"


async def test_what_is_over_at_once_is_no_task(tmp_path: Path) -> None:
    tasks = HostTasks()
    async with serving(tmp_path / "home", ["At once."]) as (server, _), Client(server, extensions=[tasks]) as client:
        assert told(await call(client, "execute", mode="agent", request="be quick"))["answer"] == "At once."
        assert tasks.seen == []


async def test_waiting_for_a_run_is_its_task_too_and_looking_is_not(tmp_path: Path) -> None:
    tasks = HostTasks()
    async with serving(tmp_path / "home", [SLOW]) as (server, _), Client(server, extensions=[tasks]) as client:
        begun = told(await call(client, "execute", mode="agent", request="be slow", wait_s=0))
        looked = told(await call(client, "run", action="look", run_id=begun["run_id"]))
        assert (begun["status"], looked["status"], tasks.seen) == ("running", "running", [])
        done = told(await call(client, "run", action="wait", run_id=begun["run_id"]))
        assert done["answer"] == "Done at last."
        assert {task.task_id for task in tasks.seen} == {begun["run_id"]}


async def test_two_calls_that_wait_are_two_questions_answered_one_by_one(tmp_path: Path) -> None:
    book = notes_upstream(tmp_path)
    tasks = HostTasks(answering(YES))
    async with (
        serving(tmp_path, TWO_WRITES) as (server, _),
        Client(server, extensions=[tasks], elicitation_callback=Person(YES)) as client,
    ):
        done = told(await call(client, "execute", mode="agent", request="add and clear"))
        assert (done["verdict"], done["answer"]) == ("DONE", "Both are dealt with.")
        asked = [sorted(task.input_requests) for task in tasks.seen if task.input_requests]
        assert asked[0] == ["approve:main/1/1", "approve:main/1/2"]
        assert ["approve:main/1/2"] in asked
        assert book.exists()


@pytest.mark.parametrize("answer", [DECLINED, CLOSED, ElicitResult(action="accept", content={"approve": False})])
async def test_a_question_without_a_yes_refuses_the_call_and_the_run_goes_on(
    tmp_path: Path, answer: ElicitResult
) -> None:
    book = notes_upstream(tmp_path)
    tasks = HostTasks(answering(answer))
    async with (
        serving(tmp_path, [*TWO_WRITES[:1], "Nothing was done."]) as (server, runtime),
        Client(server, extensions=[tasks], elicitation_callback=Person(YES)) as client,
    ):
        done = told(await call(client, "execute", mode="agent", request="add and clear"))
        assert (done["verdict"], done["answer"]) == ("DONE", "Nothing was done.")
        assert not book.exists()
        loaded = await runtime.runs.open().journal.load(done["run_id"], None)
        assert {one.state for one in loaded.run.jobs["main"].steps[0].calls} == {"refused"}


async def test_an_answer_to_no_question_of_the_task_changes_nothing(tmp_path: Path) -> None:
    book = notes_upstream(tmp_path)
    sent = list[str]()

    async def watch(session: Any, task: TaskDetail) -> None:
        if not task.input_requests:
            return
        if len(sent) < 3:
            sent.append(task.status)
            yes = YES.model_dump(mode="json", exclude_none=True)
            await answer_task(session, task.task_id, {"approve:main/9/9": yes, "resume:1": yes, "x": {"ignored": True}})
        else:
            await cancel_task(session, task.task_id)

    tasks = HostTasks(watch)
    async with (
        serving(tmp_path, TWO_WRITES) as (server, _),
        Client(server, extensions=[tasks], elicitation_callback=Person(YES)) as client,
    ):
        assert told(await call(client, "execute", mode="agent", request="add and clear"))["status"] == "cancelled"
        assert sent == ["input_required"] * 3
        assert not book.exists()


async def test_a_host_that_cannot_ask_gets_the_reply_that_says_what_its_model_does(tmp_path: Path) -> None:
    notes_upstream(tmp_path)
    tasks = HostTasks()
    async with serving(tmp_path, TWO_WRITES) as (server, _), Client(server, extensions=[tasks]) as client:
        waiting = told(await call(client, "execute", mode="agent", request="add and clear"))
        assert waiting["verdict"].startswith("WAITING for you: allow write notes/add_note")
        assert "confirm=" in waiting["next"]
        assert tasks.seen == []


async def test_a_task_that_is_cancelled_ends_its_run_and_stays_cancelled(tmp_path: Path) -> None:
    async def watch(session: Any, task: TaskDetail) -> None:
        await cancel_task(session, task.task_id)

    tasks = HostTasks(watch)
    async with serving(tmp_path / "home", [ENDLESS]) as (server, _), Client(server, extensions=[tasks]) as client:
        assert told(await call(client, "execute", mode="agent", request="never end"))["status"] == "cancelled"
        run_id = tasks.seen[0].task_id
        looked = told(await call(client, "run", action="look", run_id=run_id))
        assert looked["verdict"] == "STOPPED: user stopped it"
        await cancel_task(client.session, run_id)
        assert (await find_task(client.session, run_id)).status == "cancelled"


async def test_a_run_that_its_person_stopped_elsewhere_is_a_task_with_a_result(tmp_path: Path) -> None:
    looked = anyio.Event()

    async def watch(session: Any, task: TaskDetail) -> None:
        del session, task
        looked.set()

    tasks = HostTasks(watch)
    async with (
        serving(tmp_path / "home", [ENDLESS]) as (server, _),
        Client(server, extensions=[tasks]) as client,
        Client(server) as terminal,
    ):
        found = dict[str, Any]()

        async def execute() -> None:
            found.update(told(await call(client, "execute", mode="agent", request="never end")))

        async with anyio.create_task_group() as group:
            group.start_soon(execute)
            await looked.wait()
            await call(terminal, "run", action="stop", run_id=tasks.seen[0].task_id)
        assert found["verdict"] == "STOPPED: user stopped it"


async def test_a_run_whose_model_fails_is_a_completed_task_with_an_error(tmp_path: Path) -> None:
    failing = ScriptedReply(text="no such key", status=401, latency_s=0.8)
    tasks = HostTasks()
    async with serving(tmp_path / "home", [failing]) as (server, _), Client(server, extensions=[tasks]) as client:
        failed = await call(client, "execute", mode="agent", request="fail")
        assert failed.is_error
        assert told(failed)["verdict"].startswith("FAILED: ")
        assert tasks.seen[-1].status == "completed"


async def test_a_run_that_rests_for_want_of_its_tools_asks_whether_it_goes_on(tmp_path: Path) -> None:
    tasks = HostTasks(answering(DECLINED))
    async with (
        serving(tmp_path / "home", [ENDLESS]) as (server, runtime),
        Client(server, extensions=[tasks], elicitation_callback=Person(YES)) as client,
    ):
        begun = told(await call(client, "execute", mode="agent", request="never end", wait_s=0))
        journal, paused = runtime.runs.open().journal, False
        while not paused:  # whoever drives it records things as well
            loaded = await journal.load(begun["run_id"], None)
            with suppress(VersionConflict):
                paused = (await journal.append(loaded, [RunPaused("it has not its tools")])).run.status == "paused"
        done = told(await call(client, "run", action="wait", run_id=begun["run_id"]))
        assert done["verdict"] == "STOPPED: user stopped it"
        (asked,) = {key for task in tasks.seen for key in task.input_requests or {}}
        assert asked.startswith("resume:")


async def test_other_hosts_know_nothing_of_tasks(tmp_path: Path) -> None:
    async with serving(tmp_path / "home", [SLOW]) as (server, _), Client(server) as client:
        begun = told(await call(client, "execute", mode="agent", request="be slow", wait_s=0))
        with pytest.raises(MCPError) as refused:
            await find_task(client.session, begun["run_id"])
        assert refused.value.error.code == MISSING_REQUIRED_CLIENT_CAPABILITY
        assert told(await call(client, "run", action="wait", run_id=begun["run_id"]))["answer"] == "Done at last."
    async with serving(tmp_path / "home", [SLOW]) as (server, _), Client(server, mode="legacy") as client:
        with pytest.raises(MCPError) as refused:
            await find_task(client.session, begun["run_id"])
        assert refused.value.error.code == METHOD_NOT_FOUND


async def test_a_task_that_is_none_or_anothers_is_not_found(tmp_path: Path) -> None:
    tasks = HostTasks()
    async with serving(tmp_path / "home", [SLOW]) as (server, _), Client(server, extensions=[tasks]) as client:
        for unknown in ("run-none", "", "x\x00y"):
            for act in (find_task, cancel_task):
                with pytest.raises(MCPError) as refused:
                    await act(client.session, unknown)
                assert refused.value.error.code == INVALID_PARAMS
