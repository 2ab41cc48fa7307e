"""The fold of what the history of a steered job records. Deterministic, and free of decisions."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from stepwarden.runs.recovery import FaultLevel, RecoveryKind
from stepwarden.runs.requirements import Requirement, RequirementState
from stepwarden.runs.run import AgentStep, Checkpoint, Job, Run, RunStatus
from stepwarden.runs.run_calls import CallKind, CallState, ProposedCall, RunCall, body_of
from stepwarden.runs.steered import (
    ActionProposal,
    AnsweredBy,
    PersonQuestion,
    ProposedAction,
    Recovery,
    SteeredPhase,
    SteeredWork,
    Strategy,
    Understanding,
)
from stepwarden.runs.steered_events import (
    ActionChosen,
    ActionProposed,
    CompletionClaimed,
    CompletionJudged,
    ContextAnalysed,
    InsightsGained,
    PersonUnanswered,
    RecoveryAdvised,
    RecoveryTried,
    RequirementsSplit,
    ResultValidated,
    SteeredEvent,
    StrategySet,
)

MOST_TOLD = 8
MOST_INSIGHTS = 40


def apply_to_steered(run: Run, event: SteeredEvent) -> Run:
    """Return the run after an event of a steered job; an answer to a question that nobody asks any more is nothing."""
    job = run.jobs[event.job]
    key, by = getattr(event, "key", ""), getattr(event, "by", None)
    if job.work is None or (key and (job.question is None or job.question.key != key)):
        return run
    work = _APPLY[type(event)](job, job.work, event)
    if by is AnsweredBy.MODEL:
        rungs = {place: rung for place, rung in work.rungs.items() if not place.endswith(f"/{FaultLevel.AI}")}
        work = replace(work, answered=work.answered + 1, unanswered=0, rungs=rungs, recovery=None)
    elif by is AnsweredBy.RULE:
        work = replace(work, by_rule=work.by_rule + 1, unanswered=work.unanswered + bool(job.failures), recovery=None)
        job = replace(job, failures=0, failure="", failure_kind="", fails_for_good=False)
    elif isinstance(event, RecoveryTried) and event.level is not FaultLevel.AI:  # also where advice failed
        job = replace(job, failures=0, failure="", failure_kind="", fails_for_good=False)
    if note := getattr(event, "note", ""):
        work = replace(work, notes=(*work.notes, note)[-MOST_TOLD:])
    job = replace(job, work=work)
    if isinstance(event, ActionChosen):
        return run.with_job(_with_step(job, event))
    if isinstance(event, ContextAnalysed) and event.is_asked:
        before = run.jobs[event.job].work
        by_whom = before.analysis_asked if before is not None else ""
        run = replace(run, status=RunStatus.PAUSED, why=f"analysed for {by_whom}", paused_by=by_whom)
    run = run.with_job(job)
    begins = work.phase is SteeredPhase.ANALYSE and not isinstance(event, ContextAnalysed)
    return _with_checkpoint(run, f"i{work.iteration}") if begins else run


def _with_checkpoint(run: Run, name: str) -> Run:
    """Return the run with a point to go back to; it shares what does not change."""
    point = Checkpoint(name, run.version, run.seen_at, run.jobs, run.state)
    return replace(run, checkpoints={**run.checkpoints, name: point})


def _split(_: Job, work: SteeredWork, event: RequirementsSplit) -> SteeredWork:
    return replace(work, requirements=event.requirements, plan=event.plan, phase=SteeredPhase.ANALYSE)


def _analysed(_: Job, work: SteeredWork, event: ContextAnalysed) -> SteeredWork:
    understanding = Understanding(
        event.understanding, event.remaining, event.confidence, event.challenges, event.opportunities
    )
    work = replace(work, understanding=understanding, claims=(*work.claims, *event.accomplished))
    if event.is_asked:  # beside the order of the iteration
        return replace(work, analysis_asked="")
    return replace(work, phase=SteeredPhase.OPTIMISE if work.iteration > 1 else SteeredPhase.SUGGEST)


def _strategy(job: Job, work: SteeredWork, event: StrategySet) -> SteeredWork:
    work = replace(work, phase=SteeredPhase.SUGGEST)
    if not event.changes:
        return work
    if event.rolls_back:
        former = work.former or Strategy()
        return replace(work, strategy=replace(former, version=work.strategy.version + 1), former=None)
    met = sum(one.is_met for one in work.requirements)
    version = work.strategy.version + 1
    strategy = Strategy(
        version, event.order, event.prefer, event.avoid, event.reason, work.iteration, met, job.call_errors
    )
    return replace(work, strategy=strategy, former=work.strategy)


def _proposed(_: Job, work: SteeredWork, event: ActionProposed) -> SteeredWork:
    proposal = ActionProposal(event.action, event.also, event.alternatives, event.contingencies, event.reason)
    if event.action is None:
        return replace(work, proposal=proposal, phase=SteeredPhase.COMPLETION, dry=work.dry + 1, told=())
    return replace(work, proposal=proposal, phase=SteeredPhase.CHOOSE, told=())


def _chosen(_: Job, work: SteeredWork, event: ActionChosen) -> SteeredWork:
    proposal = replace(work.proposal, used=work.proposal.used | ({event.alternative} if event.alternative else set()))
    actions = work.actions + len(event.actions)
    return replace(work, proposal=proposal, actions=actions, phase=SteeredPhase.VALIDATE, recovery=None)


def _with_step(job: Job, event: ActionChosen) -> Job:
    """Return the job with the calls of a chosen action: in a new step, or for a recovery in the one that failed."""
    assert job.work is not None
    first = job.work.actions - len(event.actions) + 1
    calls = tuple(call_of(job, action, number) for number, action in enumerate(event.actions, start=first))
    said = event.actions[0].reasoning
    spoken = job.history_bytes + len(said.encode()) + sum(len(action.arguments.encode()) for action in event.actions)
    job = replace(job, history_bytes=spoken)
    if event.how != "recommended" and job.steps:
        step = job.steps[-1]
        return replace(job, steps=(*job.steps[:-1], replace(step, calls=(*step.calls, *calls))))
    step = AgentStep(len(job.steps) + 1, body_of(said), calls)
    return replace(job, steps=(*job.steps, step))


def call_of(job: Job, action: ProposedAction, number: int) -> RunCall:
    """Return an action as a call of the job, the `number`th of all."""
    kinds = {grant.name: grant.kind for grant in job.plan.tools}
    proposed = ProposedCall(f"a{number}", action.tool, action.arguments)
    return RunCall(f"{job.id}/a{number}", proposed, kinds.get(action.tool, CallKind.LOCAL))


def _validated(job: Job, work: SteeredWork, event: ResultValidated) -> SteeredWork:
    calls = {call.key: call for call in job.steps[-1].calls} if job.steps else {}
    failed = {key for key in event.calls if key in calls and calls[key].state is not CallState.DONE}
    invalid = failed if event.valid else {*event.calls}
    bad = [calls[key] for key in event.calls if key in calls and key in invalid]
    refused = bool(bad) and all(call.state is CallState.REFUSED for call in bad)
    rungs: Mapping[str, int] = work.rungs if invalid else dict[str, int]()
    fresh = any(_is_fresh(job, calls[key]) for key in event.calls if key in calls and key not in invalid)
    return replace(
        work,
        phase=SteeredPhase.RECOVER if bad and not refused else SteeredPhase.INSIGHTS,
        looked=work.looked | {*event.calls},
        invalid=work.invalid | invalid,
        issues=event.issues,
        claims=(*work.claims, *event.claims),
        rungs=rungs,
        failed=fingerprint_of(bad[-1].tool, bad[-1].proposed.arguments) if bad else "",
        told=(*work.told, *event.suggestions)[-MOST_TOLD:],
        has_news=work.has_news or fresh,
        dry=0,
    )


def fingerprint_of(tool: str, arguments: str) -> str:
    """Return what two calls share that are the same action."""
    return f"{tool} {''.join(arguments.split())}"


def _is_fresh(job: Job, call: RunCall) -> bool:
    """Return whether a call gave what no call before gave."""
    before = (one for step in job.steps for one in step.calls if one.key != call.key)
    return all(one.result != call.result or one.tool != call.tool for one in before)


def _advised(_: Job, work: SteeredWork, event: RecoveryAdvised) -> SteeredWork:
    return replace(work, phase=SteeredPhase.ADVISED, told=(*work.told, event.text)[-MOST_TOLD:])


def _recovering(_: Job, work: SteeredWork, event: RecoveryTried) -> SteeredWork:
    place = f"{event.fault}/{event.level}"
    recovery = Recovery(event.call, event.fault, event.level, event.recovery, event.rung, event.until, event.text)
    work = replace(work, rungs={**work.rungs, place: event.rung + 1}, recovery=recovery)
    if event.recovery is RecoveryKind.RETRY:
        return work
    if event.recovery is RecoveryKind.ASK:
        return replace(work, question=PersonQuestion(f"q{work.actions}", event.text, event.until))
    work = replace(work, told=(*work.told, event.text)[-MOST_TOLD:] if event.text else work.told)
    if event.level is FaultLevel.AI:
        return work
    work = replace(work, phase=SteeredPhase.INSIGHTS)
    if event.recovery is RecoveryKind.SIMPLER and work.failed:
        avoid = tuple(dict.fromkeys((*work.strategy.avoid, work.failed.partition(" ")[0])))
        return replace(work, strategy=replace(work.strategy, avoid=avoid))
    if event.recovery is RecoveryKind.LESS and work.proposal.action is not None:
        given_up = work.proposal.action.requirements
        return replace(work, requirements=tuple(_given_up(one, given_up, event.text) for one in work.requirements))
    return work


def _given_up(requirement: Requirement, given_up: tuple[str, ...], why: str) -> Requirement:
    if requirement.id not in given_up or not requirement.is_open:
        return requirement
    return replace(requirement, state=RequirementState.IMPOSSIBLE, why=why)


def _unanswered(_: Job, work: SteeredWork, event: PersonUnanswered) -> SteeredWork:
    told = (*work.told, "Nobody answered what was asked: go on without it.")[-MOST_TOLD:]
    return replace(work, question=None, recovery=None, told=told, phase=SteeredPhase.INSIGHTS)


def _insights(_: Job, work: SteeredWork, event: InsightsGained) -> SteeredWork:
    known = {one.text for one in work.insights}
    added = [one for one in event.insights if one.text not in known]
    return replace(work, insights=(*work.insights, *added)[-MOST_INSIGHTS:], phase=SteeredPhase.COMPLETION)


def _claimed(_: Job, work: SteeredWork, event: CompletionClaimed) -> SteeredWork:
    return replace(
        work,
        claims=(*work.claims, *event.claims),
        claims_complete=event.complete,
        draft=event.answer if event.answer.text.strip() else work.draft,
        phase=SteeredPhase.JUDGE,
    )


def _judged(_: Job, work: SteeredWork, event: CompletionJudged) -> SteeredWork:
    more = sum(one.is_met for one in event.requirements) > sum(one.is_met for one in work.requirements)
    idle = 0 if more or work.has_news else work.idle + 1
    work = replace(work, requirements=event.requirements, idle=idle, has_news=False)
    if event.complete:
        return replace(work, phase=SteeredPhase.END)
    told = tuple(f"{one.id} is not met: {one.why}" for one in event.requirements if one.is_open and one.claimed)
    return replace(
        work,
        phase=SteeredPhase.ANALYSE,
        iteration=work.iteration + 1,
        asked=0,
        claims_complete=False,
        told=(*work.told, *told)[-MOST_TOLD:],
    )


_APPLY: dict[type[Any], Callable[[Job, SteeredWork, Any], SteeredWork]] = {
    RequirementsSplit: _split,
    ContextAnalysed: _analysed,
    StrategySet: _strategy,
    ActionProposed: _proposed,
    ActionChosen: _chosen,
    ResultValidated: _validated,
    RecoveryAdvised: _advised,
    RecoveryTried: _recovering,
    PersonUnanswered: _unanswered,
    InsightsGained: _insights,
    CompletionClaimed: _claimed,
    CompletionJudged: _judged,
}
