"""The fold: what a thread is after one more event. Deterministic, and free of decisions.

A thread grows by persistent collections and running totals, so an event costs the same at any length; a whole history
is folded into drafts of them. Only what goes back (a backtrack, a revision) counts the steps that are left anew.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

from stepwarden.steps.claims import Claims
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
from stepwarden.steps.expert_review import ExpertReview
from stepwarden.steps.panel import is_exchange, is_of_panel
from stepwarden.steps.panel_answer import PanelAnswer
from stepwarden.steps.persistent import (
    CollectionDraft,
    PersistentList,
    PersistentMap,
    drafted,
    evolve,
    evolve_by,
    frozen,
)
from stepwarden.steps.step import Step
from stepwarden.steps.thread import Assurance, DecidedBy, DecisionRecord, Dispute, Outcome, Signal, Thread
from stepwarden.steps.totals import Totals


class ThreadDraft(CollectionDraft, Thread):
    """A thread that a whole history is folded into."""


class ClaimsDraft(CollectionDraft, Claims):
    """Its claims."""


def fold_events(thread: Thread, events: Iterable[Event]) -> Thread:
    """Return the thread after all of `events`."""
    return reduce(apply, events, thread)


def fold_history(thread: Thread, events: Iterable[Event]) -> Thread:
    """Return the same as `fold_events`, faster where the events are many and what `thread` has so far is little."""
    draft = drafted(evolve(thread, claims=drafted(thread.claims, ClaimsDraft)), ThreadDraft)
    folded = reduce(apply, events, draft)
    return frozen(evolve(folded, claims=frozen(folded.claims, Claims)), Thread)


def apply(thread: Thread, event: Event) -> Thread:
    """Return the thread after `event`; its version goes up by one."""
    return _APPLY[type(event)](thread, event)


def before_step(thread: Thread, number: int) -> Thread:
    """Return the thread as its steps 1 to `number - 1` left it: what a backtrack to `number` goes on from.

    Later steps are superseded; what they had replaced is live again; holds, signals and the end are reset.
    """
    kept = first_steps(thread, number - 1)
    digests = PersistentMap({step.digest: step.number for step in kept.live})
    ever = thread.superseded.union(thread.digests)
    return evolve(
        kept,
        digests=digests,
        superseded=ever.difference(digests),
        outcome=Outcome.OPEN,
        ended_by=None,
        held=False,
        held_at=0,
        untested_at=thread.untested_at if number > 1 else 0,
        disproof_asked=thread.disproof_asked if thread.disproof_asked < number else 0,
        plan=None if number == 1 else thread.plan,
        awaiting=None,
        review=None,
        unheard_at=min(thread.unheard_at, number),  # to have asked and not heard is not undone by going back
        dispute=None,
        expert_rounds=0,
        answers=_answers_before(thread, number),
        exchanged=False,
        refused_empty=None,
        refused_at=frozenset(at for at in thread.refused_at if at < number),
    )


def first_steps(thread: Thread, count: int) -> Thread:
    """Return the thread with what only its first steps say: trail, totals and claims; all else is left as it is."""
    trail = PersistentList(thread.trail[:count])
    revised = _in_places(trail) if any(step.submission.replaces is not None for step in trail) else None
    live = trail if revised is None else sorted(revised, key=lambda step: step.number)
    is_draft = isinstance(thread, ThreadDraft)
    return evolve(
        thread,
        trail=trail.draft() if is_draft else trail,
        revised=revised,
        totals=reduce(lambda totals, step: _counted(thread, totals, step, files_new=0), trail, Totals()),
        claims=_claimed(trail, live, is_draft=is_draft),
    )


def _claimed(trail: Sequence[Step], live: Iterable[Step], *, is_draft: bool) -> Claims:
    """Return what the live steps of a trail say, in the order of their numbers; a revision leaves the task as it is."""
    task = trail[0].submission.step if trail else ""
    claims = reduce(Claims.with_step, live, drafted(Claims(task=task), ClaimsDraft))
    return claims if is_draft else frozen(claims, Claims)


def _in_places(trail: Iterable[Step]) -> PersistentList[Step]:
    """Return the live steps of a trail, a revision standing where the step it replaces stood."""
    place: dict[int, int] = {}
    replaced: set[int] = set()
    for step in trail:
        gone = step.submission.replaces
        place[step.number] = step.number if gone is None else place[gone]
        replaced.update(() if gone is None else (gone,))
    alive = [step for step in trail if step.number not in replaced]
    return PersistentList(sorted(alive, key=lambda step: (place[step.number], step.number)))


def _counted(thread: Thread, totals: Totals, step: Step, *, files_new: int) -> Totals:
    return totals.with_step(step, refused_first=step.number in thread.refused_at, files_new=files_new)


def _answers_before(thread: Thread, number: int) -> dict[int, PanelAnswer]:
    """Return what the steps before `number` heard, without what an exchange at the end made of it."""
    kept = {seat: answer for seat, answer in thread.answers.items() if seat < number}
    first = {"revised": None, "revision": "", "revised_reasons": (), "revised_conditions": ()}
    return {seat: replace(answer, **first) for seat, answer in kept.items()}


def _after(thread: Thread, **changes: Any) -> Thread:
    """Return the thread after one event, which made these changes."""
    changes["version"] = thread.version + 1
    return evolve_by(thread, changes)


def _decided(thread: Thread, kind: str, by: DecidedBy, reason: str, *, at: int = 0) -> PersistentList[DecisionRecord]:
    """Return the thread's decisions with one more, at its last step or step `at`."""
    return thread.decisions.with_items(DecisionRecord(kind, at or thread.last, by, reason))


