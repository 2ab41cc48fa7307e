"""What a person says to a steered run beside allowing calls: another action, other arguments, a look, a way back.

A call that is chosen or edited waits for a word of its own, where its kind does: nothing is sent on an older one.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from stepwarden.runs.recovery import RecoveryKind
from stepwarden.runs.requirements import RequirementState
from stepwarden.runs.run import Checkpoint, Job, Rating, Run, RunStatus
from stepwarden.runs.run_calls import CallKind, CallState, RunCall, body_of
from stepwarden.runs.run_events import RunCommanded
from stepwarden.runs.steered import SteeredPhase, SteeredWork
from stepwarden.runs.steered_fold import call_of

MOST_EDITED_BYTES = 100_000
MOST_WORDS = 2_000
ANSWERS = ("again", "other", "skip")

Admit = Callable[[Run, Mapping[str, Any]], str]
Effect = Callable[[Run, RunCommanded], Run]


def _steered(run: Run) -> tuple[Job, SteeredWork] | None:
    return next(((job, job.work) for job in run.jobs.values() if job.work is not None), None)


def _why_not(run: Run) -> str:
    if _steered(run) is None:
        return "the run is not steered"
    if run.status.is_end:
        return f"the run is {run.status}"
    return f"{run.stop_asked} stopped it before" if run.stop_asked else ""


def _waiting(run: Run, key: Any) -> RunCall | str:
    waiting = [call for call in run.open_calls if call.state is CallState.WAITING]
    named = [call for call in waiting if key in {None, call.key}]
    if len(named) == 1:
        return named[0]
    there = ", ".join(call.key for call in waiting) or "none"
    return f"name one call that waits; there are: {there}"


def _number(value: Any) -> int:
    """Return a whole number, 0 for anything else."""
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value[:9])
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def admit_choose(run: Run, arguments: Mapping[str, Any]) -> str:
    """Return why an alternative cannot be taken in the place of a call that waits, "" where it can."""
    if why := _why_not(run):
        return why
    call = _waiting(run, arguments.get("call"))
    if isinstance(call, str):
        return call
    found = _steered(run)
    assert found is not None
    job, work = found
    number, offered = _number(arguments.get("choice")), work.proposal.alternatives
    free = [str(one) for one in range(1, len(offered) + 1) if one not in work.proposal.used]
    if str(number) not in free:
        return f"choice is the number of an alternative; there are: {', '.join(free) or 'none'}"
    named = {grant.name for grant in job.plan.tools}
    return "" if offered[number - 1].tool in named else f"the run has no tool {offered[number - 1].tool}"


def choose(run: Run, event: RunCommanded) -> Run:
    """Return the run with the alternative in the place of the call that waited."""
    found = _steered(run)
    call = _waiting(run, event.arguments.get("call"))
    assert found is not None
    assert isinstance(call, RunCall)
    job, work = found
    number = _number(event.arguments["choice"])
    action = work.proposal.alternatives[number - 1]
    told = body_of(f"{event.by} chose alternative {number}: {action.tool}")
    proposal = replace(work.proposal, action=action, used=work.proposal.used | {number})
    work = replace(work, proposal=proposal, actions=work.actions + 1, looked=work.looked | {call.key})
    run = run.with_call(call.key, lambda one: replace(one, state=CallState.REFUSED, result=told))
    job = replace(run.jobs[job.id], work=work)
    step = job.steps[-1]
    steps = (*job.steps[:-1], replace(step, calls=(*step.calls, call_of(job, action, work.actions))))
    return run.with_job(replace(job, steps=steps))


def admit_edit(run: Run, arguments: Mapping[str, Any]) -> str:
    """Return why the arguments of a call that waits cannot be these, "" where they can."""
    if why := _why_not(run):
        return why
    call = _waiting(run, arguments.get("call"))
    if isinstance(call, str):
        return call
    given = arguments.get("parameters")
    if not isinstance(given, Mapping):
        return "parameters is needed: a JSON object with all that the tool takes"
    try:
        text = json.dumps(given, allow_nan=False)
    except (TypeError, ValueError):
        return "parameters is no JSON object"
    return "" if len(text) <= MOST_EDITED_BYTES else f"parameters are over {MOST_EDITED_BYTES} bytes"


def edit(run: Run, event: RunCommanded) -> Run:
    """Return the run with other arguments in a call: the word that allows it is asked for anew."""
    call = _waiting(run, event.arguments.get("call"))
    assert isinstance(call, RunCall)
    arguments = json.dumps(event.arguments["parameters"], ensure_ascii=False)
    proposed = replace(call.proposed, arguments=arguments, error="")
    return run.with_call(
        call.key, lambda one: replace(one, proposed=proposed, state=CallState.PROPOSED, about="", until=None)
    )


def admit_analyse(run: Run, _: Mapping[str, Any]) -> str:
    """Return why a run cannot be analysed, "" where it can."""
    found = _steered(run)
    if why := _why_not(run):
        return why
    assert found is not None
    work = found[1]
    if not work.requirements:
        return "its request is not split yet: there is nothing to analyse"
    return f"{work.analysis_asked} asked for that before" if work.analysis_asked else ""


def analyse(run: Run, event: RunCommanded) -> Run:
    """Return the run with an analysis asked for; it rests once that is there."""
    found = _steered(run)
    assert found is not None
    job, work = found
    run = replace(run, status=RunStatus.RUNNING, why="", paused_by="")
    return run.with_job(replace(job, work=replace(work, analysis_asked=event.by)))


def admit_answer(run: Run, arguments: Mapping[str, Any]) -> str:
    """Return why a question is not answered by this, "" where it is."""
    found = _steered(run)
    if why := _why_not(run):
        return why
    assert found is not None
    if found[1].question is None:
        return "nothing was asked"
    return "" if arguments.get("choice") in ANSWERS else f"choice is one of {', '.join(ANSWERS)}"


def answer(run: Run, event: RunCommanded) -> Run:
    """Return the run as a person's answer lets it go on: the same once more, otherwise, or without."""
    found = _steered(run)
    assert found is not None
    job, work = found
    said = str(event.arguments.get("reason") or "")[:MOST_WORDS]
    told = (*work.told, f"{event.by} says: {said}") if said else work.told
    work = replace(work, question=None, told=told)
    choice, recovery = event.arguments["choice"], work.recovery
    if choice == "again" and recovery is not None:
        return run.with_job(replace(job, work=replace(work, recovery=replace(recovery, kind=RecoveryKind.RETRY))))
    work = replace(work, recovery=None, phase=SteeredPhase.INSIGHTS)
    if choice == "skip" and work.proposal.action is not None:
        given_up = work.proposal.action.requirements
        requirements = tuple(
            replace(one, state=RequirementState.IMPOSSIBLE, why=f"{event.by} gave it up")
            if one.id in given_up and one.is_open
            else one
            for one in work.requirements
        )
        work = replace(work, requirements=requirements)
    return run.with_job(replace(job, work=work))


