"""What an inspector is given, and what it returns."""

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
    from stepwarden.source.scan.reader import Reader

INSPECTION_SECONDS = 20.0  # for one inspection; it reports what it could not read by then
MOST_CLAUSES = 12  # that one inspection may add to the gate


class CannotInspect(StepwardenError):
    """The step asks for what cannot be inspected, so it is not recorded. Says what to send instead."""


@dataclass(frozen=True, slots=True)
class InspectedPlace:
    """Where code is inspected: in a worker thread, for a step of a thread or for a tool of a run.

    `workspace` restricts what may be read. `until` is the `time.monotonic` by which the inspection has to be over.
    """

    workspace: Workspace
    reader: "Reader"
    until: float

    @property
    def root(self) -> str:
        """The root that restricts reading, "" where nothing may be read."""
        return self.workspace.root or ""

    @property
    def directory(self) -> str:
        """The working directory by its canonical name: "" where it is the root itself."""
        root, directory = self.workspace.root, self.workspace.directory
        if root is None or directory is None or root == directory:
            return ""
        return PurePosixPath(directory.replace("\\", "/")).relative_to(root.replace("\\", "/")).as_posix()


@dataclass(frozen=True, slots=True)
class InspectionContext(InspectedPlace):
    """One admitted step, as its inspector sees it.

    `thread` is the thread as this step would leave it, its quotes checked. `kept` has what earlier inspections of the
    thread gave to keep, by name.
    """

    thread: Thread
    kept: Mapping[str, bytes] = field(default_factory=dict[str, bytes], repr=False)

    @property
    def step(self) -> Step:
        """The step that is inspected; its issues and evidence are numbered and checked."""
        return self.thread.trail[-1]

    @property
    def submission(self) -> Submission:
        """What the agent sent, with canonical paths; issues and quotes are in `step`."""
        return self.step.submission

    @property
    def is_first(self) -> bool:
        """Whether no step before could be inspected: it is step 1 of the thread, or the first with a directory."""
        return not any(step.readable for step in self.thread.trail[:-1])

    @property
    def words(self) -> str:
        """What the step says in its text, and for the first one that is inspected what the task is."""
        step, task = self.submission.step, self.thread.task
        return f"{task}\n{step}" if self.is_first and task != step else step

    @property
    def earlier(self) -> Inspection:
        """What the inspections of the earlier live steps found together."""
        return self.thread.claims.measured


@dataclass(frozen=True, slots=True)
class InspectionResult:
    """What an inspector found, and what to keep with the thread for later ones: name -> bytes, a few MB in all.

    A name that is kept already keeps its bytes.
    """

    inspection: Inspection
    kept: Mapping[str, bytes] = field(default_factory=dict[str, bytes], repr=False)


Inspector = Callable[[InspectionContext], InspectionResult | None]
"""Inspects the code for one step; returns None for no findings. Runs in a worker thread and may read files.

Raises CannotInspect (or another StepwardenError) where the step should not be recorded.
"""
