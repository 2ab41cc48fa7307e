"""What a person says to a run: admitted or refused by where the run stands, and by nothing else.

Whoever has the word (a tool of the host, the command line, a page) appends it to the run's own history: it counts
whether or not somebody drives the run, and the first of two that contradict each other counts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from stepwarden.runs.limits import RunLimits
from stepwarden.runs.run import Body, CallState, Job, Run, RunCall, RunStatus
from stepwarden.runs.run_events import RunCommanded


class RunCommandKind(StrEnum):
    """What is asked for."""

    APPROVE = "approve"  # a call that waits; arguments: call, about
    REFUSE = "refuse"  # a call that waits; arguments: call, reason
    RESOLVE = "resolve"  # a call in doubt; arguments: call, verdict (done, not_done), note
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    EXTEND = "extend"  # arguments: steps, seconds, tokens, dollars, each what is added


@dataclass(frozen=True, slots=True)
class RunCommand:
    """One command. `id` is the sender's own: sent again, it counts once."""

    id: str
    kind: RunCommandKind
    by: str
    via: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])


def admit_run_command(run: Run, command: RunCommand) -> RunCommanded | None:
    """Return what is to be recorded of a command, with the reason where it is refused; None where it is known."""
    if command.id in run.commands:
        return None
    reason = _ADMIT[command.kind](run, command.arguments)
    return RunCommanded(
        command.id, command.kind, command.by, command.via, command.arguments, accepted=not reason, reason=reason
    )


def command_effect(run: Run, event: RunCommanded) -> Run:
    """Return the run after a command that was accepted."""
    return _EFFECTS[RunCommandKind(event.kind)](run, event)


def _call(run: Run, arguments: Mapping[str, Any], state: CallState) -> RunCall | str:
    """Return the open call that is named, or why it is not to be had."""
    fitting = [call for call in run.open_calls if call.state is state]
    named = [call for call in fitting if call.key == arguments.get("call")]
    if named:
        return named[0]
    if not fitting:
        return "no call of this run waits for that"
    return f"no call {arguments.get('call')!r:.60} waits for that; there are: {', '.join(call.key for call in fitting)}"


def _admit_approve(run: Run, arguments: Mapping[str, Any]) -> str:
    call = _call(run, arguments, CallState.WAITING)
    if isinstance(call, str):
        return call
    return "" if arguments.get("about") == call.about else "it is about another call than the one that waits now"


def _admit_refuse(run: Run, arguments: Mapping[str, Any]) -> str:
    call = _call(run, arguments, CallState.WAITING)
    return call if isinstance(call, str) else ""


def _admit_resolve(run: Run, arguments: Mapping[str, Any]) -> str:
    call = _call(run, arguments, CallState.IN_DOUBT)
    if isinstance(call, str):
        return call
    return "" if arguments.get("verdict") in {"done", "not_done"} else "verdict is done or not_done"


def _admit_pause(run: Run, _: Mapping[str, Any]) -> str:
    return "" if run.status is RunStatus.RUNNING else f"the run is {run.status}"


def _admit_resume(run: Run, _: Mapping[str, Any]) -> str:
    return "" if run.status is RunStatus.PAUSED else f"the run is {run.status}, not paused"


def _admit_stop(run: Run, _: Mapping[str, Any]) -> str:
    if run.stop_asked:
        return f"{run.stop_asked} stopped it before"
    return f"the run is {run.status}" if run.status.is_end else ""


_EXTENDED = ("steps", "seconds", "tokens", "dollars")


def _admit_extend(run: Run, arguments: Mapping[str, Any]) -> str:
    if run.status is RunStatus.COMPLETED:
        return "the run is completed"
    if unknown := sorted(arguments.keys() - set(_EXTENDED)):
        return f"there is no limit {unknown[0]!r:.60}; a run is extended by {', '.join(_EXTENDED)}"
    amounts = [_amount(value) for value in arguments.values()]
    if not amounts or not all(amount is not None and amount > 0 for amount in amounts):
        return f"name what is added, above 0: {', '.join(_EXTENDED)}"
    return ""


