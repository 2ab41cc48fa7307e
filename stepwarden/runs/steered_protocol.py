"""What is next in a steered job: the order of its iterations, who answers each ability, and what a fault leads to.

Analyse, optimise (from the second iteration on), suggest, choose, call, validate, recover, insights, completion. What
rules answer decisively costs no question; what a model does not answer, a rule does, and says so.
"""

from collections.abc import Callable
from dataclasses import dataclass

from stepwarden.runs import steered_rules as rules
from stepwarden.runs.recovery import (
    FaultClass,
    FaultLevel,
    RecoveryKind,
    backoff_s,
    fault_of,
    ladder,
    recovery_at,
)
from stepwarden.runs.run import Job, Run, RunStatus
from stepwarden.runs.run_calls import CallState, RunCall, body_of
from stepwarden.runs.run_events import JobEnded, RunEvent
from stepwarden.runs.steered import (
    IDLE_ITERATIONS,
    LEAN_QUESTIONS,
    AbilityName,
    Depth,
    ProposedAction,
    SteeredPhase,
    SteeredWork,
)
from stepwarden.runs.steered_events import ActionChosen, ActionProposed, PersonUnanswered, RecoveryTried
from stepwarden.runs.steered_fold import fingerprint_of

INVALID = "invalid_answer"
_TRANSIENT = {"network", "timeout", "server", "rate_limit", "given_up", "lost"}
DRY_SUGGESTIONS = 2


@dataclass(frozen=True, slots=True)
class SteeredStep:
    """What is next: events to record, or an ability to ask a model for, or a time to wait for.

    `begins` says that an iteration is about to begin: limits and conditions are looked at before.
    """

    events: tuple[RunEvent, ...] = ()
    ability: AbilityName | None = None
    wake_at: float | None = None
    begins: bool = False


def next_step(run: Run, job: Job, now: float) -> SteeredStep:
    """Return what is next in a steered job without a question or a call under way."""
    work = _work(job)
    if work.analysis_asked:
        return _ability(run, job, now, AbilityName.ANALYSE)
    if work.question is not None:
        if work.question.until is not None and now >= work.question.until:
            return SteeredStep((PersonUnanswered(job.id, work.question.id),))
        return SteeredStep(wake_at=work.question.until)
    return _NEXT[work.phase](run, job, now)


def _ability(run: Run, job: Job, now: float, name: AbilityName) -> SteeredStep:
    """Ask a model; where it failed, try again after a pause, or let a rule answer."""
    if not job.failures:
        return SteeredStep(ability=name)
    work, why = _work(job), f"the model gave no usable answer: {job.failure}"[:300]
    place = f"{FaultClass.AI_SERVICE}/{FaultLevel.AI}"
    done = work.rungs.get(place, 0)
    if job.failure_kind == INVALID or job.fails_for_good or job.failure_kind not in _TRANSIENT:
        return _by_rule(run, job, name, why)
    if done >= job.failures:  # what was decided about this failure is waited for
        until = work.recovery.until if work.recovery is not None else None
        return SteeredStep(wake_at=until) if until is not None and now < until else SteeredStep(ability=name)
    kind = recovery_at(FaultClass.AI_SERVICE, FaultLevel.AI, done)
    if kind is not RecoveryKind.RETRY:
        return _by_rule(run, job, name, why)
    until = now + backoff_s(done)
    tried = RecoveryTried(job.id, "", FaultClass.AI_SERVICE, FaultLevel.AI, kind, done, until, why)
    return SteeredStep((tried,))


def _by_rule(run: Run, job: Job, name: AbilityName, note: str) -> SteeredStep:
    work = _work(job)
    match name:
        case AbilityName.SPLIT:
            return SteeredStep((rules.split(run, job, note),))
        case AbilityName.ANALYSE:
            return SteeredStep((rules.analysis(run, job, note, is_asked=bool(work.analysis_asked)),))
        case AbilityName.OPTIMISE:
            return SteeredStep((rules.strategy(run, job, note),))
        case AbilityName.SUGGEST:
            found = rules.suggestion(run, job, note)
            if found is None:
                why = f"no model says what to do: {job.failure}; {rules.why_ended(work, '')}"
                return SteeredStep((JobEnded(job.id, RunStatus.FAILED, why, body_of(rules.summary(job))),))
            return SteeredStep((found,))
        case AbilityName.VALIDATE:
            return SteeredStep((rules.validation(run, job, note),))
        case AbilityName.INSIGHTS | AbilityName.RECOVER:
            return SteeredStep((rules.insights(run, job, note),))
        case AbilityName.COMPLETION:
            return SteeredStep((rules.judgement(run, job, answers=False),))


