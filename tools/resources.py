"""What a host can attach: threads, their histories and reports; and the completion of their ids."""

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


def add_resources(server: MCPServer, archive: ThreadQueries) -> None:
    """Return `server` the resources of the threads in `archive`, each caller its own."""

    @server.resource(
        "stepwarden://threads/{continuation_id}",
        name="thread",
        title="Thread",
        description="A thread's live content: steps, issues, files, hypothesis, decisions",
        mime_type="application/json",
    )
    async def thread(continuation_id: str) -> str:
        found = await _own(archive, continuation_id)
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
            page, go_on_after = await archive.page(continuation_id, current_caller(), after=max(0, after))
        except UnknownStream:
            raise ResourceNotFoundError("no such thread of yours; the status tool lists them") from None
        except StepwardenError as error:
            raise ResourceError(str(error)) from error
        return json.dumps({"events": [asdict(entry) for entry in page], "after": go_on_after}, ensure_ascii=False)

    @server.completion()
    async def complete(
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion | None:
        if argument.name != "continuation_id":
            return None
        heads = await archive.threads(current_caller(), prefix=argument.value, limit=COMPLETIONS + 1)
        ids = [head.stream for head in heads]
        return Completion(values=ids[:COMPLETIONS], has_more=len(ids) > COMPLETIONS)

    for handler in (thread, history, complete):
        assert handler is not None
    _add_reports(server, archive)


def _add_reports(server: MCPServer, archive: ThreadQueries) -> None:
    @server.resource(
        "stepwarden://threads/{continuation_id}/report",
        name="thread_report",
        title="Report of a thread",
        description="A thread as a report for people, in Markdown",
        mime_type="text/markdown",
    )
    async def report(continuation_id: str) -> str:
        from stepwarden.threads.exports import as_markdown  # a tenth of our own part of the start

        return as_markdown(*await _told(archive, continuation_id))

    @server.resource(
        "stepwarden://threads/{continuation_id}/report.html",
        name="thread_page",
        title="Report of a thread, as a page",
        description="The same report as one page of HTML that loads nothing and runs nothing",
        mime_type="text/html",
    )
    async def report_page(continuation_id: str) -> str:
        from stepwarden.threads.exports import as_html

        return as_html(*await _told(archive, continuation_id))

    for handler in (report, report_page):
        assert handler is not None


async def _own(archive: ThreadQueries, continuation_id: str):
    try:
        return await archive.thread_or_chat(continuation_id, current_caller())
    except UnknownStream:
        raise ResourceNotFoundError("no such thread of yours; the status tool lists them") from None
    except StepwardenError as error:
        raise ResourceError(str(error)) from error


async def _told(archive: ThreadQueries, continuation_id: str) -> tuple[Thread | Chat, list[HistoryEntry]]:
    found = await _own(archive, continuation_id)
    return found, await archive.history(continuation_id, current_caller())
