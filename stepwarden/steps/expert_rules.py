"""The machine's part of the expert: a second opinion, asked before a thread completes (protocol, rule 6).

Why only then, and once: an expert costs more than all steps before it, and an agent that is made to argue with a model
learns to write for the model. So it is asked when the agent or the manager would end the thread, and its no is worth
one hold. It is asked once more where the agent answers, because its objections stay open until they are closed
(`dispute.py`), and a thread with open ones never ends as verified.
"""

from stepwarden.steps.consultation_rules import ConsultationRules, Gate, Preparation
from stepwarden.steps.convergence import is_borne_out, is_early, looked_again_at
from stepwarden.steps.dispute import concludes_anew, is_answered, numbered_objections, objections
from stepwarden.steps.events import Asked, Event, Finished, Held
from stepwarden.steps.expert_review import ExpertReview
from stepwarden.steps.plan_changes import MORE_TO_DO, grow
from stepwarden.steps.submission import Confidence
from stepwarden.steps.thread import Assurance, DecidedBy, Outcome, Thread

MOST_ROUNDS = 2  # for one completion: the second is about the agent's answer to the first


def ask_before_end(thread: Thread, prepared: Preparation, gate: Gate) -> tuple[Event, ...]:
    """Ask the expert about a thread that would complete.

    A `certain` that is not early, and whose claims got new evidence after they rested, needs none. It is the one word
    that saves a model's price, and no word alone does. Once the expert has objected, it is asked about the answer, and
    no word saves that; nor does a way back to before it objected. One that was not waited for is asked again, later.
    """
    if not prepared.model:
        return ()
    step = thread.trail[-1]
    if thread.expert_rounds:
        return _asked(thread, prepared) if _may_ask_again(thread) else ()
    is_certain = step.submission.confidence is Confidence.CERTAIN and not is_early(thread)
    if is_certain and gate(thread).assurance is Assurance.VERIFIED and is_borne_out(thread) and looked_again_at(thread):
        return ()
    return _asked(thread, prepared)


def _may_ask_again(thread: Thread) -> bool:
    """Whether there is something that the expert has not judged: all of it, or what was done about its objections.

    Any line near an objection closes it, and one issue may be taken back for another: what that is worth, only the
    expert can tell. The call that goes on without an answer is not made to wait for another.
    """
    if thread.expert_rounds >= MOST_ROUNDS or thread.unheard_at == thread.last - 1:
        return False
    review = thread.review
    if thread.unheard_at or (review is not None and review.failed) or concludes_anew(thread):
        return True
    is_closed = any(item.closed is not None for item in numbered_objections(thread))
    return is_closed or (bool(objections(thread)) and is_answered(thread))


def _asked(thread: Thread, prepared: Preparation) -> tuple[Event, ...]:
    step = thread.trail[-1]
    return (Asked(f"expert:{step.number}:{step.attempt}", step.number, prepared.model, source=prepared.source),)


def judge(thread: Thread, gate: Gate) -> tuple[Event, ...]:
    """Let the review just recorded complete the thread, or bar it once with its objections.

    A review that failed, or whose no is left without a reason, completes what the agent asked to finish too: whom
    nobody can answer must not stop the work. It verifies nothing, so the manager ends nothing on it. What was objected
    to before stays open beside it. A second no of an agent that was held already completes as well, with what is open.
    """
    review = thread.review
    assert review is not None
    objects = review.disagrees and bool(objections(thread))  # not to an issue that is not claimed any more
    if thread.trail[-1].submission.more:
        if not objects and gate(thread).assurance is Assurance.VERIFIED:
            return (_early_end(thread, review),)
        return _a_step_more(thread, objects=objects)
    was_held = thread.held and thread.expert_rounds >= MOST_ROUNDS and not _is_first_no(thread)
    if not objects or was_held:
        return (_agents_end(thread, gate),)
    return (Held(objections(thread)), *_a_step_more(thread, objects=True))


def _a_step_more(thread: Thread, *, objects: bool) -> tuple[Event, ...]:
    """Leave a step to come to a thread that goes on (rule 2)."""
    if thread.plan is None or thread.plan.likely > thread.last:
        return ()
    reason, by = ("the expert disagrees", DecidedBy.MODEL) if objects else (MORE_TO_DO, DecidedBy.RULE)
    return (grow(thread.plan, thread.last + 1, reason, by),)


def _is_first_no(thread: Thread) -> bool:
    """Whether the agent hears of objections for the first time: an answer that it did not wait for is none."""
    return thread.dispute is not None and thread.dispute.first_id == 1


def _agents_end(thread: Thread, gate: Gate) -> Finished:
    found = gate(thread)  # an inconclusive end is never asked about, so this one is none
    return Finished(DecidedBy.AGENT, Outcome.DONE, found.assurance, "the agent asked to finish", found.open)


def _early_end(thread: Thread, review: ExpertReview) -> Finished:
    reason = "verified, and the expert agrees" if review.agrees else "verified; the expert gave no reason for its no"
    saved = max(0, thread.sized - thread.last)
    return Finished(DecidedBy.RULE, Outcome.DONE, Assurance.VERIFIED, reason, saved=saved)


EXPERT = ConsultationRules("expert", judge, ask_before_end=ask_before_end, clauses=objections)
