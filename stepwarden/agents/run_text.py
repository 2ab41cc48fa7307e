"""A run in words: how it stands, what waits for a person, what it gave. One wording for hosts and the command line."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Any

from stepwarden.runs.requirements import met_of
from stepwarden.runs.run import Job, Run, RunStatus
from stepwarden.runs.run_calls import CallState, RunCall
from stepwarden.runs.run_commands import RunCommandKind, admitted_commands
from stepwarden.runs.run_events import RESTS_AT_LIMIT
from stepwarden.runs.run_metrics import RunMetrics
from stepwarden.runs.steered import PersonQuestion, SteeredWork
from stepwarden.runs.steering_commands import standing_changes

SHOWN_ARGUMENTS = 400
SHOWN_RESULT = 160
MORE_STEPS = 10
NO_MODEL = (
    "No model is configured: set a vendor's key, such as OPENAI_API_KEY, or CUSTOM_API_URL for an endpoint of your own "
    "(docs/models.md has all of them). To see a run without any: stepwarden demo run"
)
MOST_NAMED = 3


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
        case RunStatus.RUNNING if not run.is_at_work and (question := person_question(run)) is not None:
            return f"WAITING for you: {question.text[:200]}"
        case RunStatus.RUNNING:
            steps = f"step {run.steps + 1}" + (f" of at most {run.limits.steps}" if run.limits.steps else "")
            held = next((job for job in run.jobs.values() if job.outages and job.question is None), None)
            met = met_line(run)
            begun = f"RUNNING {met}: {steps}" if met else f"RUNNING: {steps}"
            begun = _look_line(run) or begun
            return begun + (f", and waits: {held.failure}" if held is not None else "")


def _look_line(run: Run) -> str:
    """Return that a look will tell what became of a call, "" where there is anything else to do."""
    if not run.looks_at:
        return ""
    call = next(call for call in run.open_calls if call.is_looked_after)
    at = time.strftime("%H:%M:%S UTC", time.gmtime(run.looks_at))
    return f"RUNNING: nobody knows yet what became of {call.kind} {call.tool}; a look tells at {at}"


def activity_line(run: Run) -> str:
    """Return what a run does at this moment, in a line: how it stands, which calls are under way, what it spent."""
    waiting = {CallState.WAITING, CallState.IN_DOUBT}
    under_way = [call.tool for call in run.open_calls if call.state not in waiting]
    parts = [verdict_of(run)]
    if under_way and run.status is RunStatus.RUNNING:
        more = f" and {len(under_way) - MOST_NAMED} more" if len(under_way) > MOST_NAMED else ""
        parts.append(f"calling {', '.join(under_way[:MOST_NAMED])}{more}")
    if run.spent.dollars:
        parts.append(f"${run.spent.dollars:.4f} spent")
    return "; ".join(parts)


def met_line(run: Run) -> str:
    """Return how many requirements are met, `3/5 requirements`; "" where the run was not split into any."""
    found = [one for work in _works(run) for one in work.requirements]
    return met_of(found) if found else ""


def person_question(run: Run) -> PersonQuestion | None:
    """Return what a person is asked beside calls, None where nothing is."""
    return next((work.question for work in _works(run) if work.question is not None), None)


def _works(run: Run) -> Iterator[SteeredWork]:
    yield from (job.work for job in run.jobs.values() if job.work is not None)


def requirement_lines(run: Run) -> Iterator[str]:
    """Yield each requirement as the rules find it, with what was claimed beside it where that did not hold."""
    for work in _works(run):
        for one in work.requirements:
            proof = f" by {', '.join(one.evidence)}" if one.evidence else ""
            unproved = [key for key in one.claimed if key not in one.evidence]
            claimed = f" (claimed by {', '.join(unproved)})" if unproved and not one.is_met else ""
            why = f": {one.why}" if one.why and not one.is_met else ""
            yield f"{one.id} {one.state}{proof}{claimed} - {one.text[:SHOWN_RESULT]}{why}"


def standing_lines(run: Run) -> Iterator[str]:
    """Yield what was changed after the point that a run went back to, and stands."""
    for call in standing_changes(run):
        yield f"stands: {call.key} {call.tool} {' '.join(call.proposed.arguments.split())[:SHOWN_RESULT]}"


def alternative_lines(run: Run) -> Iterator[str]:
    """Yield what could be done in the place of the call that waits."""
    for work in _works(run):
        for number, one in enumerate(work.proposal.alternatives, start=1):
            if number not in work.proposal.used:
                arguments = " ".join(one.arguments.split())[:SHOWN_RESULT]
                yield f"alternative {number}: {one.tool} {arguments} (confidence {one.confidence:.0%}) {one.reasoning}"


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
        parts.append(f"{run.unpriced} {'answer' if run.unpriced == 1 else 'answers'} without a known price")
    if run.overspent.dollars > 0 or run.overspent.tokens > 0:
        parts.append(f"billed above what was set aside: {run.overspent.tokens} tokens, ${run.overspent.dollars:.4f}")
    return "Used: " + ", ".join(parts)


def _used(unit: str, used: Any, limit: Any) -> str:
    return f"{used} {unit}" if limit is None else f"{used} of {limit} {unit}"


def extension_of(run: Run) -> tuple[str, int]:
    """Return the limit at which a run stopped or rests, with what may be added to it: steps where none is."""
    rests_at = run.why.removeprefix(RESTS_AT_LIMIT)
    named = run.why.partition(":")[0] if rests_at == run.why else rests_at.partition(" ")[0]
    name = "memory_mb" if named == "memory" else named
    limits = run.limits
    grown = max((step.grown_mb for job in run.jobs.values() for step in job.steps), default=0.0)
    memory = None if limits.memory_mb is None else max(limits.memory_mb, grown)
    amounts = {"tokens": limits.tokens, "seconds": limits.seconds, "dollars": limits.dollars}
    added = {**amounts, "memory_mb": memory}.get(name)
    return ("steps", MORE_STEPS) if added is None else (name, ceil(added))


def extends_on(run: Run) -> bool:
    """Return whether to extend the run is what goes on with it: it stopped, or rests, at a limit."""
    if run.status is RunStatus.PAUSED:  # to resume it as it is would end at the same limit
        return run.why.startswith(RESTS_AT_LIMIT)
    return run.status is RunStatus.STOPPED and RunCommandKind.EXTEND in admitted_commands(run)


def state_line(run: Run) -> str:
    """Return where the work says that it stands, "" where it says nothing."""
    state = run.state
    if not (state.phase or state.progress or state.data or state.metrics):
        return ""
    data = json.dumps({**state.data, **state.metrics}, ensure_ascii=False, default=str)
    more = f" {data[:SHOWN_ARGUMENTS]}" if state.data or state.metrics else ""
    return f"State: {state.phase or '-'}, {state.progress:.0%}{more}"


def metrics_lines(metrics: RunMetrics) -> Iterator[str]:
    """Yield what a run took: in all, for each model, for each tool."""
    times = f"{metrics.seconds:.1f} s from its first event to its last, {metrics.worked:.1f} s of work"
    counted = (_counted(metrics.steps, "answer"), _counted(metrics.calls, "call"), _counted(metrics.events, "event"))
    yield f"Took {times}; {', '.join(counted)}"
    for name, model in metrics.models.items():
        counts = _counts(asked=model.asked, answered=model.answered, failed=model.failed, cut_off=model.cut_off)
        spent = f"{model.spent.tokens} tokens" + (f", ${model.spent.dollars:.4f}" if model.spent.dollars else "")
        yield f"Model {name}: {counts}; {spent}; {model.seconds:.1f} s, {model.longest:.1f} s at most"
    for name, tool in metrics.tools.items():
        counts = _counts(
            **{"call" if tool.calls == 1 else "calls": tool.calls},
            failed=tool.failed,
            refused=tool.refused,
            open=tool.open,
        )
        yield f"Tool {name}: {counts}; {tool.seconds:.1f} s, {tool.longest:.1f} s at most"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _counts(**counts: int) -> str:
    """Return counts in words, the first always and the others where there are any."""
    first, *others = counts.items()
    shown = [first, *(each for each in others if each[1])]
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in shown)


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
