"""What a policy says of asking models: who is asked about a step, what follows from the answers, what bars the finish.

A kind of consultation is one value of `ConsultationRules`. There are two: `expert_rules.EXPERT`, which every tool has
that names no other, and `consensus_rules.CONSENSUS`. The machine, the gate and the way of a step know the value and
none of its kinds; who does the asking is found by `kind` (`stepwarden/consultation`).
"""

from collections.abc import Callable
from dataclasses import dataclass

from stepwarden.steps.assessment import Assessment
from stepwarden.steps.clause import Clause
from stepwarden.steps.events import Event, GivenUp
from stepwarden.steps.thread import Thread

Gate = Callable[[Thread], Assessment]
"""The gate of the thread's policy: what rules ask where they need to know how a thread stands."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """What was found out about asking models before a step is decided.

    `model` is the one that may be asked before the thread completes, "" where there is none or none is wanted.
    `left_out` are files that the models asked in this step are not sent, `files` counts those that they are. `source`
    is told where nothing but a key that a host may have passed on says that a vendor is asked: `by OPENAI_API_KEY`.
    """

    model: str = ""
    left_out: tuple[str, ...] = ()
    source: str = ""
    files: int = 0


NOT_PREPARED = Preparation()


def _asks_nobody(_: Thread, __: Preparation, ___: Gate) -> tuple[Event, ...]:
    return ()


def drop_answer(thread: Thread, _: bool) -> tuple[Event, ...]:
    """Return that the answer which `thread` waits for is not wanted any more."""
    assert thread.awaiting is not None
    return (GivenUp(thread.awaiting[0]),)


def _no_clauses(_: Thread) -> tuple[Clause, ...]:
    return ()


def _not_counted(_: Thread) -> int | None:
    return None


@dataclass(frozen=True, slots=True)
class ConsultationRules:
    """The machine's part of one kind of consultation; every function is pure and returns the events to record.

    `judge` decides what follows from the answers that were just recorded. `ask_with_step` decides what a step asks of
    itself: with any event it has decided the step, without one the machine goes on. `ask_before_end` may ask once more
    before a thread completes, which its answers then do. `give_up` decides what becomes of the answers that a call goes
    on without; it is told whether that call backtracks. `clauses` are what bars the finish on behalf of the
    consultation. `steps` is how many steps the asking takes: such a plan is counted, and nobody advises on it.
    """

    kind: str
    judge: Callable[[Thread, Gate], tuple[Event, ...]]
    ask_with_step: Callable[[Thread, Preparation, Gate], tuple[Event, ...]] = _asks_nobody
    ask_before_end: Callable[[Thread, Preparation, Gate], tuple[Event, ...]] = _asks_nobody
    give_up: Callable[[Thread, bool], tuple[Event, ...]] = drop_answer
    clauses: Callable[[Thread], tuple[Clause, ...]] = _no_clauses
    steps: Callable[[Thread], int | None] = _not_counted
