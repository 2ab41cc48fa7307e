"""The machine of runs against a naive account, over random worlds, with what must hold after every event."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from run_player import Player

from stepwarden.runs.decide import decide
from stepwarden.runs.run import Run
from stepwarden.runs.run_events import decode_run_event, encode_run_event
from stepwarden.runs.run_fold import apply_to_run, fold_run
from tests.support.examples import examples

SEEDS = st.integers(0, 2**32)


@settings(max_examples=examples(150))
@given(seed=SEEDS, moves=st.integers(5, 120))
def test_a_run_keeps_its_promises_whatever_models_tools_people_and_crashes_do(seed: int, moves: int) -> None:
    world = Player(seed).play(moves)
    assert world.run.status.is_end
    assert world.run.why or world.run.status == "completed"


@settings(max_examples=examples(30))
@given(seed=SEEDS)
def test_the_fold_of_what_is_on_disk_is_the_run_at_every_point_of_its_history(seed: int) -> None:
    world = Player(seed).play(60)
    written = [(*encode_run_event(event), at) for event, at in world.log]
    run = Run(world.run.id)
    for (kind, payload, at), state in zip(written, world.states, strict=True):
        run = apply_to_run(run, decode_run_event(kind, json.dumps(json.loads(payload))), at)
        assert run == state
        decision = decide(run, at, frozenset())
        assert decide(run, at, frozenset()) == decision
    assert fold_run(Run(world.run.id), world.log) == world.run
