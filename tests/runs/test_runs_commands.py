"""What people say to a run: the first of two words that contradict each other counts, and the same word once."""

from decimal import Decimal
from typing import Any

import pytest
from run_world import CHEAP, TOOLS, World, plan

from stepwarden.runs.decide import MOST_ATTEMPTS, AskModel, decide
from stepwarden.runs.limits import Amount, RunLimits, cost_of
from stepwarden.runs.run import Run, RunStatus
from stepwarden.runs.run_calls import CallState, ProposedCall
from stepwarden.runs.run_events import QuestionAsked, RunEnded

WRITE, DROP, LOOK = ProposedCall("1", "write"), ProposedCall("2", "drop"), ProposedCall("3", "look")


def _waiting(*calls: ProposedCall) -> World:
    world = World().start([plan()], RunLimits())
    world.answer("a/1", "so far", calls)
    world.drive()
    return world


def _state(world: World, key: str) -> CallState:
    return world.call(key).state


def test_an_approval_is_bound_to_the_call_as_it_was_shown() -> None:
    world = _waiting(WRITE, DROP)
    about = {call.key: call.about for call in world.run.open_calls}
    assert not world.command("approve", call="a/1/1", about=about["a/1/2"])
    assert world.command("approve", call="a/1/1", about=about["a/1/1"])
    assert not world.command("refuse", call="a/1/1", reason="too late")
    world.drive()
    assert (_state(world, "a/1/1"), _state(world, "a/1/2")) == (CallState.SENT, CallState.WAITING)


def test_the_same_word_counts_once() -> None:
    world = _waiting(WRITE)
    assert world.command("pause", "p1")
    assert world.command("pause", "p1") is None
    assert world.command("resume", "p1") is None
    assert world.run.status is RunStatus.PAUSED


def test_after_a_stop_nothing_that_contradicts_it_is_accepted_until_it_has_ended() -> None:
    world = _waiting(WRITE, LOOK)
    about = world.call("a/1/1").about
    assert world.command("stop")
    for kind, given in [("approve", {"call": "a/1/1", "about": about}), ("pause", {}), ("extend", {"steps": 5})]:
        assert world.command(kind, **given) is False
    world.drive()
    assert world.run.status is RunStatus.STOPPED
    assert world.command("approve", call="a/1/1", about=about) is False
    assert world.command("extend", steps=5)
    assert world.command("approve", call="a/1/1", about=about)


def test_a_question_that_was_lost_before_a_stop_is_charged() -> None:
    world = World().start([plan()], RunLimits())
    reserved = world.reserved("a/1")
    world.crash()
    world.command("stop")
    world.attach()
    assert (world.run.status, world.run.spent) == (RunStatus.STOPPED, reserved)


def test_an_extension_lets_a_job_go_on_whose_model_failed_for_good() -> None:
    world = World().start([plan()], RunLimits())
    world.fail("a/1", fatal=True)
    world.drive()
    assert world.run.status is RunStatus.FAILED
    assert world.command("extend", steps=1)
    world.drive()
    assert list(world.in_flight) == ["a/2"]


def test_an_extension_does_not_undo_a_condition_that_fired() -> None:
    world = World().start([plan(stop={"max_steps": 1})], RunLimits())
    world.answer("a/1", "", [LOOK])
    world.drive()
    world.end_call("a/1/1")
    world.drive()
    assert world.command("extend", steps=5)
    world.answer("a/2", "the last word")
    world.drive()
    assert (world.run.status, world.run.answer.text) == (RunStatus.STOPPED, "the last word")
    assert world.command("extend", steps=5) is False


def test_an_extension_of_a_run_that_a_person_paused_leaves_it_paused() -> None:
    world = _waiting(WRITE)
    world.command("pause")
    assert world.command("extend", steps=5)
    assert (world.run.status, world.run.limits.steps) == (RunStatus.PAUSED, 20)


NOT_ADDED: list[dict[str, Any]] = [
    {},
    {"step": 1},
    {"steps": 0.5},
    {"steps": True},
    {"steps": 10**40},
    {"steps": [1]},
    {"tokens": "x"},
    {"dollars": "1e999999"},
    {"dollars": -1},
    {"seconds": float("nan")},
]


@pytest.mark.parametrize("added", NOT_ADDED, ids=repr)
def test_what_a_run_cannot_be_extended_by_is_refused_with_what_can(added: dict[str, Any]) -> None:
    world = _waiting(WRITE)
    limits = world.run.limits
    assert world.command("extend", "x", **added) is False
    assert "steps, seconds, tokens, dollars" in world.run.commands["x"].reason
    assert world.run.limits == limits


def test_an_extension_adds_to_what_is_limited_and_to_nothing_else() -> None:
    world = World().start([plan(steps=4)], RunLimits(dollars=Decimal(1)))
    assert world.command("extend", steps=2, seconds="0.5", dollars=0.25, tokens=100)
    limits = world.run.limits
    assert (limits.steps, limits.seconds, limits.dollars, limits.tokens) == (17, 900.5, Decimal("1.25"), None)
    assert world.run.jobs["a"].plan.steps == 6


def test_a_write_in_doubt_holds_back_what_would_change_something_else_and_no_reading() -> None:
    world = World().start([plan(tools=TOOLS)], RunLimits(calls_at_once=2))
    world.answer("a/1", "", [WRITE, WRITE, LOOK])
    world.drive()
    for call in world.run.open_calls[:2]:
        world.command("approve", call=call.key, about=call.about)
    world.drive()
    world.crash()
    world.attach()
    assert sorted(world.in_flight) == ["a/1/3", "look/a/1/1"]
    world.end_look("look/a/1/1", None)
    world.end_call("a/1/3")
    world.drive()
    assert not world.run.is_at_work
    assert world.command("resolve", call="a/1/1", verdict="done", note="I see it")
    world.drive()
    assert list(world.in_flight) == ["a/1/2"]
    assert world.call("a/1/1").result.text == "ann looked and says that it was carried out: I see it"


