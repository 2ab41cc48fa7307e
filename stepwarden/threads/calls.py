"""What goes into and comes out of a call on a thread."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stepwarden.steps.admission import Refusal
from stepwarden.steps.events import Answered, Event, Finished, Held, Planned, Signalled, StepRecorded
from stepwarden.steps.gate import Assessment, Policy
from stepwarden.steps.opinion import Opinion
from stepwarden.steps.submission import Submission
from stepwarden.steps.thread import Clause, Plan, Signal, Step, Thread


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. Threads belong to the `principal` that made them; `local` is a host on stdio.

    `listed` says whether threads may be listed to it: not to callers whom nothing identifies.
    """

    principal: str
    local: bool = False
    listed: bool = True


LOCAL = Caller("local", local=True)
ANONYMOUS = Caller("anonymous", listed=False)


@dataclass(frozen=True, slots=True)
class Call:
    """One step as a tool hands it in. Paths in `said` are still as the agent wrote them.

    `raced` says that another call changed the thread while this one was decided.
    """

    caller: Caller
    policy: Policy
    said: Submission
    thread_id: str | None = None
    raced: bool = False


@dataclass(frozen=True)
class Reply:
    """What came of an accepted step: the thread as that call left it, and what was decided in it.

    `next_number` is the number the thread expects now, which a replayed call may differ in. `origin` is the thread
    that a first step follows up.
    """

    thread: Thread
    step: Step
    decided: tuple[Event, ...]
    assessment: Assessment
    next_number: int
    replayed: bool = False
    origin: Thread | None = None

    @property
    def plan(self) -> Plan | None:
        """The plan, if this call set or changed it; `was` is the one before the call."""
        plans = [event.plan for event in self.decided if isinstance(event, Planned)]
        return plans[-1] if plans else None

    @property
    def reopened(self) -> bool:
        """Whether the thread had ended before this call."""
        return any(isinstance(event, StepRecorded) and event.reopened for event in self.decided)

    @property
    def held(self) -> tuple[Clause, ...]:
        """The clauses for which the ask to finish was held, none where it was not."""
        return next((event.open for event in self.decided if isinstance(event, Held)), ())

    @property
    def finished(self) -> Finished | None:
        """How the call completed the thread, None where it did not."""
        return next((event for event in self.decided if isinstance(event, Finished)), None)

    @property
    def opinion(self) -> Opinion | None:
        """What the expert said in this call."""
        return next((event.opinion for event in self.decided if isinstance(event, Answered)), None)

    @property
    def awaits(self) -> str:
        """The model that is still to answer, "" where none is asked."""
        return self.thread.asked_model if self.thread.awaiting else ""

    @property
    def signals(self) -> Mapping[Signal, str]:
        """What the manager signalled, with its reasons."""
        return {event.signal: event.reason for event in self.decided if isinstance(event, Signalled)}


@dataclass(frozen=True, slots=True)
class Refused:
    """What came of a call that records no step. `thread` is None where the id is unknown to the caller."""

    refusal: Refusal
    thread: Thread | None = None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One event as an export shows it: `at` in unix seconds, `data` the payload as JSON values."""

    seq: int
    at: float
    kind: str
    data: Mapping[str, Any]
    hash: str
