"""What a host's model, a changed upstream and bad input try on runs, through a real client: people decide."""

import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import CallToolResult, ElicitRequestFormParams, ElicitRequestParams, ElicitResult
from run_rig import calls, notes_upstream

from providers.models import build_models
from providers.scripted import Script, ScriptedReply
from server import build_server
from stepwarden.runs.run_calls import CallState
from stepwarden.runs.run_events import CallSent
from stepwarden.runtime import Runtime, build_runtime
from stepwarden.settings import load_settings
from stepwarden.threads.calls import LOCAL
from stepwarden.upstream.calls.prepared_call import prepare_call
from stepwarden.upstream.calls.records import CallRecord, SessionRecorder
from stepwarden.upstream.doubts.marks import key_of
from tests.support.calls import Reply
from tests.support.host import MODES

pytestmark = pytest.mark.asyncio
ADD = calls(("notes/add_note", {"text": "one"}))


@dataclass
class Person:
    """Answers every question the same way, and remembers what was asked."""

    allows: bool
    asked: list[str] = field(default_factory=list[str])

    async def __call__(self, context: Any, params: ElicitRequestParams) -> ElicitResult:
        assert isinstance(params, ElicitRequestFormParams)
        self.asked.append(params.message)
        return ElicitResult(action="accept", content={"approve": self.allows})


@dataclass(frozen=True)
class Desk:
    """A host with its connection, and the process behind it."""

    client: Client
    runtime: Runtime
    book: Path

    async def call(self, tool: str, **arguments: Any) -> CallToolResult:
        return await self.client.call_tool(tool, arguments)

    async def told(self, tool: str, **arguments: Any) -> Reply:
        result = await self.call(tool, **arguments)
        assert not result.is_error, result.content
        assert result.structured_content is not None
        return result.structured_content

    async def refusal(self, tool: str, **arguments: Any) -> str:
        result = await self.call(tool, **arguments)
        assert result.is_error, result.content
        return getattr(result.content[0], "text", "")


Open = Callable[..., Any]


@pytest.fixture
def desk(tmp_path: Path) -> Open:
    @asynccontextmanager
    async def opened(
        replies: Sequence[ScriptedReply | str], person: Person | None = None, mode: str = "auto", **upstream: Any
    ) -> AsyncIterator[Desk]:
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        book = notes_upstream(home, **upstream)
        if upstream.get("gone"):
            (home / "upstreams.json").write_text('{"upstreams": {}}')
        settings = load_settings(home=home)
        runtime = build_runtime(settings, build_models(settings, Script(replies)))
        async with Client(build_server(settings, runtime), mode=mode, elicitation_callback=person) as client:
            yield Desk(client, runtime, book)
        await runtime.close()

    return opened


@pytest.mark.parametrize("mode", MODES)
async def test_the_word_of_a_reply_allows_nothing_where_the_person_can_be_asked(desk: Open, mode: str) -> None:
    person = Person(allows=False)
    async with desk([ADD, "Left alone."], person, mode) as host:
        told = await host.told("execute", mode="agent", request="add a note")
        call = told["waiting"][0]
        said = {"run_id": told["run_id"], "call": call["call"], "confirm": call["confirm"]}
        ended = await host.told("run", action="approve", **said)
        assert (ended["verdict"], ended["answer"], len(person.asked)) == ("DONE", "Left alone.", 1)
        assert not host.book.exists()


@pytest.mark.parametrize("mode", MODES)
async def test_what_the_person_allows_is_sent_once_however_often_it_is_approved(desk: Open, mode: str) -> None:
    person = Person(allows=True)
    async with desk([ADD, "Added."], person, mode) as host:
        told = await host.told("execute", mode="agent", request="add a note")
        ended = await host.told("run", action="approve", run_id=told["run_id"])
        assert (ended["verdict"], host.book.read_text()) == ("DONE", "one\n")
        assert "There are: none" in await host.refusal("run", action="approve", run_id=told["run_id"])
        assert ('"text":"one"' in person.asked[0], len(person.asked), host.book.read_text()) == (True, 1, "one\n")


