"""From a reply of the core to what is sent: the envelope and its text, within the budget of bytes."""

import json
from collections.abc import Sequence
from typing import Any

from mcp.types import CallToolResult, TextContent

from prompts import Prompt
from stepwarden.steps.thread import Outcome, Thread
from stepwarden.threads.calls import Refused, Reply
from tools.shared.envelope import AssessmentPart, Envelope, PlanPart, ProgressPart
from tools.shared.guidance import next_call, quote_lines, required_actions
from tools.shared.results import full_result, result_text
from tools.shared.wording import clause_lines, refusal_line, refusal_remedy

REPLY_BYTES = 1_400  # an ordinary reply beyond the bytes of its request, both parts and their frame as sent
FRAME_BYTES = 130  # result type, server stamp and content frame that the SDK puts round the two parts
CRUMBS = 4  # how many steps a breadcrumb names


def size_in_bytes(value: object) -> int:
    """Give the length of `value` as the JSON that is sent."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def reply_result(reply: Reply, prompt: Prompt, *, request_bytes: int, notes: Sequence[str] = ()) -> CallToolResult:
    """Render an accepted step."""
    if reply.finished is not None:
        return _sent(*_completion(reply, notes))
    budget = REPLY_BYTES + request_bytes - FRAME_BYTES
    actions, quotes = required_actions(reply, prompt), quote_lines(reply)
    while True:
        envelope, text = _ordinary(reply, actions, quotes, notes)
        if size_in_bytes(envelope) + size_in_bytes(text) <= budget or not (len(actions) > 1 or quotes):
            return _sent(envelope, text)
        if len(actions) > 1:
            actions = actions[:-1]
        else:
            quotes = quotes[:-1]


def refusal_result(tool: str, refused: Refused, asked: int) -> CallToolResult:
    """Render a call that recorded nothing."""
    thread, refusal = refused.thread, refused.refusal
    line = refusal_line(tool, refusal, thread, asked)
    remedy = refusal_remedy(tool, refusal, thread)
    envelope = Envelope(
        status=f"{tool}_refused",
        continuation_id=thread.id if thread else None,
        step_number=thread.last if thread else None,
        total_steps=thread.total_steps if thread else None,
        next_step_number=refusal.number,
        next_step_required=True,
        next_steps=f"Not recorded: {line} {remedy}",
    )
    return _sent(envelope.as_sent(), f"REFUSED. Not recorded: {line}\n{remedy}", is_error=True)


def _sent(envelope: dict[str, Any], text: str, *, is_error: bool = False) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=envelope, is_error=is_error)


def breadcrumb(thread: Thread) -> str:
    """Name the last live steps; a mark for each time one was replaced: `1 > 2' > 3`."""
    crumbs = [f"{step.number}{chr(39) * min(step.attempt - 1, 3)}" for step in thread.live[-CRUMBS:]]
    return ("... > " if len(thread.live) > CRUMBS else "") + " > ".join(crumbs)


def _envelope(reply: Reply, status: str, notes: Sequence[str]) -> Envelope:
    thread, ended = reply.thread, reply.finished is not None
    left = 0 if ended else thread.total_steps - thread.last
    return Envelope(
        status=status,
        continuation_id=thread.id,
        step_number=reply.step.number,
        total_steps=thread.total_steps,
        next_step_number=reply.next_number,
        next_step_required=not ended,
        plan=_plan(reply),
        progress=ProgressPart(
            fraction=round(thread.last / max(thread.total_steps, 1), 2),
            breadcrumb=breadcrumb(thread),
            remaining=left or None,
        ),
        notes=list(notes),
    )


def _plan(reply: Reply) -> PlanPart | None:
    plan = reply.plan
    if plan is None:
        return None
    return PlanPart(low=plan.low, likely=plan.likely, high=plan.high, was=plan.was, reason=plan.reason, by=plan.by)


def _assessment(reply: Reply, quotes: Sequence[str], *, whole: bool) -> AssessmentPart:
    """Give the assessment; `whole` at HELD and DONE, else without what is empty or as it was."""
    found = reply.assessment
    return AssessmentPart(
        sufficient=found.sufficient,
        open=clause_lines(found.open),
        outcome=reply.thread.outcome.value if whole else None,
        assurance=found.assurance.value if whole or reply.step.evidence else None,
        stalled=True if reply.thread.stalled else None,
        evidence=dict(found.evidence) if whole or reply.step.evidence else None,
        quotes=list(quotes) or None,
        issues=[issue.id for issue in reply.step.issues] or None,
    )


def _ordinary(
    reply: Reply, actions: Sequence[str], quotes: Sequence[str], notes: Sequence[str]
) -> tuple[dict[str, Any], str]:
    thread = reply.thread
    envelope = _envelope(reply, f"pause_for_{thread.tool}", notes)
    envelope.required_actions = list(actions)
    envelope.next_steps = next_call(reply)
    envelope.assessment = _assessment(reply, quotes, whole=bool(reply.held))
    lines = [_verdict(reply), *notes]
    lines += [f"Quote {line}" for line in quotes]
    if reply.step.issues:
        lines.append("Issues: " + ", ".join(issue.id for issue in reply.step.issues))
    lines += [f"- {action}" for action in actions]
    if reply.assessment.open and not reply.held:
        lines.append("Open: " + "; ".join(clause_lines(reply.assessment.open)))
    return envelope.as_sent(), "\n".join([*lines, envelope.next_steps])


def _verdict(reply: Reply) -> str:
    thread, number = reply.thread, reply.step.number
    place = f"{number}/{thread.total_steps}"
    if reply.held:
        count = len(clause_lines(reply.held))
        return f"HELD {place}: {count} clause{'s' if count > 1 else ''} open. Next: step {reply.next_number}."
    plan, why = reply.plan, ""
    if plan is not None and plan.was is not None:
        why = f" Plan {plan.was} -> {plan.likely}: {plan.reason}."
    elif plan is not None:
        why = f" Plan: {plan.reason}."
    stalled = " Stalled." if thread.stalled else ""
    again = " (as before)" if reply.replayed else ""
    return f"ACCEPTED {place}{again}.{stalled}{why} Next: step {reply.next_number}."


def _completion(reply: Reply, notes: Sequence[str]) -> tuple[dict[str, Any], str]:
    thread, ended = reply.thread, reply.finished
    assert ended is not None
    envelope = _envelope(reply, f"{thread.tool}_complete", notes)
    envelope.assessment = _assessment(reply, quote_lines(reply), whole=True)
    envelope.result = full_result(thread)
    envelope.next_steps = _after(reply)
    how = "inconclusive" if thread.outcome is Outcome.INCONCLUSIVE else thread.assurance.value.replace("_", " ")
    lines = [f"DONE ({how}). {thread.last} steps{_why(reply)}.", *notes]
    if ended.open:
        lines.append("Passed over: " + "; ".join(clause_lines(ended.open)) + ".")
    lines += [f"Quote {line}" for line in quote_lines(reply)]
    return envelope.as_sent(), "\n".join([*lines, result_text(thread), envelope.next_steps])


def _why(reply: Reply) -> str:
    ended = reply.finished
    if ended is None or ended.by.value == "agent":
        return ""
    saved = f", {ended.saved} saved" if ended.saved else ""
    return f"{saved}: {ended.reason}"


def _after(reply: Reply) -> str:
    thread, ended = reply.thread, reply.finished
    reopen = f"{thread.tool} with backtrack_from_step"
    if ended is not None and ended.by.value != "agent":
        reopen = f"{thread.tool} with step_number={reply.next_number}"
    return (
        f'Tell the user the result. To go on: {reopen} and continuation_id="{thread.id}"; '
        "to follow it up: step 1 of any tool with this id."
    )
