"""Servers that are killed in the middle of a call lose nothing that was acknowledged, and record nothing twice."""

import asyncio
import json
import os
import queue
import random
import select
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stepwarden.storage import HeadQuery, Store, StoredEvent
from tests.support.calls import step, text_of
from tests.support.stdio_server import StdioServer, served

SERVERS = 4
THREADS = 12
LATEST_KILL = 1.1  # of the time that the server's last call took: before, in and just after the transaction
TOOLS = ("debug", "analyze", "codereview", "planner", "thinkdeep", "tracer")


@dataclass
class Work:
    """One thread as its host knows it: what was acknowledged, and the call that nobody answered yet."""

    tool: str
    marker: str
    id: str | None = None
    live: list[str] = field(default_factory=list)  # the words of the live steps, in their order
    acknowledged: list[str] = field(default_factory=list)  # of all steps, superseded ones too
    unanswered: dict[str, Any] | None = None


class Chaos:
    """Workers, each with a server of its own, that pass the threads round and kill their servers in mid-call."""

    def __init__(self, home: Path, kills: int, seed: int) -> None:
        self.home = home
        self.seed = seed
        self.left = kills
        self.lock = threading.Lock()
        self.works: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self.all = [Work(TOOLS[place % len(TOOLS)], f"marker{place:02}x") for place in range(THREADS)]
        for work in self.all:
            self.works.put(work)
        self.killed_in_call = 0
        self.took_s: dict[StdioServer, float] = {}

    def run(self) -> None:
        chances = [random.Random(f"{self.seed}.{number}") for number in range(SERVERS)]
        with ThreadPoolExecutor(SERVERS) as pool:
            for done in [pool.submit(self._work, chance) for chance in chances]:
                done.result()

    def _work(self, chance: random.Random) -> None:
        server = StdioServer(self.home).greeted()
        try:
            while self.left > 0:
                work = self.works.get()
                try:
                    for _ in range(chance.randint(2, 3)):
                        self._step(server, work, chance, kill=False)
                    if kill := self._take_a_kill():
                        self._step(server, work, chance, kill=True)
                finally:
                    self.works.put(work)  # whoever takes it next sends the same step again, to another server
                if kill:
                    server.bury()
                    server = StdioServer(self.home).greeted()
        finally:
            server.kill()
            server.bury()

    def _take_a_kill(self) -> bool:
        with self.lock:
            self.left -= 1
            return self.left >= 0

    def _step(self, server: StdioServer, work: Work, chance: random.Random, *, kill: bool) -> None:
        said = work.unanswered or self._next(work, chance)
        work.unanswered = said
        begun = time.perf_counter()
        message_id = server.begin(work.tool, said)
        if kill:
            moment_s = chance.uniform(0, LATEST_KILL) * self.took_s.get(server, 0.0)
            select.select([server.stdout], [], [], moment_s)  # or at the first byte of the answer
            server.kill()
        try:
            result = server.answer_to(message_id)["result"]
        except EOFError:
            if not kill:
                raise
            self.killed_in_call += 1
            if work.id is None:
                work.unanswered = None  # an orphan: nobody ever learned its id
            return
        self.took_s[server] = time.perf_counter() - begun
        self._acknowledge(work, said, result)

    def _next(self, work: Work, chance: random.Random) -> dict[str, Any]:
        words = f"{work.marker} word{len(work.acknowledged)}-{chance.getrandbits(60):x}"
        said = step(len(work.live) + 1, work.id, step=words, findings=f"found {words}")
        if len(work.live) > 2 and chance.random() < 0.15:
            said["backtrack_from_step"] = chance.randint(2, len(work.live))
        return said

    def _acknowledge(self, work: Work, said: dict[str, Any], result: dict[str, Any]) -> None:
        assert not result["isError"], (self.seed, text_of(result), said)
        sent = result["structuredContent"]
        number = said.get("backtrack_from_step", said["step_number"])
        assert sent["step_number"] == number, (self.seed, sent)
        assert sent["next_step_number"] == number + 1, (self.seed, sent)
        assert work.id in {None, sent["continuation_id"]}
        for other in self.all:
            assert other is work or other.marker not in json.dumps(result), (self.seed, other.marker)
        work.id = sent["continuation_id"]
        work.live[number - 1 :] = [said["step"]]
        work.acknowledged.append(said["step"])
        work.unanswered = None

    def finish(self) -> None:
        """Answer what is unanswered and take one more step on every thread, on a server of this moment."""
        with served(self.home) as (server,):
            chance = random.Random(self.seed)
            for work in self.all:
                if work.unanswered is not None:
                    self._step(server, work, chance, kill=False)
                self._step(server, work, chance, kill=False)

    async def check(self) -> None:
        """Compare what is on disk with what was acknowledged."""
        store = Store(f"sqlite:///{self.home / 'stepwarden.db'}")
        ours = {work.id for work in self.all}
        for work in self.all:
            assert work.id
            assert await store.verify(work.id) is None, (self.seed, work.id)
            events = await store.read(work.id)
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
            words = [event["step"]["submission"]["step"] for event in steps_of(events)]
            assert words == work.acknowledged, (self.seed, work.id)
            assert live_numbers(steps_of(events)) == list(range(1, len(work.live) + 1))
            head = await store.head(work.id)
            assert head
            assert (head.steps, head.version) == (len(work.live), len(events))
        for head in await store.heads(HeadQuery("local", limit=10_000)):
            if head.stream not in ours:
                assert head.steps == 1, "an orphan has the one step that was never acknowledged"
                assert await store.verify(head.stream) is None
        await store.close()


def steps_of(events: list[StoredEvent]) -> list[dict[str, Any]]:
    return [json.loads(event.payload) for event in events if event.kind == "step"]


def live_numbers(steps: list[dict[str, Any]]) -> list[int]:
    live: list[int] = []
    for said in steps:
        number = said["step"]["number"]
        if said.get("backtracked"):
            del live[number - 1 :]
        live.append(number)
    return live


def survive(home: Path, kills: int, seed: int, note: Callable[[str, object], None]) -> None:
    chaos = Chaos(home, kills, seed)
    chaos.run()
    note("seed", seed)
    note("kills_in_mid_call", chaos.killed_in_call)
    assert chaos.killed_in_call > 0
    chaos.finish()
    asyncio.run(chaos.check())


def test_twenty_kills_lose_no_acknowledged_step_and_record_none_twice(
    home: Path, record_property: Callable[[str, object], None]
) -> None:
    survive(home, 20, int(os.environ.get("STEPWARDEN_TEST_SEED", "1")), record_property)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(2, 7))
def test_a_hundred_kills_lose_no_acknowledged_step_and_record_none_twice(
    home: Path, seed: int, record_property: Callable[[str, object], None]
) -> None:
    survive(home, 20, seed, record_property)
