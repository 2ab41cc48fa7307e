"""The pages of runs: the list, one run, its results and its report, and what a person says to it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from minijinja import safe
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from stepwarden.agents.conversation import whole
from stepwarden.agents.run_list import RunFilter, list_runs
from stepwarden.agents.run_report import run_as_html
from stepwarden.agents.run_view import see_run
from stepwarden.agents.runs import Runs
from stepwarden.dashboard.answers import PageContent, is_of_script, page_answer, report_answer
from stepwarden.dashboard.browser_guard import PATH
from stepwarden.dashboard.page_sessions import PageSession
from stepwarden.dashboard.page_templates import PageBlock, PageTemplates
from stepwarden.dashboard.run_blocks import EVENTS_SHOWN, RunState, run_blocks
from stepwarden.dashboard.run_forms import VIA, read_command
from stepwarden.dashboard.run_views import RunRow, run_row
from stepwarden.dashboard.visits import Visits, caller_of
from stepwarden.errors import RunRefused, UnknownStream
from stepwarden.runs.run import Run, RunStatus
from stepwarden.runs.run_calls import RunCall

LISTED = 100
RESULT_PAGE_CHARS = 50_000
TITLE_CHARS = 80
WORDS = ("waiting", "running", "paused", "done", "stopped", "failed")
OVER = frozenset({"done", "stopped", "failed"})


@dataclass
class RunPages:
    """The handlers. `runs` are opened at the first page that needs them."""

    rendering: PageTemplates
    visits: Visits
    runs: Callable[[], Runs]

    async def list(self, request: Request) -> Response:
        """Show the runs, those that wait for a person first."""
        session = self.visits.session(request)
        status, words = request.query_params.get("status", ""), request.query_params.get("q", "")
        page = await list_runs(self.runs(), caller_of(session), _filter(request))
        rows = [run_row(listed) for listed in page.runs]
        blocks = _list_blocks(self.rendering, rows, is_filtered=bool(status or words))
        more = {"words": WORDS, "filter": {"status": status, "q": words}}
        content = PageContent("runs.html", "Runs", "runs", blocks, stream=f"{PATH}/stream", more=more)
        return page_answer(self.rendering, request, session, content)

    async def show(self, request: Request) -> Response:
        """Show one run."""
        return await self._shown(request, self.visits.session(request))

    async def tell(self, request: Request) -> Response:
        """Take a person's word on a run."""
        session = self.visits.session(request)
        fields = await self.visits.form(request, session)
        caller, runs = caller_of(session), self.runs()
        run = await runs.look(request.path_params["run_id"], caller)
        try:
            _, recorded = await runs.tell(run.id, read_command(fields, run, session.principal), caller)
        except RunRefused as error:
            said = str(error)
            return await self._shown(request, session, said[:1].upper() + said[1:], is_bad=True)
        if not is_of_script(request):
            return RedirectResponse(f"{PATH}/runs/{run.id}", 303)
        said = "Recorded." if recorded.via == VIA else f"This was said before, by {recorded.by}."
        return await self._shown(request, session, said)

    async def result(self, request: Request) -> Response:
        """Show all of one result, in pages."""
        session = self.visits.session(request)
        run_id, key = request.path_params["run_id"], request.path_params["call"]
        found = await self.runs().whole(run_id, caller_of(session))
        call = _call(found.run, key)
        text = whole(call.result, found.texts)
        pages = max(1, -(-len(text) // RESULT_PAGE_CHARS))
        page = min(pages, max(1, _number(request.query_params.get("page"), 1)))
        shown = text[(page - 1) * RESULT_PAGE_CHARS : page * RESULT_PAGE_CHARS]
        more = {"run_id": run_id, "call": call, "text": shown, "page": page, "pages": pages}
        return page_answer(self.rendering, request, session, PageContent("result.html", call.tool, "runs", more=more))

    async def report(self, request: Request) -> Response:
        """Show the report of a run."""
        session = self.visits.session(request)
        return report_answer(run_as_html(await self.runs().whole(request.path_params["run_id"], caller_of(session))))

    async def _shown(self, request: Request, session: PageSession, said: str = "", *, is_bad: bool = False) -> Response:
        state = await self._state(request, session)
        story_is_whole = request.query_params.get("view") == "all"
        content = PageContent(
            "run.html",
            state.seen.run.request[:TITLE_CHARS],
            "runs",
            run_blocks(self.rendering, state, session, story_is_whole=story_is_whole),
            stream=f"{PATH}/stream?run={state.seen.run.id}",
            cursor=str(state.seen.run.version),
            said=said,
            is_bad=is_bad,
        )
        return page_answer(self.rendering, request, session, content, 409 if is_bad else 200)

    async def _state(self, request: Request, session: PageSession) -> RunState:
        run_id, caller, runs = request.path_params["run_id"], caller_of(session), self.runs()
        seen = await see_run(runs, run_id, caller)
        run = seen.run
        if request.query_params.get("view") != "raw":
            return RunState(seen)
        before = min(_number(request.query_params.get("before"), run.version + 1), run.version + 1)
        after = max(0, before - 1 - EVENTS_SHOWN)
        rows = await runs.journal.store.read(run_id, after=after, limit=EVENTS_SHOWN)
        return RunState(seen, [row for row in rows if row.seq < before])


def _list_blocks(rendering: PageTemplates, rows: Sequence[RunRow], *, is_filtered: bool) -> dict[str, PageBlock]:
    needs = sorted((row for row in rows if row.waiting), key=lambda row: row.since)
    going = [row for row in rows if row.word not in OVER and not row.waiting]
    over = [row for row in rows if row.word in OVER]
    empty = "" if rows else "<p>No run fits.</p>" if is_filtered else rendering.block("runs_empty.html").html
    return {
        "needs": rendering.block("runs_needs.html", rows=needs),
        "going": rendering.block("runs_group.html", id="going", heading="Under way", rows=going, empty=safe(empty)),
        "ended": rendering.block("runs_group.html", id="ended", heading="Ended", rows=over, empty=""),
    }


def _filter(request: Request) -> RunFilter:
    """Return what the address of a list asks for; a word for people is the status that it stands for."""
    status = request.query_params.get("status", "")
    stored = {"done": RunStatus.COMPLETED.value}.get(status, status if status in WORDS else "")
    return RunFilter(stored or None, text=request.query_params.get("q") or None, limit=LISTED)


def _call(run: Run, key: str) -> RunCall:
    """Return a call of a run. Raises UnknownStream where it has none of that key."""
    for job in run.jobs.values():
        for step in job.steps:
            for call in step.calls:
                if call.key == key:
                    return call
    raise UnknownStream(key)


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and len(text) < 12 and text.isascii() and text.isdigit() else otherwise
