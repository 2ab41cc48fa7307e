"""How much a fold does: counted instead of timed."""

from stepwarden.steps.events import Event, Opened, Planned, StepRecorded
from stepwarden.steps.fold import fold_history
from stepwarden.steps.step import Step
from stepwarden.steps.thread import Plan, Thread
from tests.support.calls import submission
from tests.support.work import calls_in

STEPS = 100
CALLS_PER_STEP = 130
"""Functions called to fold a step of words alone and its plan, about 100: after a restart a thread is folded whole."""


def test_a_history_of_words_alone_is_folded_without_comparing_them() -> None:
    events: list[Event] = [Opened("debug")]
    for number in range(1, STEPS + 1):
        said = submission(number, findings=f"we saw {number}", hypothesis=f"the loop {number}", checked=(f"f{number}",))
        events += [StepRecorded(Step(number, said)), Planned(Plan(number, number + 1, number + 2, "there is more"))]
    calls = calls_in(lambda: fold_history(Thread("debug-a", "debug"), events))
    assert calls < CALLS_PER_STEP * STEPS, calls / STEPS