def _opened(thread: Thread, event: Opened) -> Thread:
    return _after(thread, tool=event.tool, origin=event.origin, run=event.run)


def _step(thread: Thread, event: StepRecorded) -> Thread:
    step = event.step
    if event.backtracked:
        first, last = step.number, thread.last
        reason = f"step {first} superseded" if first == last else f"steps {first} to {last} superseded"
        decisions = _decided(thread, "backtracked", DecidedBy.AGENT, reason, at=step.number)
        thread = evolve(before_step(thread, step.number), decisions=decisions)
    if event.reopened:
        # Each completion has rounds of its own.
        thread = evolve(thread, review=None, unheard_at=0, dispute=None, expert_rounds=0)
    attempt = thread.attempt(step.number)
    files_new = _files_new(thread, step)  # before the trail grows: the one of a draft does so in place
    grown = _after(
        thread,
        trail=thread.trail.with_items(step),
        revised=thread.revised and thread.revised.with_items(step),
        totals=_counted(thread, thread.totals, step, files_new=files_new),
        claims=thread.claims.with_step(step),
        recorded_at=thread.recorded_at.with_items({step.number: thread.version + 1}),
        digests=thread.digests.with_items({step.digest: step.number}),
        directory=step.submission.directory or thread.directory,
        outcome=Outcome.OPEN,
        ended_by=None,
        assurance=Assurance.ASSERTED,
        refused_empty=None,
        issues_numbered=max([thread.issues_numbered, *(int(issue.id[1:]) for issue in step.issues)])
        if step.issues
        else thread.issues_numbered,
        repeats=thread.repeats.with_items({step.number: attempt}) if attempt else thread.repeats,
    )
    grown = _with_facts(grown, step)
    return grown if step.submission.replaces is None else _revised(grown)


def _with_facts(thread: Thread, step: Step) -> Thread:
    """Return the thread with the ids of the facts that its last step told; ones of superseded steps stay."""
    if step.measured is None or not step.measured.citable:
        return thread
    facts, citable = step.measured.facts, step.measured.citable
    return evolve(
        thread,
        fact_ids=thread.fact_ids.with_items({facts[item.fact]: item.id for item in citable}),
        fact_places=thread.fact_places.with_items({item.id: item.places for item in citable}),
    )


def _revised(thread: Thread) -> Thread:
    """Return the thread whose last step replaced one, with what the steps that are left say."""
    live = _in_places(thread.trail)
    in_order = sorted(live, key=lambda step: step.number)
    digests = PersistentMap({step.digest: step.number for step in in_order})
    return evolve(
        thread,
        revised=live,
        claims=_claimed(thread.trail, in_order, is_draft=isinstance(thread, ThreadDraft)),
        digests=digests,
        superseded=thread.superseded.union(thread.digests).difference(digests),
    )


