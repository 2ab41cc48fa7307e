"""What is asked of `upstream`."""

from typing import Any, Literal

from mcp.types import CallToolResult, InputRequiredResult
from pydantic import BaseModel, ConfigDict, Field

PAGE_BYTES = 16_000

Action = Literal["search", "describe", "call", "status", "accept", "page"]
Sent = CallToolResult | InputRequiredResult


class UpstreamRequest(BaseModel):
    """What to do with upstream servers."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    action: Action
    query: str | None = Field(default=None, description="search: what you want to do, in a few words")
    tool: str | None = Field(default=None, description="Its name as search gives it: server/tool")
    arguments: dict[str, Any] | None = Field(default=None, description="call: the tool's own arguments")
    upstream: str | None = Field(default=None, description="search, status: this server alone")
    confirm: str | None = Field(default=None, description="The word that an earlier reply gave")
    result: str | None = Field(default=None, description="page: id of a long result")
    after: int = Field(default=0, ge=0, description="page: go on after this character")
