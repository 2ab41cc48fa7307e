"""`status`: the server, its configuration, the caller's threads, and the history of one of them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

import prompts
from stepwarden.errors import UnknownStream
from stepwarden.steps.thread import Thread
from stepwarden.storage import Head, kinds
from stepwarden.threads.call_sessions import CallSession, entry_line
from stepwarden.threads.calls import Caller, HistoryEntry
from stepwarden.threads.chat_store import CHAT, Chat
from stepwarden.threads.event_text import describe, stamp
from stepwarden.threads.queries import ThreadQueries
from tools.shared.edge import READ_ONLY, EdgeTool, Progress, edge_tool, failure
from tools.shared.thread_result import clip, counted, full_result
from tools.workflow.lenient_values import without_empty
from tools.workflow.request import Key
from tools.workflow.validation_errors import error_lines

LAST_ENTRY = 2**62  # no history is so long, and larger numbers are too large for databases
CALLS = 10  # entries of calls to upstream servers that are shown with a thread
ENTRY_CHARS = 4_000  # of each text of a step in a page of the history


class StatusRequest(BaseModel):
    """What to show: nothing for the server and the threads, an id for one thread."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    continuation_id: Key | None = Field(default=None, description="Show this thread and its history")
    tool: Key | None = Field(default=None, description="List only its threads")
    after: int = Field(default=0, ge=0, description="History entries after this number")

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, value: Any) -> Any:
        return without_empty(cls.model_fields, value)


@dataclass(frozen=True)
class ServerFacts:
    """What the server says about itself, paths only to a `local` caller, and nothing that is secret."""

    version: str
    configuration: Callable[[bool], dict[str, str]]


def status_tool(queries: ThreadQueries, facts: ServerFacts) -> EdgeTool:
    """Return the tool that reads threads back from `queries`."""
    prompt = prompts.load("status")

    async def show(arguments: dict[str, Any], caller: Caller, _: Progress) -> CallToolResult:
        try:
            request = StatusRequest.model_validate(arguments)
        except ValidationError as error:
            return failure(error_lines(error, StatusRequest))
        if request.continuation_id is None:
            heads = await queries.threads(caller, tool=request.tool)
            return _overview(facts, caller, heads, queries.lost(caller))
        try:
            thread = await queries.whole(request.continuation_id, caller)
            calls = await queries.calls(request.continuation_id, caller)
            page, go_on_after = await queries.page(
                request.continuation_id, caller, after=min(request.after, LAST_ENTRY)
            )
        except UnknownStream:
            return failure(["continuation_id: no such thread of yours; call status without it for a list"])
        if isinstance(thread, CallSession):
            data = {"continuation_id": thread.id, "tool": kinds.SESSION.name}
            made_for = f", made for {thread.thread}" if thread.thread else ""
            return _with_history(data, f"{thread.id}: {kinds.SESSION.name}{made_for}", page, go_on_after)
        shown = calls if request.after == 0 else ()
        return _one_thread(thread, (page, shown), go_on_after, first=request.after == 0)

    return edge_tool(show, prompt, StatusRequest, READ_ONLY)


def _sent(data: dict[str, Any], lines: Sequence[str]) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text="\n".join(lines))], structured_content=data)


def _overview(facts: ServerFacts, caller: Caller, heads: Sequence[Head], lost: str) -> CallToolResult:
    now = time.time()
    threads = [
        {
            "continuation_id": head.stream,
            "tool": head.tool,
            "outcome": head.state,
            "steps": head.steps,
            "total_steps": head.total_steps or head.steps,
            "age": age(now - head.updated),
            "task": clip(head.title, 80),
        }
        | ({"damaged": f"{', '.join(head.damaged)}: changed outside stepwarden"} if head.damaged else {})
        for head in sorted(heads, key=lambda head: head.kind != kinds.THREAD.name or head.state != "open")
    ]
    configuration = facts.configuration(caller.local)
    lines = [f"stepwarden {facts.version}"]
    lines += [f"{name}: {value}" for name, value in configuration.items()]
    if lost:
        lines.append(lost)
    if not caller.listed:
        lines.append("Threads are listed only to callers with a bearer token; use the id that a reply gave you.")
    elif not threads:
        lines.append("No threads yet.")
    for row in threads:
        line = "{continuation_id} {outcome} {steps}/{total_steps}, {age} ago: {task}".format_map(row)
        lines.append(f"{line} [damaged: {row['damaged']}]" if "damaged" in row else line)
    return _sent({"version": facts.version, "configuration": configuration, "threads": threads}, lines)


def _one_thread(
    thread: Thread | Chat, entries: tuple[Sequence[HistoryEntry], ...], go_on_after: int | None, *, first: bool
) -> CallToolResult:
    page, calls = entries
    if isinstance(thread, Chat):
        data: dict[str, Any] = {"continuation_id": thread.id, "tool": CHAT, "turns": len(thread.turns)}
        return _with_history(data, f"{thread.id}: {counted(len(thread.turns), 'turn')}", page, go_on_after)
    data = {
        "continuation_id": thread.id,
        "tool": thread.tool,
        "outcome": thread.outcome.value,
        "next_step_number": thread.next_number,
        "total_steps": thread.total_steps,
    }
    if first:
        data["result"] = full_result(thread)
    standing = f"{thread.outcome.value}, {counted(thread.last, 'step')} of {thread.total_steps}"
    title = f"{thread.id}: {standing}, next: {thread.tool} step {thread.next_number}"
    facts: list[str] = data.get("result", {}).get("facts", [])
    made = [entry_line(entry) for entry in calls[-CALLS:]]
    if made:
        data["calls"] = made
        facts = [*facts, f"Calls to upstream servers made for it ({len(calls)} entries, the last):", *made]
    return _with_history(data, "\n".join([title, *facts]), page, go_on_after)


def _with_history(
    data: dict[str, Any], title: str, page: Sequence[HistoryEntry], go_on_after: int | None
) -> CallToolResult:
    lines = [title]
    data["history"] = [_entry(entry) for entry in page]
    for row in data["history"]:
        lines.append(f"{row['seq']}. {row['at']} {row['event']}")
        lines += [f"   {clip(row[name], 600)}" for name in ("findings", "answer") if name in row]
    if go_on_after is not None:
        data["after"] = go_on_after
        lines.append(f"More: status with after={go_on_after}.")
    return _sent(data, lines)


def _entry(entry: HistoryEntry) -> dict[str, Any]:
    """Return one event as it is shown, a step or turn with its texts: the result of a long thread leaves them out."""
    row: dict[str, Any] = {"seq": entry.seq, "at": stamp(entry.at), "event": describe(entry)}
    if entry.kind == "step":
        sent = entry.data["step"]["submission"]
        row |= {name: sent[name][:ENTRY_CHARS] for name in ("step", "findings", "hypothesis") if sent.get(name)}
    if entry.kind == CHAT:
        row |= {name: entry.data[name][:ENTRY_CHARS] for name in ("prompt", "answer")}
    return row


def age(seconds: float) -> str:
    """Return a span of time in its largest unit, such as "3 h"."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{max(0, int(seconds))} s"
