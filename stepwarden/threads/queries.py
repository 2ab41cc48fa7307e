"""Reading threads back: lists, pages of a history, reports and exports."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from stepwarden.reports.content import TimedEvent, build_report
from stepwarden.reports.markdown import render_markdown
from stepwarden.reports.page import render_chat_page, render_page
from stepwarden.reports.plain import escaped, quoted
from stepwarden.steps.digest import digest
from stepwarden.steps.events import decode
from stepwarden.steps.thread import Thread
from stepwarden.storage import Head, HeadQuery, kinds
from stepwarden.threads.calls import Caller, HistoryEntry
from stepwarden.threads.chat_store import Chat, load_chat
from stepwarden.threads.event_text import describe, one_line, stamp
from stepwarden.threads.journal import Journal

PAGE_BYTES = 12_000  # of one page of a history, as JSON
LISTED = 20  # threads in one list


class ThreadQueries:
    """What may be read of the threads in a store, each caller its own."""

    def __init__(self, journal: Journal, directory: str | None = None) -> None:
        self._journal = journal
        self._directory = directory

    async def threads(
        self, caller: Caller, *, tool: str | None = None, prefix: str | None = None, limit: int = LISTED
    ) -> list[Head]:
        """List the caller's threads, the open ones of this working directory first, then by their last change."""
        if not caller.listed:
            return []
        query = HeadQuery(caller.principal, tool=tool, directory_first=self._directory, prefix=prefix, limit=limit)
        return await self._journal.store.heads(query)

    async def thread(self, thread_id: str, caller: Caller) -> Thread:
        """Return one thread of the caller's; UnknownStream where it has none of that id, OtherKind for a chat."""
        return await self._journal.load(thread_id, caller)

    async def thread_or_chat(self, thread_id: str, caller: Caller) -> Thread | Chat:
        """Return what of the caller's has this id; UnknownStream where there is none."""
        head = await self._journal.head(thread_id, caller)
        if head.kind == kinds.CHAT.name:
            return await load_chat(self._journal, thread_id, caller)
        return await self._journal.load(thread_id, caller)

    async def kind(self, thread_id: str, caller: Caller) -> str:
        """Return of what kind the caller's stream of this id is, such as calls to upstreams; UnknownStream as above."""
        return (await self._journal.head(thread_id, caller)).kind

    async def page(self, thread_id: str, caller: Caller, *, after: int = 0) -> tuple[list[HistoryEntry], int | None]:
        """Return a page of the history from entry `after` + 1 on, and the number to go on after (None at the end)."""
        head = await self._journal.head(thread_id, caller)
        page: list[HistoryEntry] = []
        size = 0
        for entry in await self._journal.history(thread_id, after=after, limit=200):
            size += len(json.dumps(asdict(entry), ensure_ascii=False).encode())
            if page and size > PAGE_BYTES:
                break
            page.append(entry)
        last = page[-1].seq if page else after
        return page, last if last < head.version else None

    async def history(self, thread_id: str, caller: Caller) -> list[HistoryEntry]:
        """Return the whole history of one thread of the caller's."""
        await self._journal.head(thread_id, caller)
        return await self._journal.history(thread_id)


def as_json(thread: Thread | Chat, history: Sequence[HistoryEntry]) -> str:
    """Return the whole thread as JSON: its digest and every event with time and hash. A chat is its events."""
    body: dict[str, Any] = {"thread": thread.id, "tool": kinds.CHAT.name}
    if isinstance(thread, Thread):
        body = _thread_as_json(thread)
    body["events"] = [asdict(entry) for entry in history]
    return json.dumps(body, ensure_ascii=False, indent=2, default=str)


def _thread_as_json(thread: Thread) -> dict[str, Any]:
    return {
        "thread": thread.id,
        "tool": thread.tool,
        "outcome": thread.outcome.value,
        "assurance": thread.assurance.value,
        "directory": thread.directory,
        "origin": asdict(thread.origin) if thread.origin else None,
        "digest": asdict(digest(thread)),
    }


def as_markdown(thread: Thread | Chat, history: Sequence[HistoryEntry] = ()) -> str:
    """Return the thread as a report for people; with `history`, what was superseded, and every event at the end."""
    if isinstance(thread, Chat):
        lines = [*_talk(thread)]
        if history:
            lines += ["", "## History", "", *(f"- {escaped(line)}" for line in _history_lines(history))]
        return "\n".join(lines) + "\n"
    return render_markdown(build_report(thread, _told(history)), _history_lines(history))


def as_html(thread: Thread | Chat, history: Sequence[HistoryEntry]) -> str:
    """Return the same report as one page of HTML that loads nothing and runs nothing."""
    if isinstance(thread, Chat):
        title = one_line(thread.turns[0].prompt, 120)
        return render_chat_page(title, [(turn.prompt, turn.model, turn.answer) for turn in thread.turns])
    times = (stamp(history[0].at), stamp(history[-1].at)) if history else None
    return render_page(build_report(thread, _told(history)), times, _history_lines(history))


def _told(history: Sequence[HistoryEntry]) -> list[TimedEvent]:
    return [TimedEvent(entry.at, decode(entry.kind, json.dumps(dict(entry.data)))) for entry in history]


def _history_lines(history: Sequence[HistoryEntry]) -> list[str]:
    return [f"{entry.seq}. {stamp(entry.at)} {describe(entry)}" for entry in history]


def _talk(chat: Chat) -> Iterator[str]:
    yield f"# chat: {escaped(one_line(chat.turns[0].prompt, 120))}"
    for turn in chat.turns:
        yield from ("", f"## {escaped(one_line(turn.prompt, 120))}", "", *quoted(turn.prompt))
        yield from ("", f"**{escaped(turn.model)}**:", "", *quoted(turn.answer))
