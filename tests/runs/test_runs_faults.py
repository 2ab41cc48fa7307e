"""What a run makes of outages, of crashes of whoever drives it, and of a history that does not fit together."""

import pytest
from run_world import World, plan

from stepwarden.runs.decide import MOST_CRASHES, MOST_OUTAGES, after_crash, decide
from stepwarden.runs.limits import RunLimits
from stepwarden.runs.run import Run, RunStatus
from stepwarden.runs.run_calls import ProposedCall, body_of
from stepwarden.runs.run_events import (
    ApprovalAsked,
    CallEnded,
    CallSent,
    JobEnded,
    JobsPlanned,
    JobStopping,
    QuestionAnswered,
    QuestionAsked,
    RunCrashed,
    RunEnded,
    RunEvent,
)
from stepwarden.runs.run_fold import MOST_PAUSE_S, fold_run

LOOK = ProposedCall("1", "look")


def _after_a_step() -> World:
    """Return a run whose model asked for a call, whose result it is asked about now."""
    world = World().start([plan()], RunLimits())
    world.answer("a/1", "Half of it.", [LOOK])
    world.drive()
    world.end_call("a/1/1")
    world.drive()
    return world


def test_an_outage_takes_no_tools_away_and_the_model_is_asked_again_later() -> None:
    world = _after_a_step()
    for number in range(2, 5):
        world.fail(f"a/{number}", passing=True)
        world.drive()
        assert not world.in_flight
        world.pass_time(1.9)
        assert not world.in_flight
        world.pass_time(60)
        assert list(world.in_flight) == [f"a/{number + 1}"]
    job = world.run.jobs["a"]
    assert (job.level, job.failures, job.outages) == ("full", 0, 3)
    assert world.run.working_seconds(world.now) < 180
    world.answer("a/5", "done")
    world.drive()
    assert (world.run.status, world.run.jobs["a"].outages) == (RunStatus.COMPLETED, 0)


def test_the_time_that_a_vendor_names_is_waited_out() -> None:
    world = _after_a_step()
    world.fail("a/2", passing=True, retry_after=3 * MOST_PAUSE_S)
    world.drive()
    world.pass_time(3 * MOST_PAUSE_S - 1)
    assert not world.in_flight
    world.pass_time(2)
    assert list(world.in_flight) == ["a/3"]


def test_an_outage_without_end_lets_the_run_rest_and_resume_begins_anew() -> None:
    world = _after_a_step()
    for number in range(MOST_OUTAGES):
        world.fail(f"a/{number + 2}", passing=True)
        world.drive()
        world.pass_time(MOST_PAUSE_S + 1)
    assert (world.run.status, world.run.why) == (
        RunStatus.PAUSED,
        f"its model was not to be had {MOST_OUTAGES} times: no answer",
    )
    assert world.command("resume")
    world.drive()
    assert len(world.in_flight) == 1


def test_a_limit_in_an_outage_ends_the_run_with_what_it_has() -> None:
    world = World().start([plan()], RunLimits(steps=1))
    world.answer("a/1", "Half of it.", [LOOK])
    world.drive()
    world.end_call("a/1/1")
    world.drive()
    for number in range(MOST_OUTAGES):
        world.fail(f"a/{number + 2}", passing=True)
        world.drive()
        assert not world.in_flight
        world.pass_time(MOST_PAUSE_S + 1)
    assert (world.run.status, world.run.answer.text) == (RunStatus.STOPPED, "Half of it.")


def test_a_run_whose_driver_crashes_again_and_again_fails_with_its_work() -> None:
    world = _after_a_step()
    for count in range(1, MOST_CRASHES):
        world.crash()
        world.append(*after_crash(world.run, "KeyError in x.py, line 1"))
        assert (world.run.status, world.run.crashes) == (RunStatus.RUNNING, count)
    world.append(*after_crash(world.run, "KeyError in x.py, line 1"))
    assert (world.run.status, world.run.answer.text) == (RunStatus.FAILED, "Half of it.")
    assert world.run.why == "driving it crashed 3 times, a fault of ours: KeyError in x.py, line 1"
    assert world.command("extend", steps=1)
    world.attach()
    assert len(world.in_flight) == 1


def test_crashes_count_anew_after_an_answer_and_never_undo_an_end() -> None:
    world = _after_a_step()
    for number in range(2, 12):
        world.crash()
        world.append(*after_crash(world.run, "KeyError"))
        world.attach()
        world.answer(f"a/{number}", "more", [LOOK])
        world.drive()
        world.end_call(f"a/{number}/1")
        world.drive()
    assert (world.run.status, world.run.crashes) == (RunStatus.RUNNING, 0)
    ended = World().start([plan()], RunLimits())
    ended.answer("a/1", "done")
    ended.drive()
    for _ in range(MOST_CRASHES):
        ended.append(*after_crash(ended.run, "KeyError"))
    assert ended.run.status is RunStatus.COMPLETED


@pytest.mark.parametrize(
    "event",
    [
        CallSent("nobody/1/1"),
        CallEnded("nobody/1/1", body_of("x")),
        ApprovalAsked("nobody/1/1", "x"),
        JobEnded("nobody", RunStatus.COMPLETED),
        JobStopping("nobody", None),  # pyright: ignore[reportArgumentType] - as another program may write it
        QuestionAsked("nobody/1", "nobody", "m", RunLimits(), 1),  # pyright: ignore[reportArgumentType]
        JobsPlanned((plan("b", stop={"nothing": 1}),)),
    ],
    ids=lambda event: type(event).__name__,
)
def test_an_event_that_does_not_fit_ends_the_run_as_failed_with_its_work(event: RunEvent) -> None:
    world = _after_a_step()
    at = world.run.version + 1
    run = fold_run(world.run, [(event, world.now)])
    assert (run.version, run.is_at_work) == (at, True)
    assert decide(run, world.now, frozenset({"a/2"})).cancelled == ("a/2",)
    decision = decide(run, world.now, frozenset())
    ended = fold_run(run, [(one, world.now) for one in decision.events])
    assert (ended.status, ended.answer.text) == (RunStatus.FAILED, "Half of it.")
    assert f"its event {at} does not fit" in ended.why
    assert isinstance(decision.events[0], QuestionAnswered)
    assert isinstance(decision.events[-1], RunEnded)


def test_a_history_that_begins_with_what_does_not_fit_fails_too() -> None:
    run = fold_run(Run("r"), [(CallSent("a/1/1"), 1.0), (RunCrashed("x"), 2.0)])
    decision = decide(run, 3.0, frozenset())
    ended = fold_run(run, [(one, 3.0) for one in decision.events])
    assert (ended.status, ended.version) == (RunStatus.FAILED, 3)
