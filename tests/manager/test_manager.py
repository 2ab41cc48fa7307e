"""The manager with a model beside the rules: a scripted one that really waits and really fails."""

from dataclasses import dataclass

import anyio
import anyio.lowlevel
import pytest
from manager_driver import DEBUG, THEORY, Talk, planned, seen

from stepwarden.manager.adviser import AdviserError, Proposal
from stepwarden.manager.facts import TaskFacts
from stepwarden.manager.manager import Manager
from stepwarden.manager.review import review
from stepwarden.manager.size_estimate import size
from stepwarden.steps.thread import DecidedBy, Outcome, Signal
from tests.support.loop_clock import LoopClock

pytestmark = pytest.mark.anyio
WORK = TaskFacts("wrong at a.py:3")


@pytest.fixture
def anyio_backend():
    return "asyncio"


@dataclass
class ScriptedAdviser:
    """Gives one answer to everything: a proposal, a failure, or none for ever."""

    answer: Proposal | AdviserError | None
    asked: int = 0
    prepared: int = 0

    async def prepare(self) -> None:
        self.prepared += 1

    async def size(self, facts, policy, rules) -> Proposal:
        return await self._answer()

    async def review(self, case, rules) -> Proposal:
        return await self._answer()

    async def _answer(self) -> Proposal:
        self.asked += 1
        if self.answer is None:
            await anyio.sleep_forever()
            raise AssertionError
        if isinstance(self.answer, AdviserError):
            raise self.answer
        return self.answer


def managed(likely=6, reason="two caches, one key"):
    adviser = ScriptedAdviser(Proposal(likely, reason))
    return Manager(adviser), adviser


def stalled(number=1):
    talk = Talk(work=WORK)
    talk.step(files=["a.py"], hypothesis=THEORY)
    for _ in range(number):
        talk.stalled_step()
    return talk


def asking_for_more():
    talk = Talk(work=WORK)
    talk.step(files=["a.py"])
    talk.record(files=["b.py"], total=7)
    return talk


async def test_without_a_model_the_rules_answer():
    assert await Manager().size(WORK, DEBUG) == size(WORK, DEBUG)
    case = stalled().case
    assert await Manager().review(case) == review(case)


async def test_a_model_may_move_the_size_inside_the_range():
    manager, _ = managed()
    advice = await manager.size(WORK, DEBUG)
    assert (planned(advice).likely, advice.by, planned(advice).by) == (6, DecidedBy.MODEL, DecidedBy.MODEL)
    assert planned(advice).reason == advice.reason == "two caches, one key"
    assert planned(advice).low <= 6 <= planned(advice).high


@pytest.mark.parametrize(("proposed", "likely"), [(1, 2), (500, 8)])
async def test_a_proposal_out_of_bounds_is_brought_inside(proposed, likely):
    manager, _ = managed(proposed)
    plan = planned(await manager.size(WORK, DEBUG))
    assert plan.likely == likely
    assert DEBUG.low <= plan.low <= likely <= plan.high <= DEBUG.high


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "no answer of the model in 0.02 s"),
        (AdviserError("503"), "model failed"),
        (Proposal(0, "none"), "model made no sense"),
        (Proposal(4, " \n"), "model made no sense"),
    ],
)
async def test_the_rules_stand_where_the_model_does_not_answer_and_the_reason_says_so(answer, said):
    manager = Manager(ScriptedAdviser(answer), limit_seconds=0.02)
    advice = await manager.size(WORK, DEBUG)
    rules = size(WORK, DEBUG)
    assert planned(advice).reason == f"{said}; rules: {planned(rules).reason}"
    assert (planned(advice).likely, advice.by) == (planned(rules).likely, DecidedBy.RULE)
    case = stalled().case
    advice = await manager.review(case)
    assert (advice.signal, advice.by) == (Signal.STALLED, DecidedBy.RULE)
    assert advice.reason == f"{said}; rules: {review(case).reason}"


class SlowToPrepare(ScriptedAdviser):
    async def prepare(self) -> None:
        clock = LoopClock()
        clock.forward(10)
        await clock.settled()


async def test_the_time_for_an_answer_begins_when_the_model_is_asked():
    """A fresh process imports a client first, which takes longer than the model may."""
    advice = await Manager(SlowToPrepare(Proposal(6, "two caches"))).size(WORK, DEBUG)
    assert (advice.by, advice.reason) == (DecidedBy.MODEL, "two caches")


