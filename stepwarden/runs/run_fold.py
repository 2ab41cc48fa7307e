"""The fold: what a run is after one more event. Deterministic, and free of decisions."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, cast

from stepwarden.runs.limits import NOTHING
from stepwarden.runs.run import AgentStep, CommandRecord, Job, OpenQuestion, Run, RunStatus
from stepwarden.runs.run_calls import CallKind, CallState, ProposedCall, RunCall
from stepwarden.runs.run_commands import command_effect
from stepwarden.runs.run_events import (
    ApprovalAsked,
    CallDoubted,
    CallEnded,
    CallReserved,
    CallSent,
    DoubtSettled,
    FailedAnswer,
    JobEnded,
    JobsPlanned,
    JobStopping,
    QuestionAnswered,
    QuestionAsked,
    RunAttached,
    RunCommanded,
    RunCrashed,
    RunEnded,
    RunEvent,
    RunPaused,
    RunStarted,
    StateChanged,
)
from stepwarden.runs.steered import SteeredWork
from stepwarden.runs.steered_events import SteeredEvent
from stepwarden.runs.steered_fold import apply_to_steered
from stepwarden.runs.stop_notation import parse_condition
from stepwarden.runs.workflow_state import WorkflowState

_MISFITS = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)

FIRST_PAUSE_S, MOST_PAUSE_S = 2.0, 60.0
"""How long a model is not asked after an outage; the first is doubled with each that follows."""


def fold_run(run: Run, events: Iterable[tuple[RunEvent, float]]) -> Run:
    """Return the run after all of `events`, each with its time in unix seconds.

    One that does not fit changes nothing else: the run then ends with what it has, and names it.
    """
    for event, at in events:
        try:
            run = apply_to_run(run, event, at)
        except _MISFITS as error:
            misfit = f"its event {run.version + 1} does not fit what was recorded before ({type(error).__name__})"
            run = replace(run, version=run.version + 1, seen_at=at, misfit=run.misfit or misfit)
    return run


def apply_to_run(run: Run, event: RunEvent, at: float) -> Run:
    """Return the run after `event` at the time `at`; its version goes up by one."""
    run = replace(_timed(run, event, at), version=run.version + 1, seen_at=at)
    change = _APPLY.get(type(event))
    run = change(run, event) if change is not None else apply_to_steered(run, cast("SteeredEvent", event))
    return replace(run, working_since=at if run.is_under_way else None)


def _timed(run: Run, event: RunEvent, at: float) -> Run:
    """Count the time since the event before: a command comes whether or not somebody drives, so it proves no work."""
    passed = run.working_seconds(at) - run.worked
    match event:
        case RunStarted() | RunAttached():
            return replace(run, unconfirmed=0.0)
        case RunCommanded():
            return replace(run, unconfirmed=passed)
        case _:
            return replace(run, worked=run.worked + passed, unconfirmed=0.0)


def _started(run: Run, event: RunStarted) -> Run:
    return replace(
        run,
        request=event.request,
        by=event.by,
        via=event.via,
        limits=event.limits,
        approval=event.approval,
        pauses_at_limits=event.pauses_at_limits,
        directory=event.directory,
        is_local=event.is_local,
        thread=event.thread,
        metadata=event.metadata,
        state=WorkflowState(started=run.seen_at, updated=run.seen_at),
    )


def _planned(run: Run, event: JobsPlanned) -> Run:
    added = {
        plan.id: Job(
            plan,
            stop=parse_condition(plan.stop) if plan.stop is not None else None,
            work=SteeredWork(plan.depth) if plan.depth is not None else None,
        )
        for plan in event.jobs
    }
    notes = (*run.notes, event.reason) if event.reason else run.notes
    return replace(run, jobs={**run.jobs, **added}, notes=notes)


def _attached(run: Run, event: RunAttached) -> Run:
    return replace(run, driver=event.driver)


def _asked(run: Run, event: QuestionAsked) -> Run:
    job = run.jobs[event.job]
    lost = job.question.reserved if job.question is not None else NOTHING  # asked, and whoever asked is gone: charged
    question = OpenQuestion(
        event.key, event.attempt, event.reserved, event.prompt_tokens, event.is_last_turn, event.notice, event.ability
    )
    asked = job.questions + (event.attempt == 1)
    run = replace(run, spent=run.spent + lost)
    work = job.work
    if work is not None and event.ability and event.attempt == 1:
        work = replace(work, asked=work.asked + 1)
    return run.with_job(replace(job, question=question, questions=asked, work=work))


def _answered(run: Run, event: QuestionAnswered) -> Run:
    job = next((job for job in run.jobs.values() if job.question is not None and job.question.key == event.key), None)
    if job is None or job.question is None:
        return run
    run = replace(
        run,
        spent=run.spent + event.spent,
        overspent=run.overspent + event.spent.above(job.question.reserved),
        unpriced=run.unpriced + (not event.is_priced),
    )
    if event.failure is not None:
        if event.failure.was_cancelled:
            return run.with_job(replace(job, question=None))
        if event.failure.passing:
            return run.with_job(_held_up(job, event.failure, run.seen_at))
        fatal, text = job.fails_for_good or event.failure.fatal, event.failure.text
        kind = event.failure.kind
        failed = replace(job, question=None, failure=text, failure_kind=kind, failures=job.failures + 1)
        return run.with_job(replace(failed, fails_for_good=fatal))
    if job.question.ability:  # what it said has an event of its own
        answered = replace(job, question=None, failure="", failure_kind="", failures=0, outages=0)
        return replace(run, crashes=0).with_job(answered)
    kinds = {grant.name: grant.kind for grant in job.plan.tools}
    calls = tuple(_proposed(f"{event.key}/{n}", call, kinds) for n, call in enumerate(event.calls, start=1))
    run = replace(run, crashes=0)
    last = job.question.is_last_turn
    step = AgentStep(len(job.steps) + 1, event.text, calls, event.spent, event.seconds, event.matched, last, event.kept)
    said = event.text.size + sum(len(f"{call.tool}{call.arguments}".encode()) for call in event.calls)
    job = replace(job, question=None, failure="", failures=0, outages=0, steps=(*job.steps, step))
    job = replace(job, matched=job.matched.union(event.matched), history_bytes=job.history_bytes + said)
    return run.with_job(replace(job, last_turns=job.last_turns + last))


def _held_up(job: Job, failure: FailedAnswer, at: float) -> Job:
    """Return a job whose model is asked again a while later."""
    pause = max(failure.retry_after, min(MOST_PAUSE_S, FIRST_PAUSE_S * 2**job.outages))
    return replace(job, question=None, failure=failure.text, outages=job.outages + 1, ask_after=at + pause)


def _proposed(key: str, call: ProposedCall, kinds: dict[str, CallKind]) -> RunCall:
    return RunCall(key, call, kinds.get(call.tool, CallKind.LOCAL))


def _approval_asked(run: Run, event: ApprovalAsked) -> Run:
    return run.with_call(
        event.call, lambda call: replace(call, state=CallState.WAITING, about=event.about, until=event.until)
    )


def _sent(run: Run, event: CallSent) -> Run:
    return run.with_call(event.call, lambda call: replace(call, state=CallState.SENT, sends=call.sends + 1, doubt=""))


def _reserved(run: Run, event: CallReserved) -> Run:
    lost = next((call.reserved for call in run.open_calls if call.key == event.call), NOTHING)  # with its maker
    run = run.with_call(event.call, lambda call: replace(call, reserved=event.reserved))
    return replace(run, spent=run.spent + lost)


def _call_ended(run: Run, event: CallEnded) -> Run:
    state = CallState.REFUSED if event.refused else CallState.FAILED if event.failed else CallState.DONE
    if event.call in run.superseded:  # by a restoration while it was under way
        return run
    set_aside = next((call.reserved for call in run.open_calls if call.key == event.call), NOTHING)
    run = replace(
        run.with_call(event.call, lambda call: _ended_call(call, event, state)),
        spent=run.spent + event.spent,
        overspent=run.overspent + event.spent.above(set_aside),
        unpriced=run.unpriced + (not event.is_priced),
    )
    job = run.jobs[run.job_of_call(event.call)]
    job = replace(job, calls=job.calls + 1, call_errors=job.call_errors + event.failed)
    shown = job.history_bytes + event.result.size
    return run.with_job(replace(job, history_bytes=shown, matched=job.matched.union(event.matched)))


def _ended_call(call: RunCall, event: CallEnded, state: CallState) -> RunCall:
    return replace(
        call,
        state=state,
        result=event.result,
        seconds=event.seconds,
        matched=event.matched,
        reserved=NOTHING,
        spent=event.spent,
        thread=event.thread,
        summary=event.summary,
        grown_mb=event.grown_mb,
    )


def _doubted(run: Run, event: CallDoubted) -> Run:
    def doubted(call: RunCall) -> RunCall:
        if call.state not in {CallState.SENT, CallState.IN_DOUBT}:  # a person said meanwhile what became of it
            return call
        looks = call.looks + 1 if call.state is CallState.IN_DOUBT else 0
        return replace(call, state=CallState.IN_DOUBT, look_at=event.look_at, looks=looks, doubt=event.why)

    return run.with_call(event.call, doubted)


def _settled(run: Run, event: DoubtSettled) -> Run:
    call = next((one for one in run.open_calls if one.key == event.call), None)
    if call is None or call.state is not CallState.IN_DOUBT:  # a person was first
        return run
    if event.verdict == "not_done":
        return run.with_call(event.call, lambda one: replace(one, state=CallState.ALLOWED, was_doubted=True))
    state = CallState.DONE if event.verdict == "done" else CallState.FAILED
    run = run.with_call(event.call, lambda one: replace(one, state=state, result=event.evidence, doubt=""))
    job = run.jobs[run.job_of_call(event.call)]
    errors, shown = job.call_errors + (state is CallState.FAILED), job.history_bytes + event.evidence.size
    return run.with_job(replace(job, calls=job.calls + 1, call_errors=errors, history_bytes=shown))


def _state_changed(run: Run, event: StateChanged) -> Run:
    return replace(run, state=run.state.changed(event.change, run.seen_at))


def _commanded(run: Run, event: RunCommanded) -> Run:
    record = CommandRecord(event.kind, event.by, event.via, event.accepted, event.reason)
    run = replace(run, commands={**run.commands, event.id: record})
    return command_effect(run, event) if event.accepted else run


def _stopping(run: Run, event: JobStopping) -> Run:
    return run.with_job(replace(run.jobs[event.job], stopping=event.stopping))


def _paused(run: Run, event: RunPaused) -> Run:
    return replace(run, status=RunStatus.PAUSED, why=event.why)


def _job_ended(run: Run, event: JobEnded) -> Run:
    job = run.jobs[event.job]
    return run.with_job(replace(job, status=event.status, why=event.why, answer=event.answer, question=None))


def _ended(run: Run, event: RunEnded) -> Run:
    return replace(run, status=event.status, why=event.why, answer=event.answer)


def _crashed(run: Run, _: RunCrashed) -> Run:
    return replace(run, crashes=run.crashes + 1)


_APPLY: dict[type[Any], Callable[[Run, Any], Run]] = {
    RunStarted: _started,
    JobsPlanned: _planned,
    RunAttached: _attached,
    QuestionAsked: _asked,
    QuestionAnswered: _answered,
    ApprovalAsked: _approval_asked,
    CallSent: _sent,
    CallReserved: _reserved,
    CallEnded: _call_ended,
    CallDoubted: _doubted,
    DoubtSettled: _settled,
    StateChanged: _state_changed,
    RunCommanded: _commanded,
    JobStopping: _stopping,
    RunPaused: _paused,
    JobEnded: _job_ended,
    RunEnded: _ended,
    RunCrashed: _crashed,
}
