"""The reply that ends a thread: both parts, each within its bytes but for what models said."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from stepwarden.steps.thread import Outcome, Thread
from stepwarden.threads.calls import StepReply
from tools.shared.consensus_view import answer_parts, outcome_word, synthesis_lines, synthesis_of, synthesis_part
from tools.shared.end_view import (
    ENDING_BYTES,
    ROOMS,
    Room,
    after_end,
    ended_line,
    left_lines,
    result_lines,
    result_of,
)
from tools.shared.expert_view import expert_lines, expert_part
from tools.shared.guidance import quote_lines
from tools.shared.phrases import clause_lines
from tools.shared.reply_parts import assessment_part, envelope_of, first_lines, hand_over, seen_bytes, size_in_bytes
from tools.shared.thread_result import counted, fitting_sections

SECTIONS_FRAME, LEAST_SECTIONS = 60, 120  # bytes of a table at an end: what stands round it, and the least worth it
_UNANSWERED = re.compile(r"(\b\d+ places? unanswered): [^;]*")
_MAJORITIES = {"none": "no majority", "split": "split"}


def completion(reply: StepReply, notes: Sequence[str]) -> tuple[dict[str, Any], str]:
    """Return both parts of the reply that ends a thread, each within its bytes but for what models said."""
    rendered = _ended_in(reply, notes, ROOMS[0])
    for room in ROOMS[1:]:
        if reply.thread.tool == "planner" or seen_bytes(*rendered) <= ENDING_BYTES + _heard_bytes(rendered[0]):
            break
        rendered = _ended_in(reply, notes, room)
    return _with_sections(reply.thread, *rendered)


def _with_sections(thread: Thread, envelope: dict[str, Any], text: str) -> tuple[dict[str, Any], str]:
    """Return both parts with as much of the tool's own tables as there is room for; the report has them whole."""
    left = ENDING_BYTES - seen_bytes(envelope, text) - SECTIONS_FRAME
    while thread.tool != "planner" and left >= LEAST_SECTIONS and (sections := fitting_sections(thread, left)):
        sections = {name: _untold(lines, envelope.get("facts", ())) for name, lines in sections.items()}
        before, _, after = text.rpartition("\n")
        shown = [line for name, lines in sections.items() for line in (f"{name}:", lines)]
        result = envelope.get("result", {}) | {"measured": sections}
        whole = _places_once({**envelope, "result": result}, "\n".join([before, *shown, after]), sections)
        if (over := seen_bytes(*whole) - ENDING_BYTES) <= 0:
            return whole
        left -= over
    return envelope, text


def _places_once(envelope: dict[str, Any], text: str, sections: Mapping[str, str]) -> tuple[dict[str, Any], str]:
    """Return both parts of an end without the places of issues and clauses that a table in it has, too."""
    cells = {cell.strip() for table in sections.values() for cell in table.split("|")}
    issues = envelope["result"].get("issues", [])
    told = {issue["id"]: issue["at"] for issue in issues if issue.get("at") in cells}
    if not told and not any("unanswered" in line for line in envelope["assessment"]["open"]):
        return envelope, text
    kept = [{name: value for name, value in issue.items() if name != "at" or value not in cells} for issue in issues]
    result = envelope["result"] | ({"issues": kept} if issues else {})
    assessment = envelope["assessment"] | {"open": [_counted_alone(line) for line in envelope["assessment"]["open"]]}
    lines = [
        line.removesuffix(f" {told[name]}") if (name := line.partition(" ")[0]) in told else _counted_alone(line)
        for line in text.split("\n")
    ]
    return {**envelope, "result": result, "assessment": assessment}, "\n".join(lines)


def _counted_alone(line: str) -> str:
    """Return a line about unanswered places with their number and without their names."""
    return _UNANSWERED.sub(r"\1", line)


def _untold(section: str, facts: Sequence[str]) -> str:
    """Return a section without its first line where a fact of the same reply says it."""
    first, _, rest = section.partition("\n")
    return rest.strip("\n") if first in facts and rest.strip() else section


def _heard_bytes(envelope: Mapping[str, Any]) -> int:
    """Return the bytes of what models said, which come on top: an expert's words, the synthesis of a panel."""
    result = envelope["result"] if "majority" in envelope.get("result", {}) else None
    return sum(size_in_bytes(part) for part in (result, *map(envelope.get, ("expert", "answer", "answers"))) if part)


def _ended_in(reply: StepReply, notes: Sequence[str], room: Room) -> tuple[dict[str, Any], str]:
    thread, ended = reply.thread, reply.finished
    assert ended is not None
    synthesis = synthesis_of(reply)
    decided = ""
    if synthesis is not None and thread.outcome is Outcome.DONE:
        decided = _MAJORITIES.get(word := outcome_word(synthesis), f"majority: {word}")
    envelope = envelope_of(reply, f"{thread.tool}_complete", notes)
    envelope.verdict = ended_line(reply, decided)
    quotes = first_lines(quote_lines(reply), room.quotes)
    told = [line.removeprefix("Quote ") for line in quotes]
    envelope.assessment = assessment_part(reply, clause_lines(ended.open, named=room.named), told, whole=True)
    envelope.facts = first_lines(list(reply.facts), room.facts)
    envelope.result = result_of(thread, room)
    envelope.expert = expert_part(reply) if synthesis is None else None
    envelope.next_steps = after_end(reply)
    lines = [envelope.verdict, *notes, *envelope.facts, *result_lines(thread, room)]
    if envelope.expert is not None and (thread.review is not None or thread.expert_rounds):
        lines += expert_lines(envelope.expert)
    if synthesis is not None:
        answers = answer_parts(reply.answers)
        hand_over(envelope, answers)
        envelope.result |= (found := synthesis_part(synthesis, thread, reply.answers))
        lines += synthesis_lines(found, answers)
    lines += [_stale_line(reply.step.stale)] if reply.step.stale else []
    return envelope.as_sent(), "\n".join([*lines, *left_lines(reply, room), *quotes, envelope.next_steps])


def _stale_line(count: int) -> str:
    return f"Stale: {counted(count, 'quote')} that held has gone from its file since."