def _may_ask(work: SteeredWork) -> bool:
    """Return whether one more question fits into this iteration."""
    return work.depth is Depth.FULL or work.asked < LEAN_QUESTIONS


def _split(run: Run, job: Job, now: float) -> SteeredStep:
    return _ability(run, job, now, AbilityName.SPLIT)


def _analyse(run: Run, job: Job, now: float) -> SteeredStep:
    work = _work(job)
    if (ended := _end_of_work(job)) is not None:
        return SteeredStep((ended,))
    if work.depth is Depth.FULL or (work.idle > 0 and not job.failures):
        step = _ability(run, job, now, AbilityName.ANALYSE)
    else:
        step = _by_rule(run, job, AbilityName.ANALYSE, "")
    return SteeredStep(step.events, step.ability, step.wake_at, begins=True)


def _end_of_work(job: Job) -> JobEnded | None:
    """Return the end of a job in which nothing is left that can be done, None where something is."""
    work = _work(job)
    if not any(one.is_open for one in work.requirements):
        nothing = not job.steps
        status = RunStatus.FAILED if nothing else RunStatus.STOPPED
        why = rules.why_ended(work, ": nothing was done" if nothing else "")
    elif work.dry >= DRY_SUGGESTIONS:
        status, why = RunStatus.STOPPED, rules.why_ended(work, f", and nothing is left to do: {work.proposal.reason}")
    elif work.idle >= IDLE_ITERATIONS:
        status, why = RunStatus.STOPPED, rules.why_ended(work, f", and nothing new in {work.idle} iterations")
    else:
        return None
    return JobEnded(job.id, status, why, work.draft if work.draft.text else body_of(rules.summary(job)))


def _optimise(run: Run, job: Job, now: float) -> SteeredStep:
    work = _work(job)
    if rules.is_worse(job):
        return SteeredStep((rules.rollback(job),))
    if work.depth is Depth.FULL or (rules.has_trouble(job) and not work.asked):
        return _ability(run, job, now, AbilityName.OPTIMISE)
    return _by_rule(run, job, AbilityName.OPTIMISE, "")


def _suggest(run: Run, job: Job, now: float) -> SteeredStep:
    return _ability(run, job, now, AbilityName.SUGGEST)


def _choose(run: Run, job: Job, _: float) -> SteeredStep:
    work = _work(job)
    proposal = work.proposal
    assert proposal.action is not None
    if fingerprint_of(proposal.action.tool, proposal.action.arguments) == work.failed:
        note = f"{proposal.action.tool} failed so just now: the same call is not sent again"
        other = rules.suggestion(run, job, note) or ActionProposed(job.id, reason=note, note=note)
        return SteeredStep((other,))
    return SteeredStep((ActionChosen(job.id, (proposal.action, *proposal.also)),))


def _validate(run: Run, job: Job, now: float) -> SteeredStep:
    work = _work(job)
    if (work.depth is Depth.LEAN and rules.is_decided(job)) or not _may_ask(work):
        return _by_rule(run, job, AbilityName.VALIDATE, "")
    return _ability(run, job, now, AbilityName.VALIDATE)


def _recover(run: Run, job: Job, now: float) -> SteeredStep:
    work, call = _work(job), failing_call(job)
    if call is None:
        return _insights(run, job, now)
    waiting = work.recovery
    if waiting is not None and waiting.kind is RecoveryKind.RETRY and waiting.call == call.key:
        if waiting.until is not None and now < waiting.until:
            return SteeredStep(wake_at=waiting.until)
        again = ProposedAction(call.tool, call.proposed.arguments, "Once more, as it was.")
        return SteeredStep((ActionChosen(job.id, (again,), "retry"),))
    if work.depth is Depth.FULL and work.phase is SteeredPhase.RECOVER and not job.failures:
        return SteeredStep(ability=AbilityName.RECOVER)
    return SteeredStep(_rung(run, job, call, now))


