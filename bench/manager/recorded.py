"""Recorded threads, as `stepwarden threads export --format json` writes them: sized anew by the present rules."""

import json
from dataclasses import dataclass
from pathlib import Path

from bench.manager.world import POLICIES
from stepwarden.manager.facts import TaskFacts
from stepwarden.manager.size_estimate import size
from stepwarden.steps.events import decode
from stepwarden.steps.fold import fold_events
from stepwarden.steps.thread import Outcome, Plan, Thread

SHIPPED = Path(__file__).parent / "recorded"


@dataclass(frozen=True, slots=True)
class Recording:
    """One recorded thread: its tool, the steps it took, and the plan that the rules give its first step now."""

    name: str
    tool: str
    steps: int
    done: bool
    plan: Plan

    @property
    def covered(self) -> bool:
        """Whether the plan's interval holds the steps that were taken."""
        return self.plan.low <= self.steps <= self.plan.high


def read_recordings(directory: Path) -> list[Recording]:
    """Read every export in `directory`; a file that is none raises ValueError or KeyError."""
    return [_recording(path) for path in sorted(directory.glob("*.json"))]


def _recording(path: Path) -> Recording:
    exported = json.loads(path.read_text("utf-8"))
    events = (decode(event["kind"], json.dumps(event["data"])) for event in exported["events"])
    thread = fold_events(Thread(id=path.stem, tool=exported["tool"]), events)
    first = thread.trail[0]
    work = TaskFacts(first.submission.step, len(first.existing), hint=first.submission.total)
    plan = size(work, POLICIES[thread.tool]).plan
    assert plan is not None
    return Recording(path.stem, thread.tool, len(thread.live), thread.outcome is Outcome.DONE, plan)
