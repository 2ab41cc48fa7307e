"""The hash chain by which a changed, removed or reordered event is noticed."""

import hashlib
import json

from stepwarden.storage.records import Append, NewEvent, StoredEvent

GENESIS = "0" * 64
"""The hash before the first event of every stream."""


def event_hash(previous: str, stream: str, seq: int, at: float, event: NewEvent) -> str:
    r"""Return the hash of one event of kind `event.kind` with payload `event.payload`: 64 hex digits.

    The formula, for checking an export by other means::

        sha256(utf-8(previous + "\n" + json([stream, seq, at, kind, payload])))

    where json is RFC 8259 without spaces, characters above U+007F as they are, `at` as the shortest decimal that
    reads back to the same double (Python's repr), and `payload` as one JSON string. `previous` is the 64 hex digits
    of the event before, or `GENESIS`.
    """
    body = json.dumps(
        [stream, seq, at, event.kind, event.payload],
        ensure_ascii=False,
        separators=(",", ":"),
        default=str,  # a value of a type we never wrote (a blob put there by hand) is a misfit, and must not raise
    )
    return hashlib.sha256(f"{previous}\n{body}".encode()).hexdigest()


def chained(append: Append, at: float, previous: str) -> list[StoredEvent]:
    """Return the events of `append` as they are stored at `at` after its expected one, whose hash is `previous`."""
    stored: list[StoredEvent] = []
    for seq, event in enumerate(append.events, start=append.expected + 1):
        previous = event_hash(previous, append.stream, seq, at, event)
        stored.append(StoredEvent(append.stream, seq, at, event.kind, event.payload, previous))
    return stored
