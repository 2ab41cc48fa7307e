"""The dashboard over HTTP: as a part of the server of hosts, or by itself on this machine."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from stepwarden.dashboard.live_pages import LivePages
from stepwarden.dashboard.page_key import page_key
from stepwarden.dashboard.page_sessions import PageSessions
from stepwarden.dashboard.page_templates import PageTemplates
from stepwarden.dashboard.routes import page_routes
from stepwarden.dashboard.run_pages import RunPages
from stepwarden.dashboard.sign_in_pages import SignInPages
from stepwarden.dashboard.thread_pages import ThreadPages
from stepwarden.dashboard.visits import Visits
from stepwarden.http.access import Access, HostGuard
from stepwarden.runtime import Runtime
from stepwarden.threads.calls import LOCAL


def build_page_routes(runtime: Runtime, access: Access) -> Sequence[BaseRoute]:
    """Return the pages of a server: for whoever has a token, or without tokens for this machine's user."""
    sessions = PageSessions(page_key(runtime.settings.home))
    if not access.digests:
        return _routes(runtime, Visits(sessions, frozenset({LOCAL.principal})))
    return _routes(runtime, Visits(sessions, frozenset(access.digests)), access)


def build_page_app(runtime: Runtime, access: Access, sessions: PageSessions) -> Starlette:
    """Build the app that has the pages alone, for this machine's user; its lifespan is the runtime's."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            await runtime.close()

    return Starlette(
        routes=_routes(runtime, Visits(sessions, frozenset({LOCAL.principal}))),
        middleware=[Middleware(HostGuard, access=access)],
        lifespan=lifespan,
    )


def _routes(runtime: Runtime, visits: Visits, access: Access | None = None) -> Sequence[BaseRoute]:
    rendering, owner = PageTemplates(), None if access is None else access.owner_of
    return page_routes(
        rendering,
        SignInPages(rendering, visits, owner),
        RunPages(rendering, visits, runtime.runs.open),
        ThreadPages(rendering, visits, runtime.queries),
        LivePages(visits, runtime.runs.open),
    )
