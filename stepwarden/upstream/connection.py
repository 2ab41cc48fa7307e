"""The supervisor of one upstream: connects when somebody calls, shares one connection, comes back after it was lost."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

import httpx2
import mcp_types as types

from stepwarden.errors import SignInNeeded, StepwardenError, UpstreamDown
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.failures import CallFailed, Failure, FailureKind
from stepwarden.upstream.transport.session import UpstreamSession

logger = logging.getLogger(__name__)

State = Literal["idle", "connecting", "up", "down"]

AGAIN_S = 0.4  # so soon after an attempt that failed at once, the same is told without another
AGAIN_AFTER_SILENCE_S = 10.0  # the same after one that cost the whole time allowed for connecting
FIRST_PAUSE_S = 0.25  # between attempts to come back; it doubles
LONGEST_PAUSE_S = 1.5  # an upstream that returns is found within two seconds
WANTED_S = 60.0  # after its last use nobody tries any more; the next call does

_HOPELESS = frozenset({FailureKind.SIGN_IN, FailureKind.FORBIDDEN, FailureKind.NOT_MCP, FailureKind.REJECTED})


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """How an upstream stands: `reason` says why it is down; `protocol` and `server` are of the open connection."""

    state: State
    reason: str = ""
    protocol: str = ""
    server: str = ""
    calls: int = 0
    sign_in: bool = False


@dataclass
class Connection:
    """Gives the open link of one upstream. `auth` is made anew for each link; `on_tools` hears of every list."""

    config: UpstreamConfig
    auth: Callable[[], httpx2.Auth | None]
    on_tools: Callable[[Sequence[types.Tool]], None]
    _links: set[UpstreamSession] = field(default_factory=set[UpstreamSession])
    _current: UpstreamSession | None = None
    _connecting: "asyncio.Task[UpstreamSession] | None" = None
    _reviving: "asyncio.Task[None] | None" = None
    _mishap: Failure | None = None
    _failed_at: float = -1e9
    _took_s: float = 0.0
    _wanted_at: float = -1e9
    _closed: bool = False

    async def link(self) -> UpstreamSession:
        """Return a usable link, connecting if there is none; shared by all who wait for it.

        Raises UpstreamDown, or SignInNeeded, with the state and what to do.
        """
        self._wanted_at = time.monotonic()
        if self._current is not None and self._current.usable:
            return self._current
        if self._connecting is None:
            silent = self._took_s >= min(self.config.connect_timeout_s, AGAIN_AFTER_SILENCE_S)
            pause_s = AGAIN_AFTER_SILENCE_S if silent else AGAIN_S
            waits = self._mishap is not None and self._mishap.trouble is FailureKind.SIGN_IN  # for a person: any moment
            if self._mishap is not None and not waits and time.monotonic() - self._failed_at < pause_s:
                raise self.down(self._mishap)
        try:
            return await asyncio.shield(self._attempt())
        except CallFailed as error:
            self._revive()
            raise self.down(error.mishap) from error

    @property
    def standing(self) -> ConnectionState:
        """How it stands now, without asking it."""
        link = self._current
        if link is not None and link.usable:
            return ConnectionState("up", "", link.protocol, link.server, link.calls)
        if self._connecting is not None:
            return ConnectionState("connecting", f"last time {self._reason}" if self._mishap is not None else "")
        if self._mishap is not None:
            return ConnectionState("down", self._reason, sign_in=self._mishap.trouble is FailureKind.SIGN_IN)
        return ConnectionState("idle")

    @property
    def _reason(self) -> str:
        words = self._mishap.words.removeprefix(f"{self.config.name} ").rstrip(".") if self._mishap is not None else ""
        return self.config.without_secrets(words)

    def down(self, mishap: Failure) -> StepwardenError:
        """Return the error that says how it stands and what to do."""
        name = self.config.name
        if mishap.error is not None:
            if isinstance(mishap.error, SignInNeeded) or name in str(mishap.error):
                return mishap.error
            return UpstreamDown(f"{name} cannot be signed in at. Nothing was sent. {mishap.error}")
        words = self.config.without_secrets(mishap.words)
        if mishap.trouble is FailureKind.SIGN_IN:
            return SignInNeeded(f"{name}: {words}. {_sign_in_advice(self.config)}", upstream=name)
        return UpstreamDown(f"{name} is down: {words}. Nothing was sent. {_advice(self.config, mishap)}")

    def lost(self, mishap: Failure) -> None:
        """Hear that a call found the connection unusable."""
        if self._current is not None and mishap.trouble in {FailureKind.SESSION_LOST, FailureKind.UNREACHABLE}:
            self._current.retire()

    async def close(self) -> None:
        """End every connection; calls in flight end with an error."""
        self._closed = True
        for task in (self._connecting, self._reviving):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        await asyncio.gather(*(link.close() for link in list(self._links)))

    def abandon(self) -> None:
        """Leave what did not end in time to be ended after this process."""
        for link in self._links:
            link.abandon()

    def _attempt(self) -> "asyncio.Task[UpstreamSession]":
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect(), name=f"connect {self.config.name}")
            self._connecting.add_done_callback(self._connected)
        return self._connecting

    def _connected(self, task: "asyncio.Task[UpstreamSession]") -> None:
        self._connecting = None
        if not task.cancelled():
            task.exception()  # told to whoever waits; nobody may wait any more

    async def _connect(self) -> UpstreamSession:
        began = time.monotonic()
        link = UpstreamSession(self.config, self.auth(), self.on_tools, self._over)
        self._links.add(link)
        try:
            await link.open()
        except CallFailed as error:
            self._mishap, self._failed_at = error.mishap, time.monotonic()
            self._took_s = self._failed_at - began
            raise
        self._mishap = None
        self._current = link
        return link

    def _over(self, link: UpstreamSession) -> None:
        """Hear that a link ended: left idle, broken, or closed."""
        self._links.discard(link)
        if self._current is link:
            self._current = None
            if link.mishap is not None and not self._closed:
                self._mishap = link.mishap
                logger.warning("%s: %s", self.config.name, self._reason)
                self._revive()

    def _revive(self) -> None:
        """Try to come back, as long as somebody wanted the upstream a short while ago. A command waits for a call."""
        hopeless = self._mishap is None or self._mishap.trouble in _HOPELESS
        if self._closed or hopeless or self.config.transport == "stdio":
            return
        if self._reviving is None or self._reviving.done():
            self._reviving = asyncio.create_task(self._come_back(), name=f"revive {self.config.name}")

    async def _come_back(self) -> None:
        pause_s = FIRST_PAUSE_S
        while time.monotonic() - self._wanted_at < WANTED_S:
            await asyncio.sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)
            if self._current is not None and self._current.usable:
                return
            with suppress(CallFailed):
                await asyncio.shield(self._attempt())
                return
            if self._mishap is not None and self._mishap.trouble in _HOPELESS:
                return


def _sign_in_advice(config: UpstreamConfig) -> str:
    if config.auth.type == "oauth":
        return f"Run: stepwarden login {config.name}"
    if config.auth.type == "none":
        return f'Its entry signs in nowhere ({config.place}): give it "auth": {{"type": "oauth"}}, or a valid token.'
    return f"Put valid credentials into auth of {config.name}, in the file of upstreams."


def _advice(config: UpstreamConfig, mishap: Failure) -> str:
    if mishap.trouble is FailureKind.NOT_MCP:
        return (
            f"Correct url of {config.name} in the file of upstreams (it is {config.place} now), "
            'or its type ("sse" for the older transport).'
        )
    if mishap.trouble is FailureKind.FORBIDDEN:
        return f"Sign in anew and consent to what it asks for: stepwarden login {config.name}"
    if mishap.trouble in {FailureKind.LIMITED, FailureKind.UNAVAILABLE} and mishap.retry_after_s:
        return f"Send the same call again in {mishap.retry_after_s:.0f} s."
    if config.transport == "stdio":
        return f"See that its command works ({config.place}); the next call starts it again."
    other = ', and speaks the older transport (else leave out "type": "sse")' if config.transport == "sse" else ""
    return f"See that it runs at {config.place}{other}; the next call tries again."
