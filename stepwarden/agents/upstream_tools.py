"""The tools of upstream servers as a run has them: its person's word is in its history, and a call is recorded twice.

Once in the run, and once with all calls of its principal to upstreams: so a write that the run's process took with it
is in doubt for everybody, and is not sent again by another way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stepwarden.agents.toolbox import CallContext, CallOutput, RunTool
from stepwarden.errors import RunRefused, UpstreamRefused, UpstreamSilent
from stepwarden.runs.run import Run
from stepwarden.runs.run_calls import CallKind, ToolGrant
from stepwarden.tool_calls import OfferedTool
from stepwarden.upstream.calls.prepared_call import PreparedCall, approval_needed, prepare_call
from stepwarden.upstream.calls.recorded_call import RecordedCalls
from stepwarden.upstream.calls.result_text import fenced, fenced_description, text_of
from stepwarden.upstream.catalogue.tool_search import SearchEntry
from stepwarden.upstream.client import UpstreamClient
from stepwarden.upstream.failures import quoted
from stepwarden.upstream.tool_result import ToolResult

MOST_OFFERED = 24
"""So many tools of upstreams are offered where none is named: those that fit the request best."""

LISTED_S = 20.0


@dataclass(frozen=True)
class UpstreamRunTool:
    """One tool of an upstream."""

    client: UpstreamClient
    entry: SearchEntry

    @property
    def grant(self) -> ToolGrant:
        """See `RunTool`."""
        tool = self.entry.tool
        asks = approval_needed(self.client.upstreams.server(self.entry.upstream).config, tool)
        return ToolGrant(self.entry.name, CallKind(tool.effects.kind), tool.fingerprint, asks=asks)

    @property
    def offered(self) -> OfferedTool:
        """See `RunTool`."""
        tool = self.entry.tool
        return OfferedTool(self.entry.name, fenced_description(self.entry.upstream, tool), tool.schema)

    async def call(self, context: CallContext) -> CallOutput:
        """See `RunTool`. Raises what preparing and making a call raise."""
        prepared = await prepare_call(self.client.index, self.entry.name, context.arguments)
        _ensure_known(context.run, prepared)
        doubt = None
        if prepared.sameness:
            begun = await self.client.recorder.in_doubt(context.principal, prepared.sameness)
            doubt = prepared.doubt(begun) if begun else None
            if doubt is not None and not context.was_doubted:
                raise doubt.refusal_in_run
        approved = "" if prepared.tool.effects.reads_only else "user"
        calls = RecordedCalls(self.client.recorder, context.principal, approved, doubt, context.run.id)
        try:
            outcome = await calls.make(prepared)
        except UpstreamSilent as error:
            return CallOutput(str(error), failed=True, in_doubt=bool(prepared.sameness))
        if not isinstance(outcome.answer, ToolResult):
            return CallOutput(f"{self.entry.name} asks something, and nobody can answer in a run.", failed=True)
        shown = fenced(self.entry.upstream, _read_as_text(outcome.answer))
        return CallOutput(shown, failed=outcome.answer.is_error, in_doubt=outcome.in_doubt)


@dataclass(frozen=True)
class UpstreamOffer:
    """The tools of upstreams for a run, and what is lacking: upstreams whose tools could not be listed, and why."""

    tools: Sequence[RunTool] = ()
    lacking: Mapping[str, str] = field(default_factory=dict[str, str])


async def upstream_tools(client: UpstreamClient, request: str, names: Sequence[str] | None) -> UpstreamOffer:
    """Return all tools of the upstreams in these names, `upstream/tool` or `upstream/*`; for None those that fit.

    Where no name has an upstream they are those of all. A name that is wrong can be told with the nearest one so.
    Raises RunRefused where a named upstream is not to be had.
    """
    errors = await client.index.list_unlisted(timeout_s=LISTED_S)
    lacking = {name: str(error) for name, error in errors.items()}
    entries = [entry for entry in client.index.entries() if not entry.barred]
    if names is not None:
        named = {name.partition("/")[0] for name in names if "/" in name}
        if missing := [f"{name}: {why}" for name, why in lacking.items() if name in named]:
            raise RunRefused(" ".join(missing))
        entries, lacking = [entry for entry in entries if entry.upstream in named or not named], {}
    elif len(entries) > MOST_OFFERED:
        entries = client.index.search(request, most=MOST_OFFERED)
    return UpstreamOffer([UpstreamRunTool(client, entry) for entry in entries], lacking)


def _read_as_text(result: ToolResult) -> str:
    """Return a result as text, with what is left out named: the model of a run reads no pictures and hears nothing."""
    text, media = text_of(result)
    left_out = (
        f"[{quoted(block.mime_type, 40)} of {len(block.data) * 3 // 4} bytes left out: a run reads text alone]"
        for block in media
    )
    return "\n".join([*([text] if text else []), *left_out])


def _ensure_known(run: Run, prepared: PreparedCall) -> None:
    """Raise UpstreamRefused where a tool that changes something is not the one that was there when the run began.

    What people allowed, and whether they were asked at all, is bound to that one.
    """
    if prepared.tool.effects.reads_only:
        return
    known = {(grant.name, grant.fingerprint) for job in run.jobs.values() for grant in job.plan.tools}
    if (prepared.name, prepared.tool.fingerprint) not in known:
        raise UpstreamRefused(
            f"{prepared.name} is described otherwise than when this run began: it was not called. "
            "A new run may call it as it is now."
        )
