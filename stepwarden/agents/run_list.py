"""The runs of a caller as a list: what is found by status, tool, words and time, and which of them need a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from json import dumps
from typing import Any

from stepwarden.agents.run_text import WaitingCall, verdict_of, waiting_calls
from stepwarden.agents.runs import Runs
from stepwarden.errors import UnknownStream
from stepwarden.runs.run import RunStatus
from stepwarden.storage import EventText, Head, HeadQuery, kinds
from stepwarden.threads.calls import Caller
from stepwarden.threads.event_text import stamp

WAITING = "waiting"
"""The status of the running ones that wait for a person, in filters."""


_ASKED_FOR = ("answered",)  # the kind of event that names the tools which a model asked for
_WORDS = ("started", "answered", "ended")  # those that hold what was asked, what was said, and the answer


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs are listed, the last changed first; `since` and `until` are unix seconds.

    `status` may be WAITING. `tool` was asked for by the run's model: a name, or `UPSTREAM/*`. `text` was asked, said or
    answered. The list goes on after a head's `updated` and id.
    """

    status: str | None = None
    tool: str | None = None
    text: str | None = None
    since: float | None = None
    until: float | None = None
    after: tuple[float, str] | None = None
    limit: int = 20

    def query(self, principal: str | None, limit: int) -> HeadQuery:
        """Return what the store is asked for; `principal` None is everybody."""
        having = [EventText(dumps(self.text, ensure_ascii=False)[1:-1], _WORDS)] if self.text else []
        if self.tool:
            name = dumps(self.tool.removesuffix("*"), ensure_ascii=False)
            having.append(EventText(f'"tool":{name[:-1] if self.tool.endswith("*") else name}', _ASKED_FOR))
        return HeadQuery(
            principal,
            kind=kinds.RUN,
            state=RunStatus.RUNNING if self.status == WAITING else self.status,
            since=self.since,
            until=self.until,
            having=having,
            is_parked=self.status == WAITING,
            after=self.after,
            limit=limit,
        )


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
    heads = await runs.journal.store.heads(wanted.query(caller.principal, wanted.limit + 1))
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
