"""What a look is given, and what it gives back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from stepwarden.errors import StepwardenError
from stepwarden.files import Workspace
from stepwarden.steps.inspection import Inspection
from stepwarden.steps.submission import Submission
from stepwarden.steps.thread import Step, Thread

if TYPE_CHECKING:
    from stepwarden.source.reader import Reader

INSPECTION_SECONDS = 20.0  # for one look; what it could not read by then it names


class CannotInspect(StepwardenError):
    """The step asks for what cannot be looked at; nothing is recorded. Says what to send instead."""


@dataclass(frozen=True, slots=True)
class InspectionContext:
    """One admitted step as a look finds it, in a worker thread.

    `thread` is the thread as this step would leave it, its quotes checked; what earlier looks measured is in
    `thread.claims.measured`. `workspace` bounds what may be read. `until` is the `time.monotonic` by which the look
    has to be over. `kept` holds what earlier looks gave to keep, by name.
    """

    thread: Thread
    workspace: Workspace
    reader: "Reader"
    until: float
    kept: Mapping[str, bytes] = field(default_factory=dict[str, bytes], repr=False)

    @property
    def step(self) -> Step:
        """The step that is looked at; its issues and evidence are numbered and checked."""
        return self.thread.trail[-1]

    @property
    def said(self) -> Submission:
        """What the agent sent, with canonical paths; the issues and quotes are in `step`."""
        return self.step.submission

    @property
    def is_first(self) -> bool:
        """Whether this is step 1 of the thread, or replaces it."""
        return self.step.number == 1

    @property
    def before(self) -> Inspection:
        """What earlier looks of the live steps come to."""
        return self.thread.claims.measured

    @property
    def base(self) -> str:
        """The working directory by its canonical name: "" where it is the root itself."""
        root, directory = self.workspace.root, self.workspace.directory
        if root is None or directory is None or root == directory:
            return ""
        return PurePosixPath(directory.replace("\\", "/")).relative_to(root.replace("\\", "/")).as_posix()


@dataclass(frozen=True, slots=True)
class InspectionResult:
    """What a look found, and what is to be kept with the thread for later ones: name -> bytes, a few MB in all.

    A name that is kept already stays as it is.
    """

    measured: Inspection
    kept: Mapping[str, bytes] = field(default_factory=dict[str, bytes], repr=False)


Inspector = Callable[[InspectionContext], InspectionResult | None]
"""Looks at the code for one step; None where there is nothing to say. Runs in a worker thread and may read files.

Raises CannotInspect (or another StepwardenError) where the step should not be recorded.
"""
