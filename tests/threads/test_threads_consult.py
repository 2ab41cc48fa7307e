"""Consultations over a real store, with several processes at it and some of them dying."""

import asyncio
import logging
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Protocol

import pytest
import pytest_asyncio
from pydantic import BaseModel

from stepwarden.consultation.background_requests import BackgroundRequests, deadline
from stepwarden.consultation.outcomes import ModelAnswer, ModelFailure, outcome, request_digest
from stepwarden.errors import StoreBusy
from stepwarden.models import ErrorKind, Message, ModelError, ModelReply, ModelRequest, Usage
from stepwarden.storage import Claim, Consultation, Store
from stepwarden.tool_calls import OfferedTool, ToolCall
from tests.support import processes
from tests.support.clocks import Clock
from tests.support.models import ScriptedModels, answer, silent
from tests.support.store import locked

STREAM, KEY = "debug-a", "expert:3:d1"
REQUEST = ModelRequest("glm-4.6", (Message("user", "is it the slice?"),))
OTHER_PROCESS = Path(__file__).with_name("consult_process.py")
NEVER = 1e6


class Process:
    """One server process as far as consultations go: a store and consultants of its own."""

    def __init__(
        self,
        url: str,
        clock: Clock,
        models: ScriptedModels | None = None,
        *,
        lease_s: float = 10,
        renew_s: float = NEVER,
        busy_timeout_s: float = 10,
    ) -> None:
        self.models = models or silent()
        self.store = Store(url, clock=clock, busy_timeout_s=busy_timeout_s)
        self.consultants = BackgroundRequests(
            self.store, self.models, lease_s=lease_s, renew_s=renew_s, poll_s=(0.001, 0.002)
        )

    async def start(self, key: str = KEY, request: ModelRequest = REQUEST) -> None:
        await self.consultants.start(STREAM, key, request)

    async def collect(self, key: str = KEY, request: ModelRequest = REQUEST) -> Consultation:
        found = await self.consultants.wait(STREAM, key, request, until=deadline(250))
        assert found is not None
        return found

    async def look(self, key: str = KEY) -> Consultation:
        found = await self.store.consultations.find(STREAM, key)
        assert found is not None
        return found

    async def close(self) -> None:
        await self.consultants.close()
        await self.store.close()


class Launch(Protocol):
    """Starts a process; the fixture closes it."""

    def __call__(
        self,
        models: ScriptedModels | None = None,
        *,
        lease_s: float = 10,
        renew_s: float = NEVER,
        busy_timeout_s: float = 10,
    ) -> Process: ...


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def launch(path: Path, clock: Clock) -> AsyncIterator[Launch]:
    processes: list[Process] = []

    def start(models: ScriptedModels | None = None, **settings: float) -> Process:
        processes.append(Process(f"sqlite:///{path}", clock, models, **settings))
        return processes[-1]

    yield start
    for process in processes:
        await process.close()


