"""The only SQL of the product: append-only streams of events with a hash chain, and one head row a stream for listing.

`Store` is the whole of it for most callers. A durable run that wants our row in its own transaction calls
`stepwarden.storage.appending.append_in` with its open connection; that module loads SQLAlchemy, this one does not.
"""

from stepwarden.storage.chain import GENESIS, event_hash
from stepwarden.storage.records import Head, HeadChange, NewEvent, Outcome, StoredEvent
from stepwarden.storage.store import Store

__all__ = ["GENESIS", "Head", "HeadChange", "NewEvent", "Outcome", "Store", "StoredEvent", "event_hash"]
