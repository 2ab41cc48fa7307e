"""From a reply of the core to what is sent: the envelope and its text, within the budget of bytes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mcp.types import CallToolResult, TextContent

from prompts import Prompt
from stepwarden.steps.thread import Outcome, Signal, Thread
from stepwarden.threads.calls import Refused, Reply
from tools.shared.envelope import AssessmentPart, Envelope, PlanPart, ProgressPart
from tools.shared.guidance import next_call, quote_lines, required_actions
from tools.shared.results import context_line, counted, full_result, result_text
from tools.shared.wording import clause_lines, refusal_line, refusal_remedy

REPLY_BYTES = 1_400  # an ordinary reply beyond the bytes of its request, both parts and their frame as sent
FRAME_BYTES = 210  # the result's frame round the two parts, with the stamp of the server that the SDK adds
CONTEXT_CHARS = 200  # of what a follow-up goes on from
CRUMBS = 4  # how many steps a breadcrumb names

SIGNAL_WORDS: Mapping[Signal, str] = {
    Signal.DISPROVE: "Try once to disprove it",
    Signal.STALLED: "Try another way",
    Signal.SPLIT: "Long",
}


@dataclass(frozen=True)
class _Parts:
    """What an ordinary reply says as far as its budget reaches."""

    actions: list[str]
    quotes: list[str]
    context_chars: int

    @property
    def are_least(self) -> bool:
        return len(self.actions) <= 1 and not self.quotes and not self.context_chars

    def smaller(self) -> "_Parts":
        """Give up a little: the third action, half the context, the second action, the context, the last quote."""
        if len(self.actions) > 2 or (len(self.actions) > 1 and self.context_chars <= CONTEXT_CHARS // 2):
            return replace(self, actions=self.actions[:-1])
        if self.context_chars:
            return replace(self, context_chars=self.context_chars - CONTEXT_CHARS // 4)
        return replace(self, quotes=self.quotes[:-1])


def size_in_bytes(value: object) -> int:
    """Give the length of `value` as the JSON that is sent."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def reply_result(
    reply: Reply, prompt: Prompt, *, fields: str, request_bytes: int, notes: Sequence[str] = ()
) -> CallToolResult:
    """Render an accepted step; `fields` are those that the tool's next call should fill."""
    if reply.finished is not None:
        return _sent(*_completion(reply, notes))
    parts = _Parts(required_actions(reply, prompt), quote_lines(reply), CONTEXT_CHARS if reply.origin else 0)
    budget = REPLY_BYTES + request_bytes - FRAME_BYTES
    while True:
        envelope, text = _ordinary(reply, parts, next_call(reply, fields), notes)
        if size_in_bytes(envelope) + size_in_bytes(text) <= budget or parts.are_least:
            return _sent(envelope, text)
        parts = parts.smaller()


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


def _ordinary(reply: Reply, parts: _Parts, next_steps: str, notes: Sequence[str]) -> tuple[dict[str, Any], str]:
    thread, actions, quotes = reply.thread, parts.actions, parts.quotes
    envelope = _envelope(reply, f"pause_for_{thread.tool}", notes)
    envelope.required_actions = list(actions)
    envelope.next_steps = next_steps
    envelope.assessment = _assessment(reply, quotes, whole=bool(reply.held))
    lines = [_verdict(reply), *notes]
    if reply.origin is not None and parts.context_chars:
        envelope.follows = context_line(reply.origin, parts.context_chars)
        lines.append(envelope.follows)
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
        count = counted(len(clause_lines(reply.held)), "clause")
        return f"HELD {place}: {count} open. Next: step {reply.next_number}."
    plan, why = reply.plan, ""
    if plan is not None and plan.was is not None:
        why = f" Plan {plan.was} -> {plan.likely}: {plan.reason}."
    elif plan is not None:
        why = f" Plan: {plan.reason}."
    stalled = " Stalled." if thread.stalled else ""
    for signal, reason in reply.signals.items():
        why += f" {SIGNAL_WORDS[signal]}: {reason}."
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
    lines = [f"DONE ({how}). {counted(thread.last, 'step')}{_why(reply)}.", *notes]
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
