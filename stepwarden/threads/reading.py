"""Reading threads back: lists, pages of a history, reports and exports."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from stepwarden.steps.digest import digest
from stepwarden.steps.thread import Thread
from stepwarden.storage import Head
from stepwarden.threads.calls import Caller, HistoryEntry
from stepwarden.threads.journal import Journal

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
        """Give one thread of the caller's; UnknownStream where it has none of that id."""
        return await self._journal.load(thread_id, caller)

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


def as_json(thread: Thread, history: Sequence[HistoryEntry]) -> str:
    """Give the whole thread as JSON: its digest and every event with time and hash."""
    body: dict[str, Any] = {
        "thread": thread.id,
        "tool": thread.tool,
        "outcome": thread.outcome.value,
        "assurance": thread.assurance.value,
        "directory": thread.directory,
        "origin": asdict(thread.origin) if thread.origin else None,
        "digest": asdict(digest(thread)),
        "events": [asdict(entry) for entry in history],
    }
    return json.dumps(body, ensure_ascii=False, indent=2, default=str)


def as_markdown(thread: Thread, history: Sequence[HistoryEntry] = ()) -> str:
    """Give the thread as a report for people; with `history`, every event after it."""
    lines = list(_report(thread))
    if history:
        lines += ["", "## History", ""]
        lines += [f"- {entry.seq}. {stamp(entry.at)} {describe(entry)}" for entry in history]
    return "\n".join(lines) + "\n"


def stamp(at: float) -> str:
    """Give a time as UTC, to the second."""
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(at))


def describe(entry: HistoryEntry) -> str:
    """Say one event in a line."""
    data = entry.data
    match entry.kind:
        case "step":
            said, number = data["step"]["submission"], data["step"]["number"]
            back = " again (backtrack)" if data.get("backtracked") else ""
            return f"step {number}{back}: {_line(said['step'], 160)}"
        case "planned":
            plan = data["plan"]
            return f"planned {plan['likely']} steps, by {plan.get('by', 'rule')}: {plan['reason']}"
        case "refused":
            return f"refused step {data['number']}: {str(data['reason']).replace('_', ' ')}"
        case "finished":
            words = f"{data['outcome']}, {data['assurance'].replace('_', ' ')}"
            return f"finished by {data['by']}: {words}; {data.get('reason', '')}"
        case "held":
            named = (f"{clause['kind']} {clause.get('subject', '')}".strip() for clause in data["open"])
            return f"held: {', '.join(named).replace('_', ' ')}"
        case "signalled":
            return f"signalled {data['signal']}: {data['reason']}"
        case "opened":
            origin = data.get("origin")
            return f"opened, following {origin['thread']}" if origin else "opened"
        case _:
            return entry.kind


def _line(text: str, chars: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= chars else f"{line[: chars - 3]}..."


def _report(thread: Thread) -> Iterator[str]:
    found = digest(thread)
    yield f"# {thread.tool}: {_line(found.task, 120)}"
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
        yield f"### {step.number}. {_line(step.step, 120)}"
        yield ""
        yield step.findings
        yield ""
    if thread.claims.evidence:
        yield from ("## Evidence", "")
        for number, item in thread.claims.evidence:
            place = f"{item.path}:{item.line}" if item.line else item.path
            yield f"- step {number}, {item.verdict.value}: `{place}` {_line(item.quote, 160)}"
        yield ""
    yield from ("## Decisions", "")
    for remark in found.decisions:
        yield f"- step {remark.step}, {remark.by.value}: {remark.kind}: {remark.reason}"
