"""A run as a host's model reads it: how it stands, what it gave, what waits and the literal call that goes on."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from mcp.types import CallToolResult, TextContent

from stepwarden.agents.conversation import whole
from stepwarden.agents.run_text import (
    MORE_STEPS,
    WaitingCall,
    alternative_lines,
    doubt_lines,
    extends_on,
    extension_of,
    met_line,
    person_question,
    requirement_lines,
    spent_line,
    standing_lines,
    state_line,
    step_lines,
    verdict_of,
    waiting_calls,
)
from stepwarden.runs.run import Run, RunStatus
from tools.shared.reply_parts import size_in_bytes
from tools.shared.thread_result import clip

REPLY_BYTES = 1_400
ANSWER_BYTES = 12_000  # of an ended run: the answer is what it was for
ARGUMENT_CHARS = 240
MOST_WAITING = 3
MOST_REQUIREMENTS, REQUIREMENT_CHARS = 4, 110


def run_result(run: Run, texts: Mapping[str, str], notes: Sequence[str] = ()) -> CallToolResult:
    """Return the reply about a run; the answer of an ended one is whole where it fits."""
    waiting = [] if run.status.is_end else waiting_calls(run)
    answer = whole(run.answer, texts) if run.status.is_end else ""
    shown = answer if len(answer.encode()) <= ANSWER_BYTES else answer.encode()[:ANSWER_BYTES].decode(errors="ignore")
    notes = [*notes, *run.notes, *standing_lines(run), *doubt_lines(run)]
    if shown != answer:
        notes = [*notes, f"The answer is cut here: stepwarden://runs/{run.id}/report has all of it."]
    going_on = next_call(run, waiting)
    lines = [
        verdict_of(run),
        *notes,
        *filter(None, [shown]),
        *_judged(run),
        *map(_waiting_line, waiting[:MOST_WAITING]),
    ]
    lines += [clip(line, ARGUMENT_CHARS) for line in alternative_lines(run)] if waiting else []
    lines += filter(None, [state_line(run), spent_line(run, time.time()), going_on and f"Next: {going_on}"])
    recent = [] if run.status.is_end else _recent(run, REPLY_BYTES - size_in_bytes("\n".join(lines)))
    text = "\n".join([lines[0], *recent, *lines[1:]])
    data: dict[str, Any] = {"status": run.status.value, "run_id": run.id, "verdict": verdict_of(run)}
    data |= {"answer": shown} if shown else {}
    data |= {"waiting": [_waiting(call) for call in waiting[:MOST_WAITING]]} if waiting else {}
    data |= {"requirements": _judged(run)} if met_line(run) else {}
    data |= {"steps": recent} if recent else {}
    data |= {"notes": list(notes)} if notes else {}
    data |= {"spent": spent_line(run, time.time())} | ({"next": going_on} if going_on else {})
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=data)


def next_call(run: Run, waiting: Sequence[WaitingCall]) -> str:
    """Return the call that goes on, "" where the run is at its end and no call would change that."""
    named = f'run_id="{run.id}"'
    if waiting and not run.is_at_work:
        first = waiting[0]
        if first.in_doubt:
            resolved = f'run(action="resolve", {named}, call="{first.key}", verdict="done" or "not_done")'
            return f"look whether it was carried out, then {resolved}"
        approved = f'run(action="approve", {named}, call="{first.key}", confirm="{first.about}")'
        return f'ask your user, then {approved}, or action="refuse" with a reason'
    if extends_on(run):
        limit, added = extension_of(run)
        return f'run(action="extend", {named}, limits={{"{limit}": {added}}}), if your user wants it to go on'
    match run.status:
        case RunStatus.RUNNING if person_question(run) is not None and not run.is_at_work:
            return f'ask your user, then run(action="answer", {named}, choice="again", "other" or "skip")'
        case RunStatus.RUNNING:
            return f'run(action="wait", {named})'
        case RunStatus.PAUSED:
            return f'run(action="resume", {named})'
        case RunStatus.FAILED:
            added = f'limits={{"steps": {MORE_STEPS}}}'
            return f'once that is mended, run(action="extend", {named}, {added}) goes on with its steps kept'
        case _:
            return ""


def _judged(run: Run) -> list[str]:
    """Return the requirements as rules find them: those that are not met first, as many as are worth the room."""
    lines = [clip(line, REQUIREMENT_CHARS) for line in requirement_lines(run)]
    lines.sort(key=lambda line: line.split()[1] == "met")
    more = len(lines) - MOST_REQUIREMENTS
    return lines if more <= 0 else [*lines[:MOST_REQUIREMENTS], f"and {more} more"]


def _waiting_line(call: WaitingCall) -> str:
    doubt = f" ({clip(call.doubt, ARGUMENT_CHARS)})" if call.doubt else ""
    return f"{call.key}: {call.kind} {call.tool} {clip(call.arguments, ARGUMENT_CHARS)}{doubt}"


def _waiting(call: WaitingCall) -> dict[str, Any]:
    try:
        arguments = json.loads(call.arguments)
    except ValueError:
        arguments = call.arguments
    fits = size_in_bytes(arguments) <= ARGUMENT_CHARS
    shown = arguments if fits else clip(call.arguments, ARGUMENT_CHARS)
    told = {"call": call.key, "tool": call.tool, "kind": call.kind, "arguments": shown}
    return told | ({"in_doubt": True} if call.in_doubt else {"confirm": call.about})


def _recent(run: Run, room: int) -> list[str]:
    """Return the last lines of what was done, as many as fit."""
    lines = [line for job in run.jobs.values() for line in step_lines(job)]
    kept = list[str]()
    for line in reversed(lines):
        room -= len(line.encode()) + 4
        if room < 0:
            break
        kept.insert(0, line)
    return kept