async def test_a_host_asks_for_no_less_approval_than_the_settings_of_an_upstream_want(desk: Open) -> None:
    async with desk([ADD, "Added."]) as host:
        told = await host.told(
            "execute", mode="agent", request="add a note", approve="destructive", tools=["notes/add_note"]
        )
        assert told["verdict"] == "WAITING for you: allow write notes/add_note"
        assert not host.book.exists()
    async with desk([ADD, "Added."], approve="never") as host:
        told = await host.told(
            "execute", mode="agent", request="add another", approve="destructive", tools=["notes/add_note"]
        )
        assert (told["verdict"], host.book.read_text()) == ("DONE", "one\n")


async def test_reads_wait_too_where_the_settings_say_so(desk: Open) -> None:
    async with desk([calls(("notes/read_notes", {})), "Read."], approve="all") as host:
        told = await host.told("execute", mode="agent", request="read the notes")
        assert told["verdict"] == "WAITING for you: allow read notes/read_notes"


async def begun_by_another(host: Desk, run_id: str, key: str) -> None:
    """Record what another process does before it sends the note."""
    assert host.runtime.upstreams is not None
    prepared = await prepare_call(host.runtime.upstreams.open().index, "notes/add_note", {"text": "one"})
    record = CallRecord(
        "call-x",
        "intended",
        "notes",
        "add_note",
        "write",
        LOCAL.principal,
        "",
        same=prepared.sameness,
        thread=run_id,
        key=key_of(run_id, key),
    )
    await SessionRecorder(host.runtime.store).record(record)


@pytest.mark.parametrize("allows", [True, False])
async def test_a_call_in_doubt_is_sent_again_on_the_persons_word_alone(desk: Open, allows: bool) -> None:
    person = Person(allows)
    async with desk([ADD, "Added."], person, approve="never") as host:
        told = await host.told("execute", mode="agent", request="add a note", tools=["notes/add_note"])
        runs = host.runtime.runs.open()
        # as another process leaves it that is killed once it has recorded the call in both histories
        loaded = await runs.journal.load(told["run_id"], LOCAL.principal)
        word = await host.told("run", action="pause", run_id=told["run_id"])
        assert word["status"] == "paused"
        key = told["waiting"][0]["call"]
        loaded = await runs.journal.load(told["run_id"], LOCAL.principal)
        loaded = await runs.journal.append(loaded, [CallSent(key)])
        await begun_by_another(host, told["run_id"], key)
        assert loaded.run.open_calls[0].state is CallState.SENT
        doubted = await host.told("run", action="resume", run_id=told["run_id"], wait_s=10)
        assert doubted["verdict"] == "WAITING for you: nobody knows what became of write notes/add_note"
        said = {"action": "resolve", "run_id": told["run_id"], "verdict": "not_done"}
        if allows:
            assert (await host.told("run", **said))["verdict"] == "DONE"
            assert host.book.read_text() == "one\n"
        else:
            assert "stays in doubt" in await host.refusal("run", **said)
            assert not host.book.exists()
        assert "is sent again" in person.asked[-1]


async def test_a_tool_that_changed_since_the_run_began_is_not_called_on_the_old_word(
    desk: Open, tmp_path: Path
) -> None:
    server = tmp_path / "changing.py"
    source = (Path(__file__).parent / "notes_server.py").read_text()
    server.write_text(source)
    async with desk([ADD, "Not added."]) as host:
        told = await host.told("execute", mode="agent", request="add a note")
    # somebody accepted, in another process, what it became
    shutil.rmtree(tmp_path / "home" / "upstreams", ignore_errors=True)
    server.write_text(source.replace('"""Add a note."""', '"""Add a note, and mail it to everybody."""'))
    async with desk(["Not added."], args=[str(server), str(tmp_path / "home" / "notes.txt")]) as host:
        call = told["waiting"][0]
        said = {"run_id": told["run_id"], "call": call["call"], "confirm": call["confirm"]}
        ended = await host.told("run", action="approve", **said)
        assert ended["verdict"] == "DONE"
        assert not host.book.exists()
        run = await host.runtime.runs.open().look(told["run_id"], LOCAL)
        assert "described otherwise than when this run began" in run.jobs["main"].steps[0].calls[0].result.text


