"""The record of a call to an upstream: who, what, the digest of its arguments, what came of it, how long it took.

A call that may change something is recorded before it is sent, so that a crash leaves the intent behind. Reads are
recorded once, when they are over.
"""

import asyncio
import json
import secrets
from base64 import b32encode
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Literal, Protocol

from stepwarden.errors import VersionConflict
from stepwarden.storage import HeadChange, NewEvent, Store

UPSTREAM = "upstream"
"""The kind of these streams and of their events, and the tool they belong to."""

CALLS_PER_STREAM = 2_000
SUMMARY_CHARS = 160

Phase = Literal["intended", "ended"]
Outcome = Literal["", "ok", "error", "asked", "refused", "not_sent", "unknown", "cancelled"]


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One entry. `id` is the same in both entries of a call.

    `arguments` is the SHA-256 of the arguments, never themselves. `approved` says by what a write was let through:
    "user" (asked by the host), "confirmed" (a second call), "setting". `outcome` of an ended call: "ok", "error" (the
    tool says it failed), "asked" (it asks something first), "refused" (not carried out), "not_sent", "unknown" (sent,
    no answer) or "cancelled". `summary` is the beginning of the answer, `answer_bytes` all of it.
    """

    id: str
    phase: Phase
    upstream: str
    tool: str
    kind: str
    by: str
    arguments: str
    approved: str = ""
    outcome: Outcome = ""
    summary: str = ""
    answer_bytes: int = 0
    attempts: int = 0
    duration_ms: int = 0


class Recorder(Protocol):
    """Where calls are recorded."""

    async def record(self, record: CallRecord) -> None:
        """Record one entry; on disk when this returns. Raises StoreError where it cannot be."""
        ...


def new_id(prefix: str) -> str:
    """Return an id that nobody can guess: the prefix, and 128 bits in letters and digits."""
    return f"{prefix}-{b32encode(secrets.token_bytes(16)).decode().rstrip('=').lower()}"


def payload_of(record: CallRecord) -> str:
    """Return an entry as it is stored: JSON without what is empty."""
    return json.dumps({key: value for key, value in asdict(record).items() if value not in {"", 0}}, ensure_ascii=False)


@dataclass
class _Stream:
    id: str
    version: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass
class SessionRecorder:
    """Records calls that belong to no thread: a stream for each principal and process, hash-chained as threads are."""

    store: Store
    mint: Callable[[str], str] = new_id
    _streams: dict[str, _Stream] = field(default_factory=dict[str, _Stream])

    async def record(self, record: CallRecord) -> None:
        """Record one entry; on disk when this returns."""
        stream = self._streams.get(record.by)
        if stream is None or stream.version >= CALLS_PER_STREAM:
            stream = self._streams[record.by] = _Stream(self.mint(UPSTREAM))
        async with stream.lock:
            change = HeadChange(
                kind=UPSTREAM,
                tool=UPSTREAM,
                principal=record.by,
                title="calls to upstream servers",
                outcome="done",  # each entry is whole: a session of one call is no orphan
                steps=stream.version + 1,
                total_steps=stream.version + 1,
                completed=True,
            )
            try:
                stored = await self.store.append(
                    stream.id, stream.version, [NewEvent(UPSTREAM, payload_of(record))], change
                )
            except VersionConflict:
                # Nobody else writes this stream: an append that was cancelled had gone through.
                stream.version = len(await self.store.read(stream.id))
                stored = await self.store.append(
                    stream.id, stream.version, [NewEvent(UPSTREAM, payload_of(record))], change
                )
            stream.version = stored[-1].seq
