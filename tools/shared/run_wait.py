"""Waiting for a run in a call: until it ends or waits for a person, and never for longer than a call may take."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio
from mcp.types import CallToolResult

from stepwarden.agents.runs import Runs
from stepwarden.runs.run import Run
from stepwarden.threads.calls import Caller
from tools.shared.edge import Progress
from tools.shared.elicitation import current_context
from tools.shared.run_progress import RunProgress
from tools.shared.run_reply import run_result
from tools.shared.run_tasks import RunTasks
from tools.shared.tasks import GRACE_S, offered_task

TOLD_S = 0.2  # between two looks at what a host is to be told of the text that streams
CALL_S = 43.0
"""Of the 45 s of a call, what it may wait in all: for a person, for what comes before, and for the run."""


@dataclass(frozen=True)
class RunWait:
    """The time that a call has for runs; it begins when this is made."""

    runs: Runs
    caller: Caller
    progress: Progress
    until: float = field(default_factory=lambda: time.monotonic() + CALL_S)

    async def reply(self, run_id: str, wait_s: float, notes: Sequence[str] = ()) -> CallToolResult:
        """Return the reply about a run, after a while; where the host speaks of tasks, the call goes on as one."""
        offer = offered_task() if wait_s else None
        run = await self._wait(run_id, wait_s if offer is None else min(wait_s, GRACE_S))
        if offer is not None and not await RunTasks(self.runs).offer(offer, run, self.caller):
            run = await self._wait(run_id, wait_s)
        return run_result(run, await self.runs.texts(run), notes)

    async def _wait(self, run_id: str, wait_s: float) -> Run:
        """Return the run once it ended or waits for a person, or as it is when the time is over."""
        until = min(time.monotonic() + wait_s, self.until)
        told, news, wants_progress = RunProgress(), asyncio.Event(), _wants_progress()
        hearing = self.runs.live.listening(run_id, told.hear) if wants_progress else contextlib.nullcontext()
        with hearing, self.runs.journal.feed.listening(run_id, lambda _: news.set()):
            run = await self.runs.look(run_id, self.caller)
            while not run.status.is_end and run.is_at_work and (left := until - time.monotonic()) > 0:
                with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):  # the host has gone
                    await told.tell(self.progress, run, time.monotonic())
                with anyio.move_on_after(min(left, TOLD_S) if wants_progress else left):
                    await news.wait()
                    news.clear()
                    run = await self.runs.look(run_id, self.caller)
        return run


def _wants_progress() -> bool:
    """Return whether the host asked to be told how this call goes on."""
    context = current_context()
    meta = context.request_context.meta if context is not None else None
    return meta is not None and "progress_token" in meta
