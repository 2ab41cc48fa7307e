"""`challenge`: a prompt that makes the agent doubt a statement. It asks no model."""

from typing import Any

from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel, ConfigDict, Field, ValidationError

import prompts
from stepwarden.threads.calls import Caller
from tools.shared.edge import READ_ONLY, EdgeTool, Progress, edge_tool, failure
from tools.workflow.request import NonEmptyText
from tools.workflow.validation_errors import error_lines

QUOTED_CHARS = 4_000  # of the statement; the agent that sent it has all of it


class ChallengeRequest(BaseModel):
    """The statement to doubt."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    statement: NonEmptyText = Field(description="Word for word")


def challenge_tool() -> EdgeTool:
    """Return the tool."""
    prompt = prompts.load("challenge")

    async def doubt(arguments: dict[str, Any], _caller: Caller, _progress: Progress) -> CallToolResult:
        try:
            request = ChallengeRequest.model_validate(arguments)
        except ValidationError as error:
            return failure(error_lines(error, ChallengeRequest))
        text = "\n\n".join([prompt.texts["before"], quoted(request.statement), prompt.texts["after"]])
        return CallToolResult(content=[TextContent(type="text", text=text)])

    return edge_tool(doubt, prompt, ChallengeRequest, READ_ONLY)


def quoted(statement: str) -> str:
    """Return the statement as a quotation, every line marked, so that none of it reads as our own text."""
    text = statement.strip()
    lines = [f"> {line}".rstrip() for line in text[:QUOTED_CHARS].splitlines()]
    if len(text) > QUOTED_CHARS:
        lines.append(f"> [{len(text) - QUOTED_CHARS} more characters]")
    return "\n".join(lines)
