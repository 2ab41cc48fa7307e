"""Limits: what is wrong with them, what a model is told of them, and that no crowd of jobs passes them together."""

from decimal import Decimal
from typing import Any

import pytest
from run_world import CHEAP, World, plan

from stepwarden.runs.budget import last_turn_of, notice_of
from stepwarden.runs.limits import MOST, Amount, LimitUse, RunLimits, cost_of
from stepwarden.runs.run import Job, RunStatus
from stepwarden.runs.run_calls import ProposedCall
from stepwarden.runs.run_events import QuestionAsked, RunAttached, RunPaused

LOOK = [ProposedCall("c", "look")]


def _asked(world: World) -> list[QuestionAsked]:
    return [event for event, _ in world.log if isinstance(event, QuestionAsked)]


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), MOST + 1, Decimal("NaN"), Decimal("1e99")])
@pytest.mark.parametrize("name", ["dollars", "seconds", "call_seconds"])
def test_a_limit_that_is_no_number_above_0_is_a_problem(name: str, value: Any) -> None:
    (problem,) = RunLimits(**{name: value}).problems()
    assert name in problem
    assert "a number above 0" in problem


def test_fine_limits_have_no_problems_and_too_few_tokens_for_one_answer_are_one() -> None:
    assert RunLimits().problems() == []
    assert RunLimits(None, None, 7001, Decimal("0.0001")).problems() == []
    assert "set more" in RunLimits(tokens=7000).problems()[0]


def test_the_use_of_a_limit_is_shown_plainly() -> None:
    assert str(LimitUse("steps", Decimal(20), Decimal(100))) == "steps 20 of 100"
    assert str(LimitUse("seconds", Decimal("900.0312"), Decimal(900))) == "seconds 900 of 900"
    assert str(LimitUse("dollars", Decimal("0.12346"), Decimal("1E+9"))) == "dollars 0.1235 of 1000000000"


def test_a_model_is_told_from_80_percent_of_a_limit_on() -> None:
    world = World().start([plan()], RunLimits(steps=5, seconds=None))
    for number in range(1, 5):
        assert _asked(world)[-1].notice == ""
        world.answer(f"a/{number}", calls=LOOK)
        world.drive()
        world.end_call(f"a/{number}/1")
        world.drive()
    assert _asked(world)[-1].notice == "Used so far: steps 4 of 5. Finish with what you have."
    assert notice_of(world.run, world.run.jobs["a"], world.now) == _asked(world)[-1].notice


def test_eight_jobs_beside_one_limit_of_money_keep_their_last_turns_from_the_start() -> None:
    """Each has room for its answer; the account checks after every event that nothing passed the limit."""
    jobs = [plan(name) for name in "abcdefgh"]
    last = last_turn_of(Job(jobs[0])).dollars
    limit = last * 8 + cost_of(CHEAP, 250, 4_000).dollars * 3
    world = World().start(jobs, RunLimits(steps=None, dollars=limit))
    assert len(world.in_flight) == 3  # a fourth would take what is kept
    for _ in range(200):
        if not world.in_flight:
            break
        key = min(world.in_flight)
        if key.count("/") == 2:
            world.end_call(key)
        else:
            is_last = any(event.key == key and event.is_last_turn for event in _asked(world))
            calls = [] if is_last else LOOK
            world.answer(key, "so far", calls, spent=world.reserved(key))
        world.drive()
    assert world.run.status is RunStatus.STOPPED
    assert world.run.spent.dollars <= limit
    asked_at_all = {event.job for event in _asked(world) if not event.is_last_turn}
    assert {event.job for event in _asked(world) if event.is_last_turn} == asked_at_all
    assert all(job.answer.text == "so far" for job in world.run.jobs.values() if job.id in asked_at_all)


def test_a_vendor_that_bills_above_its_reservation_exceeds_by_that_one_call_and_the_run_says_so() -> None:
    world = World().start([plan()], RunLimits(dollars=Decimal(1)))
    reserved = world.reserved("a/1")
    world.answer("a/1", calls=LOOK, spent=Amount(reserved.tokens - 5, Decimal(3)))
    world.drive()
    world.end_call("a/1/1")
    world.drive()
    assert world.run.overspent == Amount(0, Decimal(3) - reserved.dollars)
    assert world.run.status is RunStatus.STOPPED
    assert "dollars: 3 of 1" in world.run.why
    assert len(_asked(world)) == 1


def test_jobs_beside_one_limit_of_steps_do_not_pass_it_together() -> None:
    world = World().start([plan(name) for name in "abcd"], RunLimits(steps=3))
    assert sorted(world.in_flight) == ["a/1", "b/1", "c/1"]
    world.fail("a/1")
    world.drive()
    assert len(world.in_flight) == 3


def test_time_fires_at_its_second_and_not_before() -> None:
    world = World().start([plan()], RunLimits(seconds=60.04))
    world.pass_time(60.0)
    assert world.run.jobs["a"].stopping is None
    world.pass_time(0.05)
    assert str(world.run.jobs["a"].stopping) == "seconds: 60 of 60.04"


def test_a_limit_pauses_and_asks_where_it_is_set_so_and_nothing_else_begins() -> None:
    world = World().start([plan("a"), plan("b", steps=1)], RunLimits(), pauses_at_limits=True)
    world.answer("b/1", calls=LOOK)
    world.drive()
    world.end_call("b/1/1")
    world.answer("a/1", calls=LOOK)
    asked = len(_asked(world))
    world.drive()
    assert isinstance(world.log[-1][0], RunPaused)
    assert (len(_asked(world)), world.run.why, world.in_flight) == (asked, "limit: steps of b 1 of 1", {})
    assert world.command("extend", steps=1)
    world.drive()
    assert world.run.jobs["b"].plan.steps == 2
    assert sorted(world.in_flight) == ["a/1/1", "b/2"]


def test_the_time_of_a_dead_driver_does_not_count_whoever_says_something_meanwhile() -> None:
    world = World().start([plan()], RunLimits())
    world.pass_time(2.0)
    world.answer("a/1", calls=LOOK)
    world.drive()
    world.crash()
    world.pass_time(500.0)
    assert world.command("extend", seconds=5)
    world.pass_time(300.0)
    world.attach()
    world.pass_time(1.0)
    assert world.run.working_seconds(world.now) == 3.0
    assert sum(isinstance(event, RunAttached) for event, _ in world.log) == 2


def test_the_time_before_a_pause_counts_once_the_driver_goes_on() -> None:
    world = World().start([plan()], RunLimits())
    world.pass_time(2.0)
    world.command("pause")
    world.drive()
    world.pass_time(50.0)
    world.command("resume")
    world.drive()
    world.pass_time(1.0)
    assert world.run.working_seconds(world.now) == 3.0
