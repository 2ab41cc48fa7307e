"""The reply that ends a thread: both parts, each within its bytes but for what models said."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from stepwarden.steps.panel import panel_of
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
from tools.shared.phrases import clause_lines
from tools.shared.reply_parts import assessment_part, envelope_of, first_lines, hand_over, seen_bytes, size_in_bytes
from tools.shared.step_lines import quote_lines
from tools.shared.thread_result import counted, fitting_sections

SECTIONS_FRAME, LEAST_SECTIONS = 60, 120  # bytes of a table at an end: what stands round it, and the least worth it
ENDS_WITH_TABLE = frozenset({"secaudit"})  # risk, place, and what became of it
NO_ENTRIES = "No entry point was found."  # it stands in the report
_IN_TABLE = re.compile(r"\| (I\d+) \w+(?:, not evidenced)? \|")
_UNANSWERED = re.compile(r"(\b\d+ places? unanswered): [^;]*")
LEAST_TABLED = 3  # issues that a table shows, or else a list of them is shown
_MAJORITIES = {"none": "no majority", "split": "split"}


def completion(reply: StepReply, notes: Sequence[str]) -> tuple[dict[str, Any], str]:
    """Return both parts of the reply that ends a thread, each within its bytes but for what models said.

    Issues that a table of the tool's own has stand in it alone, where there is room for the first ones.
    """
    sections = reply.thread.claims.measured.sections.values()
    listed = _fitted(reply, notes)
    if not (told := frozenset(name for section in sections for name in _IN_TABLE.findall(section))):
        return listed
    rooms = (replace(room, told=told) for room in ROOMS)
    tabled = max((_with_answers(reply.thread, *_ended_in(reply, notes, room)) for room in rooms), key=_count_tabled)
    least = min(LEAST_TABLED, len(listed[0].get("result", {}).get("issues", ())))
    return tabled if _count_tabled(tabled) >= max(least, 1) else listed


def _count_tabled(rendered: tuple[dict[str, Any], str]) -> int:
    """Return how many issues a table in an end has."""
    return len({*_IN_TABLE.findall(str(rendered[0].get("result", {}).get("measured", "")))})


def _fitted(reply: StepReply, notes: Sequence[str]) -> tuple[dict[str, Any], str]:
    """Return both parts in the largest room that they fit in, with as much of the tool's tables as is left."""
    rendered = _ended_in(reply, notes, ROOMS[0])
    for room in ROOMS[1:]:
        if reply.thread.tool == "planner" or seen_bytes(*rendered) <= ENDING_BYTES + _heard_bytes(rendered[0]):
            break
        rendered = _ended_in(reply, notes, room)
    return _with_answers(reply.thread, *rendered)


def _with_answers(thread: Thread, envelope: dict[str, Any], text: str) -> tuple[dict[str, Any], str]:
    """Return both parts with the one table that is the end of the tool's work, as far as there is room for it.

    All other tables and diagrams live in the report.
    """
    most = ENDING_BYTES + _heard_bytes(envelope)
    left = most - seen_bytes(envelope, text) - SECTIONS_FRAME
    while left >= LEAST_SECTIONS and (sections := _ending_sections(thread, left)):
        sections = {
            name: _untold(lines, envelope.get("facts", ())) for name, lines in sections.items() if lines != NO_ENTRIES
        }
        before, _, after = text.rpartition("\n")
        shown = [line for name, lines in sections.items() for line in (f"{name}:", lines)]
        result = envelope.get("result", {}) | {"measured": sections}
        whole = _places_once({**envelope, "result": result}, "\n".join([before, *shown, after]), sections)
        if (over := seen_bytes(*whole) - most) <= 0:
            return whole
        left -= over
    return envelope, text


def _ending_sections(thread: Thread, budget: int) -> dict[str, str]:
    if thread.tool not in ENDS_WITH_TABLE:
        return {}
    return fitting_sections(thread, budget)


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
    envelope.facts = first_lines(list(reply.new_facts), room.facts)
    envelope.result = result_of(thread, room)
    envelope.expert = expert_part(reply) if synthesis is None else None
    envelope.next_steps = f"{_exchange_words(reply)}{after_end(reply)}"
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


def _exchange_words(reply: StepReply) -> str:
    """Return the proposal of an exchange where free votes are split and none was held."""
    panel, found = panel_of(reply.thread), synthesis_of(reply)
    if panel is None or panel.exchange or found is None or not found.split:
        return ""
    return "Split: to let each hear the others' reasons and vote again, backtrack_from_step=1 with exchange=true. "


def _stale_line(count: int) -> str:
    return f"Stale: {counted(count, 'quote')} that held has gone from its file since."
