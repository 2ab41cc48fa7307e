"""The events of a run as a stream shows them: started, updated, and how it ended, until nothing more comes."""

import json
from collections.abc import AsyncGenerator
from typing import Any

from stepwarden.agents.run_text import verdict_of
from stepwarden.agents.runs import Runs
from stepwarden.runs.run import Run
from stepwarden.storage import StoredEvent
from stepwarden.threads.calls import Caller
from stepwarden.threads.event_text import stamp

_STARTED, _ENDED = "started", "ended"


def event_as_value(event: StoredEvent) -> dict[str, Any]:
    """Return an event as JSON values: `type` in the words of a workflow, `kind` and `data` as they are recorded."""
    data = json.loads(event.payload)
    return {
        "seq": event.seq,
        "type": _type_of(event.kind, data),
        "workflow_id": event.stream,
        "timestamp": stamp(event.at),
        "at": event.at,
        "kind": event.kind,
        "data": data,
    }


def _type_of(kind: str, data: Any) -> str:
    if kind == _STARTED:
        return "workflow_started"
    return f"workflow_{data['status']}" if kind == _ENDED else "workflow_updated"


async def stream_events(runs: Runs, run_id: str, caller: Caller, cursor: int) -> AsyncGenerator[StoredEvent | Run]:
    """Yield the run's events above `cursor` as they come, and at last the run, once it is at its end.

    Raises UnknownStream, OtherKind and StoreError.
    """
    with runs.journal.feed.following(run_id, cursor) as follower:
        may_be_over = True
        while True:
            for event in await follower.next():
                may_be_over = may_be_over or event.kind == _ENDED
                yield event
            if not may_be_over or not follower.is_up_to_date:
                continue
            run = await runs.look(run_id, caller)
            if run.version > follower.cursor and run.status.is_end:
                follower.take(())  # the end, or what came after it, was not given yet
                continue
            if run.status.is_end:
                yield run
                return
            may_be_over = run.version > follower.cursor


def end_as_value(run: Run) -> dict[str, Any]:
    """Return what the last message of a stream says, as JSON values."""
    return {"run_id": run.id, "status": run.status.value, "verdict": verdict_of(run), "cursor": run.version}
