"""From a reply of the core to what is sent: the envelope and its text, within the budget of bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mcp.types import CallToolResult, TextContent

from prompts import Prompt
from stepwarden.steps.status import ThreadStatus, status_of
from stepwarden.steps.thread import Plan, Signal
from stepwarden.threads.calls import StepRefused, StepReply
from tools.shared.completion import completion
from tools.shared.consensus_view import answer_lines, answer_parts
from tools.shared.envelope import Envelope
from tools.shared.expert_view import expert_lines, expert_part
from tools.shared.guidance import next_call, required_actions
from tools.shared.phrases import (
    NAMED,
    clause_lines,
    is_asked,
    refusal_line,
    refusal_remedy,
    said_by,
    without_told,
)
from tools.shared.reply_parts import (
    assessment_part,
    envelope_of,
    first_lines,
    hand_over,
    seen_bytes,
    size_in_bytes,
    told_plan,
)
from tools.shared.step_lines import change_lines, hints, left_out_lines, quote_lines, source_lines, uncited_lines
from tools.shared.thread_result import context_line, counted

REPLY_BYTES = 1_400  # an ordinary reply beyond the bytes of its request, both parts and their frame as sent
TERSE_BYTES = 400  # of a request; a shorter one has room for as much, so that its reply can say what to do
FRAME_BYTES = 210  # the result's frame round the two parts, with the stamp of the server that the SDK adds
LEAST_AS_BEFORE = 3  # things that a look left open, from which those of the reply before are only counted
ACTIONS_AGAIN = 4  # of a held reply, in a refusal that points back to it

SIGNAL_WORDS: Mapping[Signal, str] = {
    Signal.DISPROVE: "Try once to disprove it",
    Signal.STALLED: "Change approach",
    Signal.SPLIT: "Long",
}


@dataclass(frozen=True, slots=True)
class _Room:
    """How much an ordinary reply says: facts, actions, quotes, context characters, names in a clause, open clauses."""

    facts: int = 12
    actions: int = 3
    quotes: int = 1_000
    context_chars: int = 200
    named: int = NAMED
    open: int = 100


# From all that there is to say down to what a host cannot go on without.
_ROOMS = (
    _Room(),
    _Room(actions=2),
    _Room(facts=9, actions=1, quotes=20, context_chars=100),
    _Room(facts=9, actions=1, quotes=20, context_chars=100, named=2),
    _Room(facts=9, actions=1, quotes=12, context_chars=100, named=1),
    _Room(facts=7, actions=1, quotes=8, context_chars=60, named=0),
    _Room(facts=6, actions=1, quotes=5, context_chars=0, named=0, open=6),
    _Room(facts=5, actions=1, quotes=3, context_chars=0, named=0, open=4),
    _Room(facts=4, actions=1, quotes=2, context_chars=0, named=0, open=3),
    _Room(facts=3, actions=1, quotes=1, context_chars=0, named=0, open=2),
    _Room(facts=2, actions=1, quotes=0, context_chars=0, named=0, open=1),
    _Room(facts=1, actions=1, quotes=0, context_chars=0, named=0, open=1),
    _Room(facts=0, actions=1, quotes=0, context_chars=0, named=0, open=1),
)


def reply_result(
    reply: StepReply, prompt: Prompt, *, fields: str, request_bytes: int, notes: Sequence[str] = ()
) -> CallToolResult:
    """Render an accepted step; `fields` are those that the tool's next call should fill."""
    if reply.finished is not None:
        return _sent(*completion(reply, [*notes, *uncited_lines(reply), *source_lines(reply), *left_out_lines(reply)]))
    budget = REPLY_BYTES + max(request_bytes, TERSE_BYTES) - FRAME_BYTES
    said = _Said(
        required_actions(reply, prompt),
        quote_lines(reply),
        next_call(reply, fields),
        [
            *notes,
            *uncited_lines(reply),
            *change_lines(reply),
            *source_lines(reply),
            *left_out_lines(reply),
            *hints(reply),
        ],
    )
    answers = answer_parts(reply.answers or reply.arrived)
    said = replace(said, answers=answers, heard=[line for part in answers for line in answer_lines(part)])
    budget += size_in_bytes(answers) + size_in_bytes("\n".join(said.heard)) if answers else 0
    budget += _size_of_objections(reply)
    is_first = not reply.replayed and reply.next_number == reply.thread.next_number
    first = reply if is_first else replace(reply, replayed=False, next_number=reply.thread.next_number)
    room, rendered = _fitting(first, said, budget)  # a retry gets the same room
    return _sent(*(rendered if is_first else _ordinary(reply, said, room)))


