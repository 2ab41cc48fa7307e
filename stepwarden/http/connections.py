"""Connections of hosts: none waits for its client without end, and no address takes them all."""

import asyncio
import logging
import sys
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol  # noqa: TID253 - this module is itself imported lazily

HEAD_S = 10.0  # for the head of a request to come, from the opening of its connection or the last answer on it
BODY_S = 30.0  # between two parts of a body
WAITING_PER_ADDRESS = 64  # connections without a request in work; a browser holds 6, a pool of a proxy some tens
PER_ADDRESS = 1024  # connections in all; a proxy in front makes one address of all its clients
ACCEPTED_AT_ONCE = 16  # in a turn of the event loop, a few of which go by before the limits are looked at
_RESERVED = 8 * ACCEPTED_AT_ONCE  # descriptors for those, the store, files that are read, models that are asked
_REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

logger = logging.getLogger(__name__)


class OpenConnections:
    """The open connections, the oldest first, and which one gives way where there would be too many.

    At most `most` are open, as many as the system lets this process open by default, three quarters of them by one
    address. The first time that one gives way is told in the log.
    """

    def __init__(self, most: int | None = None) -> None:
        self.most = _most_open() if most is None else most
        self.each = min(PER_ADDRESS, self.most * 3 // 4)
        self._by_address: dict[str, dict[ClientConnection, None]] = {}
        self._told = False

    def admit(self, connection: "ClientConnection") -> bool:
        """Count a new connection, whereupon another that waits for its client may be ended; False where none does."""
        own = self._by_address.get(connection.address, {})
        waiting = [each for each in own if each.waits]
        room = True
        if len(waiting) >= WAITING_PER_ADDRESS or len(own) >= self.each:
            room = self._give_way(waiting, connection.address)
        elif sum(map(len, self._by_address.values())) >= self.most:
            anyone = [each for some in self._by_address.values() for each in some if each.waits]
            room = self._give_way(anyone, connection.address)
        if room:
            self._by_address.setdefault(connection.address, {})[connection] = None
        return room

    def discard(self, connection: "ClientConnection") -> None:
        """Count a connection no more that has ended."""
        own = self._by_address.get(connection.address, {})
        own.pop(connection, None)
        if not own:
            self._by_address.pop(connection.address, None)

    def _give_way(self, waiting: "list[ClientConnection]", address: str) -> bool:
        logger.log(
            logging.DEBUG if self._told else logging.WARNING,
            "too many connections, the last one from %s: the oldest of those that wait for a request are closed",
            address,
        )
        self._told = True
        if waiting:
            waiting[0].end()
        return bool(waiting)


class ClientConnection(H11Protocol):
    """uvicorn's connection, that ends where its client leaves a request unfinished, or there are too many."""

    def __init__(self, *, open_connections: OpenConnections, **more: Any) -> None:
        super().__init__(**more)
        self._all = open_connections
        self._limit: asyncio.TimerHandle | None = None
        self._awaits_head = False

    @property
    def address(self) -> str:
        """The address of the client."""
        return self.client[0] if self.client else ""

    @property
    def waits(self) -> bool:
        """Whether it is the client's turn: no request is there, or not all of it."""
        return self.conn.their_state in {h11.IDLE, h11.SEND_BODY}

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Count the connection and begin to wait for its first request; or answer 503."""
        super().connection_made(transport)
        if self._all.admit(self):
            self._await_client()
        else:
            transport.write(_REFUSAL)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._all.discard(self)
        self._stop_waiting()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Take what has come, and wait for the rest."""
        super().handle_events()
        self._await_client()

    def end(self) -> None:
        """Close the connection at once, whatever its client still does."""
        self._all.discard(self)
        self._stop_waiting()
        self.transport.abort()

    def _await_client(self) -> None:
        state = self.conn.their_state
        if state is h11.IDLE and self._limit is not None and self._awaits_head:
            return  # a head that comes byte by byte gets no more time for it
        self._stop_waiting()
        if state is h11.IDLE or state is h11.SEND_BODY:
            self._awaits_head = state is h11.IDLE
            self._limit = self.loop.call_later(HEAD_S if self._awaits_head else BODY_S, self._give_up)

    def _give_up(self) -> None:
        self._limit = None
        if self.flow.read_paused:  # the rest may have come; it is our turn to read it
            self._await_client()
        else:
            self.end()

    def _stop_waiting(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None


def _most_open() -> int:
    """Return how many connections this process can hold open and still work."""
    if sys.platform == "win32":
        return 512 - _RESERVED  # what `select` takes there
    import resource

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return 65_536
    return max(limit - _RESERVED, limit // 4)
