"""What a process remembers of a thread: it spares the step a read, and nothing wrong is ever answered from it."""

import asyncio
import gc
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thread_process import ThreadProcess

from stepwarden.errors import UnknownStream
from stepwarden.manager.manager import Manager
from stepwarden.steps.admission import Reason
from stepwarden.steps.commands import Command, CommandKind
from stepwarden.steps.events import Abandoned, Event, GivenUp, Opened, Refused, StepRecorded, decode
from stepwarden.steps.fold import fold_events
from stepwarden.steps.gate import Policy
from stepwarden.steps.submission import Submission
from stepwarden.steps.thread import Thread
from stepwarden.storage import Head, Store, StoredEvent
from stepwarden.threads.calls import LOCAL, Caller, StepCall, StepRefused, StepReply
from stepwarden.threads.commands import give_command
from stepwarden.threads.journal import Journal
from stepwarden.threads.retention import orphan_threads
from stepwarden.threads.submissions import Threads
from tests.support.calls import submission
from tests.support.examples import examples

POLICY = Policy(tool="debug", low=2, likely=4, high=8)


class CountingStore(Store):
    """A store that counts what is read of streams."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.events_read = 0
        self.heads_read = 0

    async def head(self, stream: str) -> Head | None:
        self.heads_read += 1
        return await super().head(stream)

    async def read(self, stream: str, *, after: int = 0, limit: int | None = None) -> list[StoredEvent]:
        stored = await super().read(stream, after=after, limit=limit)
        self.events_read += len(stored)
        return stored

    async def payloads(self, stream: str, *, last: int) -> list[tuple[str, str]]:
        rows = await super().payloads(stream, last=last)
        self.events_read += len(rows)
        return rows


@dataclass
class Pair:
    """Two processes on one store, the second of which remembers the thread as it was after its first step."""

    first: ThreadProcess
    second: ThreadProcess
    thread_id: str = ""
    opening: Submission = field(default_factory=lambda: submission(1))

    @classmethod
    async def at_work(cls, home: Path, **first_step: Any) -> "Pair":
        pair = cls(ThreadProcess(home, POLICY), ThreadProcess(home, POLICY), opening=submission(1, **first_step))
        pair.thread_id = (await pair.first.take(pair.opening)).thread.id
        await pair.second.journal.load(pair.thread_id, LOCAL)
        return pair

    async def by_first(self, *steps: Submission) -> None:
        for each in steps:
            await self.first.take(each, self.thread_id)


@pytest.mark.asyncio
async def test_a_step_of_a_thread_in_memory_reads_nothing_of_it(tmp_path: Path) -> None:
    store = CountingStore(f"sqlite:///{tmp_path / 'threads.db'}")
    threads = Threads(Journal(store), Manager())
    opened = await threads.submit(StepCall(LOCAL, POLICY, submission(1)))
    assert isinstance(opened, StepReply)
    for number in range(2, 6):
        await threads.submit(StepCall(LOCAL, POLICY, submission(number), opened.thread.id))
    refused = await threads.submit(StepCall(LOCAL, POLICY, submission(9), opened.thread.id))
    assert isinstance(refused, StepRefused)
    assert (store.heads_read, store.events_read) == (0, 0)
    await store.close()


@pytest.mark.asyncio
async def test_a_retry_of_the_last_step_reads_that_step_alone(tmp_path: Path) -> None:
    store = CountingStore(f"sqlite:///{tmp_path / 'threads.db'}")
    threads = Threads(Journal(store), Manager())
    replies: list[StepReply] = []
    for number in range(1, 30):
        thread_id = replies[0].thread.id if replies else None
        reply = await threads.submit(StepCall(LOCAL, POLICY, submission(number), thread_id))
        assert isinstance(reply, StepReply)
        replies.append(reply)
    again = await threads.submit(StepCall(LOCAL, POLICY, submission(29), replies[0].thread.id))
    assert isinstance(again, StepReply)
    assert (again.thread, again.decided) == (replies[-1].thread, replies[-1].decided)
    assert store.events_read == len(replies[-1].decided)
    await store.close()


@pytest.mark.asyncio
async def test_a_step_after_those_of_another_process_is_the_next_one(tmp_path: Path) -> None:
    pair = await Pair.at_work(tmp_path)
    await pair.by_first(submission(2), submission(3))
    reply = await pair.second.take(submission(4), pair.thread_id)
    assert [step.number for step in reply.thread.trail] == [1, 2, 3, 4]
    assert reply.thread == await pair.first.journal.load(pair.thread_id, LOCAL)


@pytest.mark.asyncio
async def test_a_number_that_another_process_recorded_is_refused_with_the_number_that_comes_next(
    tmp_path: Path,
) -> None:
    pair = await Pair.at_work(tmp_path)
    await pair.by_first(submission(2), submission(3))
    refused = await pair.second.send(submission(2, "other words"), pair.thread_id)
    assert isinstance(refused, StepRefused)
    assert (refused.refusal.reason, refused.refusal.number) == (Reason.RACED, 4)


@pytest.mark.asyncio
async def test_a_retry_is_answered_with_the_number_that_comes_next_everywhere(tmp_path: Path) -> None:
    pair = await Pair.at_work(tmp_path)
    await pair.by_first(submission(2), submission(3))
    again = await pair.second.take(pair.opening, pair.thread_id)
    assert (again.replayed, again.step.number, again.next_number) == (True, 1, 4)


@pytest.mark.asyncio
async def test_a_retry_of_what_another_process_replaced_is_stale(tmp_path: Path) -> None:
    pair = await Pair.at_work(tmp_path)
    await pair.by_first(submission(1, "another way", backtrack=1))
    refused = await pair.second.send(pair.opening, pair.thread_id)
    assert isinstance(refused, StepRefused)
    assert refused.refusal.reason is Reason.STALE


@pytest.mark.asyncio
async def test_a_follow_up_goes_on_from_the_thread_as_another_process_left_it(tmp_path: Path) -> None:
    pair = await Pair.at_work(tmp_path)
    await pair.by_first(submission(2), submission(3))
    follow = await pair.second.take(submission(1, "follow it up"), pair.thread_id)
    now = await pair.first.journal.load(pair.thread_id, LOCAL)
    assert follow.origin == now
    assert follow.thread.origin is not None
    assert follow.thread.origin.version == now.version


@pytest.mark.asyncio
async def test_a_directory_that_another_process_left_behind_refuses_nothing(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    pair = await Pair.at_work(tmp_path, directory=str(old))
    await pair.by_first(submission(2, directory=str(new)))
    old.rmdir()
    reply = await pair.second.take(submission(3), pair.thread_id)
    assert reply.thread.directory == str(new)


@pytest.mark.asyncio
async def test_a_thread_that_another_process_gave_up_is_closed(tmp_path: Path) -> None:
    pair = await Pair.at_work(tmp_path)
    await give_command(pair.first.journal, pair.thread_id, Command(CommandKind.ABANDON))
    refused = await pair.second.send(submission(2), pair.thread_id)
    assert isinstance(refused, StepRefused)
    assert refused.refusal.reason is Reason.CLOSED


@pytest.mark.asyncio
async def test_a_thread_that_another_process_pruned_is_unknown(tmp_path: Path) -> None:
    pair = await Pair.at_work(tmp_path)
    await pair.first.store.maintenance.prune([orphan_threads(-1.0)])
    with pytest.raises(UnknownStream):
        await pair.second.send(submission(2), pair.thread_id)


@pytest.mark.asyncio
async def test_what_is_remembered_belongs_to_its_principal(tmp_path: Path) -> None:
    process = ThreadProcess(tmp_path, POLICY)
    opened = await process.take(submission(1))
    for said in (submission(2), submission(1), submission(1, "follow it up"), submission(7)):
        with pytest.raises(UnknownStream):
            await process.threads.submit(StepCall(Caller("eve"), POLICY, said, opened.thread.id))
    assert (await process.journal.load(opened.thread.id, LOCAL)) == opened.thread


@pytest.mark.asyncio
async def test_an_older_store_in_place_of_the_one_in_memory_is_read_anew(tmp_path: Path) -> None:
    pair = await Pair.at_work(tmp_path)
    thread = await pair.second.journal.load(pair.thread_id, LOCAL)
    remembered = pair.second.journal._remembered
    known = remembered.get(pair.thread_id)
    assert known is not None
    remembered.keep(replace(known, thread=_ahead(thread)))
    reply = await pair.second.take(submission(2), pair.thread_id)
    assert [step.number for step in reply.thread.trail] == [1, 2]


def _ahead(thread: Thread) -> Thread:
    return fold_events(thread, [Refused(5, "digest", "gap")] * 3)


# -- at random

ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["next", "next", "retry", "back", "gap", "other words", "finish", "follow"]),
        st.integers(1, 6),
        st.integers(0, 1),
    ),
    min_size=4,
    max_size=14,
)


@settings(max_examples=examples(15))
@given(actions=ACTIONS)
def test_two_processes_in_turn_answer_as_one_does(actions: list[tuple[str, int, int]], tmp_path_factory: Any) -> None:
    home = tmp_path_factory.mktemp("pair")
    (home / "one").mkdir()
    (home / "two").mkdir()
    one = asyncio.run(_answers([ThreadProcess(home / "one", POLICY)], actions))
    two = asyncio.run(_answers([ThreadProcess(home / "two", POLICY) for _ in range(2)], actions))
    assert one == two


async def _answers(processes: Sequence[ThreadProcess], actions: list[tuple[str, int, int]]) -> list[Any]:
    opened = await processes[0].take(submission(1))
    sent, told = [submission(1)], list[Any]()
    for place, (action, pick, turn) in enumerate(actions):
        process = processes[turn % len(processes)]
        now = await _as_it_is(process, opened.thread.id)
        said = _call(action, pick, place, now, sent)
        sent.append(said)
        reply = await process.send(said, opened.thread.id)
        told.append(_told(reply, opened.thread.id))
    fresh = await _as_it_is(processes[0], opened.thread.id)
    told.append(_steps(fresh))
    for process in processes:
        assert await process.journal.load(opened.thread.id, LOCAL) == fresh
        assert await process.store.verify(opened.thread.id) is None
        await process.close()
    return told


async def _as_it_is(process: ThreadProcess, thread_id: str) -> Thread:
    """Return the thread as its events tell it, whatever the process remembers."""
    return await Journal(process.store).load(thread_id, LOCAL)


def _call(action: str, pick: int, place: int, now: Thread, sent: list[Submission]) -> Submission:
    """Return what the agent sends: it knows the thread as it is, whichever process it talks to."""
    words = f"call {place}"
    match action:
        case "retry":
            return sent[-pick % len(sent)]
        case "back":
            k = min(pick, now.last)
            return submission(k, words, backtrack=k)
        case "gap":
            return submission(now.next_number + pick, words)
        case "other words":
            return submission(min(pick, now.last), words) if now.last > 1 else submission(now.next_number, words)
        case "finish":
            return submission(now.next_number, words, more=False)
        case "follow":
            return submission(1, words)
        case _:
            return submission(now.next_number, words, checked=(f"f{place}.py",))


def _told(reply: StepReply | StepRefused, thread_id: str) -> Any:
    if isinstance(reply, StepRefused):
        raced = {Reason.RACED: Reason.RECORDED}.get(reply.refusal.reason, reply.refusal.reason)
        return ("refused", raced, reply.refusal.number)
    thread = reply.thread if reply.thread.id == thread_id else None
    version = thread.version if thread is not None else reply.thread.origin and reply.thread.origin.version
    decided = [event for event in reply.decided if not isinstance(event, Opened)]  # whose ids are random
    return (reply.replayed, reply.step.number, reply.next_number, version, decided, _steps(reply.thread))


def _steps(thread: Thread) -> Any:
    return (thread.version, thread.outcome, thread.held, [step.submission for step in thread.live])


@settings(max_examples=examples(10))
@given(actions=ACTIONS)
def test_every_live_step_is_replayed_as_the_whole_history_tells_it(
    actions: list[tuple[str, int, int]], tmp_path_factory: Any
) -> None:
    asyncio.run(_replay_all(tmp_path_factory.mktemp("replays"), actions))


async def _replay_all(home: Path, actions: list[tuple[str, int, int]]) -> None:
    process = ThreadProcess(home, POLICY)
    opened = await process.take(submission(1))
    sent = [submission(1)]
    for place, (action, pick, _) in enumerate(actions):
        now = await process.journal.load(opened.thread.id, LOCAL)
        sent.append(_call(action, pick, place, now, sent))
        await process.send(sent[-1], opened.thread.id)
    thread = await process.journal.load(opened.thread.id, LOCAL)
    events = [decode(row.kind, row.payload) for row in await process.store.read(thread.id)]
    for step in thread.live:
        assert await process.journal.replayed(thread, step.number) == _replayed(thread, events, step.number)
    await process.close()


def _replayed(thread: Thread, events: list[Event], number: int) -> tuple[Thread, tuple[Event, ...]]:
    """Tell the same naively, from the whole history."""
    digest = thread.trail[number - 1].digest
    start = max(place for place, event in enumerate(events) if _is_step(event, number, digest))
    later = (place for place, event in enumerate(events) if isinstance(event, StepRecorded | GivenUp | Abandoned))
    end = next((place for place in later if place > start), len(events))
    decided = tuple(event for event in events[start:end] if not isinstance(event, Refused))
    return fold_events(Thread(thread.id, thread.tool), events[:end]), decided


def _is_step(event: Event, number: int, digest: str) -> bool:
    return isinstance(event, StepRecorded) and event.step.number == number and event.step.digest == digest


@pytest.mark.asyncio
async def test_memory_does_not_grow_with_the_threads_that_were_opened(tmp_path: Path) -> None:
    process = ThreadProcess(tmp_path, POLICY, kept_bytes=500_000)
    sizes = list[int]()
    tracemalloc.start()
    for _ in range(3):
        for number in range(150):
            await process.take(submission(1, f"thread {number}"))
        gc.collect()
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    await process.close()
    assert sizes[2] - sizes[1] < 150 * 1_000, "it took 9,000 bytes for each of them"
