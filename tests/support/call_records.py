"""A recorder of calls to upstream servers in memory, for tests and for what is measured without a disk."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from stepwarden.upstream.calls.begun_calls import BegunCall
from stepwarden.upstream.calls.records import CallRecord


@dataclass
class Records:
    """A recorder that keeps what it is given, and knows of no other call."""

    kept: list[CallRecord] = field(default_factory=list[CallRecord])

    async def record(self, record: CallRecord) -> None:
        self.kept.append(record)

    async def in_doubt(self, by: str, same: str | None = None) -> Sequence[BegunCall]:
        del by, same
        return []

    async def has_thread(self, by: str, thread: str) -> bool:
        del by, thread
        return False

    async def made_for(self, by: str, thread: str) -> Sequence[BegunCall]:
        del by, thread
        return []

    async def settle(self, calls: Sequence[BegunCall], by: str, again: str = "", *, found: str = "") -> None:
        assert not calls, (by, again, found)
