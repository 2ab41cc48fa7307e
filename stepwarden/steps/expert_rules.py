"""The machine's part of the expert: a second opinion, asked once before a thread completes (protocol, rule 6).

Why only then, and only once: an expert costs more than all steps before it, and an agent that is made to argue with a
model learns to write for the model. So it is asked when the agent or the manager would end the thread, its no is worth
one hold, and its points are listed on the ask that completes.
"""

from stepwarden.steps.clause import Clause
from stepwarden.steps.consultation_rules import ConsultationRules, Gate, Preparation
from stepwarden.steps.convergence import reason_of_convergence
from stepwarden.steps.events import Asked, Event, Finished, Held
from stepwarden.steps.plan_changes import grow
from stepwarden.steps.submission import Confidence
from stepwarden.steps.thread import Assurance, DecidedBy, Outcome, Thread


def ask_before_end(thread: Thread, prepared: Preparation, gate: Gate) -> tuple[Event, ...]:
    """Ask the expert about a thread that would complete: one round for each completion.

    A `certain` that the evidence bears out needs none. It is the one word that saves a model's price, and no word
    alone does: `certain` without verified claims that have converged is asked about like any other.
    """
    if not prepared.model or thread.expert_asked:
        return ()
    step = thread.trail[-1]
    is_certain = step.submission.confidence is Confidence.CERTAIN
    if is_certain and gate(thread).assurance is Assurance.VERIFIED and reason_of_convergence(thread):
        return ()
    return (Asked(f"expert:{step.number}:{step.attempt}", step.number, prepared.model),)


def judge(thread: Thread, gate: Gate) -> tuple[Event, ...]:
    """Let the review just recorded complete the thread, or bar it once with its objections.

    A review that failed, or whose no is left without a reason, completes it too: whom nobody can answer must not
    stop the work.
    """
    review = thread.review
    assert review is not None
    asked_to_finish = not thread.trail[-1].submission.more
    if not review.disagrees:
        return (_agents_end(thread, gate) if asked_to_finish else _early_end(thread, failed=bool(review.failed)),)
    events: list[Event] = [Held(objections(thread))] if asked_to_finish else []  # else the agent goes on by itself
    if thread.plan is not None and thread.plan.likely <= thread.last:
        events.append(grow(thread.plan, thread.last + 1, "the expert disagrees", DecidedBy.MODEL))
    return tuple(events)


def _agents_end(thread: Thread, gate: Gate) -> Finished:
    found = gate(thread)  # an inconclusive end is never asked about, so this one is none
    reason = "the agent asked to finish"
    return Finished(DecidedBy.AGENT, Outcome.DONE, found.assurance, reason, (*found.open, *objections(thread)))


def _early_end(thread: Thread, *, failed: bool) -> Finished:
    reason = "verified; the expert gave no answer" if failed else "verified, and the expert agrees"
    saved = max(0, thread.sized - thread.last)
    return Finished(DecidedBy.RULE, Outcome.DONE, Assurance.VERIFIED, reason, saved=saved)


def objections(thread: Thread) -> tuple[Clause, ...]:
    """Name what the expert of this branch objects to, and the files that it wants and no step named since."""
    review = thread.review
    if review is None or not review.disagrees:
        return ()
    points = [
        Clause("expert", f"{point.path}:{point.line}" if point.path and point.line else point.path, point.text)
        for point in review.objections
    ]
    answered = next((record.step for record in reversed(thread.decisions) if record.kind == "answered"), 0)
    seen = {path for step in thread.trail[answered:] for path in step.paths}
    return (*points, *(Clause("expert_file", path) for path in review.missing if path not in seen))


EXPERT = ConsultationRules("expert", judge, ask_before_end=ask_before_end)