async def test_a_run_whose_tools_are_gone_rests_says_why_and_goes_on(desk: Open, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    async with desk([ADD, "Looked.", "never"]) as host:
        told = await host.told("execute", mode="agent", request="look", working_directory=str(folder))
        await host.told("run", action="look", run_id=told["run_id"])
        folder.rmdir()
        said = {"run_id": told["run_id"], "wait_s": 10}
        rests = await host.told("run", action="refuse", **said)
        assert rests["verdict"].startswith("PAUSED: it has not its tools: working_directory")
        folder.mkdir()
        assert (await host.told("run", action="resume", **said))["answer"] == "Looked."


async def test_a_write_whose_upstream_is_gone_is_an_error_and_no_doubt(desk: Open) -> None:
    async with desk([ADD, "Gone."]) as host:
        told = await host.told("execute", mode="agent", request="add a note")
    async with desk(["Gone."], gone=True) as host:
        call = told["waiting"][0]
        said = {"run_id": told["run_id"], "call": call["call"], "confirm": call["confirm"]}
        ended = await host.told("run", action="approve", **said)
        assert (ended["status"], host.book.exists()) == ("completed", False)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"tools": ["notes/add_not"]}, "did you mean notes/add_note"),
        ({"tools": ["note/*"]}, "There is no tool 'note/*'"),
        ({"limits": {"tokens": 7_500}}, "the first question and the last answer may take"),
        ({"limits": {"seconds": "NaN"}}, "limits.seconds"),
        ({"limits": {"steps": 0}}, "limits.steps"),
        ({"stop": {"goal_text": {"pattern": "("}}}, "cannot be read"),
        ({"approve": "never"}, "'destructive'"),
    ],
)
async def test_what_cannot_work_is_told_to_the_host_and_nothing_starts(
    desk: Open, said: dict[str, Any], told: str
) -> None:
    async with desk(["never"]) as host:
        assert told in await host.refusal("execute", mode="agent", request="go on", **said)
        assert (await host.told("run", action="list"))["runs"] == []


async def test_what_a_limit_stopped_goes_on_by_more_of_that_limit(desk: Open) -> None:
    costly = calls(("calculate", {"expression": "1"}), usage=(9_000, 500))
    async with desk([costly, costly, "So far."]) as host:
        told = await host.told("execute", mode="agent", request="go on", limits={"tokens": 20_000})
        assert told["verdict"].startswith("STOPPED: tokens")
        assert 'limits={"tokens": 20000}' in told["next"]


async def test_of_two_stops_at_once_one_counts_and_a_thread_is_no_run(desk: Open) -> None:
    async with desk([ScriptedReply(text="late", latency_s=30)]) as host:
        run_id = (await host.told("execute", mode="agent", request="go on", wait_s=0))["run_id"]
        first = await host.told("run", action="stop", run_id=run_id, wait_s=10)
        assert first["verdict"] == "STOPPED: user stopped it"
        assert "the run is stopped" in await host.refusal("run", action="stop", run_id=run_id)
        step = {"step": "x", "step_number": 1, "total_steps": 2, "next_step_required": True, "findings": "y"}
        thread = (await host.told("debug", hypothesis="z", **step))["continuation_id"]
        assert "no such run" in await host.refusal("run", action="look", run_id=thread)
        later = {**step, "step_number": 2, "continuation_id": run_id}
        assert "is not a thread" in await host.refusal("debug", **later)
