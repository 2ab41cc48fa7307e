"""Upstreams without a host before them, and a recorder of what is asked of them."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stepwarden.upstream.calls.begun_calls import BegunCall
from stepwarden.upstream.calls.outcome import CallOutcome
from stepwarden.upstream.calls.prepared_call import prepare_call
from stepwarden.upstream.calls.recorded_call import RecordedCalls
from stepwarden.upstream.calls.records import CallRecord
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.servers import Upstreams
from stepwarden.upstream.tool_index import ToolIndex


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

    async def settle(self, calls: Sequence[BegunCall], by: str, again: str) -> None:
        assert not calls, (by, again)


@asynccontextmanager
async def upstreams(entry: dict[str, Any], directory: Path | None = None) -> AsyncGenerator[Upstreams]:
    """Open one upstream by its entry in the file of upstreams, with its name; its tools are kept in `directory`."""
    found = Upstreams([UpstreamConfig.model_validate(entry)], directory, lambda _: None)
    try:
        yield found
    finally:
        await found.close()


async def called(found: Upstreams, tool: str, records: Records | None = None, **arguments: Any) -> CallOutcome:
    """Call a tool by its full name, as Ana."""
    prepared = await prepare_call(ToolIndex(found), tool, arguments)
    return await RecordedCalls(records or Records(), "ana").make(prepared)


def text_of(outcome: CallOutcome) -> str:
    return outcome.answer.content[0].text  # pyright: ignore
