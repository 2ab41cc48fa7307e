"""Stalls: how long a thread has brought nothing new, whether it was told so, and whether that was enough.

A step is idle when it brings no fact: no file, quote, issue or hypothesis that was not there before. One that was
refused at first, for not even having new words, counts as two.
"""

from itertools import takewhile

from stepwarden.steps.gate import Policy
from stepwarden.steps.submission import Confidence
from stepwarden.steps.thread import Signal, Step, Thread

_STALLED_FROM = 2  # idle steps in a row
_STARTS_AFRESH = frozenset({"backtracked", "finished", "abandoned"})  # what was told before no longer counts


def idle_steps(thread: Thread) -> int:
    """Return how many idle steps `thread` ends with; its first step is never one."""
    return len(_idle(thread))


def _idle_weight(thread: Thread) -> int:
    """Return the same, a step that was refused at first counted twice."""
    return sum(1 + (step.number in thread.refused_at) for step in _idle(thread))


def gets_nowhere(thread: Thread) -> bool:
    """Whether the thread was told that it is stalled, and what came next was refused as empty and then no better.

    Words that are new, sent of the agent's own accord, are worth another step.
    """
    idle = _idle(thread)
    return bool(idle) and _was_empty(thread, idle[0]) and _was_told(thread, since=idle[-1].number)


def is_stalled(thread: Thread, policy: Policy) -> bool:
    """Whether the last step was refused as empty and then no better, or is one of two and more idle ones in a row."""
    return thread.trail[-1].stalled or (policy.novelty_required and _idle_weight(thread) >= _STALLED_FROM)


def gives_up(thread: Thread, policy: Policy) -> bool:
    """Whether an ask to finish is an honest end of a stalled thread: nothing was found, as it says itself.

    That is: stalled, no hypothesis or issue claimed, a confidence of `low` or `exploring`.
    """
    word = thread.trail[-1].submission.confidence
    claimed = thread.claims.hypothesis is not None or bool(thread.claims.issues)
    unsure = word is not None and word.rank <= Confidence.LOW.rank
    return unsure and not claimed and is_stalled(thread, policy)


def _was_empty(thread: Thread, step: Step) -> bool:
    return step.stalled or step.number in thread.refused_at


def _idle(thread: Thread) -> list[Step]:
    """Return the idle steps at the end, the last one first."""
    return list(takewhile(lambda step: not step.new and step.number > 1, reversed(thread.trail)))


def _was_told(thread: Thread, since: int) -> bool:
    """Whether one of the steps from `since` to the last but one was told that the thread is stalled."""
    recent = takewhile(lambda record: record.kind not in _STARTS_AFRESH, reversed(thread.decisions))
    return any(record.kind == Signal.STALLED.value and since <= record.step < thread.last for record in recent)
