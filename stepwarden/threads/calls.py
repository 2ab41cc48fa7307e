"""What goes into and comes out of a call on a thread."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from stepwarden.inspections.context import Inspector
from stepwarden.steps.admission import Refusal
from stepwarden.steps.assessment import Assessment
from stepwarden.steps.clause import Clause
from stepwarden.steps.events import Answered, Asked, Event, Finished, Held, Planned, Signalled, StepRecorded
from stepwarden.steps.expert_review import ExpertReview
from stepwarden.steps.gate import Policy
from stepwarden.steps.inspection import Inspection
from stepwarden.steps.panel import is_exchange
from stepwarden.steps.panel_answer import PanelAnswer
from stepwarden.steps.status import ThreadStatus, status_of
from stepwarden.steps.submission import Submission
from stepwarden.steps.thread import Plan, Signal, Step, Thread


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. Threads belong to the `principal` that made them; `local` is a host on stdio.

    `listed` says whether threads may be listed to it: not to callers whom nothing identifies.
    """

    principal: str
    local: bool = False
    listed: bool = True


SURELY_TOLD = 6  # facts, and open clauses, for which there is room in almost every reply

LOCAL = Caller("local", local=True)
ANONYMOUS = Caller("anonymous", listed=False)


@dataclass(frozen=True, slots=True)
class RunOrigin:
    """The run whose model sends a step, and the id under which a first one opens its thread."""

    run: str
    new_id: str


@dataclass(frozen=True, slots=True)
class StepCall:
    """One step as a tool hands it in. Paths in `submission` are still as the agent wrote them.

    `inspector` is how the tool inspects the code, None where it does not; `keeps` says that what inspections give to
    keep is read back for the later ones. `raced` says that another call changed the thread while this one was decided.
    `origin` is the run whose model sends it, None where a host does.
    """

    caller: Caller
    policy: Policy
    submission: Submission
    thread_id: str | None = None
    inspector: Inspector | None = None
    keeps: bool = False
    raced: bool = False
    origin: RunOrigin | None = None


@dataclass(frozen=True)
class StepReply:
    """What came of an accepted step: the thread as that call left it, and what was decided in it.

    `next_number` is the number that the thread expects now: of a replayed call it may be further on than that of the
    step after it. `at_end` are the clauses that would bar an ask to finish made with this step. `origin` is the thread
    that a first step follows up. `arrived` are answers that came while others are waited for.
    """

    thread: Thread
    step: Step
    decided: tuple[Event, ...]
    assessment: Assessment
    next_number: int
    at_end: tuple[Clause, ...] = ()
    replayed: bool = False
    origin: Thread | None = None
    arrived: tuple[PanelAnswer, ...] = ()

    @property
    def plan(self) -> Plan | None:
        """The plan, if this call set or changed it; `was` is the one before the call."""
        plans = [event.plan for event in self.decided if isinstance(event, Planned)]
        return plans[-1] if plans else None

    @property
    def facts(self) -> tuple[str, ...]:
        """What the tool's own inspection of the code found at this step."""
        return self.step.measured.facts if self.step.measured else ()

    @property
    def new_facts(self) -> tuple[str, ...]:
        """The facts, with their ids, that the reply to the step before did not tell; one that held told none."""
        before = self._inspected_before
        if before is None or self.thread.held_at == self.step.number - 1:
            return self._labelled
        told = before.facts[:SURELY_TOLD]
        return tuple(shown for fact, shown in zip(self.facts, self._labelled, strict=True) if fact not in told)

    @property
    def told_open(self) -> frozenset[Clause]:
        """What an inspection found open that the reply to the step before told, where it is no more than is told."""
        before = self._inspected_before
        told = before.clauses or () if before is not None else ()
        return frozenset(told) if len(told) <= SURELY_TOLD else frozenset()

    @property
    def cites_anew(self) -> bool:
        """Whether this step is the first one, of those that stand, with facts that can be cited."""
        if self.step.measured is None or not self.step.measured.citable or self.held:
            return False
        before = self.thread.trail[: self.step.number - 1]
        return not any(step.measured is not None and step.measured.citable for step in before)

    @property
    def _labelled(self) -> tuple[str, ...]:
        return self.step.measured.labelled if self.step.measured else ()

    @property
    def _inspected_before(self) -> Inspection | None:
        return self.thread.trail[self.step.number - 2].measured if self.step.number > 1 else None

    @property
    def reopened(self) -> bool:
        """Whether the thread had ended before this call."""
        return any(isinstance(event, StepRecorded) and event.reopened for event in self.decided)

    @cached_property
    def held(self) -> tuple[Clause, ...]:
        """The clauses for which the ask to finish was held, none where it was not."""
        return next((event.open for event in self.decided if isinstance(event, Held)), ())

    @cached_property
    def finished(self) -> Finished | None:
        """How the call completed the thread, None where it did not."""
        return next((event for event in self.decided if isinstance(event, Finished)), None)

    @property
    def review(self) -> ExpertReview | None:
        """The expert's review that came in this call."""
        answers = (event for event in self.decided if isinstance(event, Answered) and event.voice is None)
        return next((event.opinion for event in answers), None)

    @property
    def answers(self) -> tuple[PanelAnswer, ...]:
        """The answers of a panel that this step hands over; what it gave up before is not among them."""
        start = next((at for at, event in enumerate(self.decided) if isinstance(event, StepRecorded)), 0)
        answers = [event for event in self.decided[start:] if isinstance(event, Answered)]
        return tuple(event.voice for event in answers if event.voice is not None and not is_exchange(event.key))

    @property
    def left_out(self) -> tuple[str, ...]:
        """The files that the models asked in this call were not sent."""
        return self.asked.left_out if self.asked else ()

    @property
    def asked(self) -> Asked | None:
        """What was asked of models in this call, if anything was."""
        return next((event for event in self.decided if isinstance(event, Asked)), None)

    @property
    def awaits(self) -> str:
        """The model that is still to answer, "" where none is asked."""
        # A replayed call waits for nothing: what it once waited for has come, or was given up.
        waits = status_of(self.thread) is ThreadStatus.WAITING and not self.replayed
        came = {answer.name for answer in self.arrived}
        names = [name for name in self.thread.asked_model.split(", ") if name not in came]
        return ", ".join(names) if waits else ""

    @property
    def signals(self) -> Mapping[Signal, Signalled]:
        """What the manager signalled, with its reasons."""
        return {event.signal: event for event in self.decided if isinstance(event, Signalled)}


@dataclass(frozen=True, slots=True)
class StepRefused:
    """What came of a call that records no step. `thread` is None where the id is unknown to the caller.

    `last` is the reply to the last step where the refusal points back to what that asked for.
    """

    refusal: Refusal
    thread: Thread | None = None
    last: StepReply | None = None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One event as an export shows it: `at` in unix seconds, `data` the payload as JSON values."""

    seq: int
    at: float
    kind: str
    data: Mapping[str, Any]
    hash: str
