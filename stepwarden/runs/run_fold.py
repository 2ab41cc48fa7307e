"""The fold: what a run is after one more event. Deterministic, and free of decisions."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from stepwarden.runs.limits import NOTHING
from stepwarden.runs.run import AgentStep, CommandRecord, Job, OpenQuestion, Run, RunStatus
from stepwarden.runs.run_calls import CallKind, CallState, ProposedCall, RunCall
from stepwarden.runs.run_commands import command_effect
from stepwarden.runs.run_events import (
    ApprovalAsked,
    CallDoubted,
    CallEnded,
    CallSent,
    DoubtSettled,
    JobEnded,
    JobsPlanned,
    JobStopping,
    QuestionAnswered,
    QuestionAsked,
    RunAttached,
    RunCommanded,
    RunEnded,
    RunEvent,
    RunPaused,
    RunStarted,
    StateChanged,
)
from stepwarden.runs.stop_notation import parse_condition
from stepwarden.runs.workflow_state import WorkflowState


def fold_run(run: Run, events: Iterable[tuple[RunEvent, float]]) -> Run:
    """Return the run after all of `events`, each with its time in unix seconds."""
    for event, at in events:
        run = apply_to_run(run, event, at)
    return run


def apply_to_run(run: Run, event: RunEvent, at: float) -> Run:
    """Return the run after `event` at the time `at`; its version goes up by one."""
    run = replace(_timed(run, event, at), version=run.version + 1, seen_at=at)
    run = _APPLY[type(event)](run, event)
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
        plan.id: Job(plan, stop=parse_condition(plan.stop) if plan.stop is not None else None) for plan in event.jobs
    }
    notes = (*run.notes, event.reason) if event.reason else run.notes
    return replace(run, jobs={**run.jobs, **added}, notes=notes)


def _attached(run: Run, event: RunAttached) -> Run:
    return replace(run, driver=event.driver)


def _asked(run: Run, event: QuestionAsked) -> Run:
    job = run.jobs[event.job]
    lost = job.question.reserved if job.question is not None else NOTHING  # asked, and whoever asked is gone: charged
    question = OpenQuestion(
        event.key, event.attempt, event.reserved, event.prompt_tokens, event.is_last_turn, event.notice
    )
    asked = job.questions + (event.attempt == 1)
    run = replace(run, spent=run.spent + lost)
    return run.with_job(replace(job, question=question, questions=asked))


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
        fatal, text = job.fails_for_good or event.failure.fatal, event.failure.text
        failed = replace(job, question=None, failure=text, failures=job.failures + 1, fails_for_good=fatal)
        return run.with_job(failed)
    kinds = {grant.name: grant.kind for grant in job.plan.tools}
    calls = tuple(_proposed(f"{event.key}/{n}", call, kinds) for n, call in enumerate(event.calls, start=1))
    last = job.question.is_last_turn
    step = AgentStep(len(job.steps) + 1, event.text, calls, event.spent, event.seconds, event.matched, last, event.kept)
    said = event.text.size + sum(len(f"{call.tool}{call.arguments}".encode()) for call in event.calls)
    job = replace(job, question=None, failure="", failures=0, steps=(*job.steps, step))
    job = replace(job, matched=job.matched.union(event.matched), history_bytes=job.history_bytes + said)
    return run.with_job(replace(job, last_turns=job.last_turns + last))


def _proposed(key: str, call: ProposedCall, kinds: dict[str, CallKind]) -> RunCall:
    return RunCall(key, call, kinds.get(call.tool, CallKind.LOCAL))


def _approval_asked(run: Run, event: ApprovalAsked) -> Run:
    return run.with_call(event.call, lambda call: replace(call, state=CallState.WAITING, about=event.about))


def _sent(run: Run, event: CallSent) -> Run:
    return run.with_call(event.call, lambda call: replace(call, state=CallState.SENT, sends=call.sends + 1, doubt=""))


def _call_ended(run: Run, event: CallEnded) -> Run:
    state = CallState.REFUSED if event.refused else CallState.FAILED if event.failed else CallState.DONE
    result, seconds, matched = event.result, event.seconds, event.matched
    run = run.with_call(
        event.call, lambda call: replace(call, state=state, result=result, seconds=seconds, matched=matched)
    )
    job = run.jobs[run.job_of_call(event.call)]
    job = replace(job, calls=job.calls + 1, call_errors=job.call_errors + event.failed)
    shown = job.history_bytes + event.result.size
    return run.with_job(replace(job, history_bytes=shown, matched=job.matched.union(event.matched)))


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


_APPLY: dict[type[Any], Callable[[Run, Any], Run]] = {
    RunStarted: _started,
    JobsPlanned: _planned,
    RunAttached: _attached,
    QuestionAsked: _asked,
    QuestionAnswered: _answered,
    ApprovalAsked: _approval_asked,
    CallSent: _sent,
    CallEnded: _call_ended,
    CallDoubted: _doubted,
    DoubtSettled: _settled,
    StateChanged: _state_changed,
    RunCommanded: _commanded,
    JobStopping: _stopping,
    RunPaused: _paused,
    JobEnded: _job_ended,
    RunEnded: _ended,
}
