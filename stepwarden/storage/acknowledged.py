"""The last events that this process knows to be on disk, by which it notices a store that lost them.

A store that was put back from a copy, replaced or emptied under a running server has other events by the same numbers,
or fewer. What a process remembers of a stream is checked against its head by the number and the hash of that event.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from stepwarden.errors import StoreReplaced
from stepwarden.storage.records import Head, LostHead, StoredEvent

if TYPE_CHECKING:
    from stepwarden.storage.database import Transaction

_POSITION = frozenset({"version", "hash"})
MOST_NAMED = 5  # threads in one line, the last that were worked on
MOST_STREAMS = 2_000  # the ones that were used last


class AcknowledgedEvents:
    """Number and hash of the last event of streams, as this process recorded or read them last."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[int, str]] = OrderedDict()
        self._deletions: str | None = None
        self._lost: tuple[LostHead, ...] = ()
        self._forget: Callable[[Sequence[LostHead]], None] = lambda _: None
        self._lock = threading.Lock()  # several threads read

    def note(self, stream: str, seq: int, event_hash: str) -> None:
        """Note that this event is on disk; a smaller number than the known one is not noted."""
        with self._lock:
            known = self._known.get(stream)
            if known is not None and known[0] > seq:
                return
            self._known[stream] = (seq, event_hash)
            self._known.move_to_end(stream)
            if len(self._known) > MOST_STREAMS:
                self._known.popitem(last=False)

    def note_stored(self, stored: list[StoredEvent]) -> None:
        """Note the last of these events, which one append recorded."""
        self.note(stored[-1].stream, stored[-1].seq, stored[-1].hash)

    def expect(self, lost: Sequence[LostHead], forget: Callable[[Sequence[LostHead]], None]) -> None:
        """Take what the store lost before this process opened it; each principal is told once, `forget` what it was."""
        with self._lock:
            self._lost, self._forget = tuple(lost), forget

    def lost_of(self, principal: str | None) -> Sequence[LostHead]:
        """Return what a principal (None: anybody) was not told of yet."""
        return [each for each in self._lost if principal is None or each.head.principal == principal]

    def take_loss(self, principal: str | None) -> str | None:
        """Return in a line, once, what the store lost of a principal (None: of anybody), None for nothing."""
        if not self._lost:
            return None
        with self._lock:
            lost = self.lost_of(principal)
            self._lost = tuple(each for each in self._lost if each not in lost)
        if not lost:
            return None
        self._forget(lost)
        return describe_loss(lost)

    def tell_loss(self, principal: str) -> None:
        """Raise StoreReplaced, once, where the store lost what a principal was told is on disk."""
        if (told := self.take_loss(principal)) is not None:
            raise StoreReplaced(
                f"{told} Nothing of this call was recorded: see by status what is left, and send what comes after it."
            )

    def begin(self, transaction: "Transaction") -> None:
        """Note in the first transaction what is needed to know a deletion from a loss."""
        if self._deletions is None:
            self._deletions = transaction.retention.deletions()

    def known(self, stream: str) -> tuple[int, str] | None:
        """Return number and hash of the last event that is known of a stream: later transactions have it."""
        return self._known.get(stream)

    def check(self, transaction: "Transaction", stream: str, head: Head | None, known: tuple[int, str] | None) -> None:
        """Raise StoreReplaced where `head`, read in this transaction, does not go on from `known`.

        That is what was known of the stream before the transaction began; what is recorded meanwhile it does not see.
        Then nothing is known of it any more: it is told once.
        """
        self.begin(transaction)
        for each in self._lost:
            if each.head.stream == stream:
                self.tell_loss(each.head.principal)
        if head is not None and not _POSITION.isdisjoint(head.damaged):
            return
        if known is not None and not _goes_on(transaction, stream, head, known):
            with self._lock:
                self._known.pop(stream, None)
            if head is not None:
                raise StoreReplaced(
                    f"The store went back: {stream} has {head.version} entries there, and entry {known[0]}, which this "
                    "server knew, is gone: the store was put back from a copy. Nothing of this call was recorded. Call "
                    "status with this id to see the last step that is left, and send what comes after it."
                )
            if transaction.retention.deletions() == self._deletions:
                raise StoreReplaced(
                    f"The store no longer has {stream}, of which this server knew {known[0]} entries: it was put back "
                    "from a copy, or replaced. Nothing of this call was recorded. Begin anew with step 1 and no id."
                )
            self._deletions = transaction.retention.deletions()
        if head is not None:
            self.note(stream, head.version, head.hash)


def describe_loss(lost: Sequence[LostHead]) -> str:
    """Return in a line what a store lost, and how it may be had again."""
    named = [
        f"{each.head.stream} ({min(each.left, each.head.seq - 1)} of {each.head.seq} left)"
        for each in lost[-MOST_NAMED:]
    ]
    more = f" and {len(lost) - MOST_NAMED} more" if len(lost) > MOST_NAMED else ""
    return (
        f"The store lost entries that were recorded before: {', '.join(named)}{more}. Its log was cut, deleted or "
        "damaged, or an older copy was put in its place; `stepwarden restore` puts a newer backup back."
    )


def _goes_on(transaction: "Transaction", stream: str, head: Head | None, known: tuple[int, str]) -> bool:
    seq, event_hash = known
    if head is None or head.version < seq:
        return False
    if head.version == seq:
        return head.hash == event_hash
    there = transaction.events.read(stream, seq - 1, 1)
    return bool(there) and there[0].seq == seq and there[0].hash == event_hash
