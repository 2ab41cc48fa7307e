"""The tools of one upstream: what it lists now, which of them are trusted, and both kept on disk across restarts.

Every write merges what another process has trusted meanwhile. A tool that widened since it was trusted is barred until
a person accepted it, in a host or by the command line.
"""

import difflib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stepwarden.errors import UnknownUpstream, UpstreamRefused
from stepwarden.upstream.catalogue.drift import ToolChange
from stepwarden.upstream.catalogue.schema_checkers import SchemaCheckers
from stepwarden.upstream.catalogue.tool import UnusableTool, UpstreamTool, read_tools
from stepwarden.upstream.catalogue.tool_list_file import KnownTools, ToolListFile, server_digest
from stepwarden.upstream.catalogue.trust import TrustedTools
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.withheld import without_given


def _nobody_hears() -> None:
    pass


@dataclass
class Registry:
    """What is known of the tools of `config`'s server; `path` is the file, None keeps nothing.

    `on_change` hears of every list and of every tool that was accepted; `listed_at` is in unix seconds.
    """

    config: UpstreamConfig
    path: Path | None
    on_change: Callable[[], None] = _nobody_hears
    clock: Callable[[], float] = time.time
    listed_at: float | None = None
    checkers: SchemaCheckers = field(init=False)
    _file: ToolListFile = field(init=False)
    _listed: dict[str, UpstreamTool] = field(default_factory=dict[str, UpstreamTool])
    _unusable: Sequence[UnusableTool] = ()
    _trusted: TrustedTools = field(default_factory=TrustedTools)

    def __post_init__(self) -> None:
        """Read the file, if it is there and was written for the same server."""
        self.checkers = SchemaCheckers(self.config.name)
        self._file = ToolListFile(self.path, server_digest(self.config))
        known = self._file.read()
        if known is not None:
            self._listed, self._unusable = read_tools(known.listed)
            self._trusted.adopt(known.trusted)
            self.listed_at = known.listed_at

    def update(self, listed: Sequence[Mapping[str, Any]]) -> None:
        """Take in a list that the server gave just now; what is new is trusted as it stands."""
        tools, self._unusable = read_tools([without_given(self.config, tool) for tool in listed])
        self.listed_at = self.clock()
        changed = tools != self._listed
        self._listed = tools
        new = self._trusted.learn(tools)
        if changed or new:
            self._save(new)
        self.on_change()

    @property
    def tools(self) -> dict[str, UpstreamTool]:
        """The tools that may be used by the settings, by name, in the server's order."""
        return {name: tool for name, tool in self._listed.items() if self.config.permits(name)}

    @property
    def unusable(self) -> list[UnusableTool]:
        """The tools that were listed and cannot be used."""
        return [*self._unusable, *self.checkers.unusable(self._listed)]

    @property
    def barred(self) -> list[str]:
        """The names of the tools that a person has to accept first."""
        return [name for name, tool in self.tools.items() if self._trusted.drift(tool)]

    def tool(self, name: str) -> UpstreamTool:
        """Return a tool that may be called. Raises UnknownUpstream, or UpstreamRefused with what to do."""
        tool = self.listed(name)
        if self.drift(name) and self._file.changed and (known := self._file.read()) is not None:
            self._trusted.adopt(known.trusted)  # another process, or the command line, has accepted it
        if self.drift(name):
            raise UpstreamRefused(
                f"{name} of {self.config.name} changed since it was trusted, and may do more now. Look at it first: "
                f'upstream(action="describe", tool="{self.config.name}/{name}") shows the change and how to accept it.'
            )
        return tool

    def listed(self, name: str) -> UpstreamTool:
        """Return a tool as it is listed, barred or not. Raises UnknownUpstream, or UpstreamRefused by the settings."""
        tool = self._listed.get(name)
        if tool is None:
            raise UnknownUpstream(_unknown(self.config.name, name, self.tools, self.unusable))
        if not self.config.permits(name):
            raise UpstreamRefused(
                f"{name} of {self.config.name} is not allowed by the file of upstreams (allow, deny)."
            )
        return tool

    def drift(self, name: str) -> list[ToolChange]:
        """Return what changed in a tool since it was trusted; empty where nothing widened."""
        tool = self._listed.get(name)
        return [] if tool is None else self._trusted.drift(tool)

    def accept(self, name: str, fingerprint: str) -> None:
        """Trust a tool as it is listed now; `fingerprint` says which one was looked at.

        Raises UnknownUpstream, and UpstreamRefused where it is another by now.
        """
        tool = self.listed(name)
        if tool.fingerprint != fingerprint:
            raise UpstreamRefused(f"{name} is not what was looked at any more; describe it again.")
        self._trusted.accept(tool)
        self._save({name})
        self.on_change()

    def _save(self, ours: set[str]) -> None:
        """Write the file, with what others have trusted meanwhile, except the tools in `ours`."""

        def merge(known: KnownTools | None) -> KnownTools:
            if known is not None:
                self._trusted.adopt(known.trusted, ours)
            return KnownTools([tool.wire for tool in self._listed.values()], self._trusted.tools, self.listed_at)

        self._file.write(merge)


def _unknown(upstream: str, name: str, tools: Iterable[str], unusable: Iterable[UnusableTool]) -> str:
    """Return that there is no such tool: why it cannot be used, or what may have been meant."""
    found = next((item for item in unusable if item.name == name), None)
    if found is not None:
        return f"{name} of {upstream} cannot be used: {found.why}."
    near = difflib.get_close_matches(name, tools, n=1, cutoff=0.5)
    meant = f"; did you mean {near[0]}?" if near else "."
    return f'{upstream} has no tool {name[:80]!r}{meant} Look it up: upstream(action="search", query="...").'
