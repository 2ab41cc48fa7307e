"""What a person says to a run: admitted or refused by where the run stands, and by nothing else.

Whoever has the word (a tool of the host, the command line, a page) appends it to the run's own history: it counts
whether or not somebody drives the run, and the first of two that contradict each other counts.
"""

import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from stepwarden.runs.limits import MOST, RunLimits
from stepwarden.runs.run import Job, Run, RunStatus
from stepwarden.runs.run_calls import Body, CallState, RunCall, body_of
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


_MOST_WORDS = 2_000  # characters of a person's reason that the model reads
_MOST_ARGUMENTS, _MOST_NAME, _MOST_BITS = 12, 60, 200  # of a word as it is recorded


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
        command.id, command.kind, command.by, command.via, _kept(command.arguments), accepted=not reason, reason=reason
    )


def _kept(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments as they are recorded, also of a word that is refused: few, short and flat."""
    return {name[:_MOST_NAME]: _short(value) for name, value in list(arguments.items())[:_MOST_ARGUMENTS]}


def _short(value: Any) -> Any:
    if isinstance(value, str):
        return value[:_MOST_WORDS]
    if value is None or isinstance(value, bool | float | Decimal):
        return value
    if isinstance(value, int):
        return value if value.bit_length() <= _MOST_BITS else "a huge number"
    return reprlib.repr(value)


def is_about_the_same(before: Run, now: Run, command: RunCommand) -> bool:
    """Return whether somebody who saw the run as it was `before` saw what the command decides as it is `now`.

    To pause or stop a run is meant whatever became of it.
    """
    return _matter(before, command) == _matter(now, command)


def _matter(run: Run, command: RunCommand) -> tuple[object, ...]:
    match command.kind:
        case RunCommandKind.APPROVE | RunCommandKind.REFUSE | RunCommandKind.RESOLVE:
            named = [call for call in run.open_calls if call.key == command.arguments.get("call")]
            return (_why_over(run), *((call.state, call.about) for call in named))
        case RunCommandKind.EXTEND:
            return (run.status, run.stop_asked, run.limits)
        case RunCommandKind.RESUME:
            return (run.status, run.why)
        case RunCommandKind.PAUSE | RunCommandKind.STOP:
            return ()


def admitted_commands(run: Run) -> list[RunCommandKind]:
    """Return what can be said to the run as a whole as it stands now."""
    tried: dict[RunCommandKind, Mapping[str, Any]] = {
        RunCommandKind.PAUSE: {},
        RunCommandKind.RESUME: {},
        RunCommandKind.STOP: {},
        RunCommandKind.EXTEND: {"steps": 1},
    }
    return [kind for kind, arguments in tried.items() if not _ADMIT[kind](run, arguments)]


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


def _why_over(run: Run) -> str:
    """Return why nothing of a run goes on, "" where something may."""
    if run.status.is_end:
        return f"the run is {run.status}"
    return f"{run.stop_asked} stopped it before" if run.stop_asked else ""


def _admit_approve(run: Run, arguments: Mapping[str, Any]) -> str:
    call = _why_over(run) or _call(run, arguments, CallState.WAITING)
    if isinstance(call, str):
        return call
    return "" if arguments.get("about") == call.about else "it is about another call than the one that waits now"


def _admit_refuse(run: Run, arguments: Mapping[str, Any]) -> str:
    call = _why_over(run) or _call(run, arguments, CallState.WAITING)
    return call if isinstance(call, str) else ""


def _admit_resolve(run: Run, arguments: Mapping[str, Any]) -> str:
    call = _call(run, arguments, CallState.IN_DOUBT)
    if isinstance(call, str):
        return call
    return "" if arguments.get("verdict") in {"done", "not_done"} else "verdict is done or not_done"


def _admit_pause(run: Run, _: Mapping[str, Any]) -> str:
    return _why_over(run) or ("the run is paused" if run.status is RunStatus.PAUSED else "")


def _admit_resume(run: Run, _: Mapping[str, Any]) -> str:
    return "" if run.status is RunStatus.PAUSED else f"the run is {run.status}, not paused"


def _admit_stop(run: Run, _: Mapping[str, Any]) -> str:
    return _why_over(run)


_EXTENDED = ("steps", "seconds", "tokens", "dollars", "memory_mb")
_WHOLE = {"steps", "tokens", "memory_mb"}


def _admit_extend(run: Run, arguments: Mapping[str, Any]) -> str:
    if run.status is RunStatus.COMPLETED or run.misfit:
        return run.misfit or "the run is completed"
    if not run.status.is_end and run.stop_asked:
        return f"{run.stop_asked} stopped it; extend it once it is stopped"
    if run.status.is_end and not any(_goes_on(job) for job in run.jobs.values()):
        return "a condition ended it, not a limit: nothing of it would go on"
    if unknown := sorted(arguments.keys() - set(_EXTENDED)):
        return f"there is no limit {unknown[0]!r:.60}; a run is extended by {', '.join(_EXTENDED)}"
    if not arguments or not all(_is_amount(name, value) for name, value in arguments.items()):
        return f"name what is added, above 0: {', '.join(_EXTENDED)}; steps and tokens are whole numbers"
    return ""


def _is_amount(name: str, value: Any) -> bool:
    """Return whether a limit can be extended by it."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return False
    try:
        amount = Decimal(str(value))
    except (ArithmeticError, ValueError):
        return False
    return amount.is_finite() and 0 < amount <= MOST and (name not in _WHOLE or amount == int(amount))


def _approve(run: Run, event: RunCommanded) -> Run:
    return run.with_call(event.arguments["call"], lambda call: replace(call, state=CallState.ALLOWED))


def _refuse(run: Run, event: RunCommanded) -> Run:
    told = f"{event.by} refused this call{_words(event.arguments.get('reason'))}"
    return _settled(run, event.arguments["call"], CallState.REFUSED, told)


def _words(said: Any) -> str:
    return f": {str(said)[:_MOST_WORDS]}" if said else "."


def _settled(run: Run, key: str, state: CallState, told: str) -> Run:
    """Return the run after a person said what came of a call: the model reads it as its result."""
    result = body_of(told)
    run = run.with_call(key, lambda call: replace(call, state=state, result=result))
    job = run.jobs[run.job_of_call(key)]
    return run.with_job(replace(job, calls=job.calls + 1, history_bytes=job.history_bytes + result.size))


def _resolve(run: Run, event: RunCommanded) -> Run:
    if event.arguments["verdict"] == "not_done":
        return run.with_call(
            event.arguments["call"], lambda call: replace(call, state=CallState.ALLOWED, was_doubted=True)
        )
    told = f"{event.by} looked and says that it was carried out{_words(event.arguments.get('note'))}"
    return _settled(run, event.arguments["call"], CallState.DONE, told)


def _pause(run: Run, event: RunCommanded) -> Run:
    return replace(run, status=RunStatus.PAUSED, why=f"paused by {event.by}", paused_by=event.by)


def _resume(run: Run, _: RunCommanded) -> Run:
    jobs = {name: replace(job, outages=0, ask_after=0.0) for name, job in run.jobs.items()}
    return replace(run, status=RunStatus.RUNNING, why="", paused_by="", jobs=jobs)


def _stop(run: Run, event: RunCommanded) -> Run:
    status = RunStatus.RUNNING if run.status is RunStatus.PAUSED else run.status
    return replace(run, status=status, why="", paused_by="", stop_asked=event.by)


def _extend(run: Run, event: RunCommanded) -> Run:
    added = {name: Decimal(str(value)) for name, value in event.arguments.items()}
    jobs = {name: _extended_job(job, int(added.get("steps", 0))) for name, job in run.jobs.items()}
    run = replace(run, limits=_extended(run.limits, added), jobs=jobs)
    if run.paused_by:  # whoever paused it resumes it
        return run
    return replace(run, status=RunStatus.RUNNING, why="", stop_asked="", crashes=0, answer=Body())


def _extended(limits: RunLimits, added: Mapping[str, Decimal]) -> RunLimits:
    """Return the limits with what is added; what had no limit has none now."""
    units: dict[str, Callable[[Decimal], Any]] = {"steps": int, "tokens": int, "seconds": float, "dollars": Decimal}
    units["memory_mb"] = int
    known = {name: getattr(limits, name) for name in added if getattr(limits, name) is not None}
    return replace(limits, **{name: before + units[name](added[name]) for name, before in known.items()})


def _goes_on(job: Job) -> bool:
    """Return whether a job that ended, or is about to, has more to do once there is room: no condition stopped it."""
    by_condition = job.stopping is not None and not job.stopping.by_limit
    return not by_condition and job.status is not RunStatus.COMPLETED


def _extended_job(job: Job, steps: int) -> Job:
    """Return a job with more steps, where it has a limit of its own: reopened where a limit or a person stopped it."""
    if not _goes_on(job):
        return job
    plan = job.plan if job.plan.steps is None else replace(job.plan, steps=job.plan.steps + steps)
    work = replace(job.work, idle=0, dry=0, asked=0, unanswered=0) if job.work is not None else None
    job = replace(job, plan=plan, stopping=None, outages=0, ask_after=0.0, work=work)
    if job.status is RunStatus.RUNNING:
        return job
    job = replace(job, failure="", failures=0, fails_for_good=False)
    return replace(job, status=RunStatus.RUNNING, why="", answer=Body())


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
