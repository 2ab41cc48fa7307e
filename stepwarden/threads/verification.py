"""What of a stored stream was changed outside stepwarden, as far as the store itself can tell.

The chain covers the events; the head row beside them is covered by nothing, but everything in it that follows from the
events is worked out anew. Not seen: a chain that was written anew from its first event to its head, a stream that is
gone with its head, and another principal, which no event names.
"""

import json
from collections.abc import Sequence
from itertools import accumulate

from stepwarden.errors import StoreUnreadable, UnknownStream
from stepwarden.steps.fold import apply
from stepwarden.steps.thread import Outcome, Thread
from stepwarden.storage import Head, StoredEvent, kinds
from stepwarden.threads.calls import Caller
from stepwarden.threads.journal import Journal, decode_rows, head_of_thread

_FIRST_EVENTS = {
    "opened": kinds.THREAD.name,
    "chat": kinds.CHAT.name,
    "upstream": kinds.SESSION.name,
    "started": kinds.RUN.name,
}
"""Which kind of streams begins with an event of this kind."""

_FIELDS = {
    "tool": "tool",
    "title": "title",
    "state": "outcome",
    "steps": "number of steps",
    "total_steps": "number of planned steps",
    "directory": "directory",
    "origin": "origin",
}


async def find_changes(journal: Journal, stream: str) -> list[str]:
    """Return what does not fit in one stream, each as a phrase; raise UnknownStream where nothing of it is stored."""
    number = await journal.store.verify(stream)
    head = await journal.store.head(stream)
    if head is None:
        return ["its head is gone"]
    found = [f"the chain breaks at event {number}"] if number is not None else []
    stored = await journal.store.read(stream)
    if not stored:
        return ["its events are gone"]
    found += [f"the head has no possible {_FIELDS.get(name, name)}" for name in head.damaged]
    if head.created != stored[0].at and "created" not in head.damaged:
        found.append("the head has another beginning than its first event")
    if head.updated != stored[-1].at and "updated" not in head.damaged:
        found.append("the head has another time of its last change than its last event")
    # By its events: what the head says would decide itself how much of it is checked.
    kind = _FIRST_EVENTS.get(stored[0].kind, head.kind)
    if head.kind != kind and "kind" not in head.damaged:
        found.append("the head has another kind than its events")
    if number is None and kind == kinds.THREAD.name:
        most = await journal.store.transactions.read(lambda transaction: transaction.heads.most_steps(stream))
        found += _changes_of_thread(head, stored, most)
    return found


async def without_heads(journal: Journal) -> list[str]:
    """Return the streams that have events and no head."""
    return await journal.store.transactions.read(lambda transaction: transaction.events.without_heads())


def _changes_of_thread(head: Head, stored: Sequence[StoredEvent], most_steps: object) -> list[str]:
    """Return what of the head of a thread is not what its events make of it."""
    try:
        events = decode_rows((row.kind, row.payload) for row in stored)
        states = list(accumulate(events, apply, initial=Thread(head.stream, head.tool)))
    except (StoreUnreadable, UnknownStream):
        return []  # of a newer stepwarden: only its chain can be told
    made = head_of_thread(states[-1], (), Caller(head.principal, local=True))
    differing = [
        words
        for name, words in _FIELDS.items()
        if name not in head.damaged and getattr(made, name) != getattr(head, name)
    ]
    if most_steps != max(len(thread.live) for thread in states):
        differing.append("greatest number of steps")
    if "finished" not in head.damaged and head.finished != _completed(stored):
        differing.append("date of its completion")
    return [f"the head has another {words} than its events" for words in differing]


def _completed(stored: Sequence[StoredEvent]) -> float | None:
    done = [row.at for row in stored if row.kind == "finished" and json.loads(row.payload)["outcome"] == Outcome.DONE]
    return done[-1] if done else None
