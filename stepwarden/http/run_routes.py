"""`/api/runs`: runs over HTTP, for pages and scripts: listed, started, looked at, followed, steered, taken away.

Whose run it is decides what there is: another's run is as unknown as one that there is not.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import anyio.to_thread
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from stepwarden.agents.deferred import DeferredRuns
from stepwarden.agents.run_list import list_runs
from stepwarden.agents.run_report import WholeRun, run_as_csv, run_as_html, run_as_json, run_as_markdown
from stepwarden.agents.run_stream import event_as_value
from stepwarden.agents.run_view import run_as_value, see_run
from stepwarden.agents.runs import Runs
from stepwarden.errors import (
    OtherKind,
    RootRefused,
    RunMovedOn,
    RunRefused,
    StepwardenError,
    StoreError,
    UnknownStream,
)
from stepwarden.http.event_streams import EventStreams, RunEventStream
from stepwarden.http.json_requests import read_body, read_query
from stepwarden.http.run_requests import (
    CommandRequest,
    EventsQuery,
    ExportQuery,
    ListQuery,
    ReportQuery,
    StreamQuery,
    cursor_of,
)
from stepwarden.models import ErrorKind, ModelError, find_some
from stepwarden.runs.run_commands import RunCommand, RunCommandKind
from stepwarden.threads.calls import ANONYMOUS, Caller
from stepwarden.upstream.calls.records import new_id
from tools.execute import wanted_run
from tools.shared.run_request import ExecuteRequest

VIA = "http"
NO_SUCH_RUN = "no such run"
NOT_LISTED = "Runs are listed to who is identified by a token only; a run is shown by its run_id."
_MAY_BE_SENT_AGAIN = {ErrorKind.UNKNOWN_MODEL: 400, ErrorKind.NOT_ALLOWED: 400}
_CLOSED = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'",
}

Form = Literal["json", "csv", "markdown", "html"]
_FORMS: Mapping[str, tuple[Callable[[WholeRun], str], str, str]] = {
    "json": (run_as_json, "application/json", "json"),
    "csv": (run_as_csv, "text/csv; charset=utf-8", "csv"),
    "markdown": (run_as_markdown, "text/markdown; charset=utf-8", "md"),
    "html": (run_as_html, "text/html; charset=utf-8", "html"),
}


def run_api(deferred: DeferredRuns) -> Starlette:
    """Return the app that answers below `/api`."""
    api = _RunApi(deferred, EventStreams())
    routes = [
        Route("/runs", api.collection, methods=["GET", "POST"]),
        Route("/runs/{run_id}", api.show, methods=["GET"]),
        Route("/runs/{run_id}/events", api.events, methods=["GET"]),
        Route("/runs/{run_id}/stream", api.stream, methods=["GET"]),
        Route("/runs/{run_id}/commands", api.command, methods=["POST"]),
        Route("/runs/{run_id}/export", api.export, methods=["GET"]),
        Route("/runs/{run_id}/report", api.report, methods=["GET"]),
    ]
    told: dict[Any, Callable[..., Awaitable[Response]]] = {
        HTTPException: _tell_refusal,
        StepwardenError: _tell_error,
        ModelError: _tell_error,
        500: _tell_failure,
    }
    app = Starlette(routes=routes, exception_handlers=told)
    app.router.redirect_slashes = False
    return app


def caller_of(request: Request) -> Caller:
    """Return whose request it is."""
    user = request.scope.get("user")
    return Caller(user.access_token.client_id) if isinstance(user, AuthenticatedUser) else ANONYMOUS


@dataclass(frozen=True)
class _RunApi:
    deferred: DeferredRuns
    streams: EventStreams

    @property
    def _runs(self) -> Runs:
        return self.deferred.open()

    async def collection(self, request: Request) -> Response:
        """List the caller's runs, or start one."""
        return await (self._start(request) if request.method == "POST" else self._list(request))

    async def _list(self, request: Request) -> Response:
        wanted, caller = read_query(request, ListQuery), caller_of(request)
        page = await list_runs(self._runs, caller, wanted.as_filter())
        told: dict[str, Any] = {"runs": [run.as_value() for run in page.runs]}
        told |= {"cursor": cursor_of(page.after) if page.after is not None else None}
        return _answer(told if caller.listed else told | {"note": NOT_LISTED})

    async def _start(self, request: Request) -> Response:
        caller = caller_of(request)
        wanted = wanted_run(await read_body(request, ExecuteRequest))
        runs = self._runs
        same = await runs.same(wanted, caller)
        if same is not None:
            note = f"This very request is under way since a short while as {same.id}; no second run was started."
            return _answer(await self._seen(same.id, caller) | {"note": note})
        await find_some(runs.models)
        run = await runs.start(wanted, caller, via=VIA)
        runs.serve_soon()
        return _answer(await self._seen(run.id, caller), 201, {"Location": f"/api/runs/{run.id}"})

    async def show(self, request: Request) -> Response:
        """Show a run as it stands."""
        return _answer(await self._seen(request.path_params["run_id"], caller_of(request)))

    async def _seen(self, run_id: str, caller: Caller) -> dict[str, Any]:
        return run_as_value(await see_run(self._runs, run_id, caller))

    async def events(self, request: Request) -> Response:
        """Give events of a run, with the cursor for those that come after."""
        wanted, journal = read_query(request, EventsQuery), self._runs.journal
        run_id = request.path_params["run_id"]
        head = await journal.head(run_id, caller_of(request).principal)
        events = await journal.store.read(run_id, after=wanted.after, limit=wanted.limit)
        cursor = events[-1].seq if events else min(wanted.after, head.version)
        told = [event_as_value(event) for event in events]
        return _answer({"run_id": run_id, "events": told, "cursor": cursor, "last": max(cursor, head.version)})

    async def stream(self, request: Request) -> ASGIApp:
        """Stream the events of a run as they come."""
        after = _last_event(request)
        run_id, caller = request.path_params["run_id"], caller_of(request)
        head = await self._runs.journal.head(run_id, caller.principal)
        return RunEventStream(self.streams, self._runs, run_id, caller, min(after, head.version))

    async def command(self, request: Request) -> Response:
        """Say something to a run."""
        said, run_id, caller = (
            await read_body(request, CommandRequest),
            request.path_params["run_id"],
            caller_of(request),
        )
        by = caller.principal if caller.listed else "user"
        command = RunCommand(said.id or new_id("word"), RunCommandKind(said.action), by, VIA, _arguments(said))
        _, recorded = await self._runs.tell(run_id, command, caller, seen=said.seen)
        self._runs.serve_soon()
        return _answer(await self._seen(run_id, caller) | {"command": {"id": recorded.id, "by": recorded.by}})

    async def export(self, request: Request) -> Response:
        """Give a run with its whole history to take away."""
        return await self._document(request, read_query(request, ExportQuery).format, is_export=True)

    async def report(self, request: Request) -> Response:
        """Give the report of a run."""
        return await self._document(request, read_query(request, ReportQuery).format, is_export=False)

    async def _document(self, request: Request, form: Form, *, is_export: bool) -> Response:
        run_id = request.path_params["run_id"]
        found = await self._runs.whole(run_id, caller_of(request))
        write, media_type, ending = _FORMS[form]
        text = await anyio.to_thread.run_sync(write, found)
        named = {"Content-Disposition": f'attachment; filename="{run_id}.{ending}"'} if is_export else {}
        return Response(text, media_type=media_type, headers={**_CLOSED, **named})


