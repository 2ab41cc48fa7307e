"""The pages of threads: the list, and the report of each."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from stepwarden.dashboard.answers import PageContent, page_answer, report_answer
from stepwarden.dashboard.browser_guard import PATH
from stepwarden.dashboard.page_templates import PageTemplates
from stepwarden.dashboard.visits import Visits, caller_of
from stepwarden.threads.exports import as_html
from stepwarden.threads.queries import ThreadQueries

LISTED = 100


@dataclass
class ThreadPages:
    """The handlers."""

    rendering: PageTemplates
    visits: Visits
    queries: ThreadQueries

    async def list(self, request: Request) -> Response:
        """Show the threads, the last changed first."""
        session = self.visits.session(request)
        rows = await self.queries.threads(caller_of(session), limit=LISTED)
        blocks = {"threads": self.rendering.block("threads_list.html", rows=rows)}
        more = {"lost": self.queries.lost(caller_of(session))}
        content = PageContent("threads.html", "Threads", "threads", blocks, stream=f"{PATH}/stream", more=more)
        return page_answer(self.rendering, request, session, content)

    async def show(self, request: Request) -> Response:
        """Show the report of a thread as it stands."""
        caller, thread_id = caller_of(self.visits.session(request)), request.path_params["thread_id"]
        found = await self.queries.whole(thread_id, caller)
        history = await self.queries.history(thread_id, caller)
        return report_answer(as_html(found, history, await self.queries.calls(thread_id, caller)))
