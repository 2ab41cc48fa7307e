"""A run in words: how it stands, what waits for a person, what it gave. One wording for hosts and the command line."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Any

from stepwarden.runs.run import Job, Run, RunStatus
from stepwarden.runs.run_calls import CallState, RunCall

SHOWN_ARGUMENTS = 400
SHOWN_RESULT = 160
MORE_STEPS = 10


@dataclass(frozen=True, slots=True)
class WaitingCall:
    """A call that waits for a person, or is in doubt; `doubt` says what is known of that."""

    key: str
    tool: str
    kind: str
    arguments: str
    about: str
    in_doubt: bool
    doubt: str = ""


def waiting_calls(run: Run) -> list[WaitingCall]:
    """Return the calls that a person has to say something to, in their order."""
    states = {CallState.WAITING, CallState.IN_DOUBT}
    return [
        WaitingCall(
            call.key,
            call.tool,
            call.kind,
            call.proposed.arguments,
            call.about,
            call.state is CallState.IN_DOUBT,
            call.doubt,
        )
        for call in run.open_calls
        if call.state in states and not call.is_looked_after
    ]


def doubt_lines(run: Run) -> list[str]:
    """Return a line for each call of an ended run of which nobody knows whether it was carried out."""
    calls = [call for job in run.jobs.values() for step in job.steps for call in step.calls if call.is_unknown]
    if not run.status.is_end:
        return []
    return [f"Nobody knows whether this was carried out, so look: {call_line(call)}" for call in calls]


def verdict_of(run: Run) -> str:
    """Return how a run stands, in a line."""
    waiting = waiting_calls(run)
    match run.status:
        case RunStatus.COMPLETED:
            return f"DONE{f': {run.why}' if run.why else ''}"
        case RunStatus.FAILED:
            return f"FAILED: {run.why}"
        case RunStatus.STOPPED:
            return f"STOPPED: {run.why}"
        case RunStatus.PAUSED:
            return f"PAUSED: {run.why}"
        case RunStatus.RUNNING if run.stop_asked:
            return f"STOPPING: {run.stop_asked} stopped it"
        case RunStatus.RUNNING if waiting and not run.is_at_work:
            first = waiting[0]
            more = f", and {len(waiting) - 1} more" if len(waiting) > 1 else ""
            what = "nobody knows what became of" if first.in_doubt else "allow"
            return f"WAITING for you: {what} {first.kind} {first.tool}{more}"
        case RunStatus.RUNNING if run.looks_at:
            call = next(call for call in run.open_calls if call.is_looked_after)
            at = time.strftime("%H:%M:%S UTC", time.gmtime(run.looks_at))
            return f"RUNNING: nobody knows yet what became of {call.kind} {call.tool}; a look tells at {at}"
        case RunStatus.RUNNING:
            steps = f"step {run.steps + 1}" + (f" of at most {run.limits.steps}" if run.limits.steps else "")
            return f"RUNNING: {steps}"


def spent_line(run: Run, now: float) -> str:
    """Return what a run used so far, and what it may use."""
    limits = run.limits
    parts = [
        _used("steps", run.steps, limits.steps),
        _used("s of work", round(run.working_seconds(now)), None if limits.seconds is None else round(limits.seconds)),
        _used("tokens", run.spent.tokens, limits.tokens),
    ]
    if limits.dollars is not None or run.spent.dollars:
        parts.append(_used("dollars", f"{run.spent.dollars:.4f}", limits.dollars))
    if run.unpriced:
        parts.append(f"{run.unpriced} answers without a known price")
    if run.overspent.dollars > 0 or run.overspent.tokens > 0:
        parts.append(f"billed above what was set aside: {run.overspent.tokens} tokens, ${run.overspent.dollars:.4f}")
    return "Used: " + ", ".join(parts)


def _used(unit: str, used: Any, limit: Any) -> str:
    return f"{used} {unit}" if limit is None else f"{used} of {limit} {unit}"


def extension_of(run: Run) -> tuple[str, int]:
    """Return the limit whose end stopped a run, with what may be added to it: steps where none did."""
    named = run.why.partition(":")[0]
    added = {"tokens": run.limits.tokens, "seconds": run.limits.seconds, "dollars": run.limits.dollars}.get(named)
    return ("steps", MORE_STEPS) if added is None else (named, ceil(added))


def state_line(run: Run) -> str:
    """Return where the work says that it stands, "" where it says nothing."""
    state = run.state
    if not (state.phase or state.progress or state.data or state.metrics):
        return ""
    data = json.dumps({**state.data, **state.metrics}, ensure_ascii=False, default=str)
    more = f" {data[:SHOWN_ARGUMENTS]}" if state.data or state.metrics else ""
    return f"State: {state.phase or '-'}, {state.progress:.0%}{more}"


def step_lines(job: Job, after: int = 0) -> Iterator[str]:
    """Yield the steps of a job after number `after`: what its model said, and each call with its result."""
    for step in job.steps[after:]:
        said = " ".join(step.text.text.split())[:SHOWN_RESULT]
        yield f"{step.number}. {said or f'{len(step.calls)} calls'}"
        yield from (f"   {call_line(call)}" for call in step.calls)


def call_line(call: RunCall) -> str:
    """Return one call in a line."""
    arguments = " ".join(call.proposed.arguments.split())[:SHOWN_RESULT]
    result = " ".join(call.result.text.split())[:SHOWN_RESULT]
    return f"{call.tool} {arguments}: {call.state.replace('_', ' ')}{f': {result}' if result else ''}"