class Alarm(logging.Handler):
    """Tells the test when a line with certain words is logged."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.rang = asyncio.Event()
        self._words = words

    def emit(self, record: logging.LogRecord) -> None:
        if self._words in record.getMessage():
            self.rang.set()


@contextmanager
def alarm(words: str) -> Iterator[asyncio.Event]:
    handler = Alarm(words)
    logger = logging.getLogger("stepwarden.consultation")
    logger.addHandler(handler)
    try:
        yield handler.rang
    finally:
        logger.removeHandler(handler)


@pytest.mark.asyncio
async def test_a_consultation_is_claimed_before_it_is_asked_and_recorded_before_it_is_used(launch: Launch) -> None:
    onlooker = launch()
    seen: list[Consultation] = []

    async def look() -> None:
        seen.append(await onlooker.look())

    process = launch(ScriptedModels(on_ask=look).say())
    await process.start()
    found = await process.collect()
    assert [(row.state, row.attempt, row.model) for row in seen] == [("claimed", 1, "glm-4.6")]
    assert seen[0].request_digest == request_digest(REQUEST)
    assert await onlooker.look() == found
    assert found.state == "done"
    told = outcome(found)
    assert isinstance(told, ModelAnswer)
    assert (told.text, told.model, told.provider) == ("it is the slice", "glm-4.6-0930", "zhipuai")
    assert (found.spending.input_tokens, found.spending.output_tokens, found.spending.cost) == (120, 8, None)


class Verdict(BaseModel):
    agrees: bool
    why: str


@pytest.mark.asyncio
async def test_the_whole_answer_is_read_back_as_it_was_given(launch: Launch) -> None:
    text = "ja, ü\x00\n" + "x" * 100_000
    usage = Usage(12_000, 800, Decimal("0.004210"))
    reply = ModelReply(text, "glm", "zhipuai", usage, Verdict(agrees=False, why="größer"), cached=True)
    found = await launch(ScriptedModels().say(reply)).collect()
    told = outcome(found)
    assert isinstance(told, ModelAnswer)
    assert (told.text, told.usage, told.cached) == (text, usage, True)
    assert Verdict.model_validate(told.parsed) == reply.parsed
    assert told.duration_s >= 0
    assert found.spending.cost == Decimal("0.004210")


@pytest.mark.asyncio
async def test_an_answer_with_half_a_character_is_recorded_without_it(launch: Launch) -> None:
    found = await launch(ScriptedModels().say(answer("so \ud83d it is"))).collect()
    told = outcome(found)
    assert isinstance(told, ModelAnswer)
    assert told.text == "so ? it is"


@pytest.mark.asyncio
async def test_nothing_of_the_request_but_its_digest_is_on_disk(launch: Launch, path: Path) -> None:
    process = launch(ScriptedModels().say())
    await process.collect(request=replace(REQUEST, messages=(Message("user", "planted words"),)))
    await process.close()
    for file in path.parent.iterdir():
        assert b"planted words" not in file.read_bytes()


def test_a_digest_is_of_what_is_asked_and_not_of_who_pays_or_how_long_it_may_take() -> None:
    digest = request_digest(REQUEST)
    assert digest == request_digest(replace(REQUEST, deadline_s=1, purpose="expert", thread="debug-a"))
    for other in (
        replace(REQUEST, model="gpt"),
        replace(REQUEST, messages=(Message("system", "is it the slice?"),)),
        replace(REQUEST, messages=(Message("user", "is it the \ud83d?"),)),
        replace(REQUEST, answer=Verdict),
        replace(REQUEST, temperature=0.5),
        replace(REQUEST, thinking="high"),
        replace(REQUEST, tools=(OfferedTool("look"),)),
        replace(REQUEST, tools=(OfferedTool("look", "Looks."),)),
        replace(REQUEST, messages=(*REQUEST.messages, Message("assistant", "", calls=(ToolCall("1", "look"),)))),
    ):
        assert request_digest(other) != digest


def test_a_digest_that_an_older_version_wrote_is_the_same_today() -> None:
    messages = (Message("system", "s"), Message("user", "u", ("https://x/y.png",)))
    digest = request_digest(ModelRequest("glm-4.6", messages, temperature=0.5))
    assert digest == "8482227bd29686b4ce079458f8008f7ea78a2dcf3d2fa8704afb9182f0b1eeb2"


@pytest.mark.asyncio
async def test_retries_and_a_second_process_never_ask_what_is_being_asked(launch: Launch) -> None:
    first, second = launch(), launch()
    await asyncio.gather(*(first.start() for _ in range(5)))
    await first.models.was_asked()
    await second.start()
    waiting = [asyncio.create_task(process.collect()) for process in (first, second, first, second)]
    for process in (first, second):
        assert await process.consultants.wait(STREAM, KEY, REQUEST, until=deadline(0.01)) is None
    first.models.say()
    found = await asyncio.gather(*waiting)
    assert {(row.state, row.attempt) for row in found} == {("done", 1)}
    await first.start()
    await second.start()
    assert await second.collect() == found[0]
    assert (len(first.models.asked), len(second.models.asked)) == (1, 0)


@pytest.mark.asyncio
async def test_a_wait_asks_what_nobody_has_started(launch: Launch) -> None:
    process = launch()
    assert await process.consultants.wait(STREAM, KEY, REQUEST, until=deadline(0)) is None
    await process.models.was_asked()
    process.models.say()
    assert (await process.collect()).state == "done"
    assert (await process.consultants.wait(STREAM, KEY, REQUEST, until=deadline(-1))) == await process.look()


@pytest.mark.asyncio
async def test_renewals_keep_a_slow_answer_with_its_process(launch: Launch, clock: Clock) -> None:
    first, second = launch(renew_s=0.001), launch()
    await first.start()
    await first.models.was_asked()
    for _ in range(5):
        clock.now += 8
        while (await first.look()).lease_until < clock.now + 10:
            await asyncio.sleep(0)
        await second.start()
    first.models.say()
    assert (await second.collect()).attempt == 1
    assert second.models.asked == []


def crash(url: str, clock: Clock) -> None:
    """Claim, ask, and end in the middle of it."""

    async def main() -> None:
        process = Process(url, clock)
        await process.start()
        await process.models.was_asked()
        await process.store.close()

    asyncio.run(main())


@pytest.mark.asyncio
async def test_what_a_dead_process_asked_is_asked_once_more_after_its_lease(
    launch: Launch, path: Path, clock: Clock
) -> None:
    await asyncio.to_thread(crash, f"sqlite:///{path}", clock)
    heirs = [launch(ScriptedModels().say()) for _ in range(3)]
    for heir in heirs:
        assert await heir.consultants.wait(STREAM, KEY, REQUEST, until=deadline(0.01)) is None
        assert heir.models.asked == []
    waiting = [asyncio.create_task(heir.collect()) for heir in heirs]
    clock.now += 10
    found = await asyncio.gather(*waiting)
    assert {(row.state, row.attempt) for row in found} == {("done", 2)}
    assert sum(len(heir.models.asked) for heir in heirs) == 1


@pytest.mark.asyncio
async def test_what_a_killed_process_asked_is_asked_once_more_after_its_lease(path: Path) -> None:
    url = f"sqlite:///{path}"
    command = [str(OTHER_PROCESS), url, STREAM, KEY, "0.5"]
    other = processes.start(
        command, os.environ, OTHER_PROCESS.parent, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    assert other.stdout
    with other.stdout as asked:
        assert await asyncio.to_thread(asked.readline) == b"asked\n"
        other.kill()
        other.wait()
    models = ScriptedModels().say()
    store = Store(url)
    consultants = BackgroundRequests(store, models, lease_s=0.5, renew_s=0.1)
    before = await store.consultations.find(STREAM, KEY)
    assert before is not None
    assert (before.state, before.attempt) == ("claimed", 1)
    found = await consultants.wait(STREAM, KEY, REQUEST, until=deadline(250))
    assert found is not None
    assert (found.state, found.attempt, len(models.asked)) == ("done", 2, 1)
    assert found.requested_at >= before.lease_until
    await consultants.close()
    await store.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("heir_is_done", [True, False])
async def test_a_process_that_wakes_after_it_was_taken_over_records_nothing(
    launch: Launch, clock: Clock, heir_is_done: bool
) -> None:
    sleeper, heir = launch(), launch()
    await sleeper.start()
    await sleeper.models.was_asked()
    clock.now += 11
    taken = asyncio.create_task(heir.collect())
    await heir.models.was_asked()
    if heir_is_done:
        heir.models.say(answer("the heir's"))
        await taken
    with alarm("answer dropped") as dropped:
        sleeper.models.say(answer("the sleeper's"))
        await dropped.wait()
    heir.models.say(answer("the heir's"))
    for found in (await taken, await sleeper.collect()):
        told = outcome(found)
        assert isinstance(told, ModelAnswer)
        assert (told.text, found.attempt) == ("the heir's", 2)


@pytest.mark.asyncio
async def test_a_process_that_was_taken_over_aborts_its_request_at_the_next_renewal(
    launch: Launch, clock: Clock
) -> None:
    sleeper, heir = launch(renew_s=0.01), launch()
    await sleeper.start()
    await sleeper.models.was_asked()
    taken = await sleeper.look()
    while taken.owner != "heir":  # until it is claimed between two renewals
        clock.now += 11
        taken = await heir.store.consultations.claim(Claim(STREAM, KEY, "heir", 10, "m", "d"))
    await sleeper.models.aborted.wait()
    assert await heir.look() == taken


@pytest.mark.asyncio
async def test_a_cancelled_wait_leaves_the_consultation_running_and_collectable(launch: Launch) -> None:
    process = launch()
    waiting = asyncio.create_task(process.collect())
    await process.models.was_asked()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    process.models.say()
    assert (await process.collect()).state == "done"
    assert len(process.models.asked) == 1
    assert not process.models.aborted.is_set()


@pytest.mark.asyncio
async def test_a_start_that_is_cancelled_in_its_claim_asks_all_the_same(launch: Launch, path: Path) -> None:
    process = launch()
    await process.store.warm()
    with locked(path):
        starting = asyncio.create_task(process.start())
        await asyncio.sleep(0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
    await process.models.was_asked()
    process.models.say()
    assert (await process.collect()).attempt == 1


@pytest.mark.asyncio
async def test_a_store_that_takes_no_claim_means_that_nothing_is_asked(launch: Launch, path: Path) -> None:
    process = launch(ScriptedModels().say(), busy_timeout_s=0.001)
    await process.store.warm()
    with locked(path):
        with pytest.raises(StoreBusy):
            await process.start()
        with pytest.raises(StoreBusy):
            await process.collect()
    assert process.models.asked == []
    assert (await process.collect()).attempt == 1


@pytest.mark.asyncio
async def test_giving_up_aborts_the_request_and_tells_who_waits(launch: Launch) -> None:
    process = launch()
    waiting = asyncio.create_task(process.collect())
    await process.models.was_asked()
    assert await process.consultants.give_up(STREAM, KEY)
    assert process.models.aborted.is_set()
    found = await waiting
    assert found.state == "given_up"
    assert outcome(found) == ModelFailure(None, "The consultation was given up.", "glm-4.6")
    await process.start()
    assert await process.collect() == found
    assert len(process.models.asked) == 1
    assert not await process.consultants.give_up(STREAM, KEY)


@pytest.mark.asyncio
async def test_what_another_process_gave_up_is_aborted_at_the_next_renewal(launch: Launch) -> None:
    first, second = launch(renew_s=0.005), launch()
    await first.start()
    await first.models.was_asked()
    assert await second.consultants.give_up(STREAM, KEY)
    await first.models.aborted.wait()
    assert (await first.collect()).state == "given_up"


@pytest.mark.asyncio
async def test_an_answer_that_comes_after_giving_up_is_dropped(launch: Launch) -> None:
    first, second = launch(), launch()
    await first.start()
    await first.models.was_asked()
    assert await second.consultants.give_up(STREAM, KEY)
    with alarm("answer dropped") as dropped:
        first.models.say()
        await dropped.wait()
    found = await first.collect()
    assert (found.state, found.payload) == ("given_up", None)


@pytest.mark.asyncio
async def test_what_is_given_up_while_it_is_being_claimed_is_never_asked(launch: Launch, path: Path) -> None:
    process = launch(ScriptedModels().say())
    await process.store.warm()
    with locked(path):
        starting = asyncio.create_task(process.start())
        await asyncio.sleep(0)
        giving_up = asyncio.create_task(process.consultants.give_up(STREAM, KEY))
        await asyncio.sleep(0)
    await starting
    assert await giving_up
    assert (await process.collect()).state == "given_up"
    assert process.models.asked == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (ModelError(ErrorKind.NO_MONEY, "no money", model="glm"), ModelFailure(ErrorKind.NO_MONEY, "no money", "glm")),
        (ModelError(ErrorKind.TIMEOUT, "slow"), ModelFailure(ErrorKind.TIMEOUT, "slow", "glm-4.6")),
        (
            ZeroDivisionError("key sk-planted"),
            ModelFailure(None, "Asking ended unexpectedly (ZeroDivisionError); the log says more.", "glm-4.6"),
        ),
        (asyncio.CancelledError(), ModelFailure(None, "The request was cancelled from within.", "glm-4.6")),
    ],
)
async def test_a_failure_is_recorded_and_a_retry_does_not_ask_again(
    launch: Launch, error: BaseException, failure: ModelFailure
) -> None:
    process, other = launch(ScriptedModels().say(error)), launch()
    found = await process.collect()
    assert found.state == "failed"
    assert outcome(found) == failure
    await process.start()
    assert await process.collect() == await other.collect() == found
    assert (len(process.models.asked), len(other.models.asked)) == (1, 0)
    process.models.say()
    assert (await process.collect("expert:3:anew")).state == "done"


@pytest.mark.asyncio
async def test_a_model_that_outstays_its_own_time_has_failed_and_is_aborted(launch: Launch) -> None:
    process = launch(silent(stubborn=True))
    found = await process.collect(request=replace(REQUEST, deadline_s=0.02))
    assert outcome(found) == ModelFailure(ErrorKind.TIMEOUT, "glm-4.6 gave no answer in 0.02 s.", "glm-4.6")
    await process.models.aborted.wait()
    process.models.say()


@pytest.mark.asyncio
async def test_an_answer_outlives_a_store_that_is_busy_for_a_while(launch: Launch, path: Path) -> None:
    process = launch(lease_s=0.5, busy_timeout_s=0.001)
    await process.start()
    await process.models.was_asked()
    with alarm("not recorded yet") as failed, locked(path):
        process.models.say()
        await failed.wait()
    assert (await process.collect()).state == "done"
    assert len(process.models.asked) == 1


@pytest.mark.asyncio
async def test_an_answer_that_could_not_be_recorded_is_asked_anew_when_its_lease_is_over(
    launch: Launch, path: Path, clock: Clock
) -> None:
    process = launch(lease_s=0.01, busy_timeout_s=0.001)
    await process.start()
    await process.models.was_asked()
    with alarm("is lost") as lost, locked(path):
        process.models.say()
        await lost.wait()
    assert await process.consultants.wait(STREAM, KEY, REQUEST, until=deadline(0.01)) is None
    clock.now += 1
    found = await process.collect()
    assert (found.state, found.attempt, len(process.models.asked)) == ("done", 2, 2)


@pytest.mark.asyncio
async def test_ten_models_are_asked_at_once_and_each_by_one_process(launch: Launch) -> None:
    barrier = asyncio.Barrier(10)  # in both processes together: nobody goes on before all ten were asked
    processes = [launch(ScriptedModels(on_ask=barrier.wait).say()) for _ in range(2)]
    keys = [f"consensus:{number}" for number in range(10)]
    await asyncio.gather(*(process.start(key) for key in keys for process in processes))
    found = await asyncio.gather(*(process.collect(key) for key in keys for process in processes))
    assert {row.state for row in found} == {"done"}
    assert sum(len(process.models.asked) for process in processes) == 10
    assert sorted(row.key for row in await processes[0].store.consultations.of_stream(STREAM)) == keys


@pytest.mark.asyncio
async def test_closing_aborts_the_requests_and_releases_their_claims_at_once(launch: Launch) -> None:
    first, second = launch(), launch(ScriptedModels().say())
    keys = ["consensus:1", "consensus:2"]
    for key in keys:
        await first.start(key)
    await first.models.was_asked(2)
    waiting = asyncio.create_task(first.consultants.wait(STREAM, keys[0], REQUEST, until=deadline(250)))
    await asyncio.sleep(0)
    await first.consultants.close()
    assert first.models.aborted.is_set()
    assert await waiting is None
    for key in keys:
        assert (await first.look(key)).lapsed
        assert (await second.collect(key)).attempt == 2
    await first.start("consensus:3")
    assert await first.consultants.wait(STREAM, "consensus:3", REQUEST, until=deadline(250)) is None
    assert await first.store.consultations.find(STREAM, "consensus:3") is None


@pytest.mark.asyncio
async def test_closing_records_an_answer_that_is_there(launch: Launch, path: Path) -> None:
    process = launch(busy_timeout_s=0.001)
    await process.start()
    await process.models.was_asked()
    with alarm("not recorded yet") as failed, locked(path):
        process.models.say()
        await failed.wait()
        closing = asyncio.create_task(process.consultants.close())
        await asyncio.sleep(0)
    await closing
    assert (await process.look()).state == "done"


@pytest.mark.asyncio
async def test_an_aborted_request_that_ends_in_an_error_is_no_failure_of_the_model(launch: Launch) -> None:
    first, second = launch(silent(stubborn=True)), launch(ScriptedModels().say())
    await first.start()
    await first.models.was_asked()
    closing = asyncio.create_task(first.consultants.close())
    await first.models.aborted.wait()
    first.models.say(ModelError(ErrorKind.NETWORK, "the connection was cut"))
    await closing
    found = await second.collect()
    assert (found.state, found.attempt) == ("done", 2)


@pytest.mark.asyncio
async def test_what_is_not_settled_has_no_outcome(launch: Launch) -> None:
    process = launch()
    await process.start()
    with pytest.raises(ValueError, match="not settled"):
        outcome(await process.look())
