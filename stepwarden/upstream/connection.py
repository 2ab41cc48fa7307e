"""The connection to one upstream: made at the first call, shared by all, made again after it was lost."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import httpx2

from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.failure_text import connection_error, reason_of, starting_words, still_starting
from stepwarden.upstream.failures import CallFailed, Failure, FailureKind
from stepwarden.upstream.reconnection import Reconnection
from stepwarden.upstream.transport.session import UpstreamSession
from stepwarden.upstream.transport.tool_requests import OnTools

logger = logging.getLogger(__name__)

State = Literal["idle", "connecting", "up", "down"]

AGAIN_S = 0.4  # after an attempt that failed at once: so long, calls get its failure without another attempt
LATE_S = 1.0  # is waited for longer than an attempt may take, so that it says itself why it was given up
AGAIN_AFTER_SILENCE_S = 10.0  # the same after one that cost the whole time allowed for connecting


@dataclass(frozen=True, slots=True)
class ConnectionWait:
    """How long somebody waits for a connection, in seconds, and which setting says so, in words after "it"."""

    seconds: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """The state of a connection: `reason` says why it is down; `protocol` and `server` are of the open one."""

    state: State
    reason: str = ""
    protocol: str = ""
    server: str = ""
    calls: int = 0
    sign_in: bool = False


@dataclass(frozen=True, slots=True)
class _FailedAttempt:
    """The last attempt that failed: when it did, and how long it took, in seconds of the monotonic clock."""

    failure: Failure
    at: float = -1e9
    took_s: float = 0.0

    def applies(self, connect_timeout_s: float) -> bool:
        """Return whether calls get its failure without another attempt."""
        if self.failure.kind is FailureKind.SIGN_IN:  # a person may have signed in since
            return False
        silent = self.took_s >= min(connect_timeout_s, AGAIN_AFTER_SILENCE_S)
        return time.monotonic() - self.at < (AGAIN_AFTER_SILENCE_S if silent else AGAIN_S)


@dataclass
class Connection:
    """Gives the open session of one upstream. `auth` is asked for each; `on_tools` hears of every list of tools."""

    config: UpstreamConfig
    auth: Callable[[], httpx2.Auth | None]
    on_tools: OnTools
    _sessions: set[UpstreamSession] = field(default_factory=set[UpstreamSession])
    _current: UpstreamSession | None = None
    _connecting: "asyncio.Task[UpstreamSession] | None" = None
    _opening: UpstreamSession | None = None
    _began_at: float = 0.0
    _failed: _FailedAttempt | None = None
    _reconnection: Reconnection = field(init=False)
    _closed: bool = False

    def __post_init__(self) -> None:
        self._reconnection = Reconnection(self.config.name, self._opened, self.config.transport != "stdio")

    async def session(self, wait: ConnectionWait | None = None) -> UpstreamSession:
        """Return a usable session, connecting if there is none; shared by all who wait for it, each as long as it says.

        A command that takes longer goes on starting. Raises UpstreamDown, or SignInNeeded, with the state and what to
        do.
        """
        self._reconnection.want()
        failed, usable = self._failed, self._current is not None and self._current.usable
        if not usable and self._connecting is None and failed and failed.applies(self.config.connect_timeout_s):
            raise connection_error(self.config, failed.failure)
        limit_s = self.config.connect_timeout_s if wait is None else wait.seconds
        if limit_s >= self.config.opening_limit[0]:
            limit_s += LATE_S
        try:
            async with asyncio.timeout(limit_s):
                return await self._opened()
        except TimeoutError:
            why = "" if wait is None else wait.why
            raise still_starting(self.config, self._starting_s, self._last_line, why) from None
        except CallFailed as error:
            self._reconnection.begin(error.failure)
            raise connection_error(self.config, error.failure) from error

    @property
    def state(self) -> ConnectionState:
        """Its state now, without asking the server."""
        session, failed = self._current, self._failed
        if session is not None and session.usable and (identity := session.identity) is not None:
            return ConnectionState("up", "", identity.protocol, identity.server, session.activity.calls)
        reason = "" if failed is None else reason_of(self.config, failed.failure)
        if self._connecting is not None:
            reason = f"last time {reason}" if reason else ""
            if self.config.transport == "stdio":
                reason = starting_words(self.config, self._starting_s, self._last_line)
            return ConnectionState("connecting", reason)
        if failed is not None:
            return ConnectionState("down", reason, sign_in=failed.failure.kind is FailureKind.SIGN_IN)
        return ConnectionState("idle")

    def lose(self, failure: Failure) -> None:
        """Let no new call through a session that a call found unusable."""
        if self._current is not None and failure.kind in {FailureKind.SESSION_LOST, FailureKind.UNREACHABLE}:
            self._current.activity.retire()

    async def close(self) -> None:
        """End every session; calls in flight end with an error."""
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        await self._reconnection.close()
        await asyncio.gather(*(session.close() for session in list(self._sessions)))

    def abandon(self) -> None:
        """Leave what did not end in time to be ended after this process."""
        for session in self._sessions:
            session.abandon()

    async def _opened(self) -> UpstreamSession:
        """Return the usable session, else the one of the attempt under way. Raises CallFailed."""
        if self._current is not None and self._current.usable:
            return self._current
        return await asyncio.shield(self._attempt())

    def _attempt(self) -> "asyncio.Task[UpstreamSession]":
        """Return the attempt under way; one is begun where there is none."""

        def note_end(task: "asyncio.Task[UpstreamSession]") -> None:
            self._connecting = None
            if not task.cancelled():
                task.exception()  # retrieved here: nobody may wait for it any more

        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect(), name=f"connect {self.config.name}")
            self._connecting.add_done_callback(note_end)
        return self._connecting

    @property
    def _starting_s(self) -> float:
        return time.monotonic() - self._began_at

    @property
    def _last_line(self) -> str:
        return self._opening.last_line if self._opening is not None else ""

    async def _connect(self) -> UpstreamSession:
        began = self._began_at = time.monotonic()
        session = self._opening = UpstreamSession(self.config, self.auth(), self.on_tools, self._note_end)
        self._sessions.add(session)
        try:
            await session.open()
        except CallFailed as error:
            now = time.monotonic()
            self._failed = _FailedAttempt(error.failure, now, now - began)
            raise
        self._failed = None
        self._current = session
        return session

    def _note_end(self, session: UpstreamSession) -> None:
        """Hear that a session ended: left idle, broken, or closed."""
        self._sessions.discard(session)
        if self._current is session:
            self._current = None
            if session.failure is not None and not self._closed:
                self._failed = _FailedAttempt(session.failure)
                logger.warning("%s: %s", self.config.name, reason_of(self.config, session.failure))
                self._reconnection.begin(session.failure)
