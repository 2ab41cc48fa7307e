"""A thread as text to take away: JSON, and a report in Markdown or HTML."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from stepwarden.reports.content import TimedEvent, build_report
from stepwarden.reports.markdown import render_markdown
from stepwarden.reports.page import render_calls_page, render_chat_page, render_page
from stepwarden.reports.plain import escaped, quoted
from stepwarden.steps.digest import digest
from stepwarden.steps.events import decode
from stepwarden.steps.thread import Thread
from stepwarden.storage import kinds
from stepwarden.threads.call_sessions import CallSession, entry_line, session_as_json, session_lines, unsettled
from stepwarden.threads.calls import HistoryEntry
from stepwarden.threads.chat_store import Chat
from stepwarden.threads.event_text import describe, one_line, stamp
from stepwarden.threads.queries import Whole


def as_json(thread: Whole, history: Sequence[HistoryEntry], calls: Sequence[HistoryEntry] = ()) -> str:
    """Return the whole thread as JSON: its digest and every event with time and hash. A chat is its events.

    `calls` are entries of calls to upstream servers and of runs that were made for it.
    """
    body: dict[str, Any] = {"thread": thread.id, "tool": kinds.CHAT.name}
    if isinstance(thread, CallSession):
        body = session_as_json(thread)
    elif isinstance(thread, Thread):
        body = _thread_as_json(thread)
    body["events"] = [asdict(entry) for entry in history]
    if calls:
        body["calls"] = [asdict(entry) for entry in calls]
    return json.dumps(body, ensure_ascii=False, indent=2, default=str)


def _thread_as_json(thread: Thread) -> dict[str, Any]:
    return {
        "thread": thread.id,
        "tool": thread.tool,
        "outcome": thread.outcome.value,
        "assurance": thread.assurance.value,
        "directory": thread.directory,
        "origin": asdict(thread.origin) if thread.origin else None,
        **({"run": thread.run} if thread.run else {}),
        "digest": asdict(digest(thread)),
    }


def as_markdown(thread: Whole, history: Sequence[HistoryEntry] = (), calls: Sequence[HistoryEntry] = ()) -> str:
    """Return the thread as a report for people; with `history`, what was superseded, and every event at the end."""
    if isinstance(thread, CallSession):
        return "\n".join(session_lines(thread, history)) + "\n"
    if isinstance(thread, Chat):
        lines = [*_talk(thread)]
        if history:
            lines += ["", "## History", "", *(f"- {escaped(line)}" for line in _history_lines(history))]
        return "\n".join(lines) + "\n"
    return render_markdown(build_report(thread, _told(history)), _history_lines(history, calls))


def as_html(thread: Whole, history: Sequence[HistoryEntry], calls: Sequence[HistoryEntry] = ()) -> str:
    """Return the same report as one page of HTML that loads nothing and runs nothing."""
    if isinstance(thread, CallSession):
        return render_calls_page(thread.id, [entry_line(one) for one in unsettled(history)], _history_lines(history))
    if isinstance(thread, Chat):
        title = one_line(thread.turns[0].prompt, 120)
        return render_chat_page(title, [(turn.prompt, turn.model, turn.answer) for turn in thread.turns])
    times = (stamp(history[0].at), stamp(history[-1].at)) if history else None
    return render_page(build_report(thread, _told(history)), times, _history_lines(history, calls))


def _told(history: Sequence[HistoryEntry]) -> list[TimedEvent]:
    return [TimedEvent(entry.at, decode(entry.kind, json.dumps(dict(entry.data)))) for entry in history]


def _history_lines(history: Sequence[HistoryEntry], calls: Sequence[HistoryEntry] = ()) -> list[str]:
    """Return a line for each event, and for each call that was made for the thread where it belongs by its time."""
    timed = [(entry.at, f"{entry.seq}. {stamp(entry.at)} {describe(entry)}") for entry in history]
    timed += [(entry.at, entry_line(entry)) for entry in calls]
    return [line for _, line in sorted(timed, key=lambda pair: pair[0])]


def _talk(chat: Chat) -> Iterator[str]:
    yield f"# chat: {escaped(one_line(chat.turns[0].prompt, 120))}"
    for turn in chat.turns:
        yield from ("", f"## {escaped(one_line(turn.prompt, 120))}", "", *quoted(turn.prompt))
        yield from ("", f"**{escaped(turn.model)}**:", "", *quoted(turn.answer))
