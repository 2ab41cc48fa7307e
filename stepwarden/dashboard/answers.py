"""What browsers are answered: a page, those of its blocks that changed, or why there is neither."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from minijinja import safe
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from stepwarden.dashboard.browser_guard import PATH
from stepwarden.dashboard.page_sessions import NoSession, PageSession
from stepwarden.dashboard.page_templates import PageBlock, PageTemplates
from stepwarden.dashboard.visits import FormRefused
from stepwarden.errors import OtherKind, StepwardenError, UnknownStream
from stepwarden.reports.page import page_policy

Handler = Callable[[Request], Awaitable[Response]]
THEME_COOKIE = "stepwarden_theme"


@dataclass(frozen=True, slots=True)
class PageContent:
    """What one page shows. `here` names its part of the house, `stream` the address that says when it changed.

    `cursor` is the state that it shows, `said` what came of a word that was just sent, `more` what its template knows.
    """

    template: str
    title: str
    here: str = ""
    blocks: Mapping[str, PageBlock] = field(default_factory=dict[str, PageBlock])
    stream: str = ""
    cursor: str = ""
    said: str = ""
    is_bad: bool = False
    more: Mapping[str, Any] = field(default_factory=dict[str, Any])


def page_answer(
    rendering: PageTemplates, request: Request, session: PageSession | None, content: PageContent, status: int = 200
) -> Response:
    """Return a page; or for our script those of its blocks that it does not have yet."""
    if is_of_script(request):
        had = dict(pair.split("=", 1) for pair in request.headers.get("x-blocks", "").split(",") if "=" in pair)
        changed = {name: block.html for name, block in content.blocks.items() if had.get(name) != block.digest}
        told = {"said": content.said} if content.said else {}
        state = {"blocks": changed, "cursor": content.cursor, "ok": not content.is_bad, **told}
        return JSONResponse(state, status)
    shown = {name: safe(block.html) for name, block in content.blocks.items()}
    known = {**_around(request, session), **content.more, "content": content, "blocks": shown}
    return HTMLResponse(rendering.page(content.template, known), status)


def report_answer(html: str) -> Response:
    """Return a report as a page of its own, which loads nothing and runs nothing."""
    return HTMLResponse(html, headers={"content-security-policy": f"{page_policy()}; frame-ancestors 'none'"})


def guarded(rendering: PageTemplates, handler: Handler) -> Handler:
    """Return a handler whose errors are answered in words."""

    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except StepwardenError as error:
            return _refusal(rendering, request, error)

    return handle


def _refusal(rendering: PageTemplates, request: Request, error: StepwardenError) -> Response:
    said, status, title = str(error), 503, "Not now"
    match error:
        case NoSession():
            status = 401
        case FormRefused():
            status, title = 403, "Not done"
        case UnknownStream() | OtherKind():
            said, status, title = "There is nothing of yours at this address.", 404, "Not here"
        case _:
            pass
    if is_of_script(request):
        return JSONResponse({"ok": False, "said": said, "blocks": {}}, status)
    if status == 401:
        return RedirectResponse(f"{PATH}/login", 303)
    return page_answer(rendering, request, None, PageContent("message.html", title, said=said, is_bad=True), status)


def is_of_script(request: Request) -> bool:
    """Return whether our own script asks, which takes blocks of the page and not the page."""
    return request.headers.get("accept") == "application/json"


def _around(request: Request, session: PageSession | None) -> dict[str, Any]:
    theme = request.cookies.get(THEME_COOKIE, "")
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return {"session": session, "theme": theme if theme in {"light", "dark"} else "", "path": path}
