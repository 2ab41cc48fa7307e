"""One call of `upstream` under way: what every action of it gets."""

from collections.abc import Sequence
from dataclasses import dataclass

from mcp.types import CallToolResult, TextContent

from stepwarden.upstream.calls.guarded_call import Person
from stepwarden.upstream.client import UpstreamClient
from tools.upstream.request import UpstreamRequest


@dataclass(frozen=True)
class ActionCall:
    """What is asked of the upstream servers, by whom."""

    client: UpstreamClient
    person: Person
    request: UpstreamRequest

    @property
    def tool(self) -> str:
        """The tool that is meant, also where its server is named apart from it."""
        tool, upstream = (self.request.tool or "").strip(), self.request.upstream
        return f"{upstream}/{tool}" if upstream and not tool.startswith(f"{upstream}/") else tool


def text_result(lines: Sequence[str]) -> CallToolResult:
    """Return lines of ours as the result of a call."""
    return CallToolResult(content=[TextContent(type="text", text="\n".join(lines))])
