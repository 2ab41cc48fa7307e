"""Sessions of calls to upstream servers as they are read back: alone, and with the thread that they were made for."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stepwarden.reports.plain import escaped
from stepwarden.storage import Head, HeadQuery, StoredEvent, kinds
from stepwarden.threads.calls import HistoryEntry
from stepwarden.threads.event_text import describe, stamp
from stepwarden.threads.journal import Journal

MOST_SESSIONS = 200  # of one thread: each process that makes calls for it has one


@dataclass(frozen=True, slots=True)
class CallSession:
    """The calls of one principal in one process; `thread` is what all of them were made for, "" for nothing said."""

    id: str
    thread: str = ""


async def calls_of(journal: Journal, thread_id: str, principal: str) -> list[HistoryEntry]:
    """Return the entries of the calls that were made for a thread and of the runs that were started in it, by time."""
    query = HeadQuery(principal, kind=kinds.SESSION, origin=thread_id, limit=MOST_SESSIONS)
    found = [entry for head in await journal.store.heads(query) for entry in await journal.history(head.stream)]
    runs = await journal.store.heads(replace(query, kind=kinds.RUN))
    return sorted([*found, *map(_run_entry, runs)], key=lambda entry: entry.at)


def _run_entry(head: Head) -> HistoryEntry:
    """Return a run as an entry of the thread that it was started in, as it stands now."""
    data = {"run": head.stream, "state": head.state, "title": head.title}
    return HistoryEntry(head.version, head.created, "run", data, head.hash)


def entry_line(entry: HistoryEntry) -> str:
    """Return one entry of a session as a line: when it was, and what."""
    return f"{stamp(entry.at)} {describe(entry)}"


def unsettled(history: Sequence[HistoryEntry]) -> Sequence[HistoryEntry]:
    """Return the entries of the calls whose outcome is unknown, each where it was begun."""
    from stepwarden.upstream.calls.begun_calls import SessionCalls  # not at a start, which needs none of it

    stored = [StoredEvent("", one.seq, one.at, one.kind, json.dumps(dict(one.data)), one.hash) for one in history]
    begun = {one.data["id"]: one for one in history if one.data.get("phase") == "intended"}
    return [begun[number] for number in SessionCalls("").after(stored).in_doubt]


def session_as_json(session: CallSession) -> dict[str, Any]:
    """Return what the JSON of a session begins with."""
    body: Mapping[str, str] = {"thread": session.id, "tool": kinds.SESSION.name}
    return {**body, "origin": {"thread": session.thread}} if session.thread else {**body}


def session_lines(session: CallSession, history: Sequence[HistoryEntry]) -> Iterator[str]:
    """Return a session as a report in Markdown: what is in doubt, and then every call."""
    yield "# Calls to upstream servers"
    yield from ("", f"`{session.id}`{f', made for `{session.thread}`' if session.thread else ''}")
    if doubtful := unsettled(history):
        yield from ("", "## In doubt: begun, and their outcome is unknown", "")
        yield from (f"- {escaped(entry_line(entry))}" for entry in doubtful)
    yield from ("", "## History", "", *(f"- {entry.seq}. {escaped(entry_line(entry))}" for entry in history))
