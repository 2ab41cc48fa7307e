"""The request of the tool `upstream`."""

from typing import Annotated, Any, Literal

from mcp.types import CallToolResult, InputRequiredResult
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tools.workflow.lenient_values import as_object, without_empty

PAGE_BYTES = 16_000

Action = Literal["search", "describe", "call", "read", "status", "accept", "page"]
Sent = CallToolResult | InputRequiredResult


class UpstreamRequest(BaseModel):
    """What to do with upstream servers."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, value: Any) -> Any:
        return without_empty(cls.model_fields, value)

    action: Action
    query: str | None = Field(default=None, description="search: what you want to do, in a few words")
    tool: str | None = Field(default=None, description="As search gives it: server/tool, server/URI, server/prompt")
    arguments: Annotated[dict[str, Any] | None, BeforeValidator(as_object)] = Field(
        default=None, description="call: the tool's own arguments"
    )
    upstream: str | None = Field(default=None, description="search, status: this server alone")
    confirm: str | None = Field(default=None, description="The word that an earlier reply gave")
    continuation_id: str | None = Field(default=None, description="call: the thread it is for")
    result: str | None = Field(default=None, description="page: id of a long result")
    after: int = Field(default=0, ge=0, description="page: go on after this character")
