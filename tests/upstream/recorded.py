"""Upstreams without a host before them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from stepwarden.upstream.calls.outcome import CallOutcome
from stepwarden.upstream.calls.prepared_call import prepare_call
from stepwarden.upstream.calls.recorded_call import RecordedCalls
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.servers import Upstreams
from stepwarden.upstream.tool_index import ToolIndex
from tests.support.call_records import Records


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
