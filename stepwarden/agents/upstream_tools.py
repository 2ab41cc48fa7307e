"""The tools of upstream servers as a run has them: its person's word is in its history, and a call is recorded twice.

Once in the run, and once with all calls of its principal to upstreams: so a write that the run's process took with it
is in doubt for everybody, and is not sent again by another way.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from stepwarden.agents.toolbox import CallContext, CallOutput, RunTool
from stepwarden.errors import UpstreamSilent
from stepwarden.runs.run import CallKind, ToolGrant
from stepwarden.tool_calls import OfferedTool
from stepwarden.upstream.calls.prepared_call import prepare_call
from stepwarden.upstream.calls.recorded_call import RecordedCalls
from stepwarden.upstream.calls.result_text import fenced, fenced_description, text_of
from stepwarden.upstream.catalogue.tool_search import SearchEntry
from stepwarden.upstream.client import UpstreamClient
from stepwarden.upstream.tool_result import ToolResult

MOST_OFFERED = 24
"""So many tools of upstreams are offered where none is named: those that fit the request best."""

LISTED_S = 10.0


@dataclass(frozen=True)
class UpstreamRunTool:
    """One tool of an upstream."""

    client: UpstreamClient
    entry: SearchEntry

    @property
    def grant(self) -> ToolGrant:
        """See `RunTool`."""
        tool = self.entry.tool
        return ToolGrant(self.entry.name, CallKind(tool.effects.kind), tool.fingerprint)

    @property
    def offered(self) -> OfferedTool:
        """See `RunTool`."""
        tool = self.entry.tool
        return OfferedTool(self.entry.name, fenced_description(self.entry.upstream, tool), tool.schema)

    async def call(self, context: CallContext) -> CallOutput:
        """See `RunTool`. Raises what preparing and making a call raise."""
        prepared = await prepare_call(self.client.index, self.entry.name, context.arguments)
        doubt = None
        if prepared.sameness:
            begun = await self.client.recorder.in_doubt(context.principal, prepared.sameness)
            doubt = prepared.doubt(begun) if begun else None
            if doubt is not None and not context.was_doubted:
                raise doubt.refusal
        approved = "" if prepared.tool.effects.reads_only else "user"
        calls = RecordedCalls(self.client.recorder, context.principal, approved, doubt, context.run.id)
        try:
            outcome = await calls.make(prepared)
        except UpstreamSilent as error:
            return CallOutput(str(error), failed=True, in_doubt=bool(prepared.sameness))
        if not isinstance(outcome.answer, ToolResult):
            return CallOutput(f"{self.entry.name} asks something, and nobody can answer in a run.", failed=True)
        text, _ = text_of(outcome.answer)
        shown = fenced(self.entry.upstream, text)
        return CallOutput(shown, failed=outcome.answer.is_error, in_doubt=outcome.in_doubt)


async def upstream_tools(client: UpstreamClient, request: str, names: Sequence[str] | None) -> Sequence[RunTool]:
    """Return the tools with these names, `upstream/tool` or `upstream/*`; for None those that fit the request."""
    await client.index.list_unlisted(timeout_s=LISTED_S)
    entries = [entry for entry in client.index.entries() if not entry.barred]
    if names is not None:
        wanted = [entry for entry in entries if entry.name in names or f"{entry.upstream}/*" in names]
    elif len(entries) <= MOST_OFFERED:
        wanted = entries
    else:
        wanted = client.index.search(request, most=MOST_OFFERED)
    return [UpstreamRunTool(client, entry) for entry in wanted]
