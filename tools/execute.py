"""`execute`: hand a whole request to a run, and wait a little for it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import ValidationError

import prompts
from stepwarden.agents.deferred import DeferredRuns
from stepwarden.models import ErrorKind, ModelError, find_some
from stepwarden.threads.calls import Caller
from tools.run import RunEdge
from tools.shared.edge import EdgeTool, Progress, edge_tool, refused
from tools.shared.run_request import ExecuteRequest
from tools.workflow.validation_errors import error_lines

if TYPE_CHECKING:
    from stepwarden.agents.run_request import RunRequest


def execute_tool(deferred: DeferredRuns) -> EdgeTool:
    """Return the tool that starts runs."""

    async def start(arguments: Mapping[str, Any], caller: Caller, progress: Progress) -> CallToolResult:
        try:
            request = ExecuteRequest.model_validate(arguments)
        except ValidationError as error:
            return refused("\n".join(error_lines(error, ExecuteRequest)))
        from stepwarden.agents.run_text import NO_MODEL
        from tools.shared.run_reply import run_result
        from tools.shared.run_wait import RunWait

        runs, wanted = deferred.open(), wanted_run(request)
        wait = RunWait(runs, caller, progress)
        same = await runs.same(wanted, caller)
        if same is not None:
            note = f"The same request is under way as {same.id} already: no second run was started."
            return run_result(same, {}, [note])
        try:
            await find_some(runs.models)
            run = await runs.start(wanted, caller, via="host")
        except ModelError as error:
            return refused(NO_MODEL if error.kind is ErrorKind.NO_MODEL and request.model is None else str(error))
        runs.serve_soon()
        return await wait.reply(run.id, request.wait_s)

    return edge_tool(
        start,
        prompts.load("execute"),
        ExecuteRequest,
        ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=True),
        kind=RunEdge,
    )


def wanted_run(request: ExecuteRequest) -> "RunRequest":
    """Return the request as a value of the core."""
    from stepwarden.agents.run_request import RunRequest
    from stepwarden.runs.limits import DEFAULT_LIMITS
    from stepwarden.runs.run_calls import Approval
    from stepwarden.runs.steered import Depth

    limits = request.limits.model_dump(exclude_none=True) if request.limits is not None else {}
    return RunRequest(
        request.request,
        mode=request.mode or "auto",
        depth=Depth(request.depth),
        model=request.model,
        directory=request.working_directory,
        tools=request.tools,
        approval=Approval(request.approve),
        limits=replace(DEFAULT_LIMITS, **limits),
        stop=request.stop,
        thread=request.continuation_id or "",
    )
