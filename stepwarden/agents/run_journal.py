"""Runs on disk and in memory: the fold of a stream of events, kept while somebody drives it."""

import zlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import anyio.to_thread
from pydantic import ValidationError

from stepwarden.agents.run_feed import RunFeed
from stepwarden.errors import NewerRun, OtherKind, StoreReplaced, UnknownStream
from stepwarden.runs.run import Run, RunStatus
from stepwarden.runs.run_calls import Body
from stepwarden.runs.run_events import RunEnded, RunEvent, decode_run_event, encode_run_event
from stepwarden.runs.run_fold import apply_to_run, fold_run
from stepwarden.storage import Append, Head, HeadChange, NewEvent, Store, StoredEvent, kinds
from stepwarden.storage.records import TITLE_CHARS

RUN = "run"
"""The tool that the streams of runs belong to, in listings."""

SHOWN_BYTES = 2_000
"""A longer text stands in an event with its beginning; all of it is kept beside."""

MOST_RECENT = 32
"""Runs that are kept folded for whoever looks at them again."""

MANY_EVENTS = 500  # to fold in a worker thread


@dataclass
class BodyStore:
    """Long texts on their way into the store, by the SHA-256 of each; `known` are all that were seen of the run."""

    texts: dict[str, bytes] = field(default_factory=dict[str, bytes])
    known: dict[str, str] = field(default_factory=dict[str, str])

    def put(self, text: str) -> Body:
        """Return a text as an event holds it; what is long is kept with the next append."""
        data = text.encode(errors="replace")
        if len(data) <= SHOWN_BYTES:
            return Body(text, size=len(data))
        digest = sha256(data).hexdigest()
        self.texts[digest] = data
        self.known[digest] = data.decode(errors="replace")
        return Body(data[:SHOWN_BYTES].decode(errors="ignore"), digest, len(data))

    def drop(self, names: Iterable[str]) -> None:
        """Forget texts that are in the store."""
        for name in names:
            self.texts.pop(name, None)


@dataclass(frozen=True, slots=True)
class LoadedRun:
    """A run as it stands, whose it is, and the hash of its last event."""

    run: Run
    principal: str
    hash: str


class RunJournal:
    """Loads and appends runs."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.feed = RunFeed(store)
        self._recent: OrderedDict[str, LoadedRun] = OrderedDict()

    async def head(self, run_id: str, principal: str | None) -> Head:
        """Return the head of a run; `principal` None is whoever drives it.

        Raises UnknownStream where there is none, or it is another's; OtherKind for what is no run.
        """
        head = None if "\x00" in run_id else await self.store.head(run_id)
        if head is None or principal not in {None, head.principal}:
            raise UnknownStream(run_id)
        if head.kind != kinds.RUN.name:
            raise OtherKind(f"{run_id} is no run.")
        return head

    async def load(self, run_id: str, principal: str | None, known: LoadedRun | None = None) -> LoadedRun:
        """Return a run as it stands now; only what came after `known` is read. Raises as `head` does."""
        head = await self._known_head(run_id, principal)
        known = known or self._recent.get(run_id)
        if known is not None and (known.run.version, known.hash) == (head.version, head.hash):
            return known
        stored = await self.store.read(run_id, after=known.run.version if known is not None else 0)
        run = known.run if known is not None else Run(run_id)
        if len(stored) < MANY_EVENTS:
            run = _folded(run, stored)
        else:
            run = await anyio.to_thread.run_sync(_folded, run, stored)
        if run.version < head.version:  # deleted since its head was read
            raise UnknownStream(run_id)
        loaded = LoadedRun(run, head.principal, stored[-1].hash if stored else head.hash)
        self._recent[run_id] = loaded
        self._recent.move_to_end(run_id)
        if len(self._recent) > MOST_RECENT:
            self._recent.popitem(last=False)
        return loaded

    async def _known_head(self, run_id: str, principal: str | None) -> Head:
        try:
            return await self.head(run_id, principal)
        except StoreReplaced:
            self._recent.clear()  # what is there now need not go on from them
            raise

    async def as_of(self, run_id: str, seq: int) -> Run:
        """Return the run as it was after event `seq`."""
        stored = await self.store.read(run_id, limit=seq)
        return await anyio.to_thread.run_sync(_folded, Run(run_id), stored)

    async def append(self, before: LoadedRun, events: Sequence[RunEvent], bodies: BodyStore | None = None) -> LoadedRun:
        """Record `events` after `before`, with the long texts that they name; on disk when this returns.

        Raises VersionConflict where somebody else was first.
        """
        run, at = before.run, before.run.seen_at
        for event in events:  # their time is the store's; what the head says of the run does not depend on it
            run = apply_to_run(run, event, at)
        texts = dict(bodies.texts) if bodies is not None else {}
        keep = {name: zlib.compress(data) for name, data in texts.items()}
        new = [NewEvent(*encode_run_event(event)) for event in events]
        change = _head_of(run, events, before.principal)
        previous = before.hash if before.run.version else None
        stored = await self.store.append(Append(run.id, before.run.version, new, change, keep, previous))
        if bodies is not None:
            bodies.drop(texts)  # others may have come meanwhile
        self.feed.publish(stored)
        return LoadedRun(_folded(before.run, stored), before.principal, stored[-1].hash)

    async def texts(self, run_id: str) -> Mapping[str, str]:
        """Return the long texts of a run by their digests."""
        kept = await self.store.transactions.read(lambda transaction: transaction.kept.of_stream(run_id))
        return {name: zlib.decompress(data).decode(errors="replace") for name, data in kept.items()}


def _folded(run: Run, stored: Sequence[StoredEvent]) -> Run:
    """Return the run after what is stored; raise NewerRun where a newer stepwarden wrote it."""
    try:
        events = [(decode_run_event(row.kind, row.payload), row.at) for row in stored]
    except (KeyError, ValidationError) as error:
        raise NewerRun("This run was written by a newer stepwarden; upgrade to go on with it.") from error
    return fold_run(run, events)


def _head_of(run: Run, events: Sequence[RunEvent], principal: str) -> HeadChange:
    return HeadChange(
        tool=RUN,
        principal=principal,
        title=" ".join(run.request.split(maxsplit=TITLE_CHARS)),
        state=run.status.value,
        steps=run.steps,
        total_steps=run.limits.steps or 0,
        directory=run.directory,
        origin=run.thread or None,
        completed=any(isinstance(event, RunEnded) and event.status is RunStatus.COMPLETED for event in events),
        kind=kinds.RUN,
    )