def _size_of_objections(reply: StepReply) -> int:
    """Return the bytes of what an expert objects to in the call that brought it, which an answer needs whole."""
    objections = [clause for clause in reply.held if clause.kind == "expert"] if reply.review is not None else []
    return 3 * size_in_bytes(clause_lines(objections, held=True)) if objections else 0  # open, to do, and in the text


def _fitting(reply: StepReply, said: "_Said", budget: int) -> tuple[_Room, tuple[dict[str, Any], str]]:
    """Return the largest room in which the reply keeps its budget of bytes, and the reply rendered in it."""
    room, rendered = _ROOMS[0], _ordinary(reply, said, _ROOMS[0])
    for smaller in _ROOMS[1:]:
        if seen_bytes(*rendered) <= budget:
            break
        room, rendered = smaller, _ordinary(reply, said, smaller)
    while room.facts < len(reply.new_facts):
        larger = replace(room, facts=room.facts + 1)
        more = _ordinary(reply, said, larger)
        if seen_bytes(*more) > budget:
            break
        room, rendered = larger, more
    return room, rendered


def refusal_result(prompt: Prompt, refused: StepRefused, asked: int) -> CallToolResult:
    """Render a call that recorded nothing; what it points back to stands in it again."""
    tool, thread, refusal = prompt.name, refused.thread, refused.refusal
    line = refusal_line(tool, refusal, thread, asked)
    remedy = refusal_remedy(tool, refusal, thread)
    envelope = Envelope(
        status=f"{tool}_refused",
        continuation_id=thread.id if thread else None,
        step_number=thread.last if thread else None,
        total_steps=thread.total_steps if thread else None,
        next_step_number=refusal.number,
        next_step_required=True,
        required_actions=_asked_before(refused.last, prompt) if refused.last is not None else [],
        next_steps=f"Not recorded: {line} {remedy}",
        required=_required_by(tool, refused),
    )
    text = [f"REFUSED. Not recorded: {line}", *(f"- {action}" for action in envelope.required_actions), remedy]
    return _sent(envelope.as_sent(), "\n".join(text), is_error=True)


def _required_by(tool: str, refused: StepRefused) -> str:
    """Return the tool that the thread of a refused call waits for, which is its own; none where it has ended."""
    thread = refused.thread
    if thread is None:
        return tool
    return "" if status_of(thread) in {ThreadStatus.CLOSED, ThreadStatus.ENDED} else thread.tool


def _asked_before(reply: StepReply, prompt: Prompt) -> list[str]:
    """Return what an earlier reply asked for, so that nobody has to look it up: of a held one what was open."""
    if reply.held:
        return first_lines(clause_lines(reply.held, held=True), ACTIONS_AGAIN)
    return required_actions(reply, prompt)


def _sent(envelope: dict[str, Any], text: str, *, is_error: bool = False) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=envelope, is_error=is_error)


@dataclass(frozen=True, slots=True)
class _Said:
    """All that an ordinary reply could say beside its numbers."""

    actions: list[str]
    quotes: list[str]
    next_steps: str
    notes: list[str]
    answers: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    heard: list[str] = field(default_factory=list[str])


