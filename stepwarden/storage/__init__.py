"""The only SQL of the product: append-only streams of events with a hash chain, one head row a stream for listing,
and the consultations of models that belong to a stream.

`Store` is the whole of it for most callers. Work that has to be recorded together with an append runs in one
transaction of `Store.transactions`. Nothing here loads SQLAlchemy before a database is opened.
"""

from stepwarden.storage.chain import GENESIS, event_hash
from stepwarden.storage.kinds import StreamKind
from stepwarden.storage.records import (
    Append,
    Claim,
    ClaimHandle,
    Consultation,
    ConsultationState,
    EventText,
    Head,
    HeadChange,
    HeadQuery,
    NewEvent,
    PositionedEvent,
    QueuedCounts,
    QueuedRun,
    RetentionRule,
    RunClaim,
    RunsWanted,
    Spending,
    StoredEvent,
    StreamMoves,
    Tally,
)
from stepwarden.storage.store import Store

__all__ = [
    "GENESIS",
    "Append",
    "Claim",
    "ClaimHandle",
    "Consultation",
    "ConsultationState",
    "EventText",
    "Head",
    "HeadChange",
    "HeadQuery",
    "NewEvent",
    "PositionedEvent",
    "QueuedCounts",
    "QueuedRun",
    "RetentionRule",
    "RunClaim",
    "RunsWanted",
    "Spending",
    "Store",
    "StoredEvent",
    "StreamKind",
    "StreamMoves",
    "Tally",
    "event_hash",
]
