"""The app: `/mcp` for both protocol eras, `/sse` and `/messages/` for old hosts, `/api/runs`, `/health`."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from stepwarden import __version__
from stepwarden.errors import StoreError
from stepwarden.http.access import Access, BearerGuard, HostGuard
from stepwarden.http.run_routes import run_api
from stepwarden.runs.run import RunStatus
from stepwarden.runtime import Runtime


def build_app(mcp: MCPServer, runtime: Runtime, access: Access) -> Starlette:
    """Build the one app of a process; its lifespan is the runtime's, which it closes."""
    # HostGuard checks these routes as it does ours.
    unguarded = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    streamable = mcp.streamable_http_app(transport_security=unguarded)
    sse = mcp.sse_app(transport_security=unguarded)

    async def health(_request: Request) -> JSONResponse:
        runs = runtime.runs.open()
        try:
            counts = await runtime.store.run_queue.counts(RunStatus.RUNNING)
        except StoreError:
            return JSONResponse({"status": "unavailable", "version": __version__}, 503)
        told = {"running": counts.runs - counts.parked, "waiting": counts.parked}
        driver = {"serves": runs.is_serving, "drives": runs.driven}
        return JSONResponse({"status": "ok", "version": __version__, "runs": told, "driver": driver})

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        runtime.warm_soon()
        runtime.drive_soon()
        try:
            async with mcp.session_manager.run():
                yield
        finally:
            await runtime.close()

    return Starlette(
        routes=[Route("/health", health), Mount("/api", run_api(runtime.runs)), *streamable.routes, *sse.routes],
        middleware=[
            Middleware(HostGuard, access=access),
            Middleware(BearerGuard, access=access),
            Middleware(AuthContextMiddleware),
        ],
        lifespan=lifespan,
    )
