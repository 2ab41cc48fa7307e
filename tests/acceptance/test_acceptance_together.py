"""Several processes on one store at once: as hosts that start a server for each window make them."""

import json
import queue
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.calls import step, text_of
from tests.support.stdio_server import StdioServer, history, opened, served, steps_recorded
from tests.support.store import locked

TOOLS = ("debug", "analyze", "codereview", "precommit", "planner")


@dataclass
class Turn:
    tool: str
    marker: str
    id: str | None = None
    number: int = 0


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def servers(state: Path) -> Iterator[list[StdioServer]]:
    """Four servers on one store, for many tests."""
    with served(state, 4) as started:
        yield started


def test_fifty_threads_over_four_processes_never_show_each_others_words(servers: list[StdioServer]) -> None:
    turns = [Turn(TOOLS[place % len(TOOLS)], f"zq{place:02}qz") for place in range(50)]
    waiting: queue.SimpleQueue[Turn] = queue.SimpleQueue()
    for turn in turns:
        waiting.put(turn)
    with ThreadPoolExecutor(len(servers)) as pool:
        for done in [pool.submit(work_off, server, waiting, turns) for server in servers]:
            done.result()
    assert {turn.number for turn in turns} == {5}
    assert len({turn.id for turn in turns}) == 50
    for turn in turns[::5]:
        assert turn.id
        steps = [row for row in history(servers[0], turn.id) if row["event"].startswith("step ")]
        assert [row["step"] for row in steps] == [f"{turn.marker} {number}" for number in range(1, 6)]


def work_off(server: StdioServer, waiting: "queue.SimpleQueue[Turn]", turns: list[Turn]) -> None:
    """Take threads from the queue, one step of each, until all have had five."""
    while not waiting.empty():
        with suppress(queue.Empty):
            turn = waiting.get_nowait()
            take(server, turn, turns)
            if turn.number < 5:
                waiting.put(turn)


def take(server: StdioServer, turn: Turn, turns: list[Turn]) -> None:
    turn.number += 1
    words = f"{turn.marker} {turn.number}"
    said = step(turn.number, turn.id, step=words, findings=words, hypothesis=f"because of {words}")
    said["issues_found"] = [{"severity": "low", "description": f"issue {words}"}]
    said["next_step_required"] = turn.number < 5
    result = server.call(turn.tool, said)
    assert not result["isError"], text_of(result)
    seen = json.dumps(result)
    assert [other.marker for other in turns if other.marker in seen and other is not turn] == []
    sent = result["structuredContent"]
    assert sent["step_number"] == turn.number
    assert turn.id in {None, sent["continuation_id"]}
    turn.id = sent["continuation_id"]


def test_the_same_step_in_two_processes_at_once_is_recorded_once(servers: list[StdioServer]) -> None:
    one, two, *_ = servers
    thread = opened(one)
    for number in range(2, 22):
        said = step(number, thread, findings=f"finding {number}")
        asked = [(server, server.begin("debug", said)) for server in (one, two)]
        results = [server.answer_to(message_id)["result"] for server, message_id in asked]
        for result in results:
            assert not result["isError"], text_of(result)
            assert result["structuredContent"]["step_number"] == number
            assert result["structuredContent"]["next_step_number"] == number + 1
        assert results[0]["structuredContent"] == results[1]["structuredContent"]
    assert steps_recorded(two, thread) == 21


def test_other_words_for_the_same_step_in_two_processes_at_once_are_refused(
    servers: list[StdioServer], state: Path
) -> None:
    raced = 0
    one, two, *_ = servers
    thread = opened(one)
    for number in range(2, 12):
        with locked(state / "stepwarden.db"):  # so that they meet on the disk
            asked = [
                (server, server.begin("debug", step(number, thread, findings=f"{name} {number}")))
                for name, server in (("one", one), ("two", two))
            ]
            for server in (one, two) * 3:  # whoever has answered three pings since has begun the call
                assert server.request("ping")["result"] == {}
        results = [server.answer_to(message_id)["result"] for server, message_id in asked]
        refused = [result for result in results if result["isError"]]
        assert len(refused) == 1
        words = text_of(refused[0])
        assert re.search(rf"step {number} (was recorded by another call|is recorded with other content)", words)
        raced += "by another call" in words
        assert refused[0]["structuredContent"]["next_step_number"] == number + 1
    assert raced, "of ten pairs, at least one met on the disk"
    assert steps_recorded(two, thread) == 11


def test_a_thread_goes_on_in_another_process_after_its_own_has_gone(home: Path) -> None:
    with served(home) as (one,):
        thread = opened(one, "planner")
        said = step(2, thread)
        first = one.call("planner", said)
    with served(home) as (two,):
        again = two.call("planner", said)
        assert again["structuredContent"] == first["structuredContent"]
        third = two.call("planner", step(3, thread))
        assert third["structuredContent"]["step_number"] == 3


def test_servers_that_start_at_one_moment_on_a_new_home_all_serve(home: Path) -> None:
    with served(home, 3) as servers:
        asked = [(server, server.begin("debug", step(1))) for server in servers]
        results = [server.answer_to(message_id)["result"] for server, message_id in asked]
        assert [result["isError"] for result in results] == [False] * 3


def test_a_later_step_sent_too_early_is_told_to_wait_or_comes_after(servers: list[StdioServer]) -> None:
    server = servers[0]
    thread = opened(server)
    two, three = (server.begin("debug", step(number, thread)) for number in (2, 3))
    answers = {said["id"]: said["result"] for said in (server.read(), server.read())}
    assert answers[two]["structuredContent"]["step_number"] == 2
    assert not answers[two]["isError"]
    if answers[three]["isError"]:
        assert "wait for the reply to step 2" in text_of(answers[three])
        again = server.call("debug", step(3, thread))
        assert again["structuredContent"]["step_number"] == 3
    assert steps_recorded(server, thread) == 3


@pytest.mark.parametrize("copies", [8])
def test_a_step_sent_many_times_at_once_is_answered_each_time_and_recorded_once(
    servers: list[StdioServer], copies: int
) -> None:
    server = servers[0]
    thread = opened(server)
    asked = [server.begin("debug", step(2, thread)) for _ in range(copies)]
    answers = {said["id"]: said["result"] for said in (server.read() for _ in asked)}
    assert set(answers) == set(asked)
    assert {result["structuredContent"]["step_number"] for result in answers.values()} == {2}
    assert not any(result["isError"] for result in answers.values())
    assert steps_recorded(server, thread) == 2
