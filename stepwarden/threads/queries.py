"""Reading threads back: lists, single ones, pages of a history."""

import json
from dataclasses import asdict

from stepwarden.steps.thread import Thread
from stepwarden.storage import Head, HeadQuery, kinds
from stepwarden.storage.acknowledged import describe_loss
from stepwarden.threads.call_sessions import CallSession, calls_of
from stepwarden.threads.calls import Caller, HistoryEntry
from stepwarden.threads.chat_store import Chat, load_chat
from stepwarden.threads.journal import Journal

PAGE_BYTES = 12_000  # of one page of a history, as JSON
LISTED = 20  # threads in one list

Whole = Thread | Chat | CallSession
"""What is read back by one id."""


class ThreadQueries:
    """What may be read of the threads in a store, each caller its own."""

    def __init__(self, journal: Journal, directory: str | None = None) -> None:
        self._journal = journal
        self._directory = directory

    async def threads(
        self, caller: Caller, *, tool: str | None = None, prefix: str | None = None, limit: int = LISTED
    ) -> list[Head]:
        """List the caller's threads, the open ones of this working directory first, then by their last change."""
        if not caller.listed or "\x00" in f"{tool}{prefix}":  # which no name or id has; a database may not take it
            return []
        query = HeadQuery(caller.principal, tool=tool, directory_first=self._directory, prefix=prefix, limit=limit)
        return await self._journal.store.heads(query)

    def lost(self, caller: Caller) -> str:
        """Return in a line what the store lost of the caller's threads before it was opened, "" for nothing.

        Only until the caller was told by a call that was refused for it.
        """
        lost = self._journal.store.lost_of(caller.principal) if caller.listed else ()
        return describe_loss(lost) if lost else ""

    async def thread(self, thread_id: str, caller: Caller) -> Thread:
        """Return one thread of the caller's; UnknownStream where it has none of that id, OtherKind for a chat."""
        return await self._journal.load(thread_id, caller)

    async def whole(self, thread_id: str, caller: Caller) -> Whole:
        """Return what of the caller's has this id; UnknownStream where there is none."""
        head = await self._journal.head(thread_id, caller)
        if head.kind == kinds.SESSION.name:
            return CallSession(thread_id, head.origin or "")
        if head.kind == kinds.CHAT.name:
            return await load_chat(self._journal, thread_id, caller)
        return await self._journal.load(thread_id, caller)

    async def calls(self, thread_id: str, caller: Caller) -> list[HistoryEntry]:
        """Return the entries of the calls to upstream servers and the runs that were made for the caller's thread."""
        return await calls_of(self._journal, thread_id, caller.principal)

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
