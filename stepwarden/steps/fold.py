"""The fold: what a thread is after one more event. Deterministic, and free of decisions."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import reduce
from typing import Any

from stepwarden.steps.events import (
    Abandoned,
    Answered,
    Asked,
    Event,
    Finished,
    GivenUp,
    Held,
    Opened,
    Planned,
    Refused,
    Signalled,
    StepRecorded,
)
from stepwarden.steps.panel import is_exchange
from stepwarden.steps.panel_answer import PanelAnswer
from stepwarden.steps.thread import Assurance, Claims, DecidedBy, DecisionRecord, Outcome, Signal, Thread


def fold_events(thread: Thread, events: Iterable[Event]) -> Thread:
    """Return the thread after all of `events`."""
    return reduce(apply, events, thread)


def apply(thread: Thread, event: Event) -> Thread:
    """Return the thread after `event`; its version goes up by one."""
    return replace(_APPLY[type(event)](thread, event), version=thread.version + 1)


def before_step(thread: Thread, number: int) -> Thread:
    """Return the thread as its steps 1 to `number - 1` left it: what a backtrack to `number` goes on from.

    Later steps are superseded; what they had replaced is live again; holds, signals and the end are reset.
    """
    kept, gone = thread.trail[: number - 1], thread.trail[number - 1 :]
    cut = replace(
        thread,
        trail=kept,
        superseded=thread.superseded | {step.digest for step in gone},
        outcome=Outcome.OPEN,
        ended_by=None,
        held=False,
        held_at=0,
        disproof_asked=thread.disproof_asked if thread.disproof_asked <= len(kept) else 0,
        plan=None if number == 1 else thread.plan,
        awaiting=None,
        opinion=None,
        expert_asked=False,
        voices=_voices_before(thread, number),
        exchanged=False,
        refused_empty=None,
        refused_at=frozenset(at for at in thread.refused_at if at < number),
    )
    return _with_live_steps(cut)


def _voices_before(thread: Thread, number: int) -> dict[int, PanelAnswer]:
    """Return what the steps before `number` heard, without what an exchange at the end made of it."""
    kept = {seat: voice for seat, voice in thread.voices.items() if seat < number}
    return {seat: replace(voice, revised=None, revision="") for seat, voice in kept.items()}


def _with_live_steps(thread: Thread) -> Thread:
    """Count the claims and digests of the live steps anew."""
    live = sorted(thread.live, key=lambda step: step.number)
    return replace(
        thread,
        claims=reduce(Claims.with_step, live, Claims()),
        digests={step.digest: step.number for step in live},
        superseded=(thread.superseded | {step.digest for step in thread.trail}) - {step.digest for step in live},
    )


def _opened(thread: Thread, event: Opened) -> Thread:
    return replace(thread, tool=event.tool, origin=event.origin)


def _step(thread: Thread, event: StepRecorded) -> Thread:
    step = event.step
    if event.backtracked:
        remark = DecisionRecord(
            "backtracked", step.number, DecidedBy.AGENT, f"steps {step.number} to {thread.last} superseded"
        )
        thread = before_step(thread, step.number)
        thread = replace(thread, decisions=(*thread.decisions, remark))
    if event.reopened:
        thread = replace(thread, opinion=None, expert_asked=False)  # one round for each completion
    grown = replace(
        thread,
        trail=(*thread.trail, step),
        directory=step.submission.directory or thread.directory,
        outcome=Outcome.OPEN,
        ended_by=None,
        assurance=Assurance.ASSERTED,
        refused_empty=None,
        issues_numbered=max([thread.issues_numbered, *(int(issue.id[1:]) for issue in step.issues)]),
        attempts={**thread.attempts, step.number: thread.attempts.get(step.number, 0) + 1},
    )
    if step.submission.replaces is not None:
        return _with_live_steps(grown)
    return replace(
        grown,
        claims=thread.claims.with_step(step),
        digests={**thread.digests, step.digest: step.number},
    )


def _planned(thread: Thread, event: Planned) -> Thread:
    plan = event.plan
    remark = DecisionRecord(
        "planned", thread.last, plan.by, f"{plan.likely} {'step' if plan.likely == 1 else 'steps'}: {plan.reason}"
    )
    sized = plan.likely if thread.last <= 1 else thread.sized
    return replace(thread, plan=plan, sized=sized, decisions=(*thread.decisions, remark))


def _signalled(thread: Thread, event: Signalled) -> Thread:
    asked = thread.last if event.signal is Signal.DISPROVE else thread.disproof_asked
    remark = DecisionRecord(event.signal.value, thread.last, event.by, event.reason)
    return replace(thread, disproof_asked=asked, decisions=(*thread.decisions, remark))


def _held(thread: Thread, event: Held) -> Thread:
    named = ", ".join(
        clause.text or f"{clause.kind} {clause.subject}".strip().replace("_", " ") for clause in event.open
    )
    return replace(
        thread,
        held=True,
        held_at=thread.last,
        decisions=(*thread.decisions, DecisionRecord("held", thread.last, DecidedBy.RULE, named)),
    )


def _finished(thread: Thread, event: Finished) -> Thread:
    return replace(
        thread,
        outcome=event.outcome,
        ended_by=event.by,
        assurance=event.assurance,
        decisions=(*thread.decisions, DecisionRecord("finished", thread.last, event.by, event.reason)),
    )


def _refused(thread: Thread, event: Refused) -> Thread:
    if event.reason != "nothing_new":
        return thread
    refused_at = thread.refused_at | {thread.next_number}
    return replace(thread, refused_empty=(event.number, event.digest), refused_at=refused_at)


def _asked(thread: Thread, event: Asked) -> Thread:
    remark = DecisionRecord("asked", event.number, DecidedBy.RULE, event.model)
    return replace(
        thread,
        awaiting=(event.key, event.number),
        asked_model=event.model,
        expert_asked=True,
        exchanged=thread.exchanged or is_exchange(event.key),
        decisions=(*thread.decisions, remark),
    )


def _answered(thread: Thread, event: Answered) -> Thread:
    if event.voice is not None:
        return _heard(thread, event.voice)
    opinion = event.opinion
    said = f"{opinion.verdict}: {opinion.summary}" if opinion.disagrees else opinion.verdict
    remark = DecisionRecord("answered", thread.last, DecidedBy.MODEL, f"{opinion.model} {said}".strip())
    return replace(thread, awaiting=None, opinion=opinion, decisions=(*thread.decisions, remark))


def _heard(thread: Thread, voice: PanelAnswer) -> Thread:
    vote = voice.counted.value if voice.counted else "no vote"
    remark = DecisionRecord("heard", thread.last, DecidedBy.MODEL, f"{voice.name}: {voice.failed or vote}")
    voices = {**thread.voices, voice.seat: voice}
    return replace(thread, awaiting=None, voices=voices, decisions=(*thread.decisions, remark))


def _given_up(thread: Thread, event: GivenUp) -> Thread:
    remark = DecisionRecord("given_up", thread.last, DecidedBy.AGENT, f"went on without {event.key}")
    return replace(thread, awaiting=None, decisions=(*thread.decisions, remark))


def _abandoned(thread: Thread, event: Abandoned) -> Thread:
    remark = DecisionRecord("abandoned", thread.last, event.by, "given up")
    return replace(
        thread, outcome=Outcome.ABANDONED, awaiting=None, ended_by=event.by, decisions=(*thread.decisions, remark)
    )


_APPLY: dict[type[Any], Callable[[Thread, Any], Thread]] = {
    Opened: _opened,
    StepRecorded: _step,
    Planned: _planned,
    Signalled: _signalled,
    Held: _held,
    Finished: _finished,
    Refused: _refused,
    Abandoned: _abandoned,
    Asked: _asked,
    Answered: _answered,
    GivenUp: _given_up,
}
