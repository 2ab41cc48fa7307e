"""Resources: threads, their histories and reports; and the completion of thread ids."""

import json
from dataclasses import asdict

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.types import Completion, CompletionArgument, CompletionContext, PromptReference, ResourceTemplateReference

from stepwarden.errors import StepwardenError, UnknownStream
from stepwarden.steps.digest import digest
from stepwarden.steps.thread import Thread
from stepwarden.threads.calls import HistoryEntry
from stepwarden.threads.chat_store import Chat
from stepwarden.threads.queries import ThreadQueries
from tools.shared.edge import current_caller

COMPLETIONS = 50  # ids offered at once; the protocol allows 100


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
        if isinstance(found, Chat):
            return json.dumps({"continuation_id": found.id, **asdict(found)}, ensure_ascii=False, default=str)
        return json.dumps({"continuation_id": found.id, "outcome": found.outcome, **asdict(digest(found))}, default=str)

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
        return await queries.thread_or_chat(continuation_id, current_caller())
    except UnknownStream:
        raise ResourceNotFoundError("no such thread of yours; the status tool lists them") from None
    except StepwardenError as error:
        raise ResourceError(str(error)) from error


async def _thread_and_history(queries: ThreadQueries, continuation_id: str) -> tuple[Thread | Chat, list[HistoryEntry]]:
    found = await _own(queries, continuation_id)
    return found, await queries.history(continuation_id, current_caller())
