"""What rules answer in the place of a model: where facts decide, where a question would be one too many, or failed."""

from collections.abc import Sequence
from dataclasses import replace

from stepwarden.runs.evidence_rules import ResultFacts, judge_requirements
from stepwarden.runs.requirements import Requirement, RequirementKind, RequirementState, met_of, split_by_rule
from stepwarden.runs.run import Job, Run
from stepwarden.runs.run_calls import CallKind, CallState, RunCall, ToolGrant
from stepwarden.runs.steered import Insight, SteeredPhase, SteeredWork
from stepwarden.runs.steered_events import (
    ActionProposed,
    CompletionJudged,
    ContextAnalysed,
    InsightsGained,
    RequirementsSplit,
    ResultValidated,
    StrategySet,
)
from stepwarden.runs.steered_fold import fingerprint_of

_EMPTY = {"", "[]", "{}", "null", "none", '""'}
JUDGED_AFTER = 2
"""A change of strategy is judged after so many iterations."""


def facts_of_results(run: Run, job: Job) -> ResultFacts:
    """Return what rules know of a job's results."""
    assert job.work is not None
    calls = [call for step in job.steps for call in step.calls]
    return ResultFacts(calls, job.work.invalid, frozenset(run.superseded))


def judged_requirements(run: Run, job: Job) -> tuple[Requirement, ...]:
    """Return a job's requirements as its claims and the facts leave them."""
    work = job.work
    assert work is not None
    has_answer = bool(work.draft.text.strip())
    return judge_requirements(facts_of_results(run, job), work.requirements, work.claims, has_answer=has_answer)


def has_found_all(requirements: Sequence[Requirement]) -> bool:
    """Return whether all is met that results have to meet: what is left is the answer."""
    found = [one for one in requirements if one.kind is not RequirementKind.ANSWER]
    return bool(found) and all(one.is_met for one in found)


def possible_requirements(requirements: Sequence[Requirement], tools: Sequence[ToolGrant]) -> tuple[Requirement, ...]:
    """Return the requirements; those that no tool can meet are impossible from the beginning."""
    can_change = any(tool.kind in {CallKind.WRITE, CallKind.DESTRUCTIVE} for tool in tools)
    why = "" if can_change else "it asks for a change, and no tool of this run changes anything"
    if not tools:
        why = "this run has no tools"
    return tuple(
        replace(one, state=RequirementState.IMPOSSIBLE, why=why)
        if why and (not tools or one.kind is RequirementKind.CHANGE)
        else one
        for one in requirements
    )


def new_calls(job: Job) -> tuple[RunCall, ...]:
    """Return the calls of the last step whose results were not looked at yet."""
    work = job.work
    step = job.current
    if work is None or step is None:
        return ()
    return tuple(call for call in step.calls if call.key not in work.looked)


def split(run: Run, job: Job, note: str) -> RequirementsSplit:
    """Take the request apart by its sentences."""
    return RequirementsSplit(job.id, possible_requirements(split_by_rule(run.request), job.plan.tools), note=note)


def analysis(_: Run, job: Job, note: str, *, is_asked: bool = False) -> ContextAnalysed:
    """Say how things stand, from the requirements and the last result."""
    work = _work(job)
    remaining = tuple(f"{one.id} {one.text}" for one in work.open_requirements)
    share = sum(one.is_met for one in work.requirements) / max(1, len(work.requirements))
    told = f"{met_of(work.requirements)} met after {len(job.steps)} steps."
    return ContextAnalysed(job.id, told, remaining=remaining, confidence=share, is_asked=is_asked, note=note)


def has_trouble(job: Job) -> bool:
    """Return whether the last iterations went badly: two of the last three calls failed, or nothing new came."""
    work = _work(job)
    last = [call for step in job.steps for call in step.calls][-3:]
    return work.idle > 0 or sum(call.state is CallState.FAILED for call in last) >= 2


def is_worse(job: Job) -> bool:
    """Return whether a change of strategy has made things worse: more errors, and nothing more is met."""
    work = _work(job)
    strategy = work.strategy
    if work.former is None or work.iteration - strategy.since < JUDGED_AFTER:
        return False
    return sum(one.is_met for one in work.requirements) <= strategy.met and job.call_errors > strategy.errors


