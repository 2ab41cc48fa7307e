"""The expert's review as it is sent: its verdict, what became of its objections, and what it would have done."""

from stepwarden.steps.dispute import NumberedObjection, numbered_objections
from stepwarden.steps.expert_review import ExpertReview, Objection
from stepwarden.steps.submission import Confidence
from stepwarden.steps.thread import Assurance, Outcome, Thread
from stepwarden.threads.calls import StepReply
from tools.shared.envelope import ExpertPart
from tools.shared.phrases import short_path
from tools.shared.thread_result import clip

SUMMARY_CHARS = 300
POINT_CHARS = 300
MOST_POINTS = 6


def expert_part(reply: StepReply) -> ExpertPart | None:
    """Return the expert's verdict, in the call that brought it and at the end, where its advice goes with it."""
    thread, ended = reply.thread, reply.finished is not None
    review = reply.review or (thread.review if ended else None)
    if review is None:
        return ExpertPart(verdict=f"none: {_why_none(thread)}") if ended else None
    if review.failed:
        return ExpertPart(verdict=f"no answer: {review.failed}", model=review.model or None)
    misquoted = sum(1 for point in review.points if not point.stands)
    remarks = [_remark(point) for point in review.objections[:MOST_POINTS]] if review.agrees else []
    return ExpertPart(
        verdict=_verdict(thread, review, ended=ended),
        model=review.model,
        cost=review.price,
        points=remarks or None,
        advice=list(review.advice) or None if ended else None,
        misquoted=misquoted or None,
        files_left_out=review.left_out or None,
    )


def expert_lines(expert: ExpertPart) -> list[str]:
    """Return the same as text."""
    model = f" ({expert.model}, {expert.cost})" if expert.model and expert.cost else ""
    remarks = [f"  also: {point}" for point in expert.points or ()]
    return [f"Expert{model}: {expert.verdict}", *remarks, *(f"  advice: {entry}" for entry in expert.advice or ())]


def _verdict(thread: Thread, review: ExpertReview, *, ended: bool) -> str:
    summary = clip(review.summary, SUMMARY_CHARS)
    disputed = numbered_objections(thread)
    if not (ended and review.disagrees and disputed) or any(item.closed is None for item in disputed):
        return f"{review.verdict}: {summary}" if summary else review.verdict
    assert thread.dispute is not None
    closed = ", ".join(f"{item.id} {_closing(item)}" for item in disputed)
    return f"disagreed at step {thread.dispute.step}: {summary.rstrip('.')}. Since then closed: {closed}."


def _closing(item: NumberedObjection) -> str:
    return "by a withdrawal" if item.closed == "withdrawn" else "by a quote at its place"


def _remark(point: Objection) -> str:
    place = f"{short_path(point.path)}:{point.line}: " if point.path and point.line else ""
    return f"{place}{clip(point.text, POINT_CHARS)}"


def _why_none(thread: Thread) -> str:
    if thread.expert_rounds:
        asked = next((record.reason for record in reversed(thread.decisions) if record.kind == "asked"), "the expert")
        return f"{asked} had not answered when the thread went on"
    if thread.outcome is Outcome.INCONCLUSIVE:
        return "the end is inconclusive"
    if thread.model_option("use_assistant_model") is False:
        return "use_assistant_model is false"
    if thread.trail[-1].submission.confidence is Confidence.CERTAIN and thread.assurance is Assurance.VERIFIED:
        return "certain, and every claim rests on a quote that was found"
    return "no model is configured"
