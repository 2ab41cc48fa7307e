"""Comes back to an upstream whose connection was lost, as long as somebody wants it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from stepwarden.upstream.failures import CallFailed, Failure, FailureKind

FIRST_PAUSE_S = 0.25  # between attempts; it doubles
LONGEST_PAUSE_S = 1.5  # an upstream that returns is found within two seconds
WANTED_S = 60.0  # after its last use nobody tries any more; the next call does

_HOPELESS = frozenset({FailureKind.SIGN_IN, FailureKind.FORBIDDEN, FailureKind.NOT_MCP, FailureKind.REJECTED})


@dataclass
class Reconnection:
    """Tries in the background. `connect` returns at once where there is a session, and raises CallFailed."""

    name: str
    connect: Callable[[], Awaitable[object]]
    enabled: bool = True
    _task: "asyncio.Task[None] | None" = None
    _wanted_at: float = -1e9

    def want(self) -> None:
        """Note that somebody uses the upstream now."""
        self._wanted_at = time.monotonic()

    def begin(self, failure: Failure) -> None:
        """Begin to try, where that could help after this failure and nobody does yet."""
        if self.enabled and failure.kind not in _HOPELESS and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._run(), name=f"reconnect {self.name}")

    async def close(self) -> None:
        """Try no more."""
        self.enabled = False
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while time.monotonic() - self._wanted_at < WANTED_S:
            await asyncio.sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)
            try:
                await self.connect()
            except CallFailed as error:
                if error.failure.kind in _HOPELESS:
                    return
                continue
            return
