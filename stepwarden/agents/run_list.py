"""The runs of a caller as a list: what is found by status, tool, words and time, and which of them need a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from json import dumps
from typing import Any

from stepwarden.agents.run_text import WaitingCall, verdict_of, waiting_calls
from stepwarden.agents.runs import Runs
from stepwarden.errors import UnknownStream
from stepwarden.runs.run import RunStatus
from stepwarden.storage import Head, HeadQuery, kinds
from stepwarden.threads.calls import Caller
from stepwarden.threads.event_text import stamp

WAITING = "waiting"
"""The status of the running ones that wait for a person, in filters."""


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs are listed, the last changed first; `since` in unix seconds, `words` as they stand in the request.

    `status` may be WAITING. `tool` was asked for by the run's model. The list goes on after a head's `updated` and id.
    """

    status: str | None = None
    tool: str | None = None
    words: str | None = None
    since: float | None = None
    after: tuple[float, str] | None = None
    limit: int = 20


@dataclass(frozen=True, slots=True)
class ListedRun:
    """A run in a list, with its verdict where it is not at its end, and the calls that wait for a person."""

    head: Head
    verdict: str = ""
    waiting: tuple[WaitingCall, ...] = ()

    def as_value(self) -> dict[str, Any]:
        """Return it as JSON values."""
        head = self.head
        told: dict[str, Any] = {"run_id": head.stream, "status": head.state, "request": head.title, "steps": head.steps}
        told |= {"created": stamp(head.created), "changed": stamp(head.updated), "cursor": head.version}
        told |= {"verdict": self.verdict} if self.verdict else {}
        names = [
            {"call": call.key, "tool": call.tool, "kind": call.kind, "in_doubt": call.in_doubt} for call in self.waiting
        ]
        return told | {"needs_you": bool(names), "waiting": names}


@dataclass(frozen=True, slots=True)
class RunPage:
    """A part of a list; `after` is where it goes on, None where it ends."""

    runs: Sequence[ListedRun]
    after: tuple[float, str] | None


async def list_runs(runs: Runs, caller: Caller, wanted: RunFilter) -> RunPage:
    """Return the caller's runs; none to callers whom nothing identifies. Raises StoreError."""
    if not caller.listed:
        return RunPage((), None)
    query = HeadQuery(
        caller.principal,
        kind=kinds.RUN,
        state=RunStatus.RUNNING if wanted.status == WAITING else wanted.status,
        words=wanted.words,
        since=wanted.since,
        event=None if wanted.tool is None else ("answered", f'"tool":{dumps(wanted.tool, ensure_ascii=False)}'),
        is_parked=wanted.status == WAITING,
        after=wanted.after,
        limit=wanted.limit + 1,
    )
    heads = await runs.journal.store.heads(query)
    shown = heads[: wanted.limit]
    listed = [await _listed(runs, head, caller) for head in shown]
    after = (shown[-1].updated, shown[-1].stream) if len(heads) > len(shown) else None
    return RunPage(listed, after)


async def _listed(runs: Runs, head: Head, caller: Caller) -> ListedRun:
    if RunStatus(head.state).is_end:
        return ListedRun(head)
    try:
        run = await runs.look(head.stream, caller)
    except UnknownStream:  # deleted since
        return ListedRun(head)
    return ListedRun(head, verdict_of(run), () if run.status.is_end else tuple(waiting_calls(run)))