def _amount(value: Any) -> Decimal | None:
    try:
        amount = Decimal(str(value))
    except ArithmeticError:
        return None
    return amount if amount.is_finite() else None


def _approve(run: Run, event: RunCommanded) -> Run:
    return run.with_call(event.arguments["call"], lambda call: replace(call, state=CallState.ALLOWED))


def _refuse(run: Run, event: RunCommanded) -> Run:
    said = f": {event.arguments['reason']}" if event.arguments.get("reason") else "."
    refused = Body(f"{event.by} refused this call{said}")
    return run.with_call(event.arguments["call"], lambda call: replace(call, state=CallState.REFUSED, result=refused))


def _resolve(run: Run, event: RunCommanded) -> Run:
    if event.arguments["verdict"] == "not_done":
        return run.with_call(
            event.arguments["call"], lambda call: replace(call, state=CallState.ALLOWED, was_doubted=True)
        )
    note = f": {event.arguments['note']}" if event.arguments.get("note") else "."
    done = Body(f"{event.by} looked and says that it was carried out{note}")
    return run.with_call(event.arguments["call"], lambda call: replace(call, state=CallState.DONE, result=done))


def _pause(run: Run, event: RunCommanded) -> Run:
    return replace(run, status=RunStatus.PAUSED, why=f"paused by {event.by}")


def _resume(run: Run, _: RunCommanded) -> Run:
    return replace(run, status=RunStatus.RUNNING, why="")


def _stop(run: Run, event: RunCommanded) -> Run:
    status = RunStatus.RUNNING if run.status is RunStatus.PAUSED else run.status
    return replace(run, status=status, why="", stop_asked=event.by)


def _extend(run: Run, event: RunCommanded) -> Run:
    limits = _extended(run.limits, event.arguments)
    jobs = {name: _reopened(job) for name, job in run.jobs.items()}
    return replace(run, limits=limits, jobs=jobs, status=RunStatus.RUNNING, why="", stop_asked="")


def _extended(limits: RunLimits, added: Mapping[str, Any]) -> RunLimits:
    """Return the limits with what is added; what had no limit has none now."""
    new: dict[str, Any] = {}
    for name, value in added.items():
        before, amount = getattr(limits, name), Decimal(str(value))
        if before is not None:
            new[name] = before + (amount if name == "dollars" else type(before)(amount))
    return replace(limits, **new)


def _reopened(job: Job) -> Job:
    """Return a job that goes on: where a limit or a person stopped it, or its model failed."""
    by_condition = job.stopping is not None and not job.stopping.by_limit
    if job.status is RunStatus.COMPLETED or (job.status is RunStatus.STOPPED and by_condition):
        return job
    return replace(job, status=RunStatus.RUNNING, stopping=None, why="", answer=Body(), failure="", failures=0)


_ADMIT: dict[RunCommandKind, Callable[[Run, Mapping[str, Any]], str]] = {
    RunCommandKind.APPROVE: _admit_approve,
    RunCommandKind.REFUSE: _admit_refuse,
    RunCommandKind.RESOLVE: _admit_resolve,
    RunCommandKind.PAUSE: _admit_pause,
    RunCommandKind.RESUME: _admit_resume,
    RunCommandKind.STOP: _admit_stop,
    RunCommandKind.EXTEND: _admit_extend,
}
_EFFECTS: dict[RunCommandKind, Callable[[Run, RunCommanded], Run]] = {
    RunCommandKind.APPROVE: _approve,
    RunCommandKind.REFUSE: _refuse,
    RunCommandKind.RESOLVE: _resolve,
    RunCommandKind.PAUSE: _pause,
    RunCommandKind.RESUME: _resume,
    RunCommandKind.STOP: _stop,
    RunCommandKind.EXTEND: _extend,
}
