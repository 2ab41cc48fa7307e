"""Stalls: how long a thread has brought nothing new, whether it was told so, and whether that was enough.

A step is idle when it brings no fact: no file, quote, issue or hypothesis that was not there before. One that was
refused at first, for not even having new words, counts as two.
"""

from itertools import takewhile

from stepwarden.steps.gate import Policy
from stepwarden.steps.submission import Confidence
from stepwarden.steps.thread import Signal, Thread

_STALLED_FROM = 2  # idle steps in a row
_STARTS_AFRESH = frozenset({"backtracked", "finished", "abandoned"})  # what was told before no longer counts


def gets_nowhere(thread: Thread) -> bool:
    """Whether the thread was told that it is stalled, and what came next was refused as empty and then no better.

    Words that are new, sent of the agent's own accord, are worth another step.
    """
    return thread.totals.idle > 0 and _was_empty(thread) and _was_told(thread)


def is_stalled(thread: Thread, policy: Policy) -> bool:
    """Whether the last step was refused as empty and then no better, or idle steps in a row weigh two or more."""
    return thread.trail[-1].stalled or (policy.novelty_required and thread.totals.idle_weight >= _STALLED_FROM)


def gives_up(thread: Thread, policy: Policy) -> bool:
    """Whether an ask to finish is an honest end of a stalled thread: nothing was found, as it says itself.

    That is: stalled, no hypothesis or issue claimed, a confidence of `low` or `exploring`.
    """
    word = thread.trail[-1].submission.confidence
    claimed = thread.claims.hypothesis is not None or bool(thread.claims.issues)
    unsure = word is not None and word.rank <= Confidence.LOW.rank
    return unsure and not claimed and is_stalled(thread, policy)


def _was_empty(thread: Thread) -> bool:
    step = thread.trail[-1]
    return step.stalled or step.number in thread.refused_at


def _was_told(thread: Thread) -> bool:
    """Whether one of the idle steps at the end, the last one apart, was told that the thread is stalled."""
    since = thread.last - thread.totals.idle + 1
    recent = takewhile(
        lambda record: record.step >= since and record.kind not in _STARTS_AFRESH, reversed(thread.decisions)
    )
    return any(record.kind == Signal.STALLED.value and record.step < thread.last for record in recent)
