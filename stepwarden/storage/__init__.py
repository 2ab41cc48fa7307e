"""The only SQL of the product: append-only streams of events with a hash chain, one head row a stream for listing,
and the consultations of models that belong to a stream.

`Store` is the whole of it for most callers. A durable run that wants our row in its own transaction calls
`stepwarden.storage.event_rows.append_in` with its open connection; that module loads SQLAlchemy, this one does not.
"""

from stepwarden.storage.chain import GENESIS, event_hash
from stepwarden.storage.records import (
    Consultation,
    ConsultationState,
    Head,
    HeadChange,
    NewEvent,
    Outcome,
    Spending,
    StoredEvent,
)
from stepwarden.storage.store import Store

__all__ = [
    "GENESIS",
    "Consultation",
    "ConsultationState",
    "Head",
    "HeadChange",
    "NewEvent",
    "Outcome",
    "Spending",
    "Store",
    "StoredEvent",
    "event_hash",
]
