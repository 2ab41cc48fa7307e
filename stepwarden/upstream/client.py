"""The upstream servers of a process, and what it remembers of them between two calls of a host."""

from dataclasses import dataclass, field

from stepwarden.upstream.calls.confirmations import Confirmations
from stepwarden.upstream.calls.pending_calls import PendingCalls
from stepwarden.upstream.calls.records import Recorder
from stepwarden.upstream.calls.result_pages import ResultPages
from stepwarden.upstream.servers import Upstreams
from stepwarden.upstream.tool_index import ToolIndex


@dataclass(frozen=True)
class UpstreamClient:
    """The upstream servers of a process, where their calls are recorded, and what waits for the next call of a host."""

    upstreams: Upstreams
    recorder: Recorder
    pages: ResultPages = field(default_factory=ResultPages)
    confirmations: Confirmations = field(default_factory=Confirmations)
    pending: PendingCalls = field(default_factory=PendingCalls)

    @property
    def index(self) -> ToolIndex:
        """All their tools."""
        return ToolIndex(self.upstreams)

    async def close(self) -> None:
        """End the calls that wait for an answer, and every connection."""
        await self.pending.close()
        await self.upstreams.close()
