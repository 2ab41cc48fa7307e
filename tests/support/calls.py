"""The arguments of calls, the same as the core has them, and the plain parts of what is answered."""

from dataclasses import replace
from typing import Any

from mcp.types import CallToolResult, ReadResourceResult, TextContent, TextResourceContents

from stepwarden.steps.submission import Submission

Reply = dict[str, Any]


def step(number: int = 1, thread: str | None = None, **fields: Any) -> dict[str, Any]:
    """Return the arguments of step `number`, on a thread or as its opening."""
    arguments: dict[str, Any] = {"step": f"Step {number}", "step_number": number, "next_step_required": True}
    return arguments | ({"continuation_id": thread} if thread else {}) | fields


def text_of(result: Reply) -> str:
    """Return the text of a result as it is on the wire."""
    return result["content"][0]["text"]


def submission(number: int, text: str = "", **fields: Any) -> Submission:
    """Return step `number` as validation would: equal content has equal digests."""
    text = text or f"step {number}"
    return replace(Submission(number, text, digest=f"{number}{text}{sorted(fields.items())}"), **fields)


def said(result: CallToolResult) -> str:
    """Return the text of a result that the SDK's client gave."""
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text


def contents(read: ReadResourceResult) -> str:
    """Return the text of a resource that the SDK's client read."""
    (block,) = read.contents
    assert isinstance(block, TextResourceContents)
    return block.text
