"""The agent of the demo: a script, no model. What it sends is shown, and so is what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from mcp import Client
from mcp.types import TextContent

from stepwarden.cli.demo.console import DemoConsole

TOOL = "debug"


@dataclass(frozen=True)
class DemoAnswer:
    """A reply of the server: the text and the data that a host gets."""

    text: str
    data: Mapping[str, Any]
    refused: bool

    def at(self, path: str) -> Any:
        """Return the value at a dotted path of the data, None where there is none."""
        value: Any = self.data
        for name in path.split("."):
            value = cast("dict[str, Any]", value).get(name) if isinstance(value, dict) else None
        return value


@dataclass
class DemoAgent:
    """Sends the steps of one thread, over whatever connection it has now."""

    stage: DemoConsole
    client: Client
    thread: str = ""

    async def send(self, number: int, step: str, *, again: str = "", **arguments: Any) -> DemoAnswer:
        """Send one step and show both sides; more is always to come. `again` says when the same step was sent."""
        numbers = {"step_number": number, "next_step_required": True}
        request = {"step": step, **numbers, **arguments}
        if self.thread:
            request["continuation_id"] = self.thread
        self.stage.sent(TOOL, {**numbers, "all the rest": again} if again else request)
        result = await self.client.call_tool(TOOL, request)
        text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
        answer = DemoAnswer(text, result.structured_content or {}, bool(result.is_error))
        self.stage.reply(text, refused=answer.refused)
        self.thread = self.thread or str(answer.at("continuation_id") or "")
        return answer