def _files_new(thread: Thread, step: Step) -> int:
    """Count the existing files of a step that no step before it named."""
    if not step.existing:
        return 0
    new = {path for path in step.existing if path not in thread.claims.files}
    if new and thread.revised is not None:  # steps that were replaced named some too
        new.difference_update(*(earlier.paths for earlier in thread.trail))
    return len(new)


def _planned(thread: Thread, event: Planned) -> Thread:
    plan, last = event.plan, thread.last
    reason = f"{plan.likely} {'step' if plan.likely == 1 else 'steps'}: {plan.reason}"
    sized = plan.likely if last <= 1 else thread.sized
    return _after(thread, plan=plan, sized=sized, decisions=_decided(thread, "planned", plan.by, reason, at=last))


def _signalled(thread: Thread, event: Signalled) -> Thread:
    asked = thread.last if event.signal is Signal.DISPROVE else thread.disproof_asked
    decisions = _decided(thread, event.signal.value, event.by, event.reason)
    return _after(thread, disproof_asked=asked, decisions=decisions)


def _held(thread: Thread, event: Held) -> Thread:
    named = ", ".join(
        clause.text or f"{clause.kind.replace('_', ' ')} {clause.subject}".strip() for clause in event.open
    )
    decisions = _decided(thread, "held", DecidedBy.RULE, named)
    untested = thread.last if any(clause.kind == "untested" for clause in event.open) else thread.untested_at
    return _after(thread, held=True, held_at=thread.last, untested_at=untested, decisions=decisions)


def _finished(thread: Thread, event: Finished) -> Thread:
    return _after(
        thread,
        outcome=event.outcome,
        ended_by=event.by,
        assurance=event.assurance,
        decisions=_decided(thread, "finished", event.by, event.reason),
    )


def _refused(thread: Thread, event: Refused) -> Thread:
    if event.reason != "nothing_new":
        return _after(thread)
    refused_at = thread.refused_at | {thread.next_number}
    return _after(thread, refused_empty=(event.number, event.digest), refused_at=refused_at)


def _asked(thread: Thread, event: Asked) -> Thread:
    return _after(
        thread,
        awaiting=(event.key, event.number),
        asked_model=event.model,
        expert_rounds=thread.expert_rounds + 1,
        exchanged=thread.exchanged or is_exchange(event.key),
        decisions=_decided(thread, "asked", DecidedBy.RULE, event.model, at=event.number),
    )


def _answered(thread: Thread, event: Answered) -> Thread:
    if event.voice is not None:
        return _heard(thread, event.voice)
    review = event.opinion
    words = f"{review.verdict}: {review.summary}" if review.disagrees else review.verdict
    decisions = _decided(thread, "answered", DecidedBy.MODEL, f"{review.model} {words}".strip())
    doubted = not review.approves and (not review.failed or thread.doubted)
    dispute = _disputed(thread, review)
    heard = {
        "review": review,
        "unheard_at": thread.unheard_at if review.failed else 0,
        "dispute": dispute,
        "doubted": doubted,
    }
    return _after(thread, awaiting=None, decisions=decisions, **heard)


def _disputed(thread: Thread, review: ExpertReview) -> Dispute | None:
    """Return what is disputed after a review; one that brings neither a yes nor a reason leaves that as it was."""
    before = thread.dispute
    if review.disagrees:
        return Dispute(review, thread.last, 1 if before is None else before.first_id + len(before.review.objections))
    return None if review.approves else before


def _heard(thread: Thread, answer: PanelAnswer) -> Thread:
    vote = answer.counted.value if answer.counted else "no vote"
    decisions = _decided(thread, "heard", DecidedBy.MODEL, f"{answer.name}: {answer.failed or vote}")
    return _after(thread, awaiting=None, answers={**thread.answers, answer.seat: answer}, decisions=decisions)


def _given_up(thread: Thread, event: GivenUp) -> Thread:
    decisions = _decided(thread, "given_up", DecidedBy.AGENT, f"went on without {event.key}")
    unheard_at = 0 if is_of_panel(event.key) else thread.last
    return _after(thread, awaiting=None, unheard_at=unheard_at, decisions=decisions)


def _abandoned(thread: Thread, event: Abandoned) -> Thread:
    decisions = _decided(thread, "abandoned", event.by, "given up")
    return _after(thread, outcome=Outcome.ABANDONED, awaiting=None, ended_by=event.by, decisions=decisions)


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
