"""No two threads share anything: up to fifty of them on one connection and one server object, in any order."""

import asyncio
import json
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from mcp.server.mcpserver import MCPServer

from server import build_server
from stepwarden.runtime import build_runtime
from stepwarden.settings import load_settings
from tests.support.examples import examples
from tests.support.host import TOOLS, Answer, Host, connected
from tests.support.project import make_project

MOST_THREADS = 50
IN_NO_HURRY = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)


@dataclass
class Known:
    """What the test knows of one thread: its calls as they were sent, and how it has to stand."""

    tool: str
    marker: str
    id: str
    calls: list[dict[str, Any]]
    sent: int = 1
    ended: bool = False
    superseded: list[dict[str, Any]] = field(default_factory=list)

    @property
    def next(self) -> int:
        return len(self.calls) + 1


@pytest.mark.asyncio
async def test_two_threads_that_alternate_never_show_each_others_words(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        for tool in TOOLS:
            ones = await host.open(tool, step="ALPHA task", findings="ALPHA start")
            others = await host.open(tool, step="OMEGA task", findings="OMEGA start")
            for number in range(2, 5):
                for thread, word, foreign in ((ones, "ALPHA", "OMEGA"), (others, "OMEGA", "ALPHA")):
                    answer = await host.step(
                        tool,
                        number,
                        thread.id,
                        step=f"{word} {number}",
                        findings=f"{word} finding {number}",
                        hypothesis=f"{word} theory {number}",
                        issues_found=[{"severity": "low", "description": f"{word} issue {number}"}],
                        files_checked=[f"src/{word}{number}.py"],
                        evidence=[{"file": f"src/{word}.py", "quote": f"{word} quote that is nowhere"}],
                        next_step_required=number < 4,
                    )
                    assert foreign not in json.dumps(answer.wire)
                    assert answer.number == number
            for thread, word, foreign in ((ones, "ALPHA", "OMEGA"), (others, "OMEGA", "ALPHA")):
                done = await host.step(tool, 5, thread.id, step=f"{word} ends", next_step_required=False)
                assert done.done
                assert word in done.text
                assert foreign not in json.dumps(done.wire)
                status = await host.status(continuation_id=thread.id)
                assert foreign not in json.dumps(status.wire)


class Threads(RuleBasedStateMachine):
    """Threads of all tools on one connection; each has words that no other may ever show."""

    @initialize()
    def connect(self) -> None:
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.known: list[Known] = []
        self.words = 0
        self.home = Path(self.stack_enter(tempfile.TemporaryDirectory(prefix="stepwarden-threads-")))
        self.runtime = build_runtime(load_settings(home=self.home / "state"))
        app = build_server(self.runtime.settings, self.runtime)
        self.questions: asyncio.Queue[Any] = asyncio.Queue()
        self.runner.run(self._start(app))

    def stack_enter(self, directory: tempfile.TemporaryDirectory[str]) -> str:
        self.stack.callback(directory.cleanup)
        return directory.name

    async def _start(self, app: MCPServer) -> None:
        """Hold the connection in a task of its own: a client is entered and left in one task."""
        self.ready: asyncio.Future[Host] = asyncio.get_running_loop().create_future()
        self.over = asyncio.Event()

        async def hold() -> None:
            async with connected(app, make_project(self.home / "shop")) as host:
                self.ready.set_result(host)
                await self.over.wait()

        self.holder = asyncio.create_task(hold())
        self.host = await self.ready

    def teardown(self) -> None:
        if not hasattr(self, "runner"):
            return

        async def close() -> None:
            self.over.set()
            await self.holder
            await self.runtime.close()
            await self.stack.aclose()

        self.runner.run(close())
        self.runner.close()

    def ask(self, thread: Known | None, tool: str, said: dict[str, Any]) -> Answer:
        answer = self.runner.run(self.host.send(tool, said))
        seen = json.dumps(answer.wire)
        for other in self.known:
            if other is not thread:
                assert other.marker not in seen, f"{tool} shows the words of {other.id}"
                assert other.id not in seen
        return answer

    def said(self, marker: str, number: int) -> dict[str, Any]:
        self.words += 1
        return {
            "step": f"{marker} step {self.words}",
            "step_number": number,
            "next_step_required": True,
            "findings": f"{marker} finding {self.words}",
            "issues_found": [{"severity": "low", "description": f"{marker} issue {self.words}"}],
            "files_checked": [f"src/{marker}.py"],
            "trace_mode": "precision",
        }

    def pick(self, place: int) -> Known:
        return self.known[place % len(self.known)]

    @precondition(lambda self: len(self.known) < MOST_THREADS)
    @rule(tool=st.sampled_from(TOOLS), readable=st.booleans())
    def open(self, tool: str, readable: bool) -> None:
        marker = f"zq{len(self.known):02}qz"
        said = self.fit(tool, self.said(marker, 1))
        if readable:
            said["working_directory"] = str(self.home / "shop")
        answer = self.ask(None, tool, said)
        assert answer.number == 1
        self.known.append(Known(tool, marker, answer.id, [said | {"continuation_id": answer.id}]))

    def fit(self, tool: str, said: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in said.items() if name != "trace_mode" or tool == "tracer"}

    def send(self, thread: Known, number: int, **fields: Any) -> Answer:
        said = self.fit(thread.tool, self.said(thread.marker, number)) | fields | {"continuation_id": thread.id}
        answer = self.ask(thread, thread.tool, said)
        if not answer.is_error:
            assert answer.id == thread.id
            thread.superseded += thread.calls[answer.number - 1 :]
            del thread.calls[answer.number - 1 :]
            thread.calls.append(said)
            thread.sent += 1
            thread.ended = answer.done
        return answer

    @precondition(lambda self: self.known)
    @rule(place=st.integers(0, 999))
    def submit(self, place: int) -> None:
        thread = self.pick(place)
        number, ended = thread.next, thread.ended
        answer = self.send(thread, number)
        assert answer.is_error == ended
        if not ended:
            assert answer.number == number

    @precondition(lambda self: self.known)
    @rule(place=st.integers(0, 999), back=st.integers(0, 999))
    def retry(self, place: int, back: int) -> None:
        thread = self.pick(place)
        number = back % len(thread.calls)
        answer = self.ask(thread, thread.tool, thread.calls[number])
        assert not answer.is_error
        assert (answer.number, answer.id, answer.next) == (number + 1, thread.id, thread.next)

    @precondition(lambda self: any(thread.superseded for thread in self.known))
    @rule(place=st.integers(0, 999))
    def repeat_a_superseded_step(self, place: int) -> None:
        with_some = [thread for thread in self.known if thread.superseded]
        thread = with_some[place % len(with_some)]
        answer = self.ask(thread, thread.tool, thread.superseded[place % len(thread.superseded)])
        assert answer.status == f"{thread.tool}_refused"
        assert answer.next == thread.next

    @precondition(lambda self: self.known)
    @rule(place=st.integers(0, 999), number=st.integers(1, 12))
    def backtrack(self, place: int, number: int) -> None:
        thread = self.pick(place)
        fits = number <= len(thread.calls)
        answer = self.send(thread, thread.next, backtrack_from_step=number)
        assert answer.is_error == (not fits)
        if fits:
            assert answer.number == number

    @precondition(lambda self: self.known)
    @rule(place=st.integers(0, 999))
    def finish(self, place: int) -> None:
        thread = self.pick(place)
        ended = thread.ended
        answer = self.send(thread, thread.next, next_step_required=False)
        assert answer.is_error == ended
        if not ended and answer.verdict.startswith("HELD"):
            assert self.send(thread, thread.next, next_step_required=False).done

    @precondition(lambda self: self.known)
    @rule(place=st.integers(0, 999), gap=st.integers(1, 9))
    def skip(self, place: int, gap: int) -> None:
        thread = self.pick(place)
        answer = self.send(thread, thread.next + gap)
        assert answer.status == f"{thread.tool}_refused"
        assert answer.next == thread.next

    @precondition(lambda self: self.known)
    @rule(place=st.integers(0, 999))
    def look(self, place: int) -> None:
        thread = self.pick(place)
        answer = self.ask(thread, "status", {"continuation_id": thread.id})
        assert answer.sent["next_step_number"] == thread.next
        assert [step["number"] for step in answer.sent["result"]["steps"]] == list(range(1, thread.next))
        assert thread.marker in answer.text

    @invariant()
    def the_ids_are_all_different(self) -> None:
        if hasattr(self, "known"):
            assert len({thread.id for thread in self.known}) == len(self.known)

    @precondition(lambda self: self.known)
    @rule(place=st.integers(0, 999))
    def count(self, place: int) -> None:
        thread = self.pick(place)
        assert self.runner.run(self.host.steps_recorded(thread.id)) == thread.sent, "each step is recorded once"


Threads.TestCase.settings = settings(
    max_examples=examples(2),
    stateful_step_count=50,
    suppress_health_check=IN_NO_HURRY,
)
TestThreads = Threads.TestCase


class ManyThreads(Threads):
    """The same, with fifty threads from the beginning."""

    @initialize()
    def connect(self) -> None:
        super().connect()
        for number in range(MOST_THREADS):
            Threads.open(self, TOOLS[number % len(TOOLS)], number % 2 == 0)


ManyThreads.TestCase.settings = settings(
    max_examples=examples(1),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=IN_NO_HURRY,
)
TestManyThreads = ManyThreads.TestCase
