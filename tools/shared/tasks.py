"""The Tasks extension of MCP (SEP-2663): a call whose work goes on is a task, that its host looks at and cancels.

A tool says that its call is one, by the offer of the call; everything else is read from whoever keeps the tasks. There
is no list of tasks and no method for a result in this revision: `tasks/get` has the result of a task that is over.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension, MethodBinding
from mcp.server.mcpserver import require_client_extension
from mcp.shared.exceptions import MCPError
from mcp.types import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    RequestParams,
)
from pydantic import ValidationError

from stepwarden.errors import OtherKind, StepwardenError, UnknownStream
from stepwarden.threads.calls import Caller
from tools.shared.edge import current_caller
from tools.shared.elicitation import declares_forms

TASKS = "io.modelcontextprotocol/tasks"
VERSIONS = frozenset({"2026-07-28"})
POLL_MS = 1_000
GRACE_S = 0.5
"""What is over by then is answered as any call is, without a task."""


class TaskStatus(StrEnum):
    """How a task stands, in the words of the extension. FAILED is an error of the protocol, never one of the work."""

    WORKING = "working"
    INPUT_REQUIRED = "input_required"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class HostTask:
    """A task as its host sees it. `created` and `changed` are unix seconds; `questions` are for its user, by key.

    `result` is there where it is completed, `error` where it failed.
    """

    id: str
    status: TaskStatus
    created: float
    changed: float
    message: str = ""
    questions: Mapping[str, ElicitRequestFormParams] = field(default_factory=dict[str, ElicitRequestFormParams])
    result: CallToolResult | None = None
    error: str = ""


class TaskKeeper(Protocol):
    """Whoever knows the tasks. A task of another's is unknown."""

    async def find(self, task_id: str, caller: Caller) -> HostTask:
        """Return a task as it stands. Raises UnknownStream and OtherKind."""
        ...

    async def answer(self, task_id: str, answers: Mapping[str, ElicitResult], caller: Caller) -> None:
        """Take answers to the questions of a task; those that nothing waits for are passed over. Raises as `find`."""
        ...

    async def cancel(self, task_id: str, caller: Caller) -> None:
        """End a task; one that is over stays as it is. Raises as `find`."""
        ...


@dataclass
class TaskOffer:
    """What a call may become: the tool puts its task here. `can_ask` says whether the host puts questions to a user."""

    can_ask: bool
    task: HostTask | None = None


_offer: ContextVar[TaskOffer | None] = ContextVar("task_offer", default=None)


def offered_task() -> TaskOffer | None:
    """Return the offer of the call that is answered now, None where its host speaks of no tasks."""
    return _offer.get()


class _TaskParams(RequestParams):
    task_id: str


class _AnswerParams(_TaskParams):
    input_responses: dict[str, Any]


class TasksExtension(Extension):
    """Serves `tasks/get`, `tasks/update` and `tasks/cancel`; `open_keeper` is called when one is asked for."""

    identifier = TASKS

    def __init__(self, open_keeper: Callable[[], TaskKeeper]) -> None:
        self._open_keeper = open_keeper

    def methods(self) -> list[MethodBinding]:
        """Return the methods, of the revision that has the extension."""
        return [
            MethodBinding("tasks/get", _TaskParams, self._get, VERSIONS),
            MethodBinding("tasks/update", _AnswerParams, self._update, VERSIONS),
            MethodBinding("tasks/cancel", _TaskParams, self._cancel, VERSIONS),
        ]

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Return the task that a tool made of its call, where the host declared the extension with this request."""
        del params
        if not _speaks_tasks(ctx):
            return await call_next(ctx)
        offer = TaskOffer(declares_forms(ctx.session.client_capabilities))
        token = _offer.set(offer)
        try:
            result = await call_next(ctx)
        finally:
            _offer.reset(token)
        return result if offer.task is None else {"resultType": "task", **_described(offer.task)}

    async def _get(self, ctx: ServerRequestContext[Any, Any], params: _TaskParams) -> HandlerResult:
        _check(ctx, params.task_id)
        try:
            task = await self._open_keeper().find(params.task_id, current_caller())
        except StepwardenError as error:
            raise _told(error) from error
        return {"resultType": "complete", **_described(task), **_outcome(task)}

    async def _update(self, ctx: ServerRequestContext[Any, Any], params: _AnswerParams) -> HandlerResult:
        _check(ctx, params.task_id)
        try:
            await self._open_keeper().answer(params.task_id, _answers(params.input_responses), current_caller())
        except StepwardenError as error:
            raise _told(error) from error
        return {"resultType": "complete"}

    async def _cancel(self, ctx: ServerRequestContext[Any, Any], params: _TaskParams) -> HandlerResult:
        _check(ctx, params.task_id)
        try:
            await self._open_keeper().cancel(params.task_id, current_caller())
        except StepwardenError as error:
            raise _told(error) from error
        return {"resultType": "complete"}


def _speaks_tasks(ctx: ServerRequestContext[Any, Any]) -> bool:
    capabilities = ctx.session.client_capabilities
    declared = capabilities.extensions if capabilities is not None else None
    return ctx.protocol_version in VERSIONS and declared is not None and TASKS in declared


def _check(ctx: ServerRequestContext[Any, Any], task_id: str) -> None:
    """Raise MCPError where the host did not declare the extension, or routes another task than it names."""
    require_client_extension(ctx, TASKS)
    headers = getattr(ctx.request, "headers", None)
    if headers is not None and headers.get("mcp-name") != task_id:
        raise MCPError(HEADER_MISMATCH, "The header Mcp-Name does not name the task of params.taskId.")


def _told(error: StepwardenError) -> MCPError:
    if isinstance(error, UnknownStream | OtherKind):
        return MCPError(INVALID_PARAMS, "Task not found.")
    return MCPError(INTERNAL_ERROR, str(error))


def _answers(responses: Mapping[str, Any]) -> dict[str, ElicitResult]:
    """Return what are answers to questions; what is none is passed over, as an unknown key is."""
    answers = dict[str, ElicitResult]()
    for key, response in responses.items():
        try:
            answers[key] = ElicitResult.model_validate(response)
        except ValidationError:
            continue
    return answers


def _described(task: HostTask) -> dict[str, Any]:
    """Return what is said of every task; its run is never removed by itself, so it has no end of life."""
    told: dict[str, Any] = {"taskId": task.id, "status": task.status.value}
    told |= {"statusMessage": task.message} if task.message else {}
    told |= {"createdAt": _moment(task.created), "lastUpdatedAt": _moment(task.changed)}
    return told | {"ttlMs": None, "pollIntervalMs": POLL_MS}


def _outcome(task: HostTask) -> dict[str, Any]:
    if task.status is TaskStatus.COMPLETED and task.result is not None:
        return {"result": task.result.model_dump(mode="json", by_alias=True, exclude_none=True)}
    if task.status is TaskStatus.FAILED:
        return {"error": {"code": INTERNAL_ERROR, "message": task.error}}
    if task.status is TaskStatus.INPUT_REQUIRED:
        asked = {key: ElicitRequest(params=params) for key, params in task.questions.items()}
        return {
            "inputRequests": {
                key: request.model_dump(mode="json", by_alias=True, exclude_none=True) for key, request in asked.items()
            }
        }
    return {}


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
