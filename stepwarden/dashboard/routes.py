"""The addresses of the pages."""

from collections.abc import Sequence
from functools import partial

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from stepwarden.dashboard.answers import Handler, guarded
from stepwarden.dashboard.browser_guard import PATH, PageHeaders
from stepwarden.dashboard.live_pages import LivePages
from stepwarden.dashboard.page_templates import PAGES, PageTemplates
from stepwarden.dashboard.run_pages import RunPages
from stepwarden.dashboard.sign_in_pages import SignInPages
from stepwarden.dashboard.thread_pages import ThreadPages

FILES = {"dashboard.css": "text/css", "dashboard.js": "text/javascript", "icon.svg": "image/svg+xml"}


def page_routes(
    rendering: PageTemplates, sign_in: SignInPages, runs: RunPages, threads: ThreadPages, live: LivePages
) -> Sequence[BaseRoute]:
    """Return the routes of the pages, below one path, with their headers."""
    answer = partial(guarded, rendering)
    handlers: list[tuple[str, str, Handler]] = [
        ("GET", "/login", sign_in.show),
        ("POST", "/login", sign_in.enter),
        ("POST", "/logout", sign_in.leave),
        ("POST", "/theme", sign_in.choose_theme),
        ("GET", "", runs.list),
        ("GET", "/stream", live.stream),
        ("GET", "/runs/{run_id}", runs.show),
        ("POST", "/runs/{run_id}/commands", runs.tell),
        ("GET", "/runs/{run_id}/report", runs.report),
        ("GET", "/runs/{run_id}/results/{call:path}", runs.result),
        ("GET", "/threads", threads.list),
        ("GET", "/threads/{thread_id}", threads.show),
        ("GET", "/static/{name}", _file),
    ]
    headers = [Middleware(PageHeaders)]
    return [
        Route(f"{PATH}{path}", answer(handler), methods=[verb], middleware=headers) for verb, path, handler in handlers
    ]


async def _file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in FILES:
        return Response("There is no such file.\n", 404, media_type="text/plain")
    return Response((PAGES / name).read_bytes(), media_type=FILES[name], headers={"cache-control": "max-age=300"})