def rollback(job: Job) -> StrategySet:
    """Take the last change of strategy back."""
    reason = f"Strategy {_work(job).strategy.version} brought errors, and met nothing: it is taken back."
    return StrategySet(job.id, changes=True, reason=reason, rolls_back=True)


def strategy(_: Run, job: Job, note: str) -> StrategySet:
    """Leave the strategy as it is."""
    return StrategySet(job.id, note=note)


def suggestion(_: Run, job: Job, note: str) -> ActionProposed | None:
    """Suggest what was named as an alternative before, and not tried; None where there is nothing."""
    work = _work(job)
    for number, action in enumerate(work.proposal.alternatives, start=1):
        if number not in work.proposal.used and fingerprint_of(action.tool, action.arguments) != work.failed:
            rest = work.proposal.alternatives[number:]
            return ActionProposed(job.id, action, alternatives=rest, reason="named as an alternative before", note=note)
    return None


def validation(_: Run, job: Job, note: str) -> ResultValidated:
    """Say of the new results what shows without reading them: what failed is invalid, what is empty says little."""
    calls = new_calls(job)
    bad = tuple(f"{call.key} {call.state.replace('_', ' ')}" for call in calls if call.state is not CallState.DONE)
    empty = tuple(f"{call.key} is empty" for call in calls if call.state is CallState.DONE and _is_empty(call))
    quality = 0.0 if not calls else 1 - (len(bad) + len(empty)) / len(calls)
    keys = tuple(call.key for call in calls)
    return ResultValidated(job.id, keys, len(bad) < len(calls), (*bad, *empty), quality, note=note)


def is_decided(job: Job) -> bool:
    """Return whether rules alone can say what new results are worth: none succeeded with anything for what is open."""
    work, calls = _work(job), new_calls(job)
    telling = [call for call in calls if call.state is CallState.DONE and not _is_empty(call)]
    return not telling or not work.open_requirements


def _is_empty(call: RunCall) -> bool:
    return call.result.text.strip().casefold() in _EMPTY


def insights(_: Run, job: Job, note: str) -> InsightsGained:
    """Say which tools fail again and again."""
    calls = [call for step in job.steps for call in step.calls]
    found = list[Insight]()
    for tool in dict.fromkeys(call.tool for call in calls):
        made = [call for call in calls if call.tool == tool]
        failed = [call for call in made if call.state is CallState.FAILED]
        if len(failed) >= 2:
            keys = tuple(call.key for call in failed)
            found.append(Insight("pattern", f"{tool} failed {len(failed)} of {len(made)} times", keys))
    return InsightsGained(job.id, tuple(found), note=note)


def judgement(run: Run, job: Job, *, claimed: bool = False, answers: bool = True) -> CompletionJudged:
    """Say which requirements are met, and whether that is all; without `answers` no model can be asked for one."""
    requirements = judged_requirements(run, job)
    work = _work(job)
    is_met = bool(requirements) and all(one.is_met for one in requirements)
    complete = is_met and (claimed or not answers)
    reason = f"{met_of(requirements)} met by results"
    if claimed and not is_met:
        reason += "; it was claimed that all are"
    return CompletionJudged(job.id, requirements, complete, claimed and work.phase is SteeredPhase.JUDGE, reason)


def why_ended(work: SteeredWork, because: str) -> str:
    """Return why a job ends that did not meet everything."""
    left = [f"{one.id} {'cannot be' if not one.is_open else 'is not'} met: {one.why}" for one in work.requirements]
    unmet = [text for text, one in zip(left, work.requirements, strict=True) if not one.is_met]
    return f"{met_of(work.requirements)} met{because}; {'; '.join(unmet)}"[:600]


def summary(job: Job) -> str:
    """Return what was reached, in words of a rule."""
    work = _work(job)
    lines = [f"{met_of(work.requirements)} met by results."]
    for one in work.requirements:
        how = f"met by {', '.join(one.evidence)}" if one.is_met else f"not met: {one.why or 'nothing was found yet'}"
        lines.append(f"- {one.id} {one.text}: {how}")
    return "\n".join(lines)


def _work(job: Job) -> SteeredWork:
    assert job.work is not None
    return job.work
