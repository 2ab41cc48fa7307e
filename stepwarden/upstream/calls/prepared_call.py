"""A call before it is made: its tool may be called, and its arguments are valid."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stepwarden.errors import UpstreamRefused
from stepwarden.upstream.approval import CallApproval
from stepwarden.upstream.calls.begun_calls import BegunCall
from stepwarden.upstream.calls.call_doubt import CallDoubt
from stepwarden.upstream.catalogue.schemas import ARGUMENT_BYTES, argument_errors, unpacked
from stepwarden.upstream.catalogue.tool import UpstreamTool
from stepwarden.upstream.catalogue.tool_search import SearchEntry, search_tools
from stepwarden.upstream.config import UpstreamConfig, matches
from stepwarden.upstream.digest import canonical, digest_of, sameness_of
from stepwarden.upstream.servers import UpstreamServer
from stepwarden.upstream.tool_index import ToolIndex

LOOKS = 2  # tools that are named to look with


@dataclass(frozen=True)
class PreparedCall:
    """A call that may be made. `spent_s` of its time were spent already, on finding its tool."""

    server: UpstreamServer
    tool: UpstreamTool
    arguments: dict[str, Any]
    spent_s: float = 0.0

    @property
    def name(self) -> str:
        """How the tool is called here."""
        return f"{self.server.name}/{self.tool.name}"

    @property
    def needs_approval(self) -> bool:
        """Whether a person has to allow it."""
        return approval_needed(self.server.config, self.tool)

    @property
    def repeatable(self) -> bool:
        """Whether sending it again changes nothing more: its tool says so, or the settings do."""
        return self.tool.effects.repeatable or matches(self.tool.name, self.server.config.idempotent)

    @property
    def sameness(self) -> str:
        """The digest by which it is known again when it is sent once more; "" where that would change nothing more."""
        return "" if self.repeatable else sameness_of(self.name, self.arguments, self.tool.schema)

    @property
    def leaves_mark(self) -> bool:
        """Whether it is sent with a mark in what it makes."""
        look = self.server.config.look_of(self.tool.name)
        return look is not None and look.mark is not None

    def ensure_trusted(self) -> None:
        """Raise UpstreamRefused where its tool was listed anew since, and may do more than the one that was allowed."""
        if self.server.registry.drift(self.tool.name):
            self.server.registry.tool(self.tool.name)

    def approval(self, doubt: CallDoubt | None = None) -> CallApproval:
        """Return what a person is asked to allow; `doubt` says that it may have been carried out before."""
        digest = digest_of({"tool": self.name, "is": self.tool.fingerprint, "arguments": self.arguments})
        return CallApproval(digest, self.name, self.tool.effects.kind, self.arguments, doubt, self.leaves_mark)

    def doubt(self, begun: Sequence[BegunCall]) -> CallDoubt:
        """Return what to tell of calls like this one that were begun, and with which tools to look."""
        words = self.tool.name.replace("_", " ").replace("-", " ")
        readers = [
            SearchEntry(self.server.name, tool)
            for tool in self.server.registry.tools.values()
            if tool.effects.reads_only
        ]
        able = [entry for entry in readers if self._can_give(entry.tool)]
        found = search_tools(words, able, LOOKS) or search_tools(words, readers, LOOKS)
        return CallDoubt(tuple(begun), self.name, tuple(entry.name for entry in found))

    def _can_give(self, reader: UpstreamTool) -> bool:
        """Whether a tool can be called with what this call names: it looks at the same thing then."""
        return set(reader.required) <= set(self.arguments) and not set(reader.parameters).isdisjoint(self.arguments)


def approval_needed(config: UpstreamConfig, tool: UpstreamTool) -> bool:
    """Return whether the settings want a person to allow the calls of a tool."""
    return config.approve == "all" or (config.approve == "writes" and not tool.effects.reads_only)


async def prepare_call(
    index: ToolIndex, name: str, arguments: Mapping[str, Any], *, spent_s: float = 0.0
) -> PreparedCall:
    """Return the call of `upstream/tool`, checked before anything is sent; `spent_s` were spent on it before.

    Raises UnknownUpstream, UpstreamRefused with one line for each mistake, and what connecting raises.
    """
    began = time.monotonic()
    server, own_name = await index.find(name)
    spent_s += time.monotonic() - began
    tool = server.registry.tool(own_name)
    try:
        size = len(canonical(arguments).encode(errors="surrogatepass"))
    except (RecursionError, ValueError):
        size = ARGUMENT_BYTES + 1
    if size > ARGUMENT_BYTES:
        raise UpstreamRefused(f"The arguments are over {ARGUMENT_BYTES >> 10} KiB or nested too deep; send less.")
    given = unpacked(tool.schema, arguments)
    if lines := argument_errors(server.registry.checkers.arguments_of(tool), given):
        raise UpstreamRefused("\n".join(lines))
    return PreparedCall(server, tool, given, spent_s)