def admit_checkpoint(run: Run, _: Mapping[str, Any]) -> str:
    """Return why no checkpoint can be set, "" where one can."""
    return _why_not(run)


def checkpoint(run: Run, event: RunCommanded) -> Run:
    """Return the run with a point to which it can go back."""
    number = sum(bool(point.by) for point in run.checkpoints.values()) + 1
    note = str(event.arguments.get("reason") or "")[:MOST_WORDS]
    point = Checkpoint(f"c{number}", run.version, run.seen_at, run.jobs, run.state, note, event.by)
    return replace(run, checkpoints={**run.checkpoints, point.id: point})


_NOT_MADE = {CallState.PROPOSED, CallState.WAITING, CallState.ALLOWED, CallState.REFUSED}


def admit_restore(run: Run, arguments: Mapping[str, Any]) -> str:
    """Return why a run cannot go back to a checkpoint, "" where it can."""
    if _steered(run) is None:
        return "the run is not steered"
    if run.stop_asked and not run.status.is_end:
        return f"{run.stop_asked} stopped it before"
    if run.misfit:
        return run.misfit
    if arguments.get("choice") not in run.checkpoints:
        return f"choice names a checkpoint; there are: {', '.join(run.checkpoints) or 'none'}"
    unknown = [call.key for call in run.open_calls if call.state in {CallState.SENT, CallState.IN_DOUBT}]
    if unknown:
        return f"first it has to be known what became of {unknown[0]}"
    made = _made_since(run, run.checkpoints[arguments["choice"]])
    return f"{made[0]} was open there and was made since, so it would be made again; go back further" if made else ""


def _made_since(run: Run, point: Checkpoint) -> list[str]:
    """Return the calls that were open at a checkpoint and that were sent or settled since."""
    calls = [call for job in run.jobs.values() for step in job.steps for call in step.calls]
    now = {**run.superseded, **{call.key: call for call in calls}}
    was_open = [call for job in point.jobs.values() for call in job.open_calls]
    return [call.key for call in was_open if call.key in now and now[call.key].state not in _NOT_MADE]


def restore(run: Run, event: RunCommanded) -> Run:
    """Return the run as it was at a checkpoint: what came after is superseded, and what was changed stands."""
    point = run.checkpoints[event.arguments["choice"]]
    kept = {call.key for job in point.jobs.values() for step in job.steps for call in step.calls}
    calls = [call for job in run.jobs.values() for step in job.steps for call in step.calls]
    known = {**run.superseded, **{call.key: call for call in calls}}
    superseded = {key: call for key, call in known.items() if key not in kept}  # a later one may have them again
    lost = run.reserved
    jobs = {name: _restored(job, run.jobs[name]) for name, job in point.jobs.items()}
    checkpoints = {name: one for name, one in run.checkpoints.items() if one.version <= point.version or one.by}
    return replace(
        run,
        jobs=jobs,
        state=point.state,
        checkpoints=checkpoints,
        superseded=superseded,
        spent=run.spent + lost,
        status=RunStatus.RUNNING,
        why="",
        paused_by="",
        stop_asked="",
        answer=body_of(""),
    )


def _restored(job: Job, now: Job) -> Job:
    """Return a job as it was, but for what must never be given twice: numbers of questions and of calls.

    A result that was found invalid stays so.
    """
    assert job.work is not None
    assert now.work is not None
    invalid = job.work.invalid | now.work.invalid
    work = replace(job.work, actions=now.work.actions, invalid=invalid, asked=0, analysis_asked="")
    return replace(job, questions=now.questions, question=None, failures=0, failure="", failure_kind="", work=work)


def standing_changes(run: Run) -> list[RunCall]:
    """Return the calls that were superseded by a restoration, and whose changes stand."""
    changing = {CallKind.WRITE, CallKind.DESTRUCTIVE}
    return [call for call in run.superseded.values() if call.kind in changing and call.state is CallState.DONE]


def admit_rate(_: Run, arguments: Mapping[str, Any]) -> str:
    """Return why a rating is none, "" where it is one."""
    return "" if 1 <= _number(arguments.get("choice")) <= 5 else "choice is 1 to 5 stars"


def rate(run: Run, event: RunCommanded) -> Run:
    """Return the run with what a person thinks of it; the last rating counts."""
    text = str(event.arguments.get("reason") or "")[:MOST_WORDS]
    return replace(run, rating=Rating(_number(event.arguments["choice"]), text, event.by))
