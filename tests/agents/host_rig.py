"""A host and a server of this process: the SDK's client, with tasks where it has them, and a scripted model."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import anyio
from mcp.client import ClaimContext, Client, ClientExtension, ResultClaim
from mcp.server.mcpserver import MCPServer
from mcp.types import (
    CallToolResult,
    ElicitRequestFormParams,
    ElicitRequestParams,
    ElicitResult,
    EmptyResult,
    Request,
    RequestParams,
    Result,
)

from providers.models import build_models
from providers.scripted import Answering, Script, ScriptedReply
from server import build_server
from stepwarden.runtime import Runtime, build_runtime
from stepwarden.settings import load_settings
from tools.shared.tasks import TASKS

POLL_S = 0.02


class TaskCreated(Result):
    result_type: Literal["task"] = "task"
    task_id: str
    status: str
    status_message: str = ""


class TaskDetail(Result):
    task_id: str
    status: str
    status_message: str = ""
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    input_requests: dict[str, dict[str, Any]] | None = None


class TaskParams(RequestParams):
    task_id: str


class AnswerParams(TaskParams):
    input_responses: dict[str, Any]


class GetTask(Request[TaskParams, Literal["tasks/get"]]):
    method: Literal["tasks/get"] = "tasks/get"
    params: TaskParams
    name_param = "taskId"


class UpdateTask(Request[AnswerParams, Literal["tasks/update"]]):
    method: Literal["tasks/update"] = "tasks/update"
    params: AnswerParams
    name_param = "taskId"


class CancelTask(Request[TaskParams, Literal["tasks/cancel"]]):
    method: Literal["tasks/cancel"] = "tasks/cancel"
    params: TaskParams
    name_param = "taskId"


async def find_task(session: Any, task_id: str) -> TaskDetail:
    return await session.send_request(GetTask(params=TaskParams(task_id=task_id)), TaskDetail)


async def answer_task(session: Any, task_id: str, answers: Mapping[str, Any]) -> None:
    params = AnswerParams(task_id=task_id, input_responses=dict(answers))
    await session.send_request(UpdateTask(params=params), EmptyResult)


async def cancel_task(session: Any, task_id: str) -> None:
    await session.send_request(CancelTask(params=TaskParams(task_id=task_id)), EmptyResult)


Watching = Callable[[Any, TaskDetail], Awaitable[None]]
"""What a host does with a task each time that it looked: it may answer it, or cancel it."""


class HostTasks(ClientExtension):
    """A host that looks at its tasks until they are over; `seen` are the ways they stood."""

    identifier = TASKS

    def __init__(self, watching: Watching | None = None) -> None:
        self.watching = watching
        self.seen: list[TaskDetail] = []

    def claims(self) -> Sequence[ResultClaim[Any]]:
        return [ResultClaim(result_type="task", model=TaskCreated, resolve=self._resolve)]

    async def _resolve(self, created: TaskCreated, context: ClaimContext) -> CallToolResult:
        while True:
            task = await find_task(context.session, created.task_id)
            self.seen.append(task)
            if task.status == "completed":
                return CallToolResult.model_validate(task.result)
            if task.status in {"failed", "cancelled"}:
                return CallToolResult(content=[], structured_content={"status": task.status}, is_error=True)
            if self.watching is not None:
                await self.watching(context.session, task)
            await anyio.sleep(POLL_S)


Said = ElicitResult | Callable[[], Awaitable[ElicitResult]]


class Person:
    """Answers each question the same way, which a test may change, and remembers what was asked."""

    def __init__(self, answer: Said) -> None:
        self.answer: Said = answer
        self.asked: list[ElicitRequestFormParams] = []

    async def __call__(self, context: Any, params: ElicitRequestParams) -> ElicitResult:
        assert isinstance(params, ElicitRequestFormParams)
        self.asked.append(params)
        return self.answer if isinstance(self.answer, ElicitResult) else await self.answer()


YES = ElicitResult(action="accept", content={"approve": True})
NO = ElicitResult(action="accept", content={"approve": False})
DECLINED = ElicitResult(action="decline")
CLOSED = ElicitResult(action="cancel")


@asynccontextmanager
async def serving(
    home: Path, replies: Sequence[ScriptedReply | str] | Answering
) -> AsyncGenerator[tuple[MCPServer, Runtime]]:
    """Return a server whose runs answer by a script, with what it runs on."""
    home.mkdir(exist_ok=True)
    settings = load_settings(home=home)
    runtime = build_runtime(settings, build_models(settings, Script(replies)))
    try:
        yield build_server(settings, runtime), runtime
    finally:
        await runtime.close()


async def call(client: Client, tool: str, **arguments: Any) -> CallToolResult:
    return await client.call_tool(tool, arguments)


def told(result: CallToolResult) -> dict[str, Any]:
    assert result.structured_content is not None, result.content
    return result.structured_content
