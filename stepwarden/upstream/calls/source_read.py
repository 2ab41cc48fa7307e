"""Reads a resource or a prompt of an upstream for one person: allowed by the settings, and recorded as a read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stepwarden.errors import UpstreamRefused
from stepwarden.upstream.approval import CallApproval, ensure_approved
from stepwarden.upstream.call_request import CallRequest
from stepwarden.upstream.calls.guarded_call import Person, signed_in_for
from stepwarden.upstream.calls.recorded_call import recorded
from stepwarden.upstream.calls.records import CallRecord, Recorder, new_id
from stepwarden.upstream.catalogue.source import SourceKind
from stepwarden.upstream.digest import digest_of
from stepwarden.upstream.failures import quoted
from stepwarden.upstream.servers import Upstreams, UpstreamServer
from stepwarden.upstream.tool_result import ToolResult

NAME_CHARS = 2_000
SHOWN_CHARS = 120  # of an address in the record


@dataclass(frozen=True)
class SourceReads:
    """Reads sources of `upstreams` for one person."""

    upstreams: Upstreams
    recorder: Recorder
    person: Person

    async def read(self, server: UpstreamServer, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Return what an address, or the name of a prompt, gives.

        Raises UpstreamRefused, Suspended and what a call raises.
        """
        return await signed_in_for(self.upstreams, self.person, lambda: self._read(server, name, arguments))

    async def _read(self, server: UpstreamServer, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        if len(name) > NAME_CHARS:
            raise UpstreamRefused(f"The address is over {NAME_CHARS} characters. Nothing was sent.")
        kind = await self._kind(server, name)
        if not server.config.permits(f"{kind}:{name}"):
            raise UpstreamRefused(
                f"The {kind} {quoted(name, 80)} of {server.name} is not allowed by the file of upstreams (allow, deny: "
                f'they know it as "{kind}:" and its name). Nothing was sent.'
            )
        approved = ""
        digest = digest_of({"read": f"{server.name}/{name}", "arguments": arguments})
        if server.config.approve == "all":
            asked = CallApproval(digest, f"{server.name}/{name}", "read", arguments)
            approved = await ensure_approved(self.person.approver, asked)
        record = CallRecord(
            id=new_id("call"),
            phase="ended",
            upstream=server.name,
            tool=f"{kind}:{quoted(name, SHOWN_CHARS)}",
            kind="read",
            by=self.person.principal,
            arguments=digest,
            approved=approved,
            thread=self.person.thread,
        )
        async with recorded(self.recorder, record) as note:
            answer = await server.caller.call(CallRequest(name, arguments, kind=kind), repeatable=True)
            note.answered(answer)
        if not isinstance(answer.answer, ToolResult):
            raise UpstreamRefused(f"{server.name}/{quoted(name, 80)} asks something first, which is not handed on.")
        return answer.answer

    async def _kind(self, server: UpstreamServer, name: str) -> SourceKind:
        known: dict[str, SourceKind] = {source.name: source.kind for source in await server.sources()}
        if name in known:
            return known[name]
        return "resource" if ":" in name else "prompt"
