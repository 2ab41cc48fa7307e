"""The agent of the demo: a script, not a model. What it sends and what comes back is shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from mcp import Client
from mcp.types import TextContent

from stepwarden.cli.demo.console import DemoConsole

TOOL = "debug"


@dataclass(frozen=True)
class DemoAnswer:
    """A reply of the server: its text and its data."""

    text: str
    data: Mapping[str, Any]
    refused: bool

    def value(self, path: str) -> Any:
        """Return the value at a dotted path of the data, None where there is none."""
        found: Any = self.data
        for name in path.split("."):
            found = cast("dict[str, Any]", found).get(name) if isinstance(found, dict) else None
        return found


@dataclass
class DemoAgent:
    """Sends the steps of one thread over its current connection."""

    console: DemoConsole
    client: Client
    thread: str = ""

    async def send(self, number: int, step: str, *, again: str = "", **arguments: Any) -> DemoAnswer:
        """Send one step that is not the last, and show it with its reply; `again` says that it repeats another."""
        numbers = {"step_number": number, "next_step_required": True}
        request = {"step": step, **numbers, **arguments}
        if self.thread:
            request["continuation_id"] = self.thread
        self.console.show_call(TOOL, {**numbers, "all the rest": again} if again else request)
        result = await self.client.call_tool(TOOL, request)
        text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
        answer = DemoAnswer(text, result.structured_content or {}, bool(result.is_error))
        self.console.show_text("stepwarden's reply", text, "yellow" if answer.refused else "green")
        self.thread = self.thread or str(answer.value("continuation_id") or "")
        return answer