def _last_event(request: Request) -> int:
    """Return after which event a stream begins. Raises HTTPException."""
    after = read_query(request, StreamQuery).after
    last = request.headers.get("last-event-id", "").strip()
    if not last:
        return after
    if not (last.isascii() and last.isdigit() and len(last) <= 10):
        raise HTTPException(400, "Last-Event-ID: send the id of the last event that came, a whole number.")
    return int(last)


def _arguments(said: CommandRequest) -> dict[str, Any]:
    """Return the arguments of a command, by the names that runs know. Raises HTTPException where one is missing."""
    match RunCommandKind(said.action):
        case RunCommandKind.PAUSE | RunCommandKind.RESUME | RunCommandKind.STOP:
            needed, given = (), dict[str, Any]()
        case RunCommandKind.EXTEND:
            needed, given = ("limits",), dict(said.limits or {})
        case RunCommandKind.APPROVE:
            needed, given = ("call", "confirm"), {"call": said.call, "about": said.confirm}
        case RunCommandKind.REFUSE:
            needed, given = ("call",), {"call": said.call, "reason": said.reason}
        case RunCommandKind.RESOLVE:
            needed, given = ("call", "verdict"), {"call": said.call, "verdict": said.verdict, "note": said.reason}
    missing = [name for name in needed if getattr(said, name) is None]
    if missing:
        raise HTTPException(
            400, f"{said.action}: {', '.join(missing)} is missing; `takes` of the run says what to send."
        )
    return {name: value for name, value in given.items() if value is not None}


def _answer(told: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse(dict(told), status, {**_CLOSED, **(headers or {})})


async def _tell_refusal(_request: Request, error: HTTPException) -> Response:
    return _answer({"error": error.detail}, error.status_code, error.headers)


async def _tell_error(_request: Request, error: StepwardenError) -> Response:
    match error:
        case UnknownStream() | OtherKind():
            return _answer({"error": NO_SUCH_RUN}, 404)
        case RunMovedOn():
            return _answer({"error": str(error), "changed": list(error.changed), "cursor": error.cursor}, 409)
        case RunRefused():
            return _answer({"error": str(error)}, 409 if _request.path_params else 400)
        case RootRefused():
            return _answer({"error": str(error)}, 400)
        case ModelError():
            return _answer({"error": str(error)}, _MAY_BE_SENT_AGAIN.get(error.kind, 503))
        case StoreError():
            return _answer({"error": str(error)}, 503, {"Retry-After": "1"})
        case _:
            return _answer({"error": str(error)}, 400)


async def _tell_failure(_request: Request, _error: Exception) -> Response:
    return _answer(
        {"error": "This failed inside; the server's log says why. Look at the run before you send it again."}, 500
    )
