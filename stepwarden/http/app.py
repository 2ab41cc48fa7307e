"""The app: `/mcp` for both protocol eras, `/sse` and `/messages/` for old hosts, `/health` for monitoring."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from stepwarden import __version__
from stepwarden.errors import StoreError
from stepwarden.http.access import Access, BearerGuard, HostGuard
from stepwarden.http.page_app import build_page_routes
from stepwarden.runtime import Runtime


def build_app(mcp: MCPServer, runtime: Runtime, access: Access) -> Starlette:
    """Build the one app of a process; its lifespan is the runtime's, which it closes."""
    # HostGuard checks these routes as it does ours.
    unguarded = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    streamable = mcp.streamable_http_app(transport_security=unguarded)
    sse = mcp.sse_app(transport_security=unguarded)

    async def health(_request: Request) -> JSONResponse:
        try:
            await runtime.store.head("")  # the cheapest question that only a readable store answers
        except StoreError:
            return JSONResponse({"status": "unavailable", "version": __version__}, 503)
        return JSONResponse({"status": "ok", "version": __version__})

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        runtime.warm_soon()
        try:
            async with mcp.session_manager.run():
                yield
        finally:
            await runtime.close()

    return Starlette(
        routes=[Route("/health", health), *build_page_routes(runtime, access), *streamable.routes, *sse.routes],
        middleware=[
            Middleware(HostGuard, access=access),
            Middleware(BearerGuard, access=access),
            Middleware(AuthContextMiddleware),
        ],
        lifespan=lifespan,
    )
