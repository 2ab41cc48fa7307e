"""Something of an upstream that can be read and is no tool: a resource, by its address, or a prompt, by its name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from stepwarden.upstream.catalogue.tool import UpstreamTool

MOST_SOURCES = 500  # of one server that are searched

SourceKind = Literal["resource", "prompt"]


@dataclass(frozen=True)
class UpstreamSource:
    """One of them: its address (of a template, with {names}) or name, the server's words, its arguments (needed?)."""

    kind: SourceKind
    name: str
    words: str
    arguments: Mapping[str, bool] = field(default_factory=dict[str, bool])

    @property
    def as_tool(self) -> UpstreamTool:
        """The same as a tool that reads, for search."""
        required = [name for name, needed in self.arguments.items() if needed]
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {name: {} for name in self.arguments},
            "required": required,
        }
        hints = {"readOnlyHint": True}
        return UpstreamTool({"name": self.name, "description": self.words, "inputSchema": schema, "annotations": hints})
