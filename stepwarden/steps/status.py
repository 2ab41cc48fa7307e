"""Where a thread stands, as one word: what a call may do to it depends on this, and on nothing that is not in it.

It is derived and never recorded. The table in section 3 of docs/protocol.md has a column for each status. Whether the
models have had their round already is no part of it: that is known to the rules of the consultation alone.
"""

from enum import StrEnum

from stepwarden.steps.thread import DecidedBy, Outcome, Thread


class ThreadStatus(StrEnum):
    """Where a thread stands."""

    NEW = "new"  # no step is recorded: what a first call is judged against, and nothing that anybody can name
    OPEN = "open"  # it takes its next number; the first ask to finish with open clauses will be held
    HELD = "held"  # as open, but its one hold is spent: the next ask to finish completes it
    WAITING = "waiting"  # models are asked: the same number collects, the next one goes on without them
    ENDED = "ended"  # by the server, while the agent would have gone on: the next number reopens it
    CLOSED = "closed"  # by the agent or a person: only a backtrack reopens it


GOES_ON = frozenset({ThreadStatus.OPEN, ThreadStatus.HELD, ThreadStatus.WAITING})
"""What a thread is in that has begun and not ended."""


def status_of(thread: Thread) -> ThreadStatus:
    """Return where `thread` stands."""
    if not thread.trail:
        return ThreadStatus.NEW
    if thread.outcome is not Outcome.OPEN:
        # Who ended it decides, not how: an agent must not be locked out by an end that it did not ask for.
        return ThreadStatus.ENDED if thread.ended_by in {DecidedBy.RULE, DecidedBy.MODEL} else ThreadStatus.CLOSED
    if thread.awaiting is not None:
        return ThreadStatus.WAITING
    return ThreadStatus.HELD if thread.held else ThreadStatus.OPEN