def _ordinary(reply: StepReply, said: _Said, room: _Room) -> tuple[dict[str, Any], str]:
    """Return both parts of an ordinary reply as far as `room` goes; a held one names every kind of clause."""
    thread = reply.thread
    open_lines = _open_lines(reply, room)
    if not reply.held:
        open_lines = [without_told(line, reply.new_facts[: room.facts]) for line in open_lines]
    quotes, actions = first_lines(said.quotes, room.quotes), said.actions[: room.actions]
    status = "awaiting_expert" if reply.awaits else f"pause_for_{thread.tool}"
    envelope = envelope_of(reply, status, said.notes)
    envelope.required = thread.tool
    envelope.expert = expert_part(reply)
    hand_over(envelope, said.answers)
    # A held reply is about what is open; what was found is in the replies before.
    # What a follow-up goes on from is told before what the files say: that is asked for once.
    shown = 0 if reply.held else min(room.facts, 1) if reply.origin is not None else room.facts
    told = reply.new_facts
    cut = len(told) - shown if shown else 0
    envelope.facts = facts = [*told[:shown], *([f"+{cut} more: status"] if cut > 0 else [])]
    envelope.required_actions = actions
    envelope.next_steps = said.next_steps.replace(f'continuation_id="{thread.id}"', "continuation_id")
    envelope.assessment = assessment_part(
        reply, open_lines, [line.removeprefix("Quote ") for line in quotes], whole=bool(reply.held)
    )
    envelope.verdict = _standing(reply, "")
    lines = [_verdict(reply), *said.notes]
    if reply.origin is not None:
        envelope.follows = context_line(reply.origin, room.context_chars)
        lines.append(envelope.follows)
    if reply.review is not None and envelope.expert is not None:
        lines += expert_lines(envelope.expert)
    lines += facts
    lines += said.heard
    lines += quotes
    if reply.step.issues:
        lines.append("Issues: " + ", ".join(issue.id for issue in reply.step.issues))
    lines += [f"- {line}" for line in (open_lines if reply.held else actions)]
    done = {line.casefold().rstrip(".") for line in actions}  # one thing is asked for once
    asked = [line for line in open_lines if line.casefold() not in done and not is_asked(line, actions)]
    if asked and not reply.held:
        lines.append(f"{_open_label(reply)}: " + "; ".join(asked))
    return envelope.as_sent(), "\n".join([*lines, said.next_steps])


def _open_lines(reply: StepReply, room: _Room) -> list[str]:
    """Return what is open: all of it at a hold, else what the reply before did not tell, and how much more there is.

    That more steps are needed says nothing where each of the others takes one.
    """
    if reply.held:
        return clause_lines(reply.held, named=room.named, held=True)
    found, told = reply.assessment.open, reply.told_open
    as_before = sum(clause in told for clause in found)
    is_counted = as_before >= LEAST_AS_BEFORE
    new = [clause for clause in found if clause not in told] if is_counted else list(found)
    acts = [clause for clause in new if clause.kind != "min_steps"]
    lines = first_lines(clause_lines(acts or new, named=room.named), room.open)
    return [*lines, f"the same {as_before} as before"] if is_counted else lines


def _open_label(reply: StepReply) -> str:
    """Return the word before what is open: an agent that is sure is told that it is missing."""
    confidence = reply.step.submission.confidence
    return "Still missing" if confidence is not None and confidence.asks_to_end else "Open"


def _standing(reply: StepReply, again: str) -> str:
    """Return in a few words what became of the step; its plan and signals have fields of their own."""
    thread, number = reply.thread, reply.step.number
    place = f"{number}/{thread.total_steps}"
    if reply.awaits:
        if reply.thread.tool == "consensus":
            came = ", ".join(answer.name for answer in reply.arrived)
            there = f" Answered: {came}." if came else ""
            return f"WAITING for {reply.awaits}.{there} Step {number} is recorded."
        return f"WAITING for the expert, {reply.awaits}. Step {number} is recorded."
    if reply.held:
        count = counted(len(reply.held), "clause")
        who = ", by the expert" if reply.review else ""
        return f"HELD {place}{again}: {count} open{who}."
    said = [f"ACCEPTED {place}{again}."]
    said += ["Reopened."] if reply.reopened else []
    said += ["Stalled."] if thread.stalled else []
    return " ".join(said)


def _verdict(reply: StepReply) -> str:
    """Return the first line of the text."""
    standing = _standing(reply, " (as before)" if reply.replayed else "")
    if reply.awaits or reply.held:
        return standing
    plan = told_plan(reply)
    parts = [f"Plan {_plan_words(plan)}."] if plan else []
    signals = [f"{SIGNAL_WORDS[name]}: {said_by(told.by, told.reason)}" for name, told in reply.signals.items()]
    parts += [told if told.endswith("...") else f"{told}." for told in signals]
    return " ".join([standing, *parts])


def _plan_words(plan: Plan) -> str:
    if plan.was is None and plan.low == plan.high:  # counted, and the reason says so
        return plan.reason
    changed = f"{plan.was} -> {plan.likely}" if plan.was is not None else f"{plan.likely} ({plan.low}-{plan.high})"
    return f"{changed}: {said_by(plan.by, plan.reason)}"
