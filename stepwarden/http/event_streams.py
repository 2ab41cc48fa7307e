"""Streams of server-sent events: so many at once, each ended where its run is."""

import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from stepwarden.agents.run_stream import end_as_value, event_as_value, stream_events
from stepwarden.agents.runs import Runs
from stepwarden.errors import StoreError
from stepwarden.runs.run import Run
from stepwarden.threads.calls import Caller

MOST_STREAMS = 1_000
"""Open streams of a process."""

MOST_STREAMS_EACH = 200
"""Open streams of one principal."""

HEARTBEAT_S = 15.0
"""So often a comment is sent, so that neither a proxy nor the client takes a silent stream for a dead one."""

RETRY_MS = 1_000  # after which a browser opens a stream again that was cut off
AGAIN_S = 5  # the same for who was told that there are too many

logger = logging.getLogger(__name__)


class EventStreams:
    """The open streams of a process, by principal."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    def refusal(self, principal: str) -> JSONResponse | None:
        """Return the answer to one more stream of a principal where there are too many, None where there is room."""
        headers = {"Retry-After": str(AGAIN_S)}
        if self._open[principal] >= MOST_STREAMS_EACH:
            return JSONResponse({"error": f"You have {MOST_STREAMS_EACH} streams open: close some."}, 429, headers)
        if self._open.total() >= MOST_STREAMS:
            text = f"All {MOST_STREAMS} streams of this server are taken: try again, or ask for /events."
            return JSONResponse({"error": text}, 503, headers)
        return None

    @contextmanager
    def counted(self, principal: str) -> Generator[None]:
        """Count one stream as open as long as the block lasts."""
        self._open[principal] += 1
        try:
            yield
        finally:
            self._open[principal] -= 1
            if not self._open[principal]:
                del self._open[principal]


@dataclass(frozen=True)
class RunEventStream:
    """The answer that streams the events of one run to one caller."""

    streams: EventStreams
    runs: Runs
    run_id: str
    caller: Caller
    cursor: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the run is at its end, or the client is gone; answer 429 or 503 where there are too many."""
        principal = self.caller.principal
        if (refusal := self.streams.refusal(principal)) is not None:
            return await refusal(scope, receive, send)
        with self.streams.counted(principal):
            answer = EventSourceResponse(
                self._messages(), ping=HEARTBEAT_S, sep="\n", headers={"Cache-Control": "no-store"}
            )
            await answer(scope, receive, send)
        return None

    async def _messages(self) -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(comment=f"events of {self.run_id} after {self.cursor}", retry=RETRY_MS)
        try:
            async for found in stream_events(self.runs, self.run_id, self.caller, self.cursor):
                if isinstance(found, Run):
                    yield ServerSentEvent(_json(end_as_value(found)), event="end")
                else:
                    yield ServerSentEvent(_json(event_as_value(found)), id=str(found.seq))
        except StoreError as error:  # whoever listens comes back, and goes on from the last event
            logger.warning("a stream of %s ended: %s", self.run_id, error)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
