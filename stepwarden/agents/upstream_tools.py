"""The tools of upstream servers as a run has them: its person's word is in its history, and a call is recorded twice.

Once in the run, and once with all calls of its principal to upstreams: so a write that the run's process took with it
is in doubt for everybody, and is not sent again by another way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from stepwarden.agents.toolbox import CallContext, CallOutput, RunTool
from stepwarden.errors import RunRefused, UpstreamRefused, UpstreamSilent
from stepwarden.runs.run import Run
from stepwarden.runs.run_calls import CallKind, ToolGrant
from stepwarden.tool_calls import OfferedTool
from stepwarden.upstream.calls.begun_calls import BegunCall
from stepwarden.upstream.calls.call_doubt import CallDoubt, DoubtResolution
from stepwarden.upstream.calls.prepared_call import PreparedCall, approval_needed, prepare_call
from stepwarden.upstream.calls.recorded_call import RecordedCalls
from stepwarden.upstream.calls.result_text import fenced, fenced_description, text_of
from stepwarden.upstream.catalogue.tool_search import SearchEntry
from stepwarden.upstream.client import UpstreamClient
from stepwarden.upstream.doubts.look import WriteLook
from stepwarden.upstream.doubts.marks import key_of
from stepwarden.upstream.doubts.resolution import DoubtResolver
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
                doubt = await self._looked_after(prepared, doubt, context)
        approved = "" if prepared.tool.effects.reads_only else "user"
        key = key_of(context.run.id, context.key)
        calls = RecordedCalls(self.client.recorder, context.principal, approved, doubt, context.run.id, key=key)
        try:
            outcome = await calls.make(prepared)
        except UpstreamSilent as error:
            return CallOutput(str(error), failed=True, in_doubt=bool(prepared.sameness))
        if not isinstance(outcome.answer, ToolResult):
            return CallOutput(f"{self.entry.name} asks something, and nobody can answer in a run.", failed=True)
        shown = fenced(self.entry.upstream, _read_as_text(outcome.answer))
        return CallOutput(shown, failed=outcome.answer.is_error, in_doubt=outcome.in_doubt)

    async def _looked_after(self, prepared: PreparedCall, doubt: CallDoubt, context: CallContext) -> CallDoubt:
        """Return the doubt about the same call by somebody else where a look found that it was not carried out.

        Raises UpstreamRefused where it was, or nobody knows.
        """
        found = await self._resolver(context).resolve(prepared, doubt.begun)
        if found.verdict == "done":
            await self.client.recorder.settle(doubt.begun, context.principal, found=found.words)
            raise doubt.refusal_after(found)
        if found.verdict != "not_done":
            raise doubt.refusal_in_run
        return replace(doubt, found=found.words)

    def _resolver(self, context: CallContext) -> DoubtResolver:
        return DoubtResolver(WriteLook(self.client.index, self.client.recorder, context.principal, context.run.id))

    async def settle(self, context: CallContext) -> DoubtResolution:
        """See `DoubtSettler`: by what was recorded, or as `DoubtResolver` can. Raises what preparing a call raises."""
        recorder, key = self.client.recorder, key_of(context.run.id, context.key)
        prepared = await prepare_call(self.client.index, self.entry.name, context.arguments)
        begun: list[BegunCall] = []
        if not prepared.repeatable:
            made = await recorder.made_for(context.principal, context.run.id)
            begun = [one for one in made if one.key == key or (not one.key and one.same == prepared.sameness)]
            if not begun:
                return DoubtResolution("not_done", "record", "it was not sent before whoever drove the run was gone")
            if (ended := begun[-1]).outcome == "ok":
                words = f"its answer was recorded, and begins: {ended.summary}" if ended.summary else "it was answered"
                return DoubtResolution("done", "record", words)
        found = await self._resolver(context).resolve(prepared, begun)
        if found.verdict == "done":
            await recorder.settle(begun, context.principal, found=found.words)
        return found


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