async def test_nothing_is_prepared_where_no_model_is_asked():
    adviser = ScriptedAdviser(Proposal(6, "two caches"))
    talk = Talk(work=WORK)
    talk.step(files=["a.py"])
    await Manager(adviser).review(talk.case)
    assert (adviser.prepared, adviser.asked) == (0, 0)


async def test_a_cancelled_call_is_not_taken_for_a_slow_model():
    adviser = ScriptedAdviser(None)
    manager = Manager(adviser, limit_seconds=250)
    sized = []

    async def ask() -> None:
        sized.append(await manager.size(WORK, DEBUG))

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        while not adviser.asked:
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    assert sized == []


async def test_a_counted_total_needs_no_model():
    manager, adviser = managed()
    await manager.size(TaskFacts("docs", computed=9), DEBUG)
    assert adviser.asked == 0


async def test_a_model_is_not_asked_while_the_rules_are_decided():
    manager, adviser = managed()
    talk = Talk(work=WORK)
    talk.step(files=["a.py"])
    talk.step(seen(), hypothesis=THEORY)
    assert await manager.review(talk.case) == review(talk.case)
    assert adviser.asked == 0


async def test_an_early_end_needs_no_model():
    manager, adviser = managed()
    talk = Talk(work=WORK)
    talk.step(seen(), hypothesis=THEORY)
    talk.record(seen("b.py"), confidence="certain", total=8)
    assert (await manager.review(talk.case)).end
    assert adviser.asked == 0


async def test_a_stall_asks_the_model_and_stays_signalled():
    manager, adviser = managed(reason="read the proxy's log instead")
    advice = await manager.review(stalled().case)
    assert (advice.signal, advice.by, advice.reason) == (
        Signal.STALLED,
        DecidedBy.MODEL,
        "read the proxy's log instead",
    )
    assert (planned(advice).likely, adviser.asked) == (6, 1)


async def test_a_request_for_more_asks_the_model():
    manager, adviser = managed(5)
    talk = asking_for_more()
    talk.take(await manager.review(talk.case))
    assert (planned(talk.thread).likely, planned(talk.thread).by, planned(talk.thread).was) == (5, DecidedBy.MODEL, 7)
    assert adviser.asked == 1


@pytest.mark.parametrize(("proposed", "likely"), [(1, 3), (500, 16)])
async def test_a_proposal_on_review_keeps_between_the_next_step_and_twice_the_range(proposed, likely):
    manager, _ = managed(proposed)
    plan = planned(await manager.review(asking_for_more().case))
    assert plan.likely == likely
    assert plan.low <= likely <= plan.high


async def test_a_long_answer_is_cut_to_a_short_reason():
    manager, _ = managed(reason="ä" * 5_000)
    assert len((await manager.size(WORK, DEBUG)).reason.encode()) <= 60


@pytest.mark.parametrize("answer", [Proposal(6, "look elsewhere"), None])
async def test_a_model_is_asked_three_times_a_thread_at_most_whether_it_answers_or_not(answer):
    adviser = ScriptedAdviser(answer)
    manager = Manager(adviser, limit_seconds=0.02)
    talk = Talk(work=WORK)
    talk.record(files=["a.py"])
    talk.take(await manager.size(WORK, DEBUG))
    talk.record()
    talk.take(await manager.review(talk.case))
    for number in range(5):
        talk.record()
        talk.take(await manager.review(talk.case))
        assert adviser.asked == min(3, number + 2)


async def test_no_model_is_asked_about_a_thread_that_the_rules_end_as_inconclusive():
    manager, adviser = managed()
    talk = Talk(work=WORK)
    talk.record(files=["a.py"])
    talk.take(await manager.size(WORK, DEBUG))
    for total in (None, 9):
        talk.refuse_empty()
        talk.record(findings="found 1", total=total)
        talk.take(await manager.review(talk.case))
    assert talk.thread.outcome is Outcome.INCONCLUSIVE
    assert adviser.asked == 2


async def test_going_back_to_step_one_does_not_begin_the_count_anew():
    manager, adviser = managed()
    talk = Talk(work=WORK)
    for _ in range(5):
        backtrack = {"backtrack": 1} if talk.decision else {}
        talk.record(files=["a.py"], **backtrack)
        talk.take(await manager.size(WORK, DEBUG, talk.thread))
    assert adviser.asked == 3
