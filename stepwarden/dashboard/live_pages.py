"""One stream of server-sent events for each open page: it says that something changed, and the page asks what."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sse_starlette.event import ServerSentEvent
from sse_starlette.sse import EventSourceResponse
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from stepwarden.agents.run_feed import EVERY_RUN
from stepwarden.agents.runs import Runs
from stepwarden.dashboard.visits import Visits, caller_of
from stepwarden.errors import UnknownStream
from stepwarden.storage import HeadQuery
from stepwarden.threads.calls import Caller

MOST_STREAMS = 20
"""Open pages of one session."""

MOST_STREAMS_IN_ALL = 1_000
HEARTBEAT_S = 15


@dataclass
class LivePages:
    """The handler of the streams."""

    visits: Visits
    runs: Callable[[], Runs]
    _open: Counter[str] = field(default_factory=Counter[str])

    async def stream(self, request: Request) -> Response:
        """Open the stream of a page: of one run, or of all that the caller has."""
        session = self.visits.session(request)
        caller, run_id = caller_of(session), request.query_params.get("run")
        cursor = await self._cursor(run_id, caller)
        if self._open[session.id] >= MOST_STREAMS or self._open.total() >= MOST_STREAMS_IN_ALL:
            said = f"A session has at most {MOST_STREAMS} streams: close a page.\n"
            return PlainTextResponse(said, 429, {"retry-after": "30"})
        known = request.headers.get("last-event-id") or request.query_params.get("after", "")
        events = self._events(run_id, caller, session.id, cursor if known == cursor else "")
        return EventSourceResponse(events, ping=HEARTBEAT_S)

    async def _events(
        self, run_id: str | None, caller: Caller, session_id: str, known: str
    ) -> AsyncGenerator[ServerSentEvent]:
        """Yield where what is followed stands, whenever that is not what the page knows."""
        news = asyncio.Event()
        with self._counted(session_id), self.runs().journal.feed.listening(run_id or EVERY_RUN, lambda _: news.set()):
            while True:
                try:
                    cursor = await self._cursor(run_id, caller)
                except UnknownStream:  # pruned meanwhile
                    return
                if cursor != known:
                    known = cursor
                    yield ServerSentEvent(data=cursor, id=cursor)
                await news.wait()
                news.clear()

    async def _cursor(self, run_id: str | None, caller: Caller) -> str:
        """Return where a run stands, or the last change of all that is the caller's. Raises UnknownStream."""
        journal = self.runs().journal
        if run_id is not None:
            return str((await journal.head(run_id, caller.principal)).version)
        heads = await journal.store.heads(HeadQuery(caller.principal, limit=1))
        return f"{heads[0].stream}:{heads[0].version}" if heads else "none"

    @contextmanager
    def _counted(self, session_id: str) -> Generator[None]:
        self._open[session_id] += 1
        try:
            yield
        finally:
            self._open[session_id] -= 1
            if not self._open[session_id]:
                del self._open[session_id]
