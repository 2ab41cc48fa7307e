"""The machine's part of the expert: a second opinion, asked before a thread completes (protocol, rule 6).

Why only then, and once: an expert costs more than all steps before it, and an agent that is made to argue with a model
learns to write for the model. So it is asked when the agent or the manager would end the thread, and its no is worth
one hold. It is asked once more where the agent answers, because its objections stay open until they are closed
(`dispute.py`), and a thread with open ones never ends as verified.
"""

from stepwarden.steps.consultation_rules import ConsultationRules, Gate, Preparation
from stepwarden.steps.convergence import is_borne_out
from stepwarden.steps.dispute import concludes_anew, is_answered, objections
from stepwarden.steps.events import Asked, Event, Finished, Held
from stepwarden.steps.expert_review import ExpertReview
from stepwarden.steps.plan_changes import grow
from stepwarden.steps.submission import Confidence
from stepwarden.steps.thread import Assurance, DecidedBy, Outcome, Thread

MOST_ROUNDS = 2  # for one completion: the second is about the agent's answer to the first


def ask_before_end(thread: Thread, prepared: Preparation, gate: Gate) -> tuple[Event, ...]:
    """Ask the expert about a thread that would complete.

    A `certain` that the evidence bears out needs none. It is the one word that saves a model's price, and no word
    alone does: `certain` without verified claims that have converged is asked about like any other. Once the expert has
    objected, it is asked about the answer, and no word saves that; nor does a way back to before it objected.
    """
    if not prepared.model:
        return ()
    step = thread.trail[-1]
    if thread.expert_rounds:
        return _asked(thread, prepared) if _may_ask_again(thread) else ()
    is_certain = step.submission.confidence is Confidence.CERTAIN and not thread.doubted
    if is_certain and gate(thread).assurance is Assurance.VERIFIED and is_borne_out(thread):
        return ()
    return _asked(thread, prepared)


def _may_ask_again(thread: Thread) -> bool:
    if thread.expert_rounds >= MOST_ROUNDS:
        return False
    return concludes_anew(thread) or (bool(objections(thread)) and is_answered(thread))


def _asked(thread: Thread, prepared: Preparation) -> tuple[Event, ...]:
    step = thread.trail[-1]
    return (Asked(f"expert:{step.number}:{step.attempt}", step.number, prepared.model, source=prepared.source),)


def judge(thread: Thread, gate: Gate) -> tuple[Event, ...]:
    """Let the review just recorded complete the thread, or bar it once with its objections.

    A review that failed, or whose no is left without a reason, completes it too: whom nobody can answer must not
    stop the work. What was objected to before stays open beside it. A second no of an agent that was held already
    completes as well, with what is open.
    """
    review = thread.review
    assert review is not None
    asked_to_finish = not thread.trail[-1].submission.more
    was_held = thread.held and thread.expert_rounds >= MOST_ROUNDS
    objects = review.disagrees and bool(objections(thread))  # not to an issue that is not claimed any more
    if not objects or (asked_to_finish and was_held):
        return (_agents_end(thread, gate) if asked_to_finish else _early_end(thread, review),)
    events: list[Event] = [Held(objections(thread))] if asked_to_finish else []  # else the agent goes on by itself
    if thread.plan is not None and thread.plan.likely <= thread.last:
        events.append(grow(thread.plan, thread.last + 1, "the expert disagrees", DecidedBy.MODEL))
    return tuple(events)


def _agents_end(thread: Thread, gate: Gate) -> Finished:
    found = gate(thread)  # an inconclusive end is never asked about, so this one is none
    return Finished(DecidedBy.AGENT, Outcome.DONE, found.assurance, "the agent asked to finish", found.open)


def _early_end(thread: Thread, review: ExpertReview) -> Finished:
    if review.failed:
        reason = "verified; the expert gave no answer"
    else:
        reason = (
            "verified, and the expert agrees" if review.agrees else "verified; the expert gave no reason for its no"
        )
    saved = max(0, thread.sized - thread.last)
    return Finished(DecidedBy.RULE, Outcome.DONE, Assurance.VERIFIED, reason, saved=saved)


EXPERT = ConsultationRules("expert", judge, ask_before_end=ask_before_end, clauses=objections)