def _in_doubt() -> World:
    world = _waiting(WRITE)
    assert world.command("approve", call="a/1/1", about=world.call("a/1/1").about)
    world.drive()
    world.crash()
    world.attach()
    assert list(world.in_flight) == ["look/a/1/1"]
    return world


def test_a_look_that_finds_nothing_yet_is_made_again_when_it_can_tell_and_the_write_then_goes_on_the_old_word() -> None:
    world = _in_doubt()
    world.end_look("look/a/1/1", None, later=world.now + 60)
    world.drive()
    assert (world.in_flight, world.run.looks_at) == ({}, world.now + 60)
    world.pass_time(59)
    assert world.in_flight == {}
    world.pass_time(2)
    assert list(world.in_flight) == ["look/a/1/1"]
    world.end_look("look/a/1/1", "not_done")
    world.drive()
    assert (list(world.in_flight), world.call("a/1/1").sends) == (["a/1/1"], 2)


def test_what_a_look_found_is_the_result_that_the_model_reads() -> None:
    world = _in_doubt()
    world.end_look("look/a/1/1", "done")
    world.drive()
    assert (world.call("a/1/1").result.text, list(world.in_flight)) == ("it is there", ["a/2"])


@pytest.mark.parametrize("said", ["done", "not_done"])
def test_a_person_who_was_first_is_not_overruled_by_a_look(said: str) -> None:
    world = _in_doubt()
    assert world.command("resolve", call="a/1/1", verdict=said)
    state = world.call("a/1/1").state
    world.end_look("look/a/1/1", "done" if said == "not_done" else "not_done")
    assert world.call("a/1/1").state is state
    world.drive()
    assert world.call("a/1/1").sends == (2 if said == "not_done" else 1)


def test_a_limit_waits_for_the_look_and_then_drops_the_write_and_says_what_is_unknown() -> None:
    world = _in_doubt()
    world.end_look("look/a/1/1", None, later=world.now + 60)
    world.drive()
    assert world.run.limits.seconds is not None
    world.pass_time(61)
    assert list(world.in_flight) == ["look/a/1/1"]
    world.end_look("look/a/1/1", None)
    assert world.command("stop")
    world.drive()
    assert world.call("a/1/1").is_unknown
    assert world.run.status is RunStatus.STOPPED


def test_what_a_person_wrote_is_cut_before_a_model_reads_it() -> None:
    world = _waiting(WRITE)
    before = world.run.jobs["a"].history_bytes
    assert world.command("refuse", call="a/1/1", reason="x" * 100_000)
    assert len(world.call("a/1/1").result.text) < 2_100
    assert world.run.jobs["a"].history_bytes == before + world.call("a/1/1").result.size


def test_a_question_whose_asker_dies_is_asked_again_and_then_rests_for_a_person_with_its_work() -> None:
    world = World().start([plan()], RunLimits())
    reserved = world.reserved("a/1")
    for _ in range(MOST_ATTEMPTS):
        world.crash()
        world.attach()
    assert world.account.asked["a/1"] == MOST_ATTEMPTS
    assert (world.run.status, world.run.jobs["a"].failures) == (RunStatus.PAUSED, 0)
    assert f"asked {MOST_ATTEMPTS} times, and whoever asked was gone" in world.run.why
    assert world.run.spent.tokens == reserved.tokens * MOST_ATTEMPTS
    assert world.command("resume")
    world.drive()
    assert list(world.in_flight) == ["a/2"]
    world.answer("a/2", "done")
    world.drive()
    assert world.run.status is RunStatus.COMPLETED


def test_a_question_asked_again_takes_no_room_of_the_last_turns() -> None:
    """Whoever asked is gone and it counts as paid: then what is left may be the last turn's alone."""
    first, last = cost_of(CHEAP, 203, 4_000), cost_of(CHEAP, 6_000, 1_000)
    limit = Amount(0, first.dollars * 2 + last.dollars - Decimal("0.001")).dollars
    world = World().start([plan()], RunLimits(dollars=limit))
    world.crash()
    world.attach()
    asked = [event for event, _ in world.log if isinstance(event, QuestionAsked)]
    assert [event.attempt for event in asked] == [1]
    assert world.run.status is RunStatus.STOPPED


def test_the_text_that_came_as_a_limit_fired_is_the_answer_and_no_other_is_paid_for() -> None:
    world = World().start([plan()], RunLimits(seconds=10.0))
    world.pass_time(9.0)
    world.time_out_with("a/1", "the answer")
    assert (world.run.status, world.run.answer.text) == (RunStatus.STOPPED, "the answer")
    assert world.account.asked.total() == 1


def test_a_last_turn_that_fails_leaves_the_limit_as_the_reason() -> None:
    world = World().start([plan(tools=())], RunLimits(steps=1))
    world.answer("a/1", "", [LOOK])
    world.drive()
    world.fail("a/2", fatal=True)
    world.drive()
    assert (world.run.status, world.run.why) == (RunStatus.STOPPED, "steps: 1 of 1")


def test_a_run_without_jobs_fails_and_says_why() -> None:
    decision = decide(Run("r", version=1), 0.0, frozenset())
    assert decision.events == (RunEnded(RunStatus.FAILED, "nothing was planned"),)
    assert not [effect for effect in decision.effects if isinstance(effect, AskModel)]
