"""`run`: look at a run, wait for it, and say something to it."""

from collections.abc import Mapping
from typing import Any

from mcp.types import CallToolResult, InputRequiredResult, ToolAnnotations
from pydantic import ValidationError

import prompts
from stepwarden.agents.deferred import DeferredRuns
from stepwarden.errors import OtherKind, StepwardenError, UnknownStream
from stepwarden.threads.calls import Caller
from tools.shared.edge import EdgeTool, Progress, edge_tool, refused
from tools.shared.run_request import RunToolRequest
from tools.shared.thread_result import clip
from tools.workflow.validation_errors import error_lines


class RunEdge(EdgeTool):
    """The edge of what has to do with runs: its errors say themselves what was done, and none of it was a step."""

    @property
    def after_failure(self) -> str:
        """What to do after an unexpected failure."""
        return 'Look before you send it again: run(action="list").'

    def told(self, error: StepwardenError) -> CallToolResult:
        """Return the result that tells one of our own errors."""
        return refused(str(error))


def run_tool(deferred: DeferredRuns) -> EdgeTool:
    """Return the tool that shows and steers runs."""

    async def answer(
        arguments: Mapping[str, Any], caller: Caller, progress: Progress
    ) -> CallToolResult | InputRequiredResult:
        try:
            request = RunToolRequest.model_validate(arguments)
        except ValidationError as error:
            return refused("\n".join(error_lines(error, RunToolRequest)))
        from tools.shared.run_actions import act_on_run, list_runs
        from tools.shared.run_wait import RunWait

        if request.action == "list":
            return await list_runs(deferred.open(), caller)
        if request.run_id is None:
            return refused(f'{request.action} needs run_id, as execute gave it; run(action="list") shows your runs.')
        try:
            return await act_on_run(RunWait(deferred.open(), caller, progress), request, request.run_id)
        except (UnknownStream, OtherKind):
            return refused(f'run_id: no such run of yours: {clip(request.run_id, 80)}. run(action="list") shows them.')

    return edge_tool(
        answer,
        prompts.load("run"),
        RunToolRequest,
        ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=True),
        kind=RunEdge,
    )
