"""Resources: threads, their histories and reports; and the completion of thread ids."""

import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    Resource,
    ResourceTemplateReference,
)

from stepwarden.agents.deferred import DeferredRuns
from stepwarden.errors import OtherKind, StepwardenError, UnknownStream
from stepwarden.steps.digest import digest
from stepwarden.storage import Head, kinds
from stepwarden.threads.call_sessions import CallSession
from stepwarden.threads.calls import HistoryEntry
from stepwarden.threads.chat_store import Chat
from stepwarden.threads.queries import ThreadQueries, Whole
from tools.shared.edge import current_caller
from tools.shared.thread_result import clip

if TYPE_CHECKING:
    from stepwarden.agents.run_report import WholeRun

logger = logging.getLogger(__name__)

COMPLETIONS = 50  # ids offered at once; the protocol allows 100
LATEST = 10  # threads in the list of resources, each with its report
TITLE_CHARS = 80  # of a task in that list


def add_resources(server: MCPServer, queries: ThreadQueries) -> None:
    """Add the resources of the threads in `queries` to `server`; each caller sees only its own."""

    @server.resource(
        "stepwarden://threads/{continuation_id}",
        name="thread",
        title="Thread",
        description="A thread's live content: steps, issues, files, hypothesis, decisions",
        mime_type="application/json",
    )
    async def thread(continuation_id: str) -> str:
        found = await _own(queries, continuation_id)
        if isinstance(found, CallSession):
            return json.dumps({"continuation_id": found.id, "tool": kinds.SESSION.name, "for": found.thread or None})
        if isinstance(found, Chat):
            return json.dumps({"continuation_id": found.id, **asdict(found)}, ensure_ascii=False, default=str)
        by_run = {"run": found.run} if found.run else {}
        said = {"continuation_id": found.id, "outcome": found.outcome, **by_run, **asdict(digest(found))}
        return json.dumps(said, default=str)

    @server.resource(
        "stepwarden://threads/{continuation_id}/history{?after}",
        name="thread_history",
        title="History of a thread",
        description="Every event of a thread, superseded steps too, with times and hashes; paged by `after`",
        mime_type="application/json",
    )
    async def history(continuation_id: str, after: int = 0) -> str:
        try:
            page, go_on_after = await queries.page(continuation_id, current_caller(), after=max(0, after))
        except UnknownStream:
            raise ResourceNotFoundError("no such thread of yours; the status tool lists them") from None
        except StepwardenError as error:
            raise ResourceError(str(error)) from error
        return json.dumps({"events": [asdict(entry) for entry in page], "after": go_on_after}, ensure_ascii=False)

    for handler in (thread, history):
        assert handler is not None
    _add_completion(server, queries)
    _add_reports(server, queries)


def add_run_resources(server: MCPServer, deferred: DeferredRuns) -> None:
    """Add the resources of runs to `server`; each caller sees only its own."""

    @server.resource(
        "stepwarden://runs/{run_id}",
        name="run",
        title="Run",
        description="A run as it stands, with its history and long texts",
        mime_type="application/json",
    )
    async def run(run_id: str) -> str:
        from stepwarden.agents.run_report import run_as_json

        return run_as_json(await _own_run(deferred, run_id))

    @server.resource(
        "stepwarden://runs/{run_id}/report",
        name="run_report",
        title="Report of a run",
        description="A run as a report for people, in Markdown",
        mime_type="text/markdown",
    )
    async def run_report(run_id: str) -> str:
        from stepwarden.agents.run_report import run_as_markdown

        return run_as_markdown(await _own_run(deferred, run_id))

    for handler in (run, run_report):
        assert handler is not None


async def _own_run(deferred: DeferredRuns, run_id: str) -> "WholeRun":
    try:
        return await deferred.open().whole(run_id, current_caller())
    except (UnknownStream, OtherKind):
        raise ResourceNotFoundError('no such run of yours; run(action="list") shows them') from None
    except StepwardenError as error:
        raise ResourceError(str(error)) from error


def latest_listed(queries: ThreadQueries) -> Callable[..., Awaitable[HandlerResult]]:
    """Return the MCP middleware that adds the caller's latest threads and their reports to the list of resources."""

    async def add_latest(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        result = await call_next(ctx)
        if ctx.method != "resources/list" or not isinstance(result, dict):  # it is shaped for the wire by now
            return result
        try:
            heads = await queries.threads(current_caller(), limit=2 * LATEST)  # some may be of upstream calls
        except StepwardenError as error:
            logger.warning("the threads cannot be listed: %s", error)
            return result
        readable = [head for head in heads if head.kind in {kinds.THREAD.name, kinds.CHAT.name}][:LATEST]
        latest = [resource for head in readable for resource in _resources_of(head)]
        shown = [resource.model_dump(mode="json", by_alias=True, exclude_none=True) for resource in latest]
        return {**result, "resources": [*result.get("resources", []), *shown]}

    return add_latest


def _resources_of(head: Head) -> list[Resource]:
    """Return a thread and its report as they are listed."""
    uri, title = f"stepwarden://threads/{head.stream}", f"{head.tool}, {head.state}: {clip(head.title, TITLE_CHARS)}"
    return [
        Resource(uri=uri, name=head.stream, title=title, mime_type="application/json"),
        Resource(
            uri=f"{uri}/report", name=f"{head.stream}-report", title=f"Report: {title}", mime_type="text/markdown"
        ),
    ]


def _add_completion(server: MCPServer, queries: ThreadQueries) -> None:
    @server.completion()
    async def complete(
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion | None:
        if argument.name != "continuation_id":
            return None
        heads = await queries.threads(current_caller(), prefix=argument.value, limit=COMPLETIONS + 1)
        ids = [head.stream for head in heads]
        return Completion(values=ids[:COMPLETIONS], has_more=len(ids) > COMPLETIONS)

    assert complete is not None


def _add_reports(server: MCPServer, queries: ThreadQueries) -> None:
    @server.resource(
        "stepwarden://threads/{continuation_id}/report",
        name="thread_report",
        title="Report of a thread",
        description="A thread as a report for people, in Markdown",
        mime_type="text/markdown",
    )
    async def report(continuation_id: str) -> str:
        from stepwarden.threads.exports import as_markdown  # a tenth of our own part of the start

        return as_markdown(*await _thread_and_history(queries, continuation_id))

    @server.resource(
        "stepwarden://threads/{continuation_id}/report.html",
        name="thread_page",
        title="Report of a thread, as a page",
        description="The same report as one page of HTML that loads nothing and runs nothing",
        mime_type="text/html",
    )
    async def report_page(continuation_id: str) -> str:
        from stepwarden.threads.exports import as_html

        return as_html(*await _thread_and_history(queries, continuation_id))

    for handler in (report, report_page):
        assert handler is not None


async def _own(queries: ThreadQueries, continuation_id: str):
    try:
        return await queries.whole(continuation_id, current_caller())
    except UnknownStream:
        raise ResourceNotFoundError("no such thread of yours; the status tool lists them") from None
    except StepwardenError as error:
        raise ResourceError(str(error)) from error


async def _thread_and_history(
    queries: ThreadQueries, continuation_id: str
) -> tuple[Whole, list[HistoryEntry], list[HistoryEntry]]:
    found, caller = await _own(queries, continuation_id), current_caller()
    return found, await queries.history(continuation_id, caller), await queries.calls(continuation_id, caller)
