"""The hash chain that makes a changed, removed or reordered event show."""

import hashlib
import json
from collections.abc import Sequence

from stepwarden.storage.records import NewEvent, StoredEvent

GENESIS = "0" * 64
"""Stands for the hash before the first event of every stream."""


def event_hash(previous: str, stream: str, seq: int, at: float, kind: str, payload: str) -> str:
    r"""Return the hash of one event: 64 hex digits.

    The formula, for whoever checks an export by other means::

        sha256(utf-8(previous + "\n" + json([stream, seq, at, kind, payload])))

    where json is RFC 8259 without spaces, characters above U+007F as they are, `at` as the shortest decimal that
    reads back to the same double (Python's repr), and `payload` as one JSON string. `previous` is the 64 hex digits
    of the event before, or `GENESIS`.
    """
    # default=str: a value of a type we never wrote (a blob put there by hand) has to come out as a misfit, not raise.
    body = json.dumps([stream, seq, at, kind, payload], ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(f"{previous}\n{body}".encode()).hexdigest()


def chained(stream: str, version: int, previous: str, events: Sequence[NewEvent], at: float) -> list[StoredEvent]:
    """Return `events` as they are stored after event number `version`, whose hash is `previous`."""
    stored: list[StoredEvent] = []
    for seq, event in enumerate(events, start=version + 1):
        previous = event_hash(previous, stream, seq, at, event.kind, event.payload)
        stored.append(StoredEvent(stream, seq, at, event.kind, event.payload, previous))
    return stored
