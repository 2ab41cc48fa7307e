"""The manager's inputs: facts that the server measured, not what the agent says about its own work."""

from dataclasses import dataclass

from stepwarden.steps.assessment import Assessment
from stepwarden.steps.gate import Policy
from stepwarden.steps.thread import Step, Thread


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """What was known of a task when its first step arrived.

    `files` counts the existing files that were named, `file_bytes` is their size together. `hint` is the agent's
    `total_steps`. `changed_lines` counts those of a change that is reviewed. `finished` holds the live
    step counts of this tool's finished threads, newest first. `computed` is the total of a tool whose steps are
    counted, not advised (consensus, docgen).
    """

    task: str
    files: int = 0
    file_bytes: int = 0
    languages: frozenset[str] = frozenset()
    hint: int | None = None
    finished: tuple[int, ...] = ()
    computed: int | None = None
    changed_lines: int | None = None


@dataclass(frozen=True, slots=True)
class ReviewInput:
    """A thread as a recorded step left it, with its assessment; `expert` says that one can be asked at its end."""

    thread: Thread
    policy: Policy
    assessment: Assessment
    expert: bool = False

    @property
    def step(self) -> Step:
        """The step that was just recorded."""
        return self.thread.trail[-1]
