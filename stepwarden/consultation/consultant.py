"""What every kind of asking models about a thread can do: prepare, wait, give up.

The expert and the panel are two values of `Consultant`, found by the `kind` of a policy's `ConsultationRules`. The
rules say when somebody is asked and what follows; a consultant says who, with what, and brings the answers. One more
kind is one more pair of these; neither the machine nor the way of a step knows any of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from stepwarden.errors import StepwardenError
from stepwarden.files import Workspace
from stepwarden.models import ErrorKind, ModelError
from stepwarden.steps.consultation_rules import NOT_PREPARED, Preparation
from stepwarden.steps.events import Answered, Event
from stepwarden.steps.gate import Policy
from stepwarden.steps.panel_answer import PanelAnswer
from stepwarden.steps.submission import Submission
from stepwarden.steps.thread import Thread


class ConsultationRefused(StepwardenError):
    """What the step asks of models cannot be asked; nothing was recorded."""


@dataclass(frozen=True, slots=True)
class AdmittedStep:
    """A step that is about to be decided: it becomes step `number` of `thread`, or opens one where that is None."""

    submission: Submission
    number: int
    thread: Thread | None
    workspace: Workspace


@dataclass(frozen=True, slots=True)
class WaitingThread:
    """A thread that waits for models. `workspace` bounds what they may be sent, `principal` pays."""

    thread: Thread
    policy: Policy
    workspace: Workspace
    principal: str

    @property
    def key(self) -> str:
        """The consultation that is waited for."""
        assert self.thread.awaiting is not None
        return self.thread.awaiting[0]


class Consultant(Protocol):
    """One kind of asking models about a thread. It holds nothing of any thread."""

    async def prepare(self, step: AdmittedStep) -> tuple[Submission, Preparation]:
        """Find out who may be asked about a step, before anything is decided or recorded.

        Returns the submission as it is to be recorded, such as with the names of models resolved. Raises
        ConsultationRefused, and ModelError for a name that no model has.
        """
        ...

    async def wait(self, waiting: WaitingThread, *, until: float) -> Sequence[Answered] | None:
        """Return the answers that a thread waits for, None when they have not come by `until` (see `deadline`).

        Whoever was not asked yet is asked now. An answer that will not come is an answer too, and says why. May raise
        StoreError.
        """
        ...

    async def arrived(self, waiting: WaitingThread) -> Sequence[PanelAnswer]:
        """Return the answers of a panel that came already, while the thread waits for others; may raise StoreError."""
        ...

    async def give_up(self, before: Thread | None, after: Thread, events: Sequence[Event]) -> None:
        """Stop what nobody waits for after a call of these `events`, which made `before` into `after`.

        `before` is None where the call opened the thread, or only collected. May raise StoreError.
        """
        ...


class NoConsultant:
    """Stands where a process asks no models at all: nobody is prepared, so rules have nobody to ask."""

    async def prepare(self, step: AdmittedStep) -> tuple[Submission, Preparation]:
        """Return the step as it is."""
        return step.submission, NOT_PREPARED

    async def wait(self, waiting: WaitingThread, *, until: float) -> Sequence[Answered] | None:
        """Raise ModelError: another process asked, and this one cannot even collect."""
        raise ModelError(ErrorKind.NO_MODEL, "No model is configured here.")

    async def arrived(self, waiting: WaitingThread) -> Sequence[PanelAnswer]:
        """Return nothing."""
        return ()

    async def give_up(self, before: Thread | None, after: Thread, events: Sequence[Event]) -> None:
        """Stop nothing."""
