"""What retention may delete: a rule for each kind of streams."""

from collections.abc import Sequence

from stepwarden.storage import RetentionRule, kinds

_ENDED = ("done", "inconclusive", "abandoned")


def orphan_threads(idle_s: float) -> RetentionRule:
    """Return the rule for open threads that never got past their first step. Those of more steps are never deleted."""
    return RetentionRule(kinds.THREAD, idle_s, states=("open",), most_steps=1)


def finished_streams(idle_s: float) -> Sequence[RetentionRule]:
    """Return the rules for what nobody goes on with: ended threads, and the chats and upstream sessions left idle."""
    return [
        RetentionRule(kinds.THREAD, idle_s, states=_ENDED),
        RetentionRule(kinds.CHAT, idle_s),
        RetentionRule(kinds.SESSION, idle_s, states=("open",)),  # what is unsettled still warns of a repeat
    ]


def ended_runs(idle_s: float) -> RetentionRule:
    """Return the rule for runs at their end; those that go on, wait or rest are never deleted."""
    return RetentionRule(kinds.RUN, idle_s, states=("completed", "failed", "stopped"))
