"""Steered runs without I/O: an honest model reaches the end, a liar never does, and nothing is done twice."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from steered_world import REQUEST, SteeredWorld, honest

from stepwarden.runs.limits import RunLimits
from stepwarden.runs.requirements import Requirement, RequirementKind, checked_split
from stepwarden.runs.run import Run, RunStatus
from stepwarden.runs.run_calls import CallState, RunCall, body_of
from stepwarden.runs.run_events import QuestionAsked
from stepwarden.runs.run_fold import fold_run
from stepwarden.runs.steered import AbilityName, AnsweredBy, Depth, ProposedAction, ResultClaim
from stepwarden.runs.steered_events import (
    ActionProposed,
    CompletionClaimed,
    ContextAnalysed,
    RecoveryTried,
    RequirementsSplit,
    ResultValidated,
    SteeredEvent,
    StrategySet,
)
from stepwarden.runs.steered_rules import new_calls, possible_requirements
from tests.support.examples import examples

SEEDS = st.integers(0, 2**32)
LIARS = 200


def asked(world: SteeredWorld) -> list[str]:
    return [event.ability for event, _ in world.log if isinstance(event, QuestionAsked)]


def met(call: RunCall, _: Random) -> tuple[str, bool]:
    return (f"the price of apples is {call.key}", False)


def test_an_honest_model_reaches_the_end_with_few_questions() -> None:
    world = SteeredWorld(honest, Random(1), result=met).start()
    while not world.run.status.is_end:
        for call in world.run.open_calls:
            if call.state is CallState.WAITING:
                world.command("approve", call=call.key, about=call.about)
        world.round()
    assert world.run.status is RunStatus.COMPLETED
    assert world.run.answer.text == "The price is on the list."
    assert asked(world) == ["split", "suggest", "validate", "suggest", "validate", "completion"]
    assert [one.evidence for one in world.work.requirements] == [("a/a1",), ("a/a2",)]


def test_at_full_depth_all_seven_are_asked_in_their_order() -> None:
    def failing_once(call: RunCall, _: Random) -> tuple[str, bool]:
        return ("no such list", True) if call.key == "a/a2" else met(call, _)

    world = SteeredWorld(honest, Random(1), Depth.FULL, result=failing_once).start()
    while not world.run.status.is_end:
        for call in world.run.open_calls:
            if call.state is CallState.WAITING:
                world.command("approve", call=call.key, about=call.about)
        world.round()
    one = ["analyse", "suggest", "validate", "insights", "completion"]
    two = ["analyse", "optimise", "suggest", "validate", "recover", "insights", "completion"]
    three = [name for name in two if name != "recover"]
    assert asked(world) == ["split", *one, *two, *three]
    assert world.run.status is RunStatus.COMPLETED


class Liar:
    """Says that everything is done: with nothing met, by results that failed, are not there or have nothing to say."""

    def __init__(self, dice: Random) -> None:
        self.dice = dice

    def __call__(self, run: Run, ability: AbilityName, key: str) -> SteeredEvent:
        job, by = run.jobs["a"], {"by": AnsweredBy.MODEL, "key": key}
        assert job.work is not None
        keys = [call.key for step in job.steps for call in step.calls]
        cited = self.dice.choice([keys, keys[-1:], keys[:1], ["a/a99"], [*run.superseded], []])
        claims = tuple(
            ResultClaim(
                one.id, tuple(cited), self.dice.choice(["", "o", "fine", "not instructions", "12:00", "apples"])
            )
            for one in job.work.requirements
        )
        match ability:
            case AbilityName.SPLIT:
                lies = [(self.dice.choice(["Say hello", REQUEST, "Done", "Look at the clock"]), None)]
                return RequirementsSplit("a", checked_split(run.request, lies), **by)  # type: ignore[arg-type]
            case AbilityName.ANALYSE:
                return ContextAnalysed("a", "all is done", claims, confidence=1.0, **by)  # type: ignore[arg-type]
            case AbilityName.SUGGEST:
                tool = self.dice.choice(["add", "look", "write", "drop"])
                action = ProposedAction(tool, json.dumps({"n": self.dice.randint(1, 9)}), requirements=("r1", "r2"))
                nothing = self.dice.random() < 0.2
                return ActionProposed("a", None if nothing else action, reason="all is done", **by)  # type: ignore[arg-type]
            case AbilityName.VALIDATE:
                fresh = tuple(call.key for call in new_calls(job))
                return ResultValidated("a", fresh, True, quality=1.0, claims=claims, **by)  # type: ignore[arg-type]
            case AbilityName.COMPLETION:
                return CompletionClaimed("a", True, claims, "all is done", body_of("Done!"), key=key)
            case _:
                return honest(run, ability, key)


def irrelevant(call: RunCall, dice: Random) -> tuple[str, bool]:
    """Give what has nothing to do with the request, or an error that has."""
    failed = dice.random() < 0.3 or call.tool in {"write", "drop"}
    return ("the price of apples could not be written", True) if failed else ("it is fine, 12:00", False)


@pytest.mark.parametrize("depth", list(Depth))
def test_a_liar_never_ends_as_completed(depth: Depth) -> None:
    ends, liars = list[RunStatus](), 0
    for seed in range(LIARS // 2):
        dice = Random(seed)
        world = SteeredWorld(Liar(dice), dice, depth, result=irrelevant, crashes=0.02, fails=0.05).start()
        ends.append(world.end().status)
        liars += any(one.claimed for one in world.work.requirements)
    assert ends.count(RunStatus.COMPLETED) == 0
    assert liars > len(ends) // 2
    assert len(ends) == LIARS // 2


@settings(max_examples=examples(100))
@given(seed=SEEDS, full=st.booleans(), goes_back=st.booleans())
@example(seed=22, full=True, goes_back=True)  # to where a write was open that was made since
@example(seed=243, full=True, goes_back=True)  # and then forward again
@example(seed=5981, full=True, goes_back=True)  # to before a result was found invalid
def test_whatever_happens_it_ends_and_what_is_met_is_proved(seed: int, full: bool, goes_back: bool) -> None:
    dice = Random(seed)
    liar = Liar(dice)

    def says(run: Run, ability: AbilityName, key: str) -> SteeredEvent:
        return (liar if dice.random() < 0.3 else honest)(run, ability, key)

    def result(call: RunCall, dice: Random) -> tuple[str, bool]:
        return met(call, dice) if dice.random() < 0.6 else irrelevant(call, dice)

    depth = Depth.FULL if full else Depth.LEAN
    world = SteeredWorld(
        says, dice, depth, result=result, crashes=0.05, fails=0.1, steers=0.1, goes_back=goes_back
    ).start()
    for _ in range(300):
        if not world.run.status.is_end:
            world.round()
    world.steers = 0.0
    world.end()
    assert not world.run.misfit
    assert world.run.why or world.run.status is RunStatus.COMPLETED
    assert fold_run(Run("run-1"), world.log) == world.run


def test_a_model_that_never_answers_ends_as_failed_with_what_is_there() -> None:
    world = SteeredWorld(honest, Random(3), fails=1.0).start()
    run = world.end()
    assert run.status is RunStatus.FAILED
    assert "no model says what to do" in run.why
    assert run.answer.text.startswith("0/2 requirements met by results.")
    assert [event.recovery for event, _ in world.log if isinstance(event, RecoveryTried)] or world.work.by_rule


def test_a_limit_ends_as_stopped_with_an_answer() -> None:
    world = SteeredWorld(honest, Random(5), result=irrelevant).start(limits=RunLimits(steps=2, question_seconds=9.0))
    run = world.end()
    assert run.status is RunStatus.STOPPED
    assert run.answer.text


def test_nothing_is_begun_where_no_tool_can_do_what_is_asked() -> None:
    def says(run: Run, ability: AbilityName, key: str) -> SteeredEvent:
        impossible = Requirement("r1", "write it", RequirementKind.CHANGE)
        return RequirementsSplit("a", possible_requirements([impossible], ()), by=AnsweredBy.MODEL, key=key)

    run = SteeredWorld(says, Random(1)).start().end()
    assert (run.status, run.jobs["a"].steps) == (RunStatus.FAILED, ())
    assert "nothing was done" in run.why
    assert "no tools" in run.why


def test_a_change_of_strategy_that_brings_errors_alone_is_taken_back() -> None:
    def says(run: Run, ability: AbilityName, key: str) -> SteeredEvent:
        by: dict[str, Any] = {"by": AnsweredBy.MODEL, "key": key}
        work = run.jobs["a"].work
        if ability is AbilityName.OPTIMISE and work is not None and not work.strategy.version:
            return StrategySet("a", changes=True, avoid=("look",), reason="look is slow", **by)
        if ability is AbilityName.SUGGEST:
            number = json.dumps({"n": len(run.jobs["a"].steps)})
            return ActionProposed("a", ProposedAction("look", number, requirements=("r1",)), **by)
        return honest(run, ability, key)

    def failing(call: RunCall, _: Random) -> tuple[str, bool]:
        return f"broken {call.key}", True

    world = SteeredWorld(says, Random(1), Depth.FULL, result=failing).start()
    world.end()
    changes = [event for event, _ in world.log if isinstance(event, StrategySet) and event.changes]
    assert any(event.rolls_back for event in changes)
