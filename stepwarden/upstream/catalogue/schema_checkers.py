"""The compiled schemas of one upstream's tools, each compiled once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stepwarden.errors import UpstreamRefused
from stepwarden.upstream.catalogue.schemas import Checker, UnusableSchema, compiled
from stepwarden.upstream.catalogue.tool import UnusableTool, UpstreamTool


@dataclass
class SchemaCheckers:
    """Checks arguments and results against what the tools of `upstream` announce."""

    upstream: str
    _compiled: dict[tuple[str, str], Checker | UnusableSchema] = field(
        default_factory=dict[tuple[str, str], "Checker | UnusableSchema"]
    )
    _unusable: dict[str, UnusableTool] = field(default_factory=dict[str, UnusableTool])

    def arguments_of(self, tool: UpstreamTool) -> Checker:
        """Return the checker of a tool's arguments. Raises UpstreamRefused where its schema cannot be used."""
        found = self._of("arguments", tool, tool.schema)
        if isinstance(found, UnusableSchema):
            self._unusable[tool.fingerprint] = UnusableTool(tool.name, str(found))
            raise UpstreamRefused(
                f"{tool.name} of {self.upstream} cannot be called: {found}. Report this to its operator."
            )
        return found

    def result_of(self, tool: UpstreamTool) -> Checker | None:
        """Return the checker of a tool's structured results, None where it has no schema that can be used."""
        if tool.output_schema is None:
            return None
        found = self._of("result", tool, tool.output_schema)
        return None if isinstance(found, UnusableSchema) else found

    def unusable(self, tools: Mapping[str, UpstreamTool]) -> list[UnusableTool]:
        """Return those of `tools` that turned out to have no schema that can be used."""
        return [self._unusable[tool.fingerprint] for tool in tools.values() if tool.fingerprint in self._unusable]

    def _of(self, what: str, tool: UpstreamTool, schema: Mapping[str, Any]) -> Checker | UnusableSchema:
        key = (what, tool.fingerprint)
        if key not in self._compiled:
            try:
                self._compiled[key] = compiled(schema)
            except UnusableSchema as error:
                self._compiled[key] = error
        return self._compiled[key]
