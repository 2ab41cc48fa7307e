"""What every accepted reply is made of, and how many bytes of it a model sees."""

import json
from collections.abc import Sequence
from typing import Any

from stepwarden.steps.plan_changes import MORE_TO_DO
from stepwarden.steps.thread import DecidedBy, Plan, Thread
from stepwarden.threads.calls import StepReply
from tools.shared.envelope import AssessmentPart, Envelope, PlanPart, ProgressPart
from tools.shared.phrases import said_by

_NO_STANCE = ("stance", "neutral")  # what an answer is where nothing else is said
CRUMBS = 4  # how many steps a breadcrumb names


def size_in_bytes(value: object) -> int:
    """Return the length of `value` as the JSON that is sent."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def seen_bytes(envelope: dict[str, Any], text: str) -> int:
    """Return the bytes that a model sees: one of the two parts, never both."""
    return max(size_in_bytes(envelope), size_in_bytes(text))


def breadcrumb(thread: Thread) -> str:
    """Name the last live steps; a mark for each time one was replaced: `1 > 2' > 3`."""
    crumbs = [f"{step.number}{chr(39) * min(step.attempt - 1, 3)}" for step in thread.live[-CRUMBS:]]
    return ("... > " if len(thread.live) > CRUMBS else "") + " > ".join(crumbs)


def envelope_of(reply: StepReply, status: str, notes: Sequence[str]) -> Envelope:
    """Return the envelope with what every accepted reply says: where the thread stands, its plan, its signals."""
    thread, ended = reply.thread, reply.finished is not None
    plan = None if reply.held else _plan(reply)
    return Envelope(
        status=status,
        continuation_id=thread.id,
        step_number=reply.step.number,
        total_steps=thread.total_steps,
        next_step_number=reply.next_number,
        next_step_required=not ended,
        plan=plan,
        progress=_progress(reply),
        signals={str(name): said_by(told.by, told.reason) for name, told in reply.signals.items()},
        notes=list(notes),
    )


def _progress(reply: StepReply) -> ProgressPart | None:
    """Return what the numbers of the reply do not say: which steps were replaced, and how many were saved."""
    thread = reply.thread
    saved = (reply.finished.saved or None) if reply.finished else None
    is_plain = all(step.attempt == 1 for step in thread.live) and len(thread.live) == thread.last
    return ProgressPart(breadcrumb=breadcrumb(thread), saved=saved) if saved or not is_plain else None


def told_plan(reply: StepReply) -> Plan | None:
    """Return the plan where it says more than that there is a next step; what an expert says stands beside it."""
    plan = reply.plan
    if plan is None or plan.reason == MORE_TO_DO or reply.review is not None:
        return None
    counted_on = plan.low == plan.high == reply.thread.last + 1 and plan.was == reply.thread.last
    return None if counted_on else plan


def _plan(reply: StepReply) -> PlanPart | None:
    plan = told_plan(reply)
    if plan is None:
        return None
    by = None if plan.by is DecidedBy.RULE else plan.by
    return PlanPart(low=plan.low, likely=plan.likely, high=plan.high, was=plan.was, reason=plan.reason, by=by)


def assessment_part(reply: StepReply, open_lines: list[str], quotes: list[str], *, whole: bool) -> AssessmentPart:
    """Return the assessment; `whole` at HELD and DONE, else without what is empty or as it was."""
    found = reply.assessment
    return AssessmentPart(
        sufficient=found.sufficient and not reply.held,
        open=open_lines,
        outcome=reply.thread.outcome.value if reply.finished else None,
        assurance=_assurance(reply) if whole or reply.step.evidence else None,
        stalled=True if reply.thread.stalled else None,
        evidence=(dict(found.evidence) or None) if whole or reply.step.evidence or reply.step.submission.runs else None,
        quotes=quotes or None,
        issues=[issue.id for issue in reply.step.issues] or None,
    )


def _assurance(reply: StepReply) -> str:
    return (reply.finished.assurance if reply.finished else reply.assessment.assurance).value


def first_lines(lines: list[str], count: int) -> list[str]:
    """Return the first lines, and how many more there are."""
    return lines if len(lines) <= count else [*lines[:count], f"+{len(lines) - count} more"] if count else []


def hand_over(envelope: Envelope, answers: list[dict[str, Any]]) -> None:
    """Put the answers that a step hears into the envelope: one by itself, several as a list."""
    shown = [{name: value for name, value in part.items() if (name, value) != _NO_STANCE} for part in answers]
    envelope.answer = shown[0] if len(shown) == 1 else None
    envelope.answers = shown if len(shown) > 1 else None
