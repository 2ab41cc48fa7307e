"""Reading threads back: lists, pages of a history, reports and exports."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from stepwarden.steps.digest import digest
from stepwarden.steps.thread import Thread
from stepwarden.storage import Head
from stepwarden.threads.calls import Caller, HistoryEntry
from stepwarden.threads.chats import CHAT, Chat, load_chat
from stepwarden.threads.journal import Journal
from stepwarden.threads.telling import describe, one_line, stamp

PAGE_BYTES = 12_000  # of one page of a history, as JSON
LISTED = 20  # threads in one list


class Archive:
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
        return await self._journal.store.heads(
            principal=caller.principal, tool=tool, directory_first=self._directory, prefix=prefix, limit=limit
        )

    async def thread(self, thread_id: str, caller: Caller) -> Thread:
        """Give one thread of the caller's; UnknownStream where it has none of that id, OtherKind for a chat."""
        return await self._journal.load(thread_id, caller)

    async def thread_or_chat(self, thread_id: str, caller: Caller) -> Thread | Chat:
        """Give what of the caller's has this id; UnknownStream where there is none."""
        head = await self._journal.head(thread_id, caller)
        if head.kind == CHAT:
            return await load_chat(self._journal, thread_id, caller)
        return await self._journal.load(thread_id, caller)

    async def kind(self, thread_id: str, caller: Caller) -> str:
        """Give of what kind the caller's stream of this id is, such as calls to upstreams; UnknownStream as above."""
        return (await self._journal.head(thread_id, caller)).kind

    async def page(self, thread_id: str, caller: Caller, *, after: int = 0) -> tuple[list[HistoryEntry], int | None]:
        """Give a page of the history from entry `after` + 1 on, and the number to go on after (None at the end)."""
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
        """Give the whole history of one thread of the caller's."""
        await self._journal.head(thread_id, caller)
        return await self._journal.history(thread_id)

    async def broken_at(self, thread_id: str) -> int | None:
        """Give the number of the first event whose hash does not fit, None where the chain holds."""
        return await self._journal.store.verify(thread_id)


def as_json(thread: Thread | Chat, history: Sequence[HistoryEntry]) -> str:
    """Give the whole thread as JSON: its digest and every event with time and hash. A chat is its events."""
    body: dict[str, Any] = {"thread": thread.id, "tool": CHAT}
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
    """Give the thread as a report for people; with `history`, every event after it."""
    lines = list(_report(thread) if isinstance(thread, Thread) else _talk(thread))
    if history:
        lines += ["", "## History", ""]
        lines += [f"- {entry.seq}. {stamp(entry.at)} {describe(entry)}" for entry in history]
    return "\n".join(lines) + "\n"


def _talk(chat: Chat) -> Iterator[str]:
    yield f"# chat: {one_line(chat.turns[0].prompt, 120)}"
    for turn in chat.turns:
        yield from ("", f"## {one_line(turn.prompt, 120)}", "", turn.prompt, "", f"**{turn.model}**: {turn.answer}")


def _report(thread: Thread) -> Iterator[str]:
    found = digest(thread)
    yield f"# {thread.tool}: {one_line(found.task, 120)}"
    yield ""
    yield f"- thread `{thread.id}`, {thread.outcome.value}, {thread.assurance.value.replace('_', ' ')}"
    yield f"- {len(found.steps)} live steps, {thread.sized} planned at first"
    if thread.directory:
        yield f"- in `{thread.directory}`"
    if thread.origin:
        yield f"- follows up `{thread.origin.thread}`"
    if found.hypothesis:
        yield from ("", "## Hypothesis", "", found.hypothesis, "")
        yield "Evidenced." if found.hypothesis_evidenced else "Not evidenced."
    if found.issues:
        yield from ("", "## Issues", "")
        for issue in found.issues:
            mark = "" if issue.evidenced else ", not evidenced"
            yield f"- **{issue.id}** {issue.severity}{mark}: {issue.description} {issue.place}".rstrip()
    yield from ("", "## Steps", "")
    for step in found.steps:
        yield f"### {step.number}. {one_line(step.step, 120)}"
        yield ""
        yield step.findings
        yield ""
    if thread.claims.evidence:
        yield from ("## Evidence", "")
        for number, item in thread.claims.evidence:
            place = f"{item.path}:{item.line}" if item.line else item.path
            yield f"- step {number}, {item.verdict.value}: `{place}` {one_line(item.quote, 160)}"
        yield ""
    yield from ("## Decisions", "")
    for remark in found.decisions:
        yield f"- step {remark.step}, {remark.by.value}: {remark.kind}: {remark.reason}"