def failing_call(job: Job) -> RunCall | None:
    """Return the call that a recovery is about: the last of the step whose result holds for nothing."""
    work, step = _work(job), job.current
    bad = [call for call in step.calls if call.key in work.invalid] if step is not None else []
    return next((call for call in reversed(bad) if call.state is not CallState.REFUSED), None)


def _rung(run: Run, job: Job, call: RunCall, now: float) -> tuple[RunEvent, ...]:
    """Return the next rung for a call, and what it begins."""
    work = _work(job)
    level = FaultLevel.ACTION if call.state is CallState.FAILED else FaultLevel.VALIDATION
    fault = fault_of(call.result.text) if level is FaultLevel.ACTION else FaultClass.DATA
    rung, kinds = work.rungs.get(f"{fault}/{level}", 0), ladder(fault, level)
    while kinds[min(rung, len(kinds) - 1)] is RecoveryKind.RETRY and not call.kind.may_be_repeated:
        rung += 1
    kind = recovery_at(fault, level, rung)
    said = " ".join(call.result.text.split())[:200]
    tried = RecoveryTried(job.id, call.key, fault, level, kind, rung)
    match kind:
        case RecoveryKind.RETRY:
            return (_with(tried, f"{call.tool} is called once more: {said}", now + backoff_s(rung)),)
        case RecoveryKind.ALTERNATIVE:
            found = rules.suggestion(run, job, "")
            if found is not None and found.action is not None:
                number = work.proposal.alternatives.index(found.action) + 1
                told = _with(tried, f"{call.tool} failed ({said}); an alternative is tried")
                return told, ActionChosen(job.id, (found.action,), "alternative", number)
            return (_with(tried, f"{call.tool} failed: {said}. Send other parameters, or take another tool."),)
        case RecoveryKind.SIMPLER:
            return (_with(tried, f"{call.tool} is not offered any more: it failed again and again."),)
        case RecoveryKind.ASK:
            seconds = run.limits.question_seconds
            until = None if seconds is None else now + seconds
            return (_with(tried, f"{call.tool} failed ({fault.replace('_', ' ')}): {said}. What now?", until),)
        case RecoveryKind.LESS:
            return (_with(tried, f"given up after {call.tool} failed: {said}"),)


def _with(tried: RecoveryTried, text: str, until: float | None = None) -> RecoveryTried:
    return RecoveryTried(
        tried.job, tried.call, tried.fault, tried.level, tried.recovery, tried.rung, until=until, text=text
    )


def _insights(run: Run, job: Job, now: float) -> SteeredStep:
    if _work(job).depth is Depth.FULL:
        return _ability(run, job, now, AbilityName.INSIGHTS)
    return _by_rule(run, job, AbilityName.INSIGHTS, "")


def _completion(run: Run, job: Job, now: float) -> SteeredStep:
    work = _work(job)
    asks = work.depth is Depth.FULL or work.proposal.action is None
    asks = asks or rules.has_found_all(rules.judged_requirements(run, job))
    if asks and _may_ask(work):
        return _ability(run, job, now, AbilityName.COMPLETION)
    return SteeredStep((rules.judgement(run, job),))


def _judge(run: Run, job: Job, _: float) -> SteeredStep:
    return SteeredStep((rules.judgement(run, job, claimed=_work(job).claims_complete),))


def _end(_: Run, job: Job, __: float) -> SteeredStep:
    work = _work(job)
    answer = work.draft if work.draft.text.strip() else body_of(rules.summary(job))
    return SteeredStep((JobEnded(job.id, RunStatus.COMPLETED, "", answer),))


_NEXT: dict[SteeredPhase, Callable[[Run, Job, float], SteeredStep]] = {
    SteeredPhase.SPLIT: _split,
    SteeredPhase.ANALYSE: _analyse,
    SteeredPhase.OPTIMISE: _optimise,
    SteeredPhase.SUGGEST: _suggest,
    SteeredPhase.CHOOSE: _choose,
    SteeredPhase.VALIDATE: _validate,
    SteeredPhase.RECOVER: _recover,
    SteeredPhase.ADVISED: _recover,
    SteeredPhase.INSIGHTS: _insights,
    SteeredPhase.COMPLETION: _completion,
    SteeredPhase.JUDGE: _judge,
    SteeredPhase.END: _end,
}


def _work(job: Job) -> SteeredWork:
    assert job.work is not None
    return job.work
