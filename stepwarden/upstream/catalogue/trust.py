"""Which tools are trusted: each as it was first seen, or as a person accepted it since."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from stepwarden.upstream.catalogue.drift import ToolChange, changes, widens
from stepwarden.upstream.catalogue.tool import UpstreamTool

MOST_TRUSTED = 4_000  # tools that are remembered, those that are gone too


@dataclass
class TrustedTools:
    """The tools of one upstream as they are trusted, by name."""

    tools: dict[str, UpstreamTool] = field(default_factory=dict[str, UpstreamTool])

    def learn(self, listed: Mapping[str, UpstreamTool]) -> set[str]:
        """Take in a list: a new tool is trusted as it stands, a narrower one too. Return the names of the new ones."""
        new = {name for name in listed if name not in self.tools}
        self.tools.update({name: tool for name, tool in listed.items() if name in new})
        gone = [name for name in self.tools if name not in listed]
        for name in gone[: max(0, len(self.tools) - MOST_TRUSTED)]:
            del self.tools[name]  # a server that renames its tools for ever
        for name in list(self.tools):
            if name in listed and not widens(self.tools[name], listed[name]):
                self.tools[name] = listed[name]
        return new

    def drift(self, tool: UpstreamTool) -> list[ToolChange]:
        """Return what changed in a listed tool since it was trusted; empty where nothing widened."""
        before = self.tools.get(tool.name)
        return changes(before, tool) if before is not None and widens(before, tool) else []

    def accept(self, tool: UpstreamTool) -> None:
        """Trust a tool as it is."""
        self.tools[tool.name] = tool

    def adopt(self, others: Mapping[str, UpstreamTool], without: Iterable[str] = ()) -> None:
        """Take over what another process has trusted, but for the tools named in `without`."""
        ours = set(without)
        self.tools.update({name: tool for name, tool in others.items() if name not in ours})
